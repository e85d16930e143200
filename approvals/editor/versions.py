"""/settings/flows/<pk>/versions/: what a flow said when, what changed, and the way back."""

from django.core.exceptions import ValidationError
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods, require_safe

from crm.records.formfields import is_id
from orgs.views.base import Pager, done, needs, number, render_page

from .. import flows, shape
from ..models import Flow, FlowVersion
from . import changes
from .views import FUNCTION, PLACE, ROOT, flow_of
from .words import RESUME, Words


def _version(flow: Flow, text) -> FlowVersion:
    return get_object_or_404(flow.versions.select_related("by"), number=number(text, default=0))


@require_safe
@needs(FUNCTION)
def index(request, pk: int):
    """/settings/flows/<pk>/versions/: every version, newest first, with what it changed."""
    flow = flow_of(pk)
    pager = Pager(request, flow.versions.select_related("by"))
    rows = list(pager.rows)
    older = flow.versions.filter(number__lt=rows[-1].number).first() if rows else None
    chain = [*rows, older] if older else rows
    words = Words([(flow.document, one.definition) for one in chain])
    found = [
        {
            "version": one,
            "current": one.number == flow.version,
            "changes": changes.between(flow.document, before.definition, one.definition, words) if before else None,
        }
        for one, before in zip(rows, [*chain[1:], None], strict=False)
    ]
    context = {"flow": flow, "rows": found, "pager": pager.context(), "paged": pager.pages > 1, **PLACE}
    return render_page(request, "approvals/flow_versions.html", context)


@require_safe
@needs(FUNCTION)
def show(request, pk: int, number: str):
    """/settings/flows/<pk>/versions/<number>/: one version in words; ?with=<number> sets another beside it (else the present
    one)."""
    flow = flow_of(pk)
    version = _version(flow, number)
    wanted = request.GET.get("with", "")
    other = _version(flow, wanted) if is_id(wanted) else flows.newest(flow)
    words = Words([(flow.document, one.definition) for one in (version, other)])
    definition = version.definition
    context = {
        "flow": flow,
        "version": version,
        "other": other,
        "numbers": [one for one in flow.versions.values_list("number", flat=True)[:200] if one != version.number],
        "current": version.number == flow.version,
        "changes": changes.between(flow.document, other.definition, definition, words),
        "condition": words.condition(flow.document, definition["condition"]),
        "own": words.own(definition),
        "resume": RESUME[definition["resume"]],
        "steps": [
            {"step": one, "who": words.everyone(one["who"]), "facts": words.step(one)[1:]}
            for one in definition["steps"]
        ],
        "copies": words.everyone(definition["copies"]),
        "after": words.after(flow.document, definition["after"]),
        **PLACE,
    }
    return render_page(request, "approvals/flow_version.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(FUNCTION)
def restore(request, pk: int, number: str):
    """/settings/flows/<pk>/versions/<number>/restore/: what that version said becomes the newest one."""
    flow = flow_of(pk)
    version, trouble, instead = _version(flow, number), "", None
    if request.method == "POST":
        values = {name: getattr(flow, name) for name in flows.FIELDS}
        values |= {"departments": list(flow.departments.all()), "employees": list(flow.employees.all())}
        opened = request.POST.get("version", "")
        try:
            saved = flows.save_flow(
                flow,
                values=values,
                definition=version.definition,
                version=int(opened) if is_id(opened) else 0,
                by=request.user,
            )
            return done(request, f"{ROOT}{pk}/", f"已按第 {version.number} 版恢复，保存为第 {saved.version} 版")
        except flows.Stale as stale:
            trouble = f"这个流程刚被别人保存为第 {stale.current.version} 版，请看过之后再恢复。"
        except ValidationError as error:
            sentences = dict.fromkeys(one for some in shape.faults_of(error).values() for one in some)
            trouble = f"第 {version.number} 版现在不能直接恢复：{'；'.join(sentences)}。"
            instead = {"url": f"{ROOT}{pk}/?version={version.number}", "icon": "edit", "label": "在编辑页打开再改"}
    context = {
        "heading": f"恢复到第 {version.number} 版？",
        "body": trouble
        or f"条件、步骤、抄送和通过后的动作变回第 {version.number} 版的样子，保存为第 {flow.version + 1} 版；名称、适用范围和审批管理员"
        "不变，进行中的审批不受影响。",
        "submit_label": f"恢复为第 {flow.version + 1} 版",
        "hidden": [("version", flow.version)],
        "instead": instead,
        **PLACE,
    }
    return render_page(request, "records/confirm.html", context, status=422 if trouble else 200)
