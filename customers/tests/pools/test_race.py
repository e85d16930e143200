"""Twenty sessions claim at once, through HTTP: quotas hold, nobody owns twice, every refusal says why."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from crm.records.models import OperationLog
from customers.models import Contact, Customer, OwnerCap, Pool, PoolEvent
from customers.pools import book, declared, reclaim, services
from orgs.tests.factories import client_for, department, employee

from .conftest import change_pool, days_ago, make, rule

pytestmark = [pytest.mark.pg, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
KIND = declared.CUSTOMERS
PEOPLE, SESSIONS, QUOTA, GIVEN = 5, 20, 3, 12


def at_once(work, number: int) -> list:
    """`work(place)` of each place in a thread of its own, on connections of their own."""

    def run(place):
        try:
            return work(place)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(number) as threads:
        return list(threads.map(run, range(number)))


@pytest.fixture
def crowd():
    east = department("华东")
    giver = employee("给", ["seller"], east)
    people = [employee(f"抢{place}", ["seller"], east) for place in range(PEOPLE)]
    pool = Pool.objects.get(kind="customer")
    change_pool(pool, claim_limit=QUOTA, former_days=0)
    made = [make(f"客户{place}", giver, contacts=1) for place in range(GIVEN)]
    rows = Customer.objects.filter(pk__in=[one.pk for one in made])
    services.release(rows, book.get("customer", pool.pk), by=giver, reason="其他")
    return pool, people, [one.pk for one in made]


def test_sessions_that_claim_at_once_keep_the_quota_and_each_customer_goes_once(crowd):
    pool, people, ids = crowd
    clients = [client_for(people[place % PEOPLE]) for place in range(SESSIONS)]
    pick = random.Random(7)
    orders = [pick.sample(ids, len(ids)) for _ in range(SESSIONS)]

    def clicks(place):
        said = []
        for pk in orders[place]:
            sent = {"ids": pk, "confirmed": "1"}
            headers = {"HX-Request": "true", "HX-Target": "dialog"}
            answer = clients[place].post(f"/pool/{pool.pk}/bulk/claim/", sent, headers=headers)
            said.append((answer.status_code, answer.content.decode()))
        return said

    answers = [one for some in at_once(clicks, SESSIONS) for one in some]
    claims = PoolEvent.objects.filter(action="claimed")
    assert Customer.objects.filter(owner=None).count() == 0
    assert Counter(claims.values_list("object_id", flat=True)) == Counter(dict.fromkeys(ids, 1))
    assert max(Counter(claims.values_list("actor", flat=True)).values()) <= QUOTA
    assert set(claims.values_list("object_id", "owner")) == set(Customer.objects.values_list("pk", "owner"))
    assert OperationLog.objects.filter(code="customer.claimed").count() == GIVEN
    assert all(contact.owner_id == contact.customer.owner_id for contact in Contact.objects.select_related("customer"))
    won = [body for status, body in answers if status == 204]
    lost = [body for status, body in answers if status != 204]
    assert len(won) == GIVEN and len(lost) == SESSIONS * GIVEN - GIVEN
    assert all("晚了一步" in body or "今天已领满" in body for body in lost)


def test_the_cap_of_owned_customers_holds_when_one_person_claims_in_many_tabs(crowd):
    pool, people, ids = crowd
    change_pool(pool, claim_limit=None)
    OwnerCap.objects.create(limit=4)
    at_once(lambda place: services.claim(KIND, [ids[place % GIVEN]], by=people[0]), 24)
    assert Customer.objects.filter(owner=people[0]).count() == 4


def test_two_nightly_runs_at_once_move_each_customer_once(crowd):
    pool, people, _ = crowd
    change_pool(pool, rules={"followup": rule(10)})
    for place in range(30):
        make(f"旧{place}", people[place % PEOPLE], contacts=1, received_at=days_ago(40), created_at=days_ago(40))
    moved = at_once(lambda place: reclaim.run(KIND), 4)
    events = PoolEvent.objects.filter(action="reclaimed")
    assert sum(moved) == 30 and events.count() == 30
    assert events.filter(told=False).count() == 0
