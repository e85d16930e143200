"""What waits for an employee who hands over (离职交接): the places go to the receivers in turn, never to whoever submitted the
document, never twice to one person in a step."""

from collections import defaultdict

from . import reach
from .models import Approval, Assignment, Event, Step
from .resolving import People
from .services import running, telling
from .services.course import LIVE, A, Course, owner_of
from .services.handing import waiting_on


def rows(person):
    return waiting_on(person).select_related(
        "employee",
        "step__approval__submitter__department",
        "step__approval__content_type",
        "step__approval__flow_version__flow__administrator",
    )


def _people(approval: Approval) -> People:
    version = approval.flow_version
    own = bool(version and version.definition.get("own"))
    administrator = version.flow.administrator if version else None
    return People(approval.submitter, administrator, own=own, owner=owner_of(approval))


def _live(found: list) -> dict[int, set[int]]:
    """{step: employees whose decision it waits for}."""
    live = defaultdict(set)
    steps = [row.step_id for row in found]
    pairs = Assignment.objects.filter(step__in=steps, state__in=LIVE).values_list("step", "employee")
    for step, employee in pairs:
        live[step].add(employee)
    return live


def choose(found: list, receivers: list[int], handover) -> dict[int, int]:
    """{assignment: who takes it}. Where nobody else can, the place of the leaver is given up if others decide the step too."""
    live, chosen = _live(found), {}
    for place, row in enumerate(found):
        people, taken = _people(row.step.approval), live[row.step_id]
        turn = [receivers[(place + n) % len(receivers)] for n in range(len(receivers))]
        to = next((one for one in people.load(turn) if people.may(one, taken)), None)
        to = to or people.superior(row.employee, taken) or people.fallback(taken)
        if to is not None:
            chosen[row.pk] = to.pk
            taken.add(to.pk)
            continue
        chosen[row.pk] = turn[0]
        if turn[0] in taken:
            Assignment.objects.filter(pk=row.pk).update(state=A.MOOT)
            _ask_next(row)
    return chosen


def _ask_next(row: Assignment) -> None:
    """The turn of a place that was given up goes to the next of its sequence."""
    step = row.step
    if row.state == A.OPEN and step.mode == Step.Mode.SEQUENCE:
        course = Course(step.approval)
        running.ask(course, step, course.live(step)[:1], by=None)


def barred(found: list, person) -> dict[int, str]:
    """What cannot go back: it was decided meanwhile, or they decide the step already."""
    live = _live(found)
    reasons = {}
    for row in found:
        if row.state not in LIVE:
            reasons[row.pk] = "已经处理"
        elif person.pk in live[row.step_id]:
            reasons[row.pk] = "已是这个步骤的审批人"
    return reasons


def written(found: list, field: str, names: dict, by, text: str) -> None:
    """An event and a log row each; who takes over may look at the document and is told."""
    now = {
        one.pk: one for one in Assignment.objects.filter(pk__any=[row.pk for row in found]).select_related("employee")
    }
    for row in found:
        approval, taker = row.step.approval, now[row.pk].employee
        words = f"{row.employee.name}的审批交给{taker.name}（{text}）"
        Event.objects.create(approval=approval, step=row.step, code="replaced", by=by, text=words[:500])
        reach.write_log(approval, words, code="approval.replaced", by=by)
        if now[row.pk].state == A.OPEN:
            telling.waiting_for(Course(approval), [now[row.pk]], body=words)
