"""/approvals/: the centre, one approval, its history, and the verbs."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.records.views.base import go
from orgs.models import Employee
from orgs.views.base import Pager, done, move_errors, number, render_page

from .. import documents, line, reach, services
from ..models import Approval, Assignment
from ..services.course import read
from . import queries, verbs

CENTRE = "/approvals/"
CRUMB = {"label": "审批", "list_url": CENTRE}
PLACE = {"module": CRUMB, "nav_active": "approvals"}
MOST = 100  # decisions at once: a page shows no more


@require_safe
def centre(request):
    """GET /approvals/?tab=&document=&submitter=&since=&until=&q=&sort="""
    asked = queries.Asked.of(request.GET, request.user)
    pager, figures = Pager(request, queries.listed(request.user, asked), size=30), queries.counts(request.user)
    tabs = [
        {"key": key, "label": label, "url": queries.Asked(tab=key).address(), "count": figures[key]}
        for key, label in queries.TABS.items()
    ]
    if request.user.has_function(reach.FORCE):
        tabs.append({"key": queries.ALL, "label": "全部审批", "url": queries.Asked(tab=queries.ALL).address()})
    return render_page(
        request,
        "approvals/centre.html",
        {
            "nav_active": "approvals",
            "asked": asked,
            "tabs": tabs,
            "rows": queries.shown(pager.rows, request.user, asked.tab),
            "kinds": [(kind.key, kind.label) for kind in documents.ALL.values()],
            "sorts": [(key, queries.SORT_LABELS[key]) for key in queries.SORTS[asked.tab]],
            "states": Approval.State.choices,
            "submitter": Employee.objects.filter(pk=asked.submitter).first() if asked.submitter else None,
            "may_ask": request.user.has_function("request.create"),
            "may_search": asked.tab != queries.ALL,
            "pager": pager.context(),
        },
    )


def found(request, pk: int) -> Approval:
    """An approval the person takes part in or whose subject they may read, or any for who supervises them; 404 else."""
    approval = (
        Approval.objects.filter(pk=pk)
        .select_related("submitter", "content_type", "flow_version__flow__administrator")
        .first()
    )
    if approval is None:
        raise Http404
    user = request.user
    if not (reach.involved(approval, user) or reach.places([approval], user) or user.has_function(reach.FORCE)):
        raise Http404
    return approval


def title_of(approval, user) -> str:
    """Its title, where the person takes part in it or may read the subject."""
    clear = reach.involved(approval, user) or reach.places([approval], user)
    return approval.title if clear else f"{reach.label_of(approval)} {approval.pk}"


@require_safe
def one(request, pk: int):
    """GET /approvals/<pk>/: to the document where the person may read it, else what may be said of it here."""
    approval = found(request, pk)
    services.mark_read([pk], by=request.user)
    place = reach.places([approval], request.user).get(approval.pk)
    if place and line.newest_id(approval) == approval.pk:
        return go(request, place)
    course = read(approval)
    money = reach.shows_amount(approval.document, request.user) and reach.involved(approval, request.user)
    return render_page(
        request,
        "approvals/one.html",
        {
            **PLACE,
            "title": title_of(approval, request.user),
            "approval": approval,
            "place": place,
            "kind": reach.label_of(approval),
            "money": money and approval.amount is not None,
            "panel": line.line(course, request.user),
            "actions": verbs.actions(course, request.user),
        },
    )


@require_safe
def history(request, pk: int):
    """GET /approvals/<pk>/history/: what happened, newest approval of the document first."""
    approval = found(request, pk)
    whole = bool(reach.places([approval], request.user))
    rows = Approval.objects.filter(content_type=approval.content_type_id, object_id=approval.object_id)
    rows = rows if whole else rows.filter(pk=approval.pk)
    rows = rows.select_related("submitter").prefetch_related("events__by", "events__step").order_by("-pk")[:20]
    return render_page(
        request,
        "approvals/history.html",
        {
            **PLACE,
            "title": title_of(approval, request.user),
            "approvals": [
                {
                    "approval": one,
                    "kind": reach.label_of(one),
                    "css": line.CHIPS.get(one.state, ""),
                    "events": [
                        {"event": event, "label": EVENTS.get(event.code, event.code)} for event in one.events.all()
                    ],
                }
                for one in rows
            ],
            "back_url": f"{CENTRE}{pk}/",
        },
    )


EVENTS = {
    "submitted": "提交",
    "approved": "同意",
    "rejected": "拒绝",
    "returned": "退回",
    "handed": "转交",
    "added": "加签",
    "withdrawn": "撤回",
    "taken_back": "撤回了自己的决定",
    "nudged": "催办",
    "commented": "评论",
    "forced": "强制通过",
    "stopped": "终止",
    "replaced": "更换审批人",
    "late": "超时",
    "skipped": "跳过",
    "set": "设置字段",
    "webhook": "调用 Webhook",
    "ended": "审批结束",
}


def back(request) -> str:
    """Where the dialog stood: the document or the list as it was filtered."""
    here = request.htmx.current_url_abs_path if request.htmx else ""
    return here or CENTRE


@require_http_methods(["GET", "HEAD", "POST"])
def act(request, pk: int, key: str):
    """/approvals/<pk>/<verb>/: the dialog of one verb."""
    approval = found(request, pk)
    verb = verbs.ALL.get(key)
    if verb is None:
        raise Http404
    data = request.POST if request.method == "POST" else None
    course = read(approval)
    assignment = asked_of(course, verb.key, request.user, data) if verb.decides else None
    if reason := course.refusal(verb.key, request.user, assignment):
        return refused(request, [reason])
    form = verb.form(data, course=course, user=request.user)
    if data is not None and form.is_valid():
        try:
            given = {**form.cleaned_data, "assignment": assignment.pk if assignment else None}
            verb.run(approval, given, request.user)
        except ValidationError as error:
            if not hasattr(error, "error_dict"):
                return refused(request, error.messages)
            move_errors(form, error)
        else:
            return done(request, back(request), verb.done)
    return render_page(
        request,
        "records/confirm.html",
        {
            **PLACE,
            "heading": verb.heading.format(title_of(approval, request.user)),
            "body": verb.body,
            "submit_label": verb.label,
            "danger": verb.danger,
            "fields": form if form.fields else None,
            "hidden": [("assignment", assignment.pk)] if assignment else [],
            "action": request.path,
            "back_url": f"{CENTRE}{pk}/",
        },
        status=422 if form.is_bound and request.htmx else 200,
    )


def asked_of(course, key: str, user, data) -> Assignment | None:
    """The decision the dialog was opened for, so that a page left open decides no later one; else the person's open one. One of
    another approval is none."""
    if data is not None and data.get("assignment"):
        wanted = number(data["assignment"])
        return next((one for one in course.assignments if one.pk == wanted), None)
    return course.decided(user) if key == "take_back" else course.mine(user)


def refused(request, reasons: list[str]):
    """A page that says why nothing changed."""
    return render_page(
        request,
        "records/result.html",
        {
            **PLACE,
            "done": 0,
            "failures": [{"title": "", "reason": reason} for reason in reasons],
            "heading": "没有处理",
            "back_url": back(request),
        },
        status=200 if request.htmx else 409,
    )


@require_POST
def decide(request):
    """POST /approvals/decide/ with `ids` of own open decisions and `verb` (approve, reject): asks first, then answers for each."""
    verb = verbs.ALL.get(request.POST.get("verb", ""))
    if verb is None or verb.key not in ("approve", "reject"):
        raise Http404
    ids = [pk for part in ",".join(request.POST.getlist("ids")).split(",")[:MOST] if (pk := number(part)) is not None]
    rows = list(queries.waiting(request.user).filter(pk__in=ids).select_related("step__approval"))
    if not ids:
        messages.warning(request, "请先选择要处理的审批。")
        return go(request, back(request))
    data = request.POST if request.POST.get("confirmed") == "1" else None
    form = verb.form(data, course=None, user=request.user)
    if data is None or not form.is_valid():
        return render_page(
            request,
            "records/confirm.html",
            {
                **PLACE,
                "heading": f"批量{verb.label} {len(rows)} 条",
                "body": verb.body,
                "details": [row.step.approval.title for row in rows],
                "fields": form,
                "submit_label": f"{verb.label}（{len(rows)} 条）",
                "danger": verb.danger,
                "hidden": [("ids", ",".join(map(str, ids))), ("verb", verb.key), ("confirmed", "1")],
                "action": f"{CENTRE}decide/",
                "back_url": back(request),
            },
            status=422 if form.is_bound and request.htmx else 200,
        )
    count, failures = services.decide_many(
        ids, by=request.user, approve_them=verb.key == "approve", comment=form.cleaned_data["comment"]
    )
    if not failures:
        return done(request, back(request), f"{verb.done}（{count} 条）")
    return render_page(
        request,
        "records/result.html",
        {
            **PLACE,
            "done": count,
            "failures": [{"title": title, "reason": reason} for title, reason in failures],
            "heading": f"批量{verb.label}",
            "back_url": back(request),
        },
    )
