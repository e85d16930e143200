"""What the night makes out of rules and plans. Everything is found as sets and written in chunks; a second run finds nothing
left to make, because the database holds each occasion once."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce, ExtractDay, ExtractMonth
from django.utils import timezone

from ..models import CareKind, CareRule, CareTask, ChurnState, Contact, ContactPlan, Customer
from . import days

AHEAD = 7  # days before it is due a task appears
PREVIEW = 30  # days the settings page looks ahead
AT_ONCE = 1000
CARED = Q(deleted_at=None, owner__isnull=False) & ~Q(churn_state=ChurnState.LOST)  # customers somebody cares for


@dataclass(frozen=True)
class Hit:
    """Customers or contacts a rule is for. `on` = the day, or None where it is read from `field` of each row."""

    rows: object
    on: date | None = None
    field: str = ""


# Rules ----------------------------------------------------------------------------------------------------------------
def _customers(rule: CareRule):
    rows = Customer.objects.filter(CARED)
    levels = [one.level_id for one in rule.levels.all()]
    return rows.filter(level_id__in=levels) if levels else rows


def _audience(rule: CareRule):
    customers = _customers(rule)
    if rule.audience == CareRule.Audience.CUSTOMERS:
        return customers
    return Contact.objects.live().filter(customer_id__in=customers.order_by().values("pk"))


def hits(rule: CareRule, first: date, last: date) -> list[Hit]:
    """For whom the rule has an occasion from `first` to `last` (定期联系 makes plans instead)."""
    if rule.kind == CareKind.HOLIDAY:
        return [Hit(_audience(rule), on=day) for day in days.holidays(rule, first, last)]
    if rule.kind == CareKind.BIRTHDAY:
        born = Contact.objects.live().filter(customer_id__in=_customers(rule).order_by().values("pk"))
        born = born.exclude(birthday=None).annotate(key=ExtractMonth("birthday") * 100 + ExtractDay("birthday"))
        return [Hit(born.filter(key__in=days.birthday_keys(first, last)), field="birthday")]
    if rule.kind == CareKind.RENEWAL:
        return [Hit(_customers(rule).filter(contract_ends_on__range=(first, last)), field="contract_ends_on")]
    return []


def _occasions(hit: Hit, first: date, last: date) -> Iterator[list[tuple[int, int | None, date]]]:
    """(customer, contact or None, day) in chunks."""
    contacts = hit.rows.model is Contact
    names = ["pk", "customer_id"] if contacts else ["pk", "pk"]
    after = 0
    while rows := list(hit.rows.filter(pk__gt=after).order_by("pk").values_list(*names, hit.field or "pk")[:AT_ONCE]):
        after = rows[-1][0]
        found = []
        for pk, customer, value in rows:
            day = hit.on or (days.birthday_in(value, first, last) if hit.field == "birthday" else value)
            if day is not None:
                found.append((customer, pk if contacts else None, day))
        yield found


def _make(rule: CareRule, today: date) -> int:
    first, last = today, today + timedelta(days=AHEAD + rule.days_before)
    made = 0
    for hit in hits(rule, first, last):
        for occasions in _occasions(hit, first, last):
            made += _write(rule, occasions, today)
    return made


@transaction.atomic
def _write(rule: CareRule, occasions: list, today: date) -> int:
    known = set(
        CareTask.objects.filter(rule=rule, customer_id__any=[customer for customer, _, _ in occasions]).values_list(
            "customer_id", "contact_id", "occurs_on"
        )
    )
    tasks = [
        CareTask(
            customer_id=customer,
            contact_id=contact,
            rule=rule,
            kind=rule.kind,
            text=rule.text,
            occurs_on=day,
            due_on=max(today, day - timedelta(days=rule.days_before)),
        )
        for customer, contact, day in occasions
        if (customer, contact, day) not in known
    ]
    CareTask.objects.bulk_create(tasks, batch_size=500, ignore_conflicts=True)
    return len(tasks)


def preview(rule: CareRule, today: date) -> int:
    """How many cares the rule will make in the next PREVIEW days, those that exist already apart."""
    if rule.kind == CareKind.CONTACT:
        return _plans_due(rule, today + timedelta(days=PREVIEW))
    first, last = today, today + timedelta(days=PREVIEW + rule.days_before)
    there = CareTask.objects.filter(rule=rule, occurs_on__range=(first, last)).count()
    return max(0, sum(hit.rows.count() for hit in hits(rule, first, last)) - there)


def _plans_due(rule: CareRule, last: date) -> int:
    planned = ContactPlan.objects.filter(CARED_PLAN, rule=rule, active=True, next_on__lte=last).count()
    for one in rule.levels.all():
        rows = _unplanned(one.level_id)
        planned += rows.filter(met__lt=_start(last + timedelta(days=1) - timedelta(days=one.days or 0))).count()
    open_now = CareTask.objects.filter(plan__rule=rule, state=CareTask.State.OPEN).count()
    return max(0, planned - open_now)


# Contact plans --------------------------------------------------------------------------------------------------------
CARED_PLAN = Q(customer__deleted_at=None, customer__owner__isnull=False) & ~Q(customer__churn_state=ChurnState.LOST)


def _start(day: date):
    """The first moment of a local day."""
    return timezone.make_aware(datetime.combine(day, time.min))


def _unplanned(level: int):
    """Customers of a level without a plan, with `met`: when they were last followed up, else created."""
    rows = Customer.objects.filter(CARED, level_id=level).annotate(met=Coalesce("last_followed_at", "created_at"))
    return rows.filter(~Exists(ContactPlan.objects.filter(customer=OuterRef("pk"))))


def spread(rules: list[CareRule], today: date) -> int:
    """Give every customer without a plan the one its level's rule says (the first rule counts); plans of rules that no longer
    fit go with their open tasks. Returns how many plans were made."""
    wanted: dict[int, tuple[CareRule, int]] = {}
    for rule in rules:
        for one in rule.levels.all():
            if one.days:
                wanted.setdefault(one.level_id, (rule, one.days))
    fits = Q(pk__in=())
    for level, (rule, period) in wanted.items():
        fits |= Q(rule=rule, type=rule.plan_type, period=period, customer__level_id=level)
    drop(ContactPlan.objects.exclude(rule=None).exclude(fits & CARED_PLAN))
    made = 0
    for level, (rule, period) in wanted.items():
        while rows := list(_unplanned(level).order_by("pk").values_list("pk", "met")[:AT_ONCE]):
            plans = [
                ContactPlan(
                    customer_id=pk,
                    rule=rule,
                    type=rule.plan_type,
                    period=period,
                    next_on=max(today, timezone.localdate(met) + timedelta(days=period)),
                )
                for pk, met in rows
            ]
            ContactPlan.objects.bulk_create(plans, ignore_conflicts=True)
            made += len(plans)
    return made


@transaction.atomic
def drop(plans) -> None:
    """Delete plans with their open tasks; done ones stay in the history."""
    ids = list(plans.values_list("pk", flat=True))
    CareTask.objects.filter(plan_id__any=ids, state=CareTask.State.OPEN).delete()
    ContactPlan.objects.filter(pk__any=ids).delete()


def _plan_tasks(today: date) -> int:
    made = 0
    rows = ContactPlan.objects.filter(CARED_PLAN, active=True, next_on__lte=today + timedelta(days=AHEAD))
    rows = rows.filter(~Exists(CareTask.objects.filter(plan=OuterRef("pk"), state=CareTask.State.OPEN)))
    while plans := list(rows.select_related("type", "rule").order_by("pk")[:AT_ONCE]):
        with transaction.atomic():
            CareTask.objects.bulk_create([task_of(plan) for plan in plans], batch_size=500, ignore_conflicts=True)
        made += len(plans)
    return made


def task_of(plan: ContactPlan) -> CareTask:
    """The open task of a plan's next date."""
    text = plan.rule.text if plan.rule else f"{plan.type.label}联系客户" if plan.type else "联系客户"
    return CareTask(
        customer_id=plan.customer_id,
        plan=plan,
        kind=CareKind.CONTACT,
        text=text,
        occurs_on=plan.next_on,
        due_on=plan.next_on,
        owner_id=plan.owner_id,
    )


# The night ------------------------------------------------------------------------------------------------------------
def run(today: date) -> int:
    """Make every task due within AHEAD days; safe to run twice and twice at once. Returns how many."""
    rules = list(CareRule.objects.filter(active=True).select_related("plan_type").prefetch_related("levels"))
    spread([rule for rule in rules if rule.kind == CareKind.CONTACT], today)
    return _plan_tasks(today) + sum(_make(rule, today) for rule in rules)
