"""Which rule a lead is of, and who could take it: facts read at once, asked row by row."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, time

from django.contrib.auth import get_user_model
from django.db.models import Count, Q
from django.utils import timezone

from customers.pools import book, kinds, quotas

from ..models import AssignmentRule, Lead, LeadGift, Status

OPEN = (Status.NEW, Status.FOLLOWING)


def facts(lead: Lead, form: int | None) -> dict:
    """What the conditions of rules ask of a lead; `form` = id of the web form it came through."""
    return {
        "source": lead.source_id,
        "industry": lead.industry_id,
        "campaign": lead.campaign_id,
        "province": lead.province,
        "city": lead.city,
        "form": form,
    }


def first(rules: Iterable[AssignmentRule], found: dict) -> AssignmentRule | None:
    """The rule a lead with these facts is of; `rules` in their order."""
    return next((rule for rule in rules if rule.matches(found)), None)


def read(rules) -> list[AssignmentRule]:
    """Rules with the people they name, three statements."""
    return list(rules.select_related("person", "fallback_person").prefetch_related("people", "departments"))


def groups(rules: Iterable[AssignmentRule]) -> dict[int, list]:
    """{rule: its active employees who may look at leads, in the order of their ids}; few statements whatever the number."""
    rules = list(rules)
    wanted, below = set(), Q()
    for rule in rules:
        wanted |= {one.pk for one in rule.people.all()} | ({rule.person_id} if rule.person_id else set())
        for department in rule.departments.all():
            below |= Q(department__path__startswith=department.path)
    if not wanted and not below:
        return {rule.pk: [] for rule in rules}
    everyone = (
        get_user_model()
        .objects.filter(Q(pk__any=sorted(wanted)) | below, is_active=True)
        .select_related("department")
        .prefetch_related("roles")
        .order_by("pk")
    )
    able = [person for person in everyone if person.has_function("lead.view")]
    return {rule.pk: [person for person in able if _belongs(rule, person)] for rule in rules}


def _belongs(rule: AssignmentRule, person) -> bool:
    if rule.way == AssignmentRule.Way.FIXED:
        return person.pk == rule.person_id
    if any(one.pk == person.pk for one in rule.people.all()):
        return True
    return any(person.department.path.startswith(one.path) for one in rule.departments.all())


def start_of_day(now: datetime) -> datetime:
    """Midnight of the local day."""
    local = timezone.localtime(now)
    return datetime.combine(local.date(), time.min, tzinfo=local.tzinfo)


@dataclass
class Seats:
    """How much room everybody has; `take` counts down, so that one act gives no more than it may. `given` = {(rule, person):
    leads of today}, `open` = {person: leads in hand}, `rooms` = the owner caps."""

    rooms: dict
    given: dict = field(default_factory=dict)
    open: dict = field(default_factory=dict)
    taken: dict = field(default_factory=dict)

    @classmethod
    def of(cls, rules: Iterable[AssignmentRule], people: Iterable[int], *, now: datetime) -> "Seats":
        """Counted now; the employees must be locked already where it shall hold."""
        rules, people = list(rules), sorted(set(people))
        capped = [rule.pk for rule in rules if rule.daily_cap is not None]
        today = LeadGift.objects.filter(rule_id__in=capped, created_at__gte=start_of_day(now)) if capped else ()
        given = {}
        if capped:
            counted = today.order_by().values_list("rule_id", "employee_id").annotate(n=Count("pk"))
            given = {(rule, person): n for rule, person, n in counted}
        hand = {}
        if any(rule.open_cap is not None for rule in rules):
            owned = Lead.objects.live().filter(owner_id__any=people, status__in=OPEN)
            hand = dict(owned.order_by().values_list("owner_id").annotate(n=Count("pk")))
        return cls(quotas.rooms(kinds.get("lead"), people), given, hand)

    def refuses(self, rule: AssignmentRule | None, person) -> str:
        """Why this person can take no more now, "" where they can; without a rule only the owner cap counts."""
        new = self.taken.get(person.pk, 0)
        room = self.rooms.get(person.pk)
        if room is not None and room.left is not None and room.left - new <= 0:
            return f"{room.words}，已经满了"
        if rule is None:
            return ""
        if rule.daily_cap is not None and self.given.get((rule.pk, person.pk), 0) >= rule.daily_cap:
            return f"今天已分到 {rule.daily_cap:,} 个"
        if rule.open_cap is not None and self.open.get(person.pk, 0) + new >= rule.open_cap:
            return f"跟进中的线索已有 {rule.open_cap:,} 个"
        return ""

    def take(self, rule: AssignmentRule, person) -> None:
        """One more for this person."""
        self.taken[person.pk] = self.taken.get(person.pk, 0) + 1
        key = (rule.pk, person.pk)
        self.given[key] = self.given.get(key, 0) + 1


def next_of(rule: AssignmentRule, group: list, seats: Seats):
    """Whose turn it is: the first behind `last_given` who can take one; None where nobody can."""
    behind = [person for person in group if person.pk > rule.last_given]
    turn = [*behind, *(person for person in group if person.pk <= rule.last_given)]
    return next((person for person in turn if not seats.refuses(rule, person)), None)


def may_fall_to(person) -> bool:
    """Whether a rule's fallback person can get leads at all."""
    return person.is_active and person.has_function("lead.view")


@dataclass
class Outcome:
    """What becomes of leads: `given` = [(lead, employee, rule, fallback)], `pooled` = [(lead, pool facts, rule)], `waiting` =
    [(lead, rule, reason)], `unmatched` = leads no rule is about."""

    given: list[tuple] = field(default_factory=list)
    pooled: list[tuple] = field(default_factory=list)
    waiting: list[tuple] = field(default_factory=list)
    unmatched: list[Lead] = field(default_factory=list)


@dataclass
class Company:
    """The enabled rules in their order with whom they name; read afresh under lock, or without one for a preview."""

    rules: list[AssignmentRule]
    groups: dict[int, list]

    @classmethod
    def now(cls) -> "Company":
        rules = read(AssignmentRule.objects.filter(enabled=True))
        return cls(rules, groups(rules))

    @property
    def ids(self) -> set[int]:
        """Everybody who could get a lead."""
        spare = {rule.fallback_person_id for rule in self.rules if rule.fallback_person_id}
        return {person.pk for group in self.groups.values() for person in group} | spare

    def decide(self, leads: Iterable[Lead], forms: dict[int, int], *, now: datetime) -> Outcome:
        """What becomes of these leads, one after the other; nothing is written, the turn goes on in these rules. `forms` =
        {lead: web form}."""
        seats, outcome = Seats.of(self.rules, self.ids, now=now), Outcome()
        for lead in leads:
            rule = first(self.rules, facts(lead, forms.get(lead.pk)))
            if rule is None:
                outcome.unmatched.append(lead)
            elif not rule.works_at(now):
                outcome.waiting.append((lead, rule, "不在工作时间"))
            else:
                self._place(lead, rule, seats, outcome)
        return outcome

    def _place(self, lead: Lead, rule: AssignmentRule, seats: Seats, outcome: Outcome) -> None:
        group = self.groups[rule.pk]
        person = next_of(rule, group, seats)
        if person is not None:
            rule.last_given = person.pk
            seats.take(rule, person)
            outcome.given.append((lead, person, rule, False))
            return
        spare = rule.fallback_person
        if spare is not None and may_fall_to(spare) and not seats.refuses(None, spare):
            seats.take(rule, spare)
            outcome.given.append((lead, spare, rule, True))
            return
        pool = book.get("lead", rule.fallback_pool_id) if rule.fallback_pool_id else None
        if pool is not None and pool.enabled and lead.owner_id is None:
            outcome.pooled.append((lead, pool, rule))
            return
        outcome.waiting.append((lead, rule, "没有人可以接收" if group else "没有可以接收的在职员工"))
