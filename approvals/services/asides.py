"""Beside deciding: 催办, 评论, reading copies; 强制通过 and 终止 by administrators."""

from collections.abc import Iterable
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from orgs.models import Employee

from ..models import Approval, Copy
from . import telling
from .course import A, Course, S, lock, now, set_state, words
from .running import finish

NUDGE = timedelta(minutes=30)  # between two 催办 of one approval


@transaction.atomic
def nudge(approval_id: int, *, by) -> int:
    """催办: those whose turn it is are told again; returns how many. At most once in half an hour."""
    course = lock(approval_id)
    course.check("nudge", by)
    last = course.approval.events.filter(code="nudged").order_by("-pk").values_list("at", flat=True).first()
    if last is not None and (left := last + NUDGE - now()) > timedelta(0):
        raise ValidationError(f"刚刚催办过，请 {int(left.total_seconds() // 60) + 1} 分钟后再试。")
    step = course.open_step
    waiting = [one for one in course.assignments if one.state == A.OPEN]
    names = "、".join(one.employee.name for one in waiting)
    course.note("nudged", by=by, step=step, text=f"催办{names}")
    title = f"{by.name}催您审批{course.label}“{course.approval.title}”"
    telling.tell(course, [one.employee_id for one in waiting], kind="approval_nudge", title=title)
    return len(waiting)


@transaction.atomic
def comment(approval_id: int, *, by, text: str) -> Approval:
    """评论 by anybody who takes part or sees the document, also when it has ended."""
    course = lock(approval_id)
    course.check("comment", by)
    said = words(text, required="评论")
    course.note("commented", by=by, step=course.open_step, text=said, log=f"评论审批：{said}")
    people = {course.approval.submitter_id, *(one.employee_id for one in course.assignments if one.state == A.OPEN)}
    others = Employee.objects.filter(
        pk__any={one.by_id for one in course.events if one.code == "commented"} - {None, *people}
    )
    people |= {one.pk for one in others if course.concerns(one) or course.sees(one)}
    title = f"{by.name}评论了{course.label}“{course.approval.title}”的审批"
    telling.tell(course, sorted(people), kind="approval_done", title=title, body=said, sender=by)
    return course.approval


@transaction.atomic
def force(approval_id: int, *, by, reason: str) -> Approval:
    """强制通过 by an administrator, with the reason."""
    course = lock(approval_id)
    course.check("force", by)
    text = words(reason, required="强制通过的理由")
    _override(course, "forced", "强制通过", text, by=by)
    finish(course, "approved", by=by, comment=text)
    return course.approval


@transaction.atomic
def stop(approval_id: int, *, by, reason: str) -> Approval:
    """终止 by an administrator, with the reason."""
    course = lock(approval_id)
    course.check("stop", by)
    text = words(reason, required="终止的理由")
    _override(course, "stopped", "终止审批", text, by=by)
    finish(course, "stopped", by=by, comment=text)
    return course.approval


def _override(course: Course, code: str, verb: str, text: str, *, by) -> None:
    step = course.open_step
    told = [one.employee_id for one in course.assignments if one.state == A.OPEN]
    course.note(code, by=by, step=step, text=text, log=f"{verb}：{text}")
    if step is not None:
        set_state([step], state=S.ENDED, ended_at=now(), due_at=None)
    title = f"{by.name}{verb}：{course.label}“{course.approval.title}”，无需再审批"
    telling.tell(course, told, kind="approval_done", title=title, body=text, sender=by)


def mark_read(ids: Iterable[int], *, by) -> int:
    """Mark copies of these approvals as read by the person; returns how many were unread."""
    rows = Copy.objects.filter(approval__in=list(ids), employee=by, read_at=None)
    return rows.update(read_at=timezone.now())


def mark_all_read(*, by) -> int:
    """The same of all of them."""
    return Copy.objects.filter(employee=by, read_at=None).update(read_at=timezone.now())
