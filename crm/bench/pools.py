"""P12 and P13: the nightly reclaim against the bare UPDATE, and the race of claims."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from statistics import median

from django.db import connections, transaction
from django.db.models import Count, F
from django.utils import timezone

from crm.notices.models import Message
from crm.records.models import OperationLog
from customers.models import Contact, Customer, Pool, PoolEvent
from customers.pools import book, declared, quotas, reclaim, rules, services
from orgs.models import Department, Employee, Role

from . import Options, Result, ms, need_customers, target, timed
from .databases import need_postgresql

KIND = declared.CUSTOMERS
ROUNDS = 5
THREADS, PEOPLE, QUOTA, GIVEN, RACES = 50, 10, 3, 20, 20
NAME = "测速公海"


class RolledBack(Exception):
    """Ends a measured round."""


def _change(**values) -> book.Facts:
    pool = Pool.objects.get(kind="customer", is_default=True)
    Pool.objects.filter(pk=pool.pk).update(**values)
    book.touch("customer")
    return book.get("customer", pool.pk)


def _followup(days: int) -> dict:
    return {"rules": {"followup": {"on": True, "days": days, "levels": {}}}, "exempt": ["dealt"], "everyone": True}


def _days_for(number: int) -> int:
    """The largest number of days after which at least `number` customers are due today."""
    low, high, best = 0, 4000, 0
    while low <= high:
        days = (low + high) // 2
        facts = _change(**_followup(days))
        if Customer.objects.filter(rules.due(KIND, timezone.localdate(), [facts])).count() >= number:
            low, best = days + 1, days
        else:
            high = days - 1
    return best


@target("P12")
def p12(options: Options) -> Result:
    """Reclaim of 50,000 customers with log, history and message rows, contacts included, against the bare UPDATE of the same
    rows; every round is rolled back."""
    need_postgresql()
    need_customers(options, 1_000_000)
    day = timezone.localdate()
    kept = Pool.objects.filter(kind="customer", is_default=True).values("rules", "exempt", "everyone").get()
    try:
        facts = _change(**_followup(_days_for(options.wanted(50_000))))
        tomorrow = Customer.objects.filter(rules.due(KIND, day, [facts]))
        said = sorted(tomorrow.values_list("pk", flat=True))
        bare, whole, seen = [], [], {}
        for _ in range(ROUNDS):
            bare.append(_round(lambda: _bare(said, facts)))
            whole.append(_round(lambda: _whole(day, seen)))
        value = median(whole) / median(bare)
        also = seen["again"] == 0 and seen["moved"] == said and seen["messages"] > 0
        how = (
            f"{len(said):,} customers with {seen['contacts']:,} contacts, their log, history and {seen['messages']:,} messages "
            f"in {ms(median(whole))} against the bare UPDATE of the customers in {ms(median(bare))}, median of {ROUNDS}; moved "
            f"{'exactly' if seen['moved'] == said else 'NOT'} what 明日将回收 said, a second run moves {seen['again']}"
        )
        return Result("P12", value, "<= 5", "×", how, also)
    finally:
        _change(**kept)


def _round(work) -> float:
    found = 0.0
    try:
        with transaction.atomic():
            found = timed(work)
            raise RolledBack
    except RolledBack:
        return found


def _bare(ids, facts) -> None:
    Customer.objects.filter(pk__any=ids).update(
        former_owner=F("owner"), owner=None, pool_id=facts.pk, pooled_at=timezone.now(), version=F("version") + 1
    )


def _whole(day, seen: dict) -> None:
    last = PoolEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    told = Message.objects.filter(kind="pool").count()
    reclaim.run(KIND, day)
    if not seen:
        events = PoolEvent.objects.filter(pk__gt=last, action="reclaimed")
        seen["moved"] = sorted(events.values_list("object_id", flat=True))
        seen["messages"] = Message.objects.filter(kind="pool").count() - told
        seen["contacts"] = Contact.objects.live().filter(customer_id__any=seen["moved"]).count()
        seen["again"] = reclaim.run(KIND, day)


@target("P13")
def p13(options: Options) -> Result:
    """50 threads of 10 people with a daily quota of 3 claim 20 customers, 20 rounds, each a new day."""
    need_postgresql()
    pool, people, customers = _race_data()
    over = twice = left = 0
    try:
        for _ in range(RACES):
            _race(people, customers)
            claims = PoolEvent.objects.filter(pool=pool, action="claimed")
            mine = claims.values("actor").annotate(number=Count("pk"))
            over += sum(row["number"] > QUOTA for row in mine)
            twice += claims.values("object_id").annotate(number=Count("pk")).filter(number__gt=1).count()
            left += Customer.objects.filter(pk__in=customers, owner=None).count()
            PoolEvent.objects.filter(pool=pool).delete()  # a new day
            _back_into(pool, customers)
    finally:
        _forget(pool, people, customers)
    how = (
        f"{THREADS} threads, {PEOPLE} people, quota {QUOTA}, {GIVEN} customers, {RACES} rounds: people over their quota {over}, "
        f"customers claimed twice {twice}, customers nobody got {left}"
    )
    return Result("P13", over + twice + left, "<= 0", "faults", how)


def _race_data():
    role, department = Role.objects.get(code="seller"), Department.objects.get(parent=None)
    people = []
    for place in range(PEOPLE):
        phone = f"1000000{place:04d}"  # no number anybody has
        person, _ = Employee.objects.get_or_create(
            phone=phone, defaults={"name": f"{NAME}{place}", "department": department}
        )
        person.roles.set([role])
        people.append(person)
    pool = Pool.objects.create(name=NAME, everyone=False, claim_limit=QUOTA)
    pool.members.set(people)
    book.touch("customer")
    made = Customer.objects.bulk_create(Customer(name=f"{NAME}{place}", pool=pool) for place in range(GIVEN))
    return pool, people, [customer.pk for customer in made]


def _race(people, customers) -> None:
    """Every thread tries all customers in an order of its own, one claim each, as people click."""
    pick = random.Random(13)
    orders = [pick.sample(customers, len(customers)) for _ in range(THREADS)]

    def clicks(place: int) -> None:
        try:
            person = Employee.objects.get(pk=people[place % PEOPLE].pk)
            for pk in orders[place]:
                services.claim(KIND, [pk], by=person)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(clicks, range(THREADS)))


def _back_into(pool, customers) -> None:
    Customer.objects.filter(pk__in=customers).update(
        owner=None, pool=pool, pooled_at=timezone.now() - timedelta(days=1)
    )


def _forget(pool, people, customers) -> None:
    PoolEvent.objects.filter(pool=pool).delete()
    OperationLog.objects.filter(content_type=quotas.content_type(KIND), object_id__in=customers).delete()
    Customer.objects.filter(pk__in=customers).delete()
    pool.delete()
    book.touch("customer")
    Employee.objects.filter(pk__in=[person.pk for person in people]).delete()
