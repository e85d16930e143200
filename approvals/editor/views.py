"""/settings/flows/: the flows of each kind of document, and the editor of one."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count, F
from django.http import Http404, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.records.formfields import is_id
from orgs import pages, tree
from orgs.views.base import done, errors_of, move_errors, needs, render_page

from .. import documents, flows, shape
from ..models import Approval, Flow, FlowVersion
from . import changes, offers, typed
from .forms import FlowForm
from .words import Words, default

ROOT = "/settings/flows/"
CRUMB = {"label": "审批流程", "list_url": ROOT}
PLACE = {"module": CRUMB, "back_url": ROOT, "nav_active": "settings"}
FUNCTION = "admin.approvals"

pages.PAGES.append(pages.Page(FUNCTION, "审批流程", ROOT, "approval", "合同、回款、发票等单据由谁审批，先后与条件"))


def kind_of(key: str):
    """The kind of document with this key; 404 for one that is not there."""
    if key not in documents.ALL:
        raise Http404
    return documents.ALL[key]


def flow_of(pk: int) -> Flow:
    """A flow of a kind of document that is there."""
    flow = get_object_or_404(Flow, pk=pk)
    kind_of(flow.document)
    return flow


# The list -------------------------------------------------------------------------------------------------------------------
@require_safe
@needs(FUNCTION)
def index(request):
    """/settings/flows/: every kind of document with its flows, in the order they are asked."""
    rows = list(
        Flow.objects.filter(document__in=documents.ALL)
        .select_related("administrator")
        .prefetch_related("departments", "employees")
    )
    newest = FlowVersion.objects.filter(flow__in=[one.pk for one in rows], number=F("flow__version"))
    definitions = dict(newest.values_list("flow", "definition"))
    words = Words([(one.document, definitions.get(one.pk, shape.EMPTY)) for one in rows])
    going = Approval.objects.filter(state=Approval.State.PENDING, flow_version__flow__isnull=False)
    running = dict(going.order_by().values_list("flow_version__flow").annotate(n=Count("pk")))
    ways = tree.ways() if any(one.limited for one in rows) else {}
    groups = []
    for kind in documents.ALL.values():
        mine = [one for one in rows if one.document == kind.key]
        groups.append(
            {
                "kind": kind,
                "rows": [
                    _row(one, place, len(mine), definitions, words, running, ways) for place, one in enumerate(mine)
                ],
                "works": any(one.enabled for one in mine),
            }
        )
    return render_page(request, "approvals/flows.html", {"groups": groups, "any": bool(rows), "nav_active": "settings"})


def _row(flow: Flow, place: int, many: int, definitions: dict, words: Words, running: dict, ways: dict) -> dict:
    definition = definitions.get(flow.pk, shape.EMPTY)
    served = [ways.get(one.pk, one.name) for one in flow.departments.all()]
    served += [one.name for one in flow.employees.all()]
    return {
        "flow": flow,
        "first": place == 0,
        "last": place == many - 1,
        "condition": words.condition(flow.document, definition["condition"]),
        "served": "、".join(served) or ("适用的部门已删除，没有人使用" if flow.limited else "所有人"),
        "steps": [{"name": one["name"], "who": words.everyone(one["who"])} for one in definition["steps"]],
        "running": running.get(flow.pk, 0),
    }


@require_POST
@needs(FUNCTION)
def order(request, kind: str):
    """POST /settings/flows/order/<kind>/: the flows of a kind in a new order, all of them by id."""
    ids = [int(one) for one in request.POST.getlist("ids") if is_id(one)]
    try:
        flows.reorder(kind_of(kind).key, ids, by=request.user)
    except ValidationError as error:
        return JsonResponse({"text": "；".join(error.messages)}, status=409)
    return JsonResponse({"text": "已调整优先级"})


def _shift(flow: Flow, step: int, *, by) -> None:
    ids = list(Flow.objects.filter(document=flow.document).order_by("order", "pk").values_list("pk", flat=True))
    place = ids.index(flow.pk)
    if 0 <= place + step < len(ids):
        ids[place], ids[place + step] = ids[place + step], ids[place]
        flows.reorder(flow.document, ids, by=by)


ACTS = {
    "up": (lambda flow, by: _shift(flow, -1, by=by), ""),
    "down": (lambda flow, by: _shift(flow, 1, by=by), ""),
    "enable": (lambda flow, by: flows.enable(flow, by=by), "已启用，之后提交的单据按它审批"),
    "disable": (lambda flow, by: flows.disable(flow, by=by), "已停用，进行中的审批不受影响"),
}


@require_POST
@needs(FUNCTION)
def act(request, pk: int, key: str):
    """POST /settings/flows/<pk>/do/<up, down, enable or disable>/"""
    if key not in ACTS:
        raise Http404
    flow, (run, text) = flow_of(pk), ACTS[key]
    back = f"{ROOT}{pk}/" if request.POST.get("from") == "editor" else ROOT
    try:
        run(flow, request.user)
    except ValidationError as error:
        messages.error(request, "；".join(error.messages))
        text = ""
    return done(request, back, text)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(FUNCTION)
def delete(request, pk: int):
    """/settings/flows/<pk>/delete/"""
    flow, trouble = flow_of(pk), ""
    if request.method == "POST":
        try:
            flows.delete(flow, by=request.user)
            return done(request, ROOT, "删除成功")
        except ValidationError as error:
            trouble = "；".join(error.messages)
    trouble = trouble or flows.why_not_deleted(flow)
    context = {
        "heading": f"删除审批流程“{flow.name}”？",
        "body": trouble or "它还没有用过，所有版本一起删除，不能恢复。",
        "submit_label": "删除",
        "danger": True,
    }
    status = 422 if trouble and request.method == "POST" else 200
    return render_page(request, "records/confirm.html", {**context, **PLACE}, status=status)


# The editor -----------------------------------------------------------------------------------------------------------------
@require_http_methods(["GET", "HEAD", "POST"])
@needs(FUNCTION)
def create(request, kind: str):
    """/settings/flows/new/<kind>/: a flow not stored yet; ?copy=<pk> begins with what another flow of the kind says."""
    flow, definition = Flow(document=kind_of(kind).key), default()
    copied = request.GET.get("copy", "")
    if is_id(copied):
        model = get_object_or_404(Flow, pk=int(copied), document=flow.document)
        version = flows.newest(model)
        definition = version.definition if version else definition
        flow.name, flow.note = f"{model.name[:46]} 副本", model.note
        flow.administrator_id = model.administrator_id
    return _edit(request, flow, definition, heading=f"新建{documents.ALL[kind].label}审批流程")


@require_http_methods(["GET", "HEAD", "POST"])
@needs(FUNCTION)
def edit(request, pk: int):
    """/settings/flows/<pk>/: ?version=<number> puts what an earlier version said into the editor, unsaved."""
    flow = flow_of(pk)
    now = flows.newest(flow)
    wanted, older = request.GET.get("version", ""), None
    if is_id(wanted) and int(wanted) != flow.version:
        older = get_object_or_404(FlowVersion, flow=flow, number=int(wanted))
    definition = older.definition if older else now.definition if now else default()
    return _edit(request, flow, definition, heading=flow.name, now=now, older=older)


def _edit(request, flow: Flow, stored: dict, *, heading: str, now=None, older=None):
    posted = request.method == "POST"
    ways = tree.ways()
    form = FlowForm(request.POST if posted else None, flow=flow, stored=stored, ways=ways)
    faults, conflict = {}, None
    if posted and form.is_valid():
        values = form.values()
        try:
            saved = flows.save_flow(
                flow,
                values=values,
                definition=form.cleaned_data["definition"],
                version=form.cleaned_data["version"],
                by=request.user,
            )
            return _saved(request, saved)
        except flows.Stale as stale:
            conflict = _conflict(stale.current, form.cleaned_data["version"])
        except ValidationError as error:
            faults = _split(form, error)
    shown = form.shown()
    if posted and not faults:
        faults = flows.validate_definition(shown, flow.document)
    version = conflict["version"] if conflict else flow.version
    context = {
        "form": form,
        "flow": flow,
        "kind": documents.ALL[flow.document],
        "heading": heading,
        "data": offers.page(flow.document, shown, ways=ways),
        "definition": typed.text(shown),
        "errors": errors_of(form) if posted else [],
        "placed": offers.located(flow.document, shown, faults),
        "conflict": conflict,
        "version": version,
        "older": older,
        "saved": now,
        "tried": posted,
        **PLACE,
    }
    status = 409 if conflict else 422 if posted else 200
    return render_page(request, "approvals/flow.html", context, status=status)


def _saved(request, flow: Flow):
    url, text = f"{ROOT}{flow.pk}/", f"已保存为第 {flow.version} 版"
    if "_enable" in request.POST and not flow.enabled:
        try:
            flows.enable(flow, by=request.user)
            return done(request, url, f"{text}，已启用")
        except ValidationError as error:
            messages.warning(request, f"{text}。{'；'.join(error.messages)}")
            return done(request, url)
    return done(request, url, text if flow.enabled else f"{text}，还没有启用")


def _split(form: FlowForm, error: ValidationError) -> dict:
    """A refusal of save_flow: what belongs to a field goes to the form, the rest is the definition's."""
    places = shape.faults_of(error)
    mine = {name: some for name, some in places.items() if name in form.fields}
    if mine:
        move_errors(form, ValidationError(mine))
    if places.get(""):
        form.add_error(None, places[""])
    return {place: some for place, some in places.items() if place and place not in form.fields}


def _conflict(flow: Flow, opened: int) -> dict:
    """Who saved meanwhile and what, against the version the page was opened with."""
    found = {one.number: one for one in flow.versions.filter(number__in=(opened, flow.version)).select_related("by")}
    now, before = found[flow.version], found.get(opened)
    rows = []
    if before is not None:
        words = Words([(flow.document, one.definition) for one in found.values()])
        rows = changes.between(flow.document, before.definition, now.definition, words)
    return {"version": flow.version, "by": now.by, "at": now.created_at, "rows": rows}


@require_POST
@needs(FUNCTION)
def say(request, kind: str):
    """POST /settings/flows/read/<kind>/: what a definition says in words and what is wrong with it; nothing is stored."""
    key = kind_of(kind).key
    try:
        definition = typed.read(request.POST.get("definition"))
    except typed.Broken:
        return JsonResponse({"text": FlowForm.broken}, status=400)
    return JsonResponse(offers.said(key, definition))
