"""/settings/employees/<pk>/handover/ and /settings/handovers/: asking, cancelling, taking back."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods

from crm.records import formatting, params
from crm.records.undoing import services as undoing
from crm.records.views.base import go, render_page

from .. import services as organisation
from ..models import Employee
from ..views.base import done, form_page, needs
from . import job, pieces, preview, services
from .forms import BackForm, PlanForm
from .models import Handover
from .services import State
from .shown import CRUMB, find, steps

NAMED = 200  # rows that cannot go back are named up to this number
PREVIEWED = 2000  # more lines than this are not looked through before


def _person(request, pk: int) -> Employee:
    person = get_object_or_404(Employee.objects.select_related("department", "supervisor"), pk=pk)
    try:
        organisation.check_manageable(person, by=request.user)
    except ValidationError as error:
        raise PermissionDenied("；".join(error.messages)) from None
    return person


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.org")
def wizard(request, pk: int):
    """/settings/employees/<pk>/handover/: the form (`step` = back shows it again), the preview, the start. A handover that
    waits is changed here."""
    person = _person(request, pk)
    waiting = services.open_of(person)
    if waiting is not None and waiting.state != State.SCHEDULED and request.method != "POST":
        return go(request, job.handover_url(waiting))
    counts = pieces.counts(person)
    if not counts:
        return refused(request, "没有可以交接的记录", [f"{person.name}名下没有记录、团队或下属。"])
    form = PlanForm(request.POST or None, person=person, counts=counts, handover=waiting)
    step = request.POST.get("step")
    if request.method == "POST" and step != "back" and form.is_valid():
        return _preview(request, person, form, counts, confirmed=step == "confirm")
    return form_page(
        request,
        form,
        heading=f"{'修改' if waiting else ''}离职交接：{person.name}",
        sections=form.sections,
        crumb=CRUMB,
        back_url=f"/settings/employees/{pk}/",
        save_label="下一步：预览",
        steps=steps(2),
    )


def _preview(request, person, form, counts, *, confirmed: bool):
    wishes = form.wishes()
    asked = Handover(
        employee=person,
        plan=wishes["plan"],
        teams=wishes.get("teams", Handover.Teams.DROP),
        reports=wishes.get("reports", Handover.Reports.RECEIVER),
    )
    rows = preview.rows(asked, counts, by=request.user)
    over, over_cap = any(row.over for row in rows), request.POST.get("over_cap") == "on"
    problems: list[str] = []
    if confirmed and over and not over_cap:
        problems = ["有接手人超过上限，请勾选“允许超过上限”或返回上一步换人。"]
    elif confirmed:
        try:
            handover = services.ask(person, by=request.user, over_cap=over_cap, **wishes)
        except ValidationError as error:
            problems = error.messages
        else:
            words = "已安排，到时自动开始" if wishes["starts_at"] else "已开始交接"
            return done(request, job.handover_url(handover), words)
    kept = [
        (name, value)
        for name in form.fields
        for value in form.data.getlist(name)
        if name not in ("step", "csrfmiddlewaretoken")
    ]
    total = sum(row.count for row in rows if row.piece.is_records)
    when = wishes["starts_at"]
    return render_page(
        request,
        "orgs/handover_preview.html",
        {
            "module": CRUMB,
            "nav_active": "settings",
            "heading": f"把{person.name}的 {total:,} 条记录交给谁？",
            "steps": steps(3),
            "rows": rows,
            "kept": kept,
            "over": over,
            "over_cap": over_cap,
            "problems": problems,
            "when": formatting.moment(when) if when else "现在",
            "account": dict(Handover.Account.choices)[wishes["account"]] if person.is_active else "已停用",
            "note": wishes["note"],
            "days": params.get(services.DAYS),
            "submit_label": f"{'安排交接' if when else '交接'} {total:,} 条记录",
        },
        status=422 if problems else 200,
    )


def refused(request, heading: str, reasons, *, back_url: str = "/settings/employees/", status: int = 200):
    """Why nothing can be done."""
    context = {"heading": heading, "reasons": reasons, "module": CRUMB, "back_url": back_url, "nav_active": "settings"}
    return render_page(request, "orgs/refused.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.org")
def cancel(request, pk: int):
    """/settings/handovers/<pk>/cancel/: one that waits for its time."""
    handover = find(pk)
    url = job.handover_url(handover)
    if request.method == "POST":
        try:
            services.cancel(handover, by=request.user)
        except ValidationError as error:
            return refused(request, "没有取消", error.messages, back_url=url, status=422)
        return done(request, url, "已取消交接")
    return render_page(
        request,
        "records/confirm.html",
        {
            "heading": f"取消{handover}？",
            "body": f"原定 {formatting.moment(handover.starts_at)} 生效，取消后什么都不会变。",
            "submit_label": "取消交接",
            "danger": True,
            "module": CRUMB,
            "back_url": url,
            "nav_active": "settings",
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs("admin.org")
def undo(request, pk: int):
    """/settings/handovers/<pk>/undo/: what can go back and what cannot, then the job."""
    handover = find(pk)
    person, url = handover.employee, job.handover_url(handover)
    offered = handover.disabled and not person.is_active
    form = BackForm(request.POST or None, name=person.name) if offered else None
    if request.method == "POST":
        enable = form is not None and form.is_valid() and form.cleaned_data["enable"]
        try:
            services.take_back(handover, enable=enable, by=request.user)
        except ValidationError as error:
            return refused(request, "不能撤销", error.messages, back_url=url, status=422)
        messages.success(request, "正在撤销")
        return go(request, url)
    if reason := services.undo_refusal(handover):
        return refused(request, "不能撤销", [reason], back_url=url)
    failures = _failures(handover, by=request.user)
    count = services.lines_count(handover)
    body = f"{count:,} 条记录、团队和下属还给{person.name}，之后被改动过的保留并列出，每条都留下操作记录。"
    return render_page(
        request,
        "records/confirm.html",
        {
            "heading": f"撤销{handover}？",
            "body": body + (f"现在有 {len(failures):,} 条不能恢复：" if failures else ""),
            "details": [f"{title}：{reason}" for title, reason in failures[:NAMED]],
            "fields": form,
            "submit_label": "撤销交接",
            "danger": True,
            "module": CRUMB,
            "back_url": url,
            "nav_active": "settings",
        },
    )


def _failures(handover, *, by) -> list[tuple[str, str]]:
    if services.lines_count(handover) > PREVIEWED:
        return []
    return [failure for entry in services.entries_of(handover) for failure in undoing.preview(entry, by=by)[1]]
