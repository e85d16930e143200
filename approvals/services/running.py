"""From submission to the end.

Lock order everywhere: approval, customers, opportunities, contracts, payment plans, payments, invoices.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from crm.records import services as records
from orgs.models import Employee

from .. import documents, flows, reach, resolving
from ..models import Approval, Assignment, Event, Flow, Step
from ..resolving import Laid, People
from . import after, telling
from .course import LIVE, A, Course, S, lock, now, set_state, words

GAP = 10  # between the orders of steps


# Submitting -------------------------------------------------------------------------------------------------------------
@transaction.atomic
def submit(
    subject,
    *,
    document: str,
    by,
    payload: dict | None = None,
    chosen: dict[str, list[int]] | None = None,
    note: str = "",
) -> Approval | None:
    """Start the approval of a subject its module has locked and set to 审批中. `chosen` = {step key: employee ids} where the
    submitter chooses (发起人自选); ValidationError keyed by step where they did not. Without an enabled flow it is approved at
    once, with a log row, and the answer is None."""
    kind, payload, note = documents.ALL[document], payload or {}, words(note)
    values = kind.values(subject, payload)
    version = flows.choose(document, submitter=by, values=values)
    if version is None:
        at = reach.home(kind, type(subject), subject.pk)
        text = f"{kind.label}{f'“{kind.title(subject)}”' if kind.under else ''}没有启用的审批流程，直接通过"
        records.write_log(at[0], [(at[1], text, [])], code="approval.none", by=by)
        kind.settle(subject.pk, "approved", approval=None, by=by)
        return None
    flow, definition = version.flow, version.definition
    people = People(by, flow.administrator, own=bool(definition.get("own")), owner=getattr(subject, "owner_id", None))
    chosen = _chosen(definition, people, chosen or {})
    laid = resolving.lay(definition, people, chosen)
    if any(not one.seats and not one.skipped for one in laid):
        raise ValidationError("找不到可以审批的人，请联系系统管理员检查审批流程的管理员。")
    content_type = ContentType.objects.get_for_model(type(subject))
    _resume(laid, definition, version, content_type, subject.pk, by=by)
    try:
        with transaction.atomic():
            approval = Approval.objects.create(
                document=document,
                content_type=content_type,
                object_id=subject.pk,
                flow_version=version,
                title=(kind.title(subject) or kind.label)[:200],
                amount=kind.amount(subject, payload),
                submitter=by,
                payload=payload,
            )
    except IntegrityError:
        raise ValidationError("已经在审批中，请不要重复提交。") from None
    _write(approval, laid)
    course = Course(approval)
    course.note(
        "submitted", by=by, text=note, log=f"提交{kind.label}审批，流程“{flow.name}”" + (f"：{note}" if note else "")
    )
    for step in course.steps:
        if step.state == S.SKIPPED or step.note:
            code = "skipped" if step.state == S.SKIPPED else "replaced"
            Event.objects.create(approval=approval, step=step, code=code, text=step.note)
    telling.copy_in(course, [one for one in resolving.copies(definition, people) if one.pk != by.pk])
    proceed(course, by=by)
    return approval


def _chosen(definition: dict, people: People, chosen: dict) -> dict[str, list[int]]:
    """The people the submitter named, checked."""
    found, faults = {}, {}
    for step in definition["steps"]:
        if not resolving.needs_choice(step):
            continue
        named = people.load(resolving.chosen_ids(chosen.get(step["key"], [])))
        if not named:
            faults[step["key"]] = [f"请选择“{step['name']}”的审批人"]
        elif len(named) > resolving.MOST:
            faults[step["key"]] = [f"最多选 {resolving.MOST} 个人"]
        elif gone := [one.name for one in named if not one.is_active]:
            faults[step["key"]] = [f"{'、'.join(gone)}已停用，请换人"]
        elif barred := [one for one in named if people.barred(one)]:
            by_self = people.submitter in barred
            faults[step["key"]] = ["不能选自己审批自己提交的单据" if by_self else "不能选单据的负责人审批自己的单据"]
        found[step["key"]] = [one.pk for one in named]
    if faults:
        raise ValidationError(faults)
    return found


def _resume(laid: list[Laid], definition: dict, version, content_type, pk: int, *, by) -> None:
    """After a rejection the flow may go on where it was rejected: steps passed then are not asked again. Only for the same
    submitter and while the rejecting step has somebody to decide, or nobody might look at it at all."""
    if definition.get("resume") != "rejecting":
        return
    rows = Approval.objects.filter(content_type=content_type, object_id=pk, flow_version__flow=version.flow_id)
    last = rows.order_by("-pk").first()
    if last is None or last.state != Approval.State.REJECTED or last.submitter_id != by.pk:
        return
    steps = list(last.steps.order_by("order", "pk"))
    rejecting = next((step.key for step in steps if step.state == S.REJECTED), "")
    passed = {step.key for step in steps if step.state == S.PASSED}
    if rejecting not in {one.key for one in laid if not one.skipped}:
        return
    for one in laid:
        if one.key == rejecting:
            return
        if one.key in passed:
            one.seats, one.skipped, one.note = [], True, "上次提交时已通过，从被拒绝的步骤继续"


def _write(approval: Approval, laid: list[Laid]) -> None:
    moment = now()
    for number, one in enumerate(laid, 1):
        step = Step.objects.create(
            approval=approval,
            order=number * GAP,
            key=one.key,
            name=one.name,
            mode=one.mode,
            options=one.options,
            note=one.note[:200],
            state=S.SKIPPED if one.skipped else S.WAITING,
            ended_at=moment if one.skipped else None,
        )
        rows = [Assignment(step=step, employee=seat.person, order=place) for place, seat in enumerate(one.seats)]
        Assignment.objects.bulk_create(rows)


# Going on ---------------------------------------------------------------------------------------------------------------
def proceed(course: Course, *, by) -> None:
    """Open the next step somebody has to decide; where there is none the approval has passed."""
    for step in course.steps:
        if step.state == S.WAITING and _open(course, step, by=by):
            return
    finish(course, "approved", by=by)


def _open(course: Course, step: Step, *, by) -> bool:
    """Open a step, or skip it where its people have said yes before; answers whether it is open."""
    for one in course.of(step):
        if one.state == A.WAITING and not one.employee.is_active:
            if course.replace(one, by=None) is None:
                course.give_up(one, by=None)
    waiting = [one for one in course.of(step) if one.state == A.WAITING]
    if not waiting:  # all others had agreed before somebody was added in front of it
        set_state([step], state=S.PASSED, ended_at=now(), due_at=None)
        return False
    if step.options.get("skip_approved"):
        agreed = _agreed(course, step)
        known = [one for one in waiting if one.employee_id in agreed]
        if known and (step.mode == Step.Mode.ANY or len(known) == len(waiting)):
            names = "、".join(one.employee.name for one in known)
            note = f"{names}已在前面的步骤同意，自动跳过"[:200]
            set_state(waiting, state=A.MOOT)
            set_state([step], state=S.SKIPPED, note=note, ended_at=now())
            course.note("skipped", by=None, step=step, text=note, log=f"步骤“{step.name}”：{note}")
            return False
        set_state(known, state=A.MOOT)
        waiting = [one for one in waiting if one not in known]
    set_state([step], state=S.OPEN, opened_at=now(), ended_at=None)
    ask(course, step, waiting[:1] if step.mode == Step.Mode.SEQUENCE else waiting, by=by)
    return True


def _agreed(course: Course, step: Step) -> set[int]:
    """Who has approved an earlier step since the last time it was sent back."""
    since = max((one.order for one in course.steps if one.state == S.ENDED and one.order < step.order), default=0)
    return {
        one.employee_id
        for one in course.assignments
        if one.state == A.APPROVED and one.step.state == S.PASSED and since < one.step.order < step.order
    }


def ask(course: Course, step: Step, assignments, *, by) -> None:
    """It is their turn: the time limit begins, they are told."""
    moment, hours = now(), step.options.get("hours")
    set_state([step], due_at=moment + timedelta(hours=hours) if hours else None)
    set_state(assignments, state=A.OPEN, opened_at=moment, reminded_at=None)
    telling.waiting_for(course, assignments, by=by)


def settle_step(course: Course, step: Step, *, by) -> None:
    """After somebody agreed in the open step: the next of them, the next step, or nothing yet."""
    live = course.live(step)
    if step.mode == Step.Mode.ANY:
        set_state(live, state=A.MOOT)
    elif live:
        if step.mode == Step.Mode.SEQUENCE:
            ask(course, step, live[:1], by=by)
        return
    set_state([step], state=S.PASSED, ended_at=now(), due_at=None)
    proceed(course, by=by)


def go_on(course: Course, step: Step) -> None:
    """After somebody of the open step dropped out: the next in turn is asked; where all others have agreed it has passed."""
    live = course.live(step)
    if not live:
        last = max(
            (one for one in course.of(step) if one.state == A.APPROVED), key=lambda one: (one.decided_at, one.pk)
        )
        set_state([step], state=S.PASSED, ended_at=now(), due_at=None)
        proceed(course, by=last.employee)
    elif step.mode == Step.Mode.SEQUENCE and not any(one.state == A.OPEN for one in live):
        ask(course, step, live[:1], by=None)


def finish(course: Course, outcome: str, *, by, comment: str = "") -> None:
    """End the approval, carry the outcome out at the document and tell everybody."""
    approval, moment = course.approval, now()
    set_state([one for one in course.assignments if one.state in LIVE], state=A.MOOT)
    rest = [step for step in course.steps if step.state in (S.OPEN, S.WAITING)]
    set_state(rest, state=S.ENDED, ended_at=moment, due_at=None)
    approval.state, approval.ended_at = outcome, moment
    approval.save(update_fields=["state", "ended_at"])
    Event.objects.create(approval=approval, code="ended", by=by, text=approval.get_state_display())
    if course.kind is None:
        raise ValidationError("这种单据已不存在，不能处理。")
    course.kind.settle(approval.object_id, outcome, approval=approval, by=by)
    telling.end_grants(course)
    telling.ended(course, outcome, by=by, comment=comment)
    if outcome == "approved":
        after.run(course, by=by)


@transaction.atomic
def withdraw(approval_id: int, *, by, comment: str = "") -> Approval:
    """撤回 by the submitter while any step is open."""
    course = lock(approval_id)
    course.check("withdraw", by)
    text = words(comment)
    told = [one.employee_id for one in course.assignments if one.state == A.OPEN]
    course.note("withdrawn", by=by, text=text, log="撤回审批" + (f"：{text}" if text else ""))
    finish(course, "withdrawn", by=by, comment=text)
    title = f"{by.name}撤回了{course.label}“{course.approval.title}”，无需再审批"
    telling.tell(course, told, kind="approval_done", title=title, body=text, sender=by)
    return course.approval


# Looking ahead ----------------------------------------------------------------------------------------------------------
@dataclass
class Preview:
    """Who would decide. `flow` None: no flow, approved at once. `steps` are Laid ones: `choose` = the submitter names people
    there, `skipped` with `note`, `seats` = [(person, note)]; `missing` names steps nobody could decide."""

    flow: Flow | None = None
    steps: list[Laid] = field(default_factory=list)
    copies: list[Employee] = field(default_factory=list)

    @property
    def choices(self) -> list[Laid]:
        """The steps whose people the submitter chooses."""
        return [one for one in self.steps if one.choose]

    @property
    def missing(self) -> list[Laid]:
        return [one for one in self.steps if not (one.seats or one.skipped or one.choose)]


def preview(document: str, *, submitter: Employee, values: dict, owner: int | None = None) -> Preview:
    """Which flow a document with these values would take and who would decide; nothing is written. `owner` = whose it is."""
    version = flows.choose(document, submitter=submitter, values=values)
    if version is None:
        return Preview()
    administrator = version.flow.administrator
    found = preview_definition(version.definition, submitter=submitter, administrator=administrator, owner=owner)
    found.flow = version.flow
    return found


def preview_definition(
    definition: dict, *, submitter: Employee, administrator: Employee | None, owner: int | None = None
) -> Preview:
    """The same for a checked definition (shape.clean), whatever its condition: 试一试 of the editor."""
    people = People(submitter, administrator, own=bool(definition.get("own")), owner=owner)
    laid = resolving.lay(definition, people)
    copied = [one for one in resolving.copies(definition, people) if one.pk != submitter.pk]
    _foresee(laid)
    return Preview(steps=laid, copies=copied)


def _foresee(laid: list[Laid]) -> None:
    """Mark who would be skipped for having agreed before."""
    before: dict[int, str] = {}
    for one in laid:
        if one.options.get("skip_approved"):
            for seat in one.seats:
                if seat.person.pk in before:
                    words_ = f"如在“{before[seat.person.pk]}”同意过则自动跳过"
                    seat.note = f"{seat.note}；{words_}" if seat.note else words_
        for seat in one.seats:
            before.setdefault(seat.person.pk, one.name)
