"""Passing on: 转交, 加签, and what becomes of the open assignments of somebody who is disabled, leaves or is late."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F

from orgs.models import Employee

from ..models import Approval, Assignment, Step
from . import telling
from .course import LIVE, A, Course, S, lock, lock_of, set_state, words
from .running import GAP, go_on, proceed

ADDED_MOST = 10


def _person(course: Course, step: Step | None, value, *, by, field: str = "to") -> Employee:
    """Somebody who may be given a part of a step, `value` an employee or an id."""
    person = course.people.get(getattr(value, "pk", value))
    reason = ""
    if person is None:
        reason = "请选择列表中的员工"
    elif not person.is_active:
        reason = f"{person.name}已停用，请换人"
    elif person.pk == by.pk:
        reason = "不能选自己"
    elif course.people.barred(person):
        own = "发起人审批自己提交的" if person.pk == course.approval.submitter_id else "负责人审批自己的"
        reason = f"不能交给{own}单据"
    elif step is not None and person.pk in course.deciding(step):
        reason = f"{person.name}已经是这个步骤的审批人"
    if reason:
        raise ValidationError({field: [reason]})
    return person


@transaction.atomic
def hand_over(assignment_id: int, *, to, by, comment: str = "") -> Approval:
    """转交 to another employee (or id), who decides instead."""
    course, assignment = lock_of(assignment_id)
    course.check("hand_over", by, assignment)
    text = words(comment)
    person = _person(course, assignment.step, to, by=by)
    given = course.give(assignment, person, comment=text)
    tail = f"转交给{person.name}" + (f"：{text}" if text else "")
    step = assignment.step
    course.note("handed", by=by, step=step, text=tail, log=f"{tail}（步骤“{step.name}”）")
    telling.waiting_for(course, [given], by=by, body=f"{by.name}转交给您" + (f"：{text}" if text else ""))
    return course.approval


@transaction.atomic
def add_approver(assignment_id: int, *, people, where: str, by, comment: str = "") -> Approval:
    """加签: these employees (or ids) decide before (`where` = "before") or after this step; all of them must agree. Before: the
    step waits for them."""
    course, assignment = lock_of(assignment_id)
    course.check("add_approver", by, assignment)
    text, step = words(comment), assignment.step
    if where not in ("before", "after"):
        raise ValidationError({"where": ["请选择加在前面还是后面"]})
    people = list(dict.fromkeys(getattr(one, "pk", one) for one in people))
    if not people:
        raise ValidationError({"people": ["请选择加签的人"]})
    if len(people) > ADDED_MOST:
        raise ValidationError({"people": [f"最多加 {ADDED_MOST} 个人"]})
    chosen = [_person(course, None, one, by=by, field="people") for one in people]
    first = step.order if where == "before" else step.order + GAP
    later = [one.pk for one in course.steps if one.order >= first]
    Step.objects.filter(pk__any=later).update(order=F("order") + GAP)
    name = f"{by.name}加签"
    options = {"name": name, "changeable": True, "hours": step.options.get("hours"), "nobody": "administrator"}
    options["late"] = step.options.get("late", "remind")
    added = Step.objects.create(
        approval=course.approval, order=first, name=name[:50], mode=Step.Mode.ALL, options=options, note=text[:200]
    )
    set_state([added], key=f"+{added.pk}")  # what is sent back knows it again
    Assignment.objects.bulk_create(
        [Assignment(step=added, employee=one, order=place) for place, one in enumerate(chosen)]
    )
    names = "、".join(one.name for one in chosen)
    tail = f"{'前' if where == 'before' else '后'}加签：{names}" + (f"，{text}" if text else "")
    course.note("added", by=by, step=step, text=tail, log=f"{tail}（步骤“{step.name}”）")
    if where == "before":
        waiting = [one for one in course.of(step) if one.state == A.OPEN]
        set_state(waiting, state=A.WAITING, opened_at=None)
        set_state([step], state=S.WAITING, opened_at=None, due_at=None)
        proceed(Course(course.approval, locked=True), by=by)
    return course.approval


# Somebody who cannot decide any more ---------------------------------------------------------------------------------------
def waiting_on(person):
    """What waits for this person, or will, in approvals that are under way."""
    return Assignment.objects.filter(
        employee=person, state__in=LIVE, step__approval__state=Approval.State.PENDING
    ).exclude(step__state__in=(S.PASSED, S.REJECTED, S.SKIPPED, S.ENDED))


@transaction.atomic
def pass_on(person, *, by) -> int:
    """Everything that waits for a disabled employee goes to their handover, else their superior, else the flow's administrator.
    Returns how many places went on."""
    ids = sorted(set(waiting_on(person).order_by().values_list("step__approval", flat=True)))
    # all of them first, so that nobody waits for an approval while holding a document
    rows = Approval.objects.filter(pk__any=ids).order_by("pk")
    list(rows.select_for_update(of=("self",), no_key=True).values_list("pk", flat=True))
    return sum(_pass_on(lock(pk), person, by=by) for pk in ids)


def _pass_on(course: Course, person, *, by) -> int:
    count = 0
    if not course.pending:
        return 0
    for assignment in [one for one in course.assignments if one.employee_id == person.pk and one.state in LIVE]:
        step = assignment.step
        if step.state not in (S.OPEN, S.WAITING):
            continue
        given = course.replace(assignment, by=by)
        if given is None:
            count += _go_on_without(course, assignment, by=by)
            continue
        count += 1
        if given.state == A.OPEN:
            telling.waiting_for(course, [given], body=f"代替已停用的{person.name}")
    return count


def _go_on_without(course: Course, assignment: Assignment, *, by) -> bool:
    """Nobody can stand in: the others of the step decide. Where what follows is refused the place stays, for an administrator."""
    step = assignment.step
    try:
        with transaction.atomic():
            if not course.give_up(assignment, by=by):
                return False
            if step.state == S.OPEN:
                go_on(course, step)
    except ValidationError:
        return False
    return True


@transaction.atomic
def overdue(approval_id: int, moment) -> int:
    """Remind, or pass on to the superior, whoever is late in the open step; each of them once. Returns how many."""
    course = lock(approval_id)
    step = course.open_step
    if not course.pending or step is None or step.due_at is None or step.due_at > moment:
        return 0
    late = [one for one in course.of(step) if one.state == A.OPEN and one.reminded_at is None]
    for assignment in late:
        set_state([assignment], reminded_at=moment)
        name, to = assignment.employee.name, None
        if step.options.get("late") == "transfer":
            people, there = course.people, course.deciding(step)
            to = people.superior(assignment.employee, there) or people.fallback(there)
        if to is None:
            text = f"{name}超过时限未处理，已提醒"
            title = f"{course.label}“{course.approval.title}”已超过审批时限，请尽快处理"
            telling.tell(course, [assignment.employee_id], kind="approval_nudge", title=title)
        else:
            text = f"{name}超过时限未处理，转交{to.name}"
            telling.waiting_for(course, [course.give(assignment, to, reminded=moment)], body=text)
        course.note("late", by=None, step=step, text=text, log=f"{text}（步骤“{step.name}”）")
    return len(late)
