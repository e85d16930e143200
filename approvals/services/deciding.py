"""Deciding: 同意, 拒绝, 退回, 收回, several at once."""

from collections.abc import Iterable
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F

from ..models import Approval, Assignment, Step
from . import telling
from .course import A, Course, S, lock_of, now, set_state, words
from .running import GAP, finish, proceed, settle_step


def _decide(course: Course, assignment: Assignment, state: str, comment: str) -> Step:
    set_state([assignment], state=state, comment=comment, decided_at=now())
    return assignment.step


@transaction.atomic
def approve(assignment_id: int, *, by, comment: str = "") -> Approval:
    """同意: the step advances when its mode says so, the last one ends the approval."""
    course, assignment = lock_of(assignment_id)
    course.check("approve", by, assignment)
    text = words(comment)
    step = _decide(course, assignment, A.APPROVED, text)
    course.note("approved", by=by, step=step, text=text, log=_said("同意", step, text))
    settle_step(course, step, by=by)
    return course.approval


@transaction.atomic
def reject(assignment_id: int, *, by, comment: str) -> Approval:
    """拒绝 with a comment: ends the approval, whatever the mode of the step."""
    course, assignment = lock_of(assignment_id)
    course.check("reject", by, assignment)
    text = words(comment, required="拒绝的理由")
    step = _decide(course, assignment, A.REJECTED, text)
    set_state([step], state=S.REJECTED, ended_at=now(), due_at=None)
    course.note("rejected", by=by, step=step, text=text, log=_said("拒绝", step, text))
    finish(course, "rejected", by=by, comment=text)
    return course.approval


@transaction.atomic
def send_back(assignment_id: int, *, to: int, by, comment: str) -> Approval:
    """退回 to the earlier step with the id `to` (one of Course.returnable()): it and everything behind it is decided again by the
    same people."""
    course, assignment = lock_of(assignment_id)
    course.check("send_back", by, assignment)
    text = words(comment, required="退回的理由")
    target = next((one for one in course.returnable() if str(one.pk) == str(to)), None)
    if target is None:
        raise ValidationError({"to": ["请选择前面已通过的步骤"]})
    step = _decide(course, assignment, A.RETURNED, text)
    again = [one for one in course.steps if target.order <= one.order <= step.order and _repeats(course, one)]
    again = _last_of_each(again)
    seats = {one.pk: _people_of(course, one) for one in again}
    set_state(course.live(step), state=A.MOOT)
    set_state([step], state=S.ENDED, ended_at=now(), due_at=None)
    behind = [one.pk for one in course.steps if one.order > step.order]
    Step.objects.filter(pk__any=behind).update(order=F("order") + GAP * len(again))
    for place, one in enumerate(again, 1):
        copy = Step.objects.create(
            approval=course.approval,
            order=step.order + GAP * place,
            key=one.key,
            name=one.name,
            mode=one.mode,
            options=one.options,
        )
        Assignment.objects.bulk_create(
            [Assignment(step=copy, employee_id=pk, order=number) for number, pk in enumerate(seats[one.pk])]
        )
    log = f"从步骤“{step.name}”退回到“{target.name}”：{text}"
    course.note("returned", by=by, step=step, text=f"退回到“{target.name}”：{text}", log=log)
    fresh = Course(course.approval, locked=True)
    proceed(fresh, by=by)
    title = f"{by.name}把{course.label}“{course.approval.title}”退回到“{target.name}”"
    people = {*(pk for some in seats.values() for pk in some), course.approval.submitter_id}
    telling.tell(course, sorted(people), kind="approval_done", title=title, body=text, sender=by)
    return course.approval


def _repeats(course: Course, step: Step) -> bool:
    """Whether a step was decided, is being decided, or was skipped because its people had agreed before; one without people or
    ended before is not asked again."""
    return step.state in (S.PASSED, S.OPEN) or (step.state == S.SKIPPED and bool(course.of(step)))


def _last_of_each(steps: list[Step]) -> list[Step]:
    """A step that was repeated before counts once, where it stood first."""
    found: dict = {}
    for one in steps:
        found[one.key or f"#{one.pk}"] = one
    return list(found.values())


def _people_of(course: Course, step: Step) -> list[int]:
    """Who decided or was to decide in a step: without those who handed on."""
    rows = [one for one in course.of(step) if one.state != A.HANDED]
    return list(dict.fromkeys(one.employee_id for one in rows))


@transaction.atomic
def take_back(assignment_id: int, *, by) -> Approval:
    """收回 one's own 同意, as long as nobody behind has acted."""
    course, assignment = lock_of(assignment_id)
    course.check("take_back", by, assignment)
    step = assignment.step
    if step.state == S.PASSED:
        for other in course.steps:
            if other.order <= step.order:
                continue
            if other.state == S.OPEN:
                set_state(_asked_again(course, other), state=A.WAITING, opened_at=None)
                set_state([other], state=S.WAITING, opened_at=None, due_at=None)
            elif other.state == S.SKIPPED and (moot := [one for one in course.of(other) if one.state == A.MOOT]):
                set_state(moot, state=A.WAITING)
                set_state([other], state=S.WAITING, note="", ended_at=None)
        if step.mode == Step.Mode.ANY:
            moot = [one for one in course.of(step) if one.state == A.MOOT and one.employee.is_active]
            others = {one.employee_id: one for one in moot if one.employee_id != by.pk}  # each person once
            set_state(others.values(), state=A.OPEN)
    elif step.mode == Step.Mode.SEQUENCE:
        set_state([one for one in course.of(step) if one.state == A.OPEN], state=A.WAITING, opened_at=None)
    hours = step.options.get("hours")
    set_state([assignment], state=A.OPEN, comment="", decided_at=None, opened_at=now(), reminded_at=None)
    set_state([step], state=S.OPEN, ended_at=None, due_at=now() + timedelta(hours=hours) if hours else None)
    course.note("taken_back", by=by, step=step, log=_said("收回同意", step, ""))
    title = f"{by.name}收回了对{course.label}“{course.approval.title}”的同意"
    telling.tell(course, [course.approval.submitter_id], kind="approval_done", title=title, sender=by)
    return course.approval


def _asked_again(course: Course, step: Step) -> list[Assignment]:
    """Who is to be asked once a step nobody has acted in opens again: also those left out for having agreed before."""
    found: dict[int, Assignment] = {}
    for one in sorted(course.of(step), key=lambda one: one.state == A.MOOT):
        if one.state in (A.OPEN, A.WAITING) or (one.state == A.MOOT and one.employee.is_active):
            found.setdefault(one.employee_id, one)
    return list(found.values())


def _said(verb: str, step: Step, text: str) -> str:
    return f"{verb}（步骤“{step.name}”）" + (f"：{text}" if text else "")


def decide_many(ids: Iterable[int], *, by, approve_them: bool = True, comment: str = ""):
    """批量同意 or 批量拒绝 of assignments, each in a transaction of its own: (how many, [(title, reason)]). What does not wait for
    the person is not named."""
    ids = [pk if 0 < pk < 2**63 else 0 for pk in dict.fromkeys(ids)]
    rows = Assignment.objects.filter(pk__in=ids, employee=by).select_related("step__approval")
    titles = {one.pk: one.step.approval.title for one in rows}
    done, failed = 0, []
    text = words(comment, required="" if approve_them else "拒绝的理由")
    for pk in sorted(ids):
        if pk not in titles:
            failed.append((f"待办 {pk}", "这条待办已经不由您处理。"))
            continue
        try:
            if approve_them:
                approve(pk, by=by, comment=text)
            else:
                reject(pk, by=by, comment=text)
            done += 1
        except ValidationError as error:
            failed.append((titles[pk], "；".join(error.messages)))
    return done, failed
