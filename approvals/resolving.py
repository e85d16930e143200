"""Who decides: from what a flow says and a submitter to the people of each step. Submission and preview share it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from crm.records.fields import tidy
from orgs.handover.models import Handover
from orgs.models import Department, Employee, Role

MOST = 100  # people of one step
HANDED = "part.approvals"  # the piece of a handover (see declared.py)


@dataclass
class Seat:
    """Somebody of a step; `note` says why it is not whom the flow named."""

    person: Employee
    note: str = ""


@dataclass
class Laid:
    """A step as it will run; skipped where nobody is to decide (`note` says why). `choose`: the submitter has still to name its
    people."""

    key: str
    name: str
    mode: str
    options: dict
    seats: list[Seat] = field(default_factory=list)
    note: str = ""
    skipped: bool = False
    choose: bool = False


class People:
    """The people around a submission, each read once. Nobody `barred` may decide: the submitter and the `owner` (an id) for whom
    somebody else submits, unless the flow lets them."""

    def __init__(self, submitter: Employee, administrator: Employee | None, *, own: bool, owner: int | None = None):
        self.submitter, self.administrator, self.own, self.owner = submitter, administrator, own, owner
        self._known: dict[int, Employee | None] = {}

    def load(self, ids: Iterable[int]) -> list[Employee]:
        """These people in this order, without ids nobody has."""
        ids = list(dict.fromkeys(ids))
        if missing := [pk for pk in ids if pk not in self._known]:
            rows = Employee.objects.select_related("department").filter(pk__any=missing)
            self._known |= dict.fromkeys(missing) | {one.pk: one for one in rows}
        return [one for pk in ids if (one := self._known[pk]) is not None]

    def get(self, pk: int | None) -> Employee | None:
        return next(iter(self.load([pk])), None) if pk is not None else None

    def barred(self, person: Employee) -> bool:
        return person.pk in (self.submitter.pk, self.owner) and not self.own

    def may(self, person: Employee | None, without: frozenset | set = frozenset()) -> bool:
        return person is not None and person.is_active and not self.barred(person) and person.pk not in without

    def superior(self, person: Employee, without: frozenset | set = frozenset()) -> Employee | None:
        """The nearest superior who may decide."""
        seen = {person.pk}
        above = self.get(person.supervisor_id)
        while above is not None and above.pk not in seen:
            if self.may(above, without):
                return above
            seen.add(above.pk)
            above = self.get(above.supervisor_id)
        return None

    def heir(self, person: Employee, without: frozenset | set = frozenset()) -> Employee | None:
        """Whom a handover names for what waits for this person."""
        ended = (Handover.State.CANCELLED, Handover.State.UNDOING, Handover.State.UNDONE)
        plan = Handover.objects.filter(employee=person).exclude(state__in=ended).values_list("plan", flat=True).first()
        ids = (plan.get("own", {}).get(HANDED) or plan.get("all", [])) if plan else []
        return next((one for one in self.load(ids) if self.may(one, without)), None)

    def in_place_of(self, person: Employee, without: frozenset | set = frozenset()) -> Employee | None:
        """Who decides for somebody who cannot: handover, superior, administrator. None where there is nobody at all."""
        handed = None if person.is_active else self.heir(person, without)
        return handed or self.superior(person, without) or self.fallback(without)

    def fallback(self, without: frozenset | set = frozenset()) -> Employee | None:
        """The flow's administrator, or who stands in for them; in the end a super administrator."""
        named = self.administrator
        if named is not None:
            if self.may(named, without):
                return named
            found = (None if named.is_active else self.heir(named, without)) or self.superior(named, without)
            if found:
                return found
        supers = Employee.objects.select_related("department").filter(is_active=True, roles__code=Role.SUPER)
        return next((one for one in supers.order_by("pk") if self.may(one, without)), None)

    def of(self, who: dict, chosen: Iterable[int] = ()) -> list[Employee]:
        """The people a WHO of a definition names, disabled ones included."""
        kind = who.get("kind")
        if kind == "employee":
            return self.load(who.get("ids", []))
        if kind == "chosen":
            return self.load(chosen)
        if kind == "submitter":
            return [self.submitter]
        if kind == "role":
            holders = Employee.objects.filter(roles__in=who.get("ids", []), is_active=True).order_by("pk")
            return self.load(holders.values_list("pk", flat=True)[:MOST])
        if kind == "supervisor":
            found: Employee | None = self.submitter
            for _ in range(who.get("level", 1)):
                found = self.get(found.supervisor_id) if found is not None else None
            return [found] if found is not None else []
        if kind == "head":
            return self._head(who.get("level", 0))
        return []

    def _head(self, level: int) -> list[Employee]:
        path = [int(pk) for pk in self.submitter.department.path.strip("/").split("/")]
        if level >= len(path):
            return []
        manager = Department.objects.filter(pk=path[-1 - level]).values_list("manager", flat=True).first()
        return self.load([manager]) if manager else []

    def seats(self, whos: Iterable[dict], chosen: Iterable[int] = (), *, skip_self: bool = False):
        """([seats], whether the submitter was left out by skip_self)."""
        found: dict[int, Seat] = {}
        left_out = False
        named = [person for who in whos for person in self.of(who, chosen)]
        for person in {one.pk: one for one in named}.values():
            note = ""
            if person.pk == self.submitter.pk and skip_self:
                left_out = True
                continue
            if not self.may(person):
                own = "是发起人" if person.pk == self.submitter.pk else "是单据的负责人"
                why = "已停用" if not person.is_active else own
                stand_in = self.in_place_of(person)
                if stand_in is None:
                    continue
                if stand_in.pk == self.submitter.pk and skip_self:
                    left_out = True
                    continue
                note = f"{person.name}{why}，由{stand_in.name}代为审批"
                person = stand_in
            found.setdefault(person.pk, Seat(person, note))
        return list(found.values())[:MOST], left_out


def chosen_ids(value) -> list[int]:
    """Ids as a form sent them, without what cannot be one."""
    many = value if isinstance(value, list | tuple | set) else [value]
    texts = (tidy(one) for one in many if one is not None and not isinstance(one, bool | dict | list))
    return [int(one) for one in texts if one.isascii() and one.isdigit() and len(one) < 19]


def needs_choice(step: dict) -> bool:
    """Whether the submitter names people of this step (发起人自选)."""
    return any(who.get("kind") == "chosen" for who in step["who"])


def lay(definition: dict, people: People, chosen: dict | None = None) -> list[Laid]:
    """The steps of a definition for this submitter."""
    laid = [_lay(step, people, chosen_ids((chosen or {}).get(step["key"], []))) for step in definition["steps"]]
    own_doing = [one for one in laid if one.options.pop("left_out", False)]
    if own_doing and not people.own and all(one.skipped for one in laid):
        # nobody else would have looked at it: the flow's rule for "nobody found" decides
        last = own_doing[-1]
        if last.options.get("nobody") != "approve" and (found := people.fallback()) is not None:
            last.seats, last.skipped = [Seat(found)], False
            last.note = f"各步骤的审批人都是发起人，转交{found.name}审批"
    return laid


def _lay(step: dict, people: People, chosen: list[int]) -> Laid:
    laid = Laid(step["key"], step["name"], step["mode"], {key: value for key, value in step.items() if key != "who"})
    if needs_choice(step) and not chosen:
        laid.choose = True
        return laid
    laid.seats, left_out = people.seats(step["who"], chosen, skip_self=bool(step.get("skip_self")))
    laid.note = "；".join(seat.note for seat in laid.seats if seat.note)[:200]
    if laid.seats:
        return laid
    if left_out:
        laid.skipped, laid.note, laid.options["left_out"] = True, "审批人是发起人，已跳过", True
    elif step.get("nobody") == "approve":
        laid.skipped, laid.note = True, "没有找到审批人，按流程设置自动通过"
    elif (found := people.fallback()) is not None:
        laid.seats, laid.note = [Seat(found)], f"没有找到审批人，转交{found.name}审批"
    return laid


def copies(definition: dict, people: People) -> list[Employee]:
    """Whom the flow copies in: active people, once each."""
    found = {one.pk: one for who in definition.get("copies", []) for one in people.of(who) if one.is_active}
    return list(found.values())[:MOST]
