"""An approval with its steps and people, read together, and the one answer to who may do what with it now."""

from django.core.exceptions import ValidationError
from django.utils import timezone

from crm.records.fields import tidy

from .. import documents, reach
from ..models import Approval, Assignment, Copy, Event, Flow, Step
from ..resolving import People

A, S = Assignment.State, Step.State
LIVE = (A.WAITING, A.OPEN)
FORCE = "admin.approval_force"
DECISIONS = ("approve", "reject", "send_back", "hand_over", "add_approver")
ACTIONS = (*DECISIONS, "withdraw", "take_back", "nudge", "comment", "force", "stop")
ACTED = ("approved", "rejected", "returned", "handed", "added")
COMMENT = 500
ENDED = {
    Approval.State.APPROVED: "审批已经通过，不能再处理。",
    Approval.State.REJECTED: "审批已经被拒绝，不能再处理。",
    Approval.State.WITHDRAWN: "发起人已经撤回，不能再处理。",
    Approval.State.STOPPED: "审批已经被管理员终止，不能再处理。",
}
DONE = {
    A.WAITING: "还没有轮到您处理。",
    A.APPROVED: "您已经同意过了。",
    A.REJECTED: "您已经拒绝过了。",
    A.RETURNED: "您已经退回过了。",
    A.HANDED: "您已经转交给别人处理了。",
    A.MOOT: "其他审批人已经处理，无需您再处理。",
}


class Course:
    """`steps` in order and `assignments` of all of them. Made by `lock` inside a transaction when something is to change."""

    def __init__(self, approval: Approval, *, locked: bool = False):
        self.approval = approval
        self.steps = list(approval.steps.order_by("order", "pk"))
        self.by_step = {step.pk: step for step in self.steps}
        rows = Assignment.objects.filter(step__approval=approval.pk).select_related("employee").order_by("order", "pk")
        self.assignments = list(rows.select_for_update(of=("self",)) if locked else rows)
        for one in self.assignments:
            one.step = self.by_step[one.step_id]
        self._people: People | None = None
        self._events: list[Event] | None = None

    @property
    def definition(self) -> dict:
        version = self.approval.flow_version
        return version.definition if version else {}

    @property
    def own(self) -> bool:
        """Whether the flow lets submitters decide what they submitted."""
        return bool(self.definition.get("own"))

    @property
    def kind(self) -> documents.Document | None:
        return documents.ALL.get(self.approval.document)

    @property
    def label(self) -> str:
        return self.kind.label if self.kind else "单据"

    @property
    def pending(self) -> bool:
        return self.approval.state == Approval.State.PENDING

    @property
    def flow(self) -> Flow | None:
        return self.approval.flow_version.flow if self.approval.flow_version else None

    @property
    def people(self) -> People:
        if self._people is None:
            flow = self.flow
            administrator, owner = flow.administrator if flow else None, owner_of(self.approval)
            self._people = People(self.approval.submitter, administrator, own=self.own, owner=owner)
        return self._people

    @property
    def events(self) -> list[Event]:
        if self._events is None:
            self._events = list(self.approval.events.order_by("pk"))
        return self._events

    @property
    def open_step(self) -> Step | None:
        return next((step for step in self.steps if step.state == S.OPEN), None)

    def of(self, step: Step) -> list[Assignment]:
        return [one for one in self.assignments if one.step_id == step.pk]

    def live(self, step: Step) -> list[Assignment]:
        return [one for one in self.of(step) if one.state in LIVE]

    def deciding(self, step: Step) -> set[int]:
        """Who decides in a step or has agreed there: nobody does so twice."""
        return {one.employee_id for one in self.of(step) if one.state in (*LIVE, A.APPROVED)}

    def mine(self, user) -> Assignment | None:
        """What waits for this person."""
        return next((one for one in self.assignments if one.employee_id == user.pk and one.state == A.OPEN), None)

    def returnable(self) -> list[Step]:
        """The steps the open one may be sent back to: those passed before it, each once."""
        step, found = self.open_step, {}
        for one in self.steps:
            if step is not None and one.state == S.PASSED and one.order < step.order:
                found.pop(one.key or one.pk, None)
                found[one.key or one.pk] = one
        return list(found.values())

    def decided(self, user) -> Assignment | None:
        """The last approval of this person."""
        rows = [one for one in self.assignments if one.employee_id == user.pk and one.state == A.APPROVED]
        return max(rows, key=lambda one: (one.decided_at, one.pk)) if rows else None

    # Who may do what --------------------------------------------------------------------------------------------------
    def refusal(self, action: str, user, assignment: Assignment | None = None) -> str:
        """Why this person may not do this now, "" where they may."""
        if not user.is_active:
            return "账号已停用，不能处理审批。"
        if action in DECISIONS:
            return self._no_decision(action, user, assignment or self.mine(user))
        if action == "comment":
            return "" if self.concerns(user) or self.sees(user) else "您看不到这条审批。"
        if action == "take_back":
            return self._no_way_back(user, assignment or self.decided(user))
        if action in ("force", "stop") and not user.has_function(FORCE):
            return "您没有强制通过和终止审批的权限。"
        if action in ("withdraw", "nudge") and user.pk != self.approval.submitter_id:
            return "只有发起人可以撤回。" if action == "withdraw" else "只有发起人可以催办。"
        if not self.pending:
            return ENDED[self.approval.state]
        if action == "force" and self.people.barred(user):
            what = "自己提交的单据" if user.pk == self.approval.submitter_id else "自己的单据"
            return f"不能强制通过{what}，请由其他管理员处理。"
        return ""

    def _no_decision(self, action: str, user, assignment: Assignment | None) -> str:
        if assignment is None:
            return "没有等您处理的审批。" if self.pending else ENDED[self.approval.state]
        if assignment.employee_id != user.pk:
            return "这条待办已经不由您处理。"
        if not self.pending and assignment.state in (A.OPEN, A.WAITING, A.MOOT):
            return ENDED[self.approval.state]
        if assignment.state != A.OPEN:
            return DONE[assignment.state]
        if user.pk == self.approval.submitter_id and not self.own:
            return "不能审批自己提交的单据。"
        if action in ("hand_over", "add_approver") and not assignment.step.options.get("changeable", True):
            return "这个步骤不允许转交和加签。"
        if action == "send_back" and not self.returnable():
            return "前面没有可以退回的步骤，可以选择拒绝。"
        return ""

    def _no_way_back(self, user, assignment: Assignment | None) -> str:
        if assignment is None or assignment.employee_id != user.pk or assignment.state != A.APPROVED:
            return "没有可以收回的同意。"
        if not self.pending:
            return ENDED[self.approval.state].replace("处理", "收回")
        step = assignment.step
        if step.state not in (S.OPEN, S.PASSED):
            return "这个步骤已经变化，不能再收回。"
        said = [
            one.pk for one in self.events if one.code == "approved" and one.by_id == user.pk and one.step_id == step.pk
        ]
        later = [one for one in self.events if said and one.pk > said[-1] and one.code in ACTED]
        if step.state == S.OPEN and step.mode != Step.Mode.SEQUENCE:
            later = [one for one in later if one.step_id != step.pk or one.code == "added"]
        elif step.state == S.PASSED and step.mode == Step.Mode.ALL:
            later = [one for one in later if one.step_id != step.pk]
        return "后面的审批人已经处理，不能再收回。" if later else ""

    def concerns(self, user) -> bool:
        """Whether this person takes part: submits, decides or is copied in."""
        if user.pk == self.approval.submitter_id or user.has_function(FORCE):
            return True
        if any(one.employee_id == user.pk for one in self.assignments):
            return True
        return Copy.objects.filter(approval=self.approval.pk, employee=user).exists()

    def sees(self, user) -> bool:
        """Whether this person sees the document."""
        return reach.sees(self.approval, user)

    def check(self, action: str, user, assignment: Assignment | None = None) -> None:
        if reason := self.refusal(action, user, assignment):
            raise ValidationError(reason)

    def actions(self, user) -> set[str]:
        return {action for action in ACTIONS if not self.refusal(action, user)}

    # Writing ----------------------------------------------------------------------------------------------------------
    def note(self, code: str, *, by, text: str = "", step: Step | None = None, log: str = "") -> Event:
        """What happened: an event, and a log row at the document."""
        event = Event.objects.create(approval=self.approval, step=step, code=code, by=by, text=text[:500])
        if self._events is not None:
            self._events.append(event)
        reach.write_log(self.approval, log or text, code=f"approval.{code}", by=by)
        return event

    def give(self, assignment: Assignment, person, *, comment: str = "", reminded=None) -> Assignment:
        """The place of an assignment goes to another person."""
        state = assignment.state
        set_state([assignment], state=A.HANDED, comment=comment, decided_at=now())
        given = Assignment.objects.create(
            step=assignment.step,
            employee=person,
            order=assignment.order,
            state=state,
            handed_by_id=assignment.employee_id,
            opened_at=now() if state == A.OPEN else None,
            reminded_at=reminded or assignment.reminded_at,
        )
        place = self.assignments.index(assignment)
        self.assignments.insert(place + 1, given)
        return given

    def stand_in(self, assignment: Assignment):
        """Who decides for somebody who is disabled: nobody who decides the step already."""
        return self.people.in_place_of(assignment.employee, self.deciding(assignment.step))

    def replace(self, assignment: Assignment, *, by) -> Assignment | None:
        """Give the place of a disabled person to who stands in for them, with an event; None where there is nobody."""
        to, step, name = self.stand_in(assignment), assignment.step, assignment.employee.name
        if to is None:
            return None
        given = self.give(assignment, to)
        text = f"{name}已停用，由{to.name}代为审批"
        self.note("replaced", by=by, step=step, text=text, log=f"{text}（步骤“{step.name}”）")
        return given

    def give_up(self, assignment: Assignment, *, by) -> bool:
        """Where nobody can stand in for a disabled person, the others of the step decide without them; False where there are none."""
        step, name = assignment.step, assignment.employee.name
        others = [one for one in self.of(step) if one.pk != assignment.pk and one.state in (*LIVE, A.APPROVED)]
        if not any(one.state == A.APPROVED or self.people.may(one.employee) for one in others):
            return False
        set_state([assignment], state=A.MOOT)
        text = f"{name}已停用，没有人可以代为审批，由步骤里的其他人决定"
        self.note("replaced", by=by, step=step, text=text, log=f"{text}（步骤“{step.name}”）")
        return True


def owner_of(approval: Approval) -> int | None:
    """Whose the document is now."""
    model = approval.content_type.model_class()
    if model is None or not hasattr(model, "owner_id"):
        return None
    return model.objects.filter(pk=approval.object_id).order_by().values_list("owner", flat=True).first()


def set_state(rows, **values) -> None:
    """Write the same values to some steps or assignments, in memory as in the database."""
    rows = list(rows)
    if rows:
        type(rows[0]).objects.filter(pk__any=[one.pk for one in rows]).update(**values)
        for row in rows:
            for name, value in values.items():
                setattr(row, name, value)


def lock(pk: int) -> Course:
    """The approval, locked, as it is now (ValidationError where there is none). FOR NO KEY UPDATE, so that whoever only points at
    it waits for nothing."""
    rows = Approval.objects.select_related("submitter__department", "content_type", "flow_version__flow__administrator")
    found = rows.select_for_update(of=("self",), no_key=True).filter(pk=pk).first()
    if found is None:
        raise ValidationError("这条审批已不存在。")
    return Course(found, locked=True)


def lock_of(assignment_id: int) -> tuple[Course, Assignment]:
    """The approval of an assignment, locked, and the assignment."""
    pk = Assignment.objects.filter(pk=assignment_id).values_list("step__approval", flat=True).first()
    if pk is None:
        raise ValidationError("这条待办已不存在。")
    course = lock(pk)
    found = next((one for one in course.assignments if one.pk == int(assignment_id)), None)
    if found is None:
        raise ValidationError("这条待办已不存在。")
    return course, found


def read(approval: Approval) -> Course:
    """The approval as it is, to look at."""
    return approval if isinstance(approval, Course) else Course(approval)


def actions_for(approval: Approval | Course, user) -> set[str]:
    """What the person may do with an approval now: of ACTIONS."""
    return read(approval).actions(user)


def refusal(approval: Approval | Course, action: str, user) -> str:
    """Why they may not, "" where they may."""
    return read(approval).refusal(action, user)


def assignment_of(approval: Approval | Course, user) -> Assignment | None:
    """What waits for the person in this approval: its id is what the deciding verbs take."""
    return read(approval).mine(user)


def words(comment: str, *, required: str = "") -> str:
    """A comment as it is kept; ValidationError where it is too long, or missing and `required` names it."""
    text = tidy(comment, multiline=True)
    if len(text) > COMMENT:
        raise ValidationError({"comment": [f"最多 {COMMENT} 个字"]})
    if required and not text:
        raise ValidationError({"comment": [f"请填写{required}"]})
    return text


def now():
    return timezone.now()
