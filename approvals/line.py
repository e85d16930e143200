"""The way of one approval as pages show it: a step line with who, when and what they said, and what one may do."""

from datetime import timedelta

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from crm.records import formatting

from . import reach
from .models import Approval, Assignment, Step
from .services.course import Course, read

NAMES = 4  # people a step names
ENDS = {
    Approval.State.APPROVED: ("已通过", "is-done", "check"),
    Approval.State.REJECTED: ("已拒绝", "is-rejected", "x"),
    Approval.State.WITHDRAWN: ("已撤回", "is-ended", "undo"),
    Approval.State.STOPPED: ("已终止", "is-rejected", "x"),
}
CHIPS = {
    Approval.State.PENDING: "k-chip-warning",
    Approval.State.APPROVED: "k-chip-success",
    Approval.State.REJECTED: "k-chip-danger",
    Approval.State.STOPPED: "k-chip-danger",
}
SAID = {
    Assignment.State.APPROVED: "同意",
    Assignment.State.REJECTED: "拒绝",
    Assignment.State.RETURNED: "退回",
}


def spent(span: timedelta) -> str:
    """A wait as people say it: 35 分钟, 22 小时, 1 天 4 小时."""
    minutes = max(int(span.total_seconds()) // 60, 0)
    days, hours = minutes // 1440, minutes % 1440 // 60
    if days:
        return f"{days} 天 {hours} 小时" if hours else f"{days} 天"
    if hours:
        return f"{hours} 小时"
    return f"{minutes} 分钟" if minutes else "不到 1 分钟"


def newest(record) -> Approval | None:
    """The approval a record's page shows: the one under way, else the last one."""
    about = ContentType.objects.get_for_model(type(record))
    rows = Approval.objects.filter(content_type=about, object_id=record.pk)
    joins = ("submitter", "content_type", "flow_version__flow__administrator")
    found = list(rows.select_related(*joins).order_by("-pk")[:5])
    return next((one for one in found if one.state == Approval.State.PENDING), found[0] if found else None)


def newest_id(approval: Approval) -> int | None:
    """The approval that stands on the page of what this one is about."""
    rows = Approval.objects.filter(content_type=approval.content_type_id, object_id=approval.object_id)
    states = list(rows.order_by("-pk").values_list("pk", "state")[:5])
    return next((pk for pk, state in states if state == Approval.State.PENDING), states[0][0] if states else None)


def line_of(record, user) -> dict | None:
    """What templates/approvals/line.html shows of the record's approval; None where it never had one."""
    approval = newest(record)
    return line(approval, user) if approval is not None else None


def line(found: Approval | Course, user) -> dict:
    """The steps of one approval."""
    course, now = read(found), timezone.now()
    approval, pending = course.approval, course.pending
    nodes = [begin(approval)]
    nodes += [node(step, course.of(step), number, user, now) for number, step in enumerate(course.steps, 2)]
    copied = [copy.employee.name for copy in approval.copies.select_related("employee").order_by("pk")[: NAMES + 1]]
    nodes.append(end(approval, copied))
    version = approval.flow_version
    return {
        "approval": approval,
        "heading": f"{reach.label_of(approval)}审批",
        "flow": version.flow.name if version else "",
        "number": version.number if version else None,
        "state": approval.get_state_display(),
        "css": CHIPS.get(approval.state, ""),
        "spent": ("已用 " if pending else "用时 ") + spent((approval.ended_at or now) - approval.submitted_at),
        "nodes": nodes,
        "history_url": f"/approvals/{approval.pk}/history/",
    }


def begin(approval) -> dict:
    return {
        "css": "is-done",
        "icon": "check",
        "title": "提交",
        "people": [{"name": approval.submitter.name}],
        "note": formatting.near(approval.submitted_at),
        "at": approval.submitted_at,
    }


def end(approval, copied: list[str]) -> dict:
    label, css, icon = ENDS.get(approval.state, ("完成", "", "flag"))
    return {
        "css": css,
        "icon": icon,
        "title": label,
        "people": [],
        "copied": names(copied),
        "note": formatting.near(approval.ended_at),
        "at": approval.ended_at,
    }


def names(found: list[str], most: int = NAMES) -> str:
    """The first few names: 甲、乙、丙 等."""
    return "、".join(found[:most]) + (" 等" if len(found) > most else "")


def node(step: Step, asked: list[Assignment], number: int, user, now) -> dict:
    """One step as the line shows it, with who is asked there."""
    live = [one for one in asked if one.state != Assignment.State.HANDED]
    known = {one.employee_id: one.employee.name for one in asked}
    css = {
        Step.State.PASSED: "is-done",
        Step.State.OPEN: "is-now",
        Step.State.REJECTED: "is-rejected",
        Step.State.SKIPPED: "is-skipped",
        Step.State.ENDED: "is-ended",
    }.get(step.state, "")
    icon = {Step.State.PASSED: "check", Step.State.REJECTED: "x"}.get(step.state, "")
    said = [{"name": one.employee.name, "text": one.comment} for one in asked if one.comment and one.decided_at]
    return {
        "css": css,
        "icon": icon,
        "number": number,
        "title": step.name,
        "chip": chip(step, live),
        "people": people(step, live, known, user),
        "more": max(len(live) - NAMES, 0),
        "note": note(step, now),
        "late": bool(step.state == Step.State.OPEN and step.due_at and step.due_at < now),
        "at": step.ended_at,
        "why": step.note,
        "said": said[:NAMES],
        "current": step.state == Step.State.OPEN,
    }


def chip(step, live) -> str:
    """会签 1/2, 或签, 依次 1/3; nothing where one person decides alone."""
    if len(live) < 2:
        return ""
    if step.mode == Step.Mode.ANY:
        return "或签"
    done = sum(one.state == Assignment.State.APPROVED for one in live)
    return f"{'会签' if step.mode == Step.Mode.ALL else '依次'} {done}/{len(live)}"


def people(step, live, known, user) -> list[dict]:
    """Who is asked and what they did; the reader's own turn first among those who wait."""
    found = []
    for one in sorted(live, key=lambda one: not (one.employee_id == user.pk and one.state == Assignment.State.OPEN)):
        mine = one.employee_id == user.pk and one.state == Assignment.State.OPEN
        by = f"（{known[one.handed_by_id]} 转交）" if one.handed_by_id in known else ""
        said = SAID.get(one.state, "")
        if step.state == Step.State.OPEN and said == "同意":
            said = "已同意"
        found.append({"name": one.employee.name, "said": said, "mine": mine, "by": by})
    return found[:NAMES]


def note(step, now) -> str:
    """When it ended, or how long it has waited and how long it may."""
    if step.state == Step.State.OPEN:
        waited = f"已等 {spent(now - step.opened_at)}" if step.opened_at else "待审批"
        if not step.due_at:
            return waited
        if step.due_at < now:
            return f"{waited}，已超时 {spent(now - step.due_at)}"
        hours = step.options.get("hours")
        return f"{waited}，限 {hours} 小时" if hours else waited
    if step.state == Step.State.WAITING:
        return "未开始"
    if step.state == Step.State.SKIPPED:
        return "已跳过"
    if step.state == Step.State.ENDED:
        return "未处理"
    return formatting.near(step.ended_at)
