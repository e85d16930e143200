"""Many at the same moment (PostgreSQL): turns are fair, caps hold, a form sent twice is one lead."""

import threading
from collections import Counter

import pytest
from django.core.cache import cache
from django.db import connections
from django.test import Client
from django.utils import timezone

from customers.models import OwnerCap
from leads.models import Lead, LeadGift, WebForm
from leads.rules import services as rules
from leads.tests.intake import answers, lead, rule, web_form
from orgs.models import Role
from orgs.tests.factories import employee

pytestmark = [pytest.mark.pg, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def at_once(*work):
    barrier, errors = threading.Barrier(len(work)), []

    def go(act):
        try:
            barrier.wait()
            act()
        except Exception as error:  # shown by the assertions of the tests
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=go, args=[act]) for act in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def owned() -> list[int]:
    """How many leads each owner has, the most first; those in the pool are not counted."""
    counted = Counter(Lead.objects.filter(owner__isnull=False).values_list("owner", flat=True))
    return sorted(counted.values(), reverse=True)


def test_twenty_posts_at_once_are_split_fairly():
    cache.clear()
    rule(*[employee(name) for name in "甲乙丙丁"])
    form, status = web_form(), []

    def post(n):
        data = answers(form, contact_name=f"访客{n}", mobile=f"138000000{n:02}")
        status.append(Client(REMOTE_ADDR=f"10.1.1.{n}").post(form.path, data).status_code)

    assert at_once(*[lambda n=n: post(n) for n in range(20)]) == []
    assert status == [302] * 20 and owned() == [5, 5, 5, 5]
    assert LeadGift.objects.count() == 20 and WebForm.objects.get().submissions == 20
    assert len(set(Lead.objects.values_list("number", flat=True))) == 20


def test_daily_open_and_owner_caps_hold_under_concurrency():
    people = [employee(name) for name in "甲乙"]
    rule(*people, daily_cap=4)
    OwnerCap.objects.create(kind="lead", role=Role.objects.get(code="seller"), limit=3)
    leads = [lead(f"线索{n}").pk for n in range(16)]
    assert at_once(*[lambda pk=pk: rules.assign_by_rules([pk]) for pk in leads]) == []
    assert owned() == [3, 3] and rules.waiting().count() == 10


def test_two_runs_over_the_same_waiting_leads_give_each_once():
    rule(*[employee(name) for name in "甲乙丙"])
    leads = [lead(f"线索{n}") for n in range(30)]
    ids = [one.pk for one in leads]
    assert at_once(*[lambda: rules.assign_by_rules(ids)] * 4) == []
    assert owned() == [10, 10, 10] and LeadGift.objects.count() == 30


def test_a_form_sent_twice_at_once_is_one_lead():
    cache.clear()
    form = web_form()
    data = answers(form, contact_name="甲", mobile="13800138000")
    assert at_once(*[lambda: Client().post(form.path, data)] * 6) == []
    assert Lead.objects.count() == 1 and WebForm.objects.get().submissions == 1


def test_the_hourly_limit_of_a_form_holds_under_concurrency():
    from crm.records import params

    cache.clear()
    params.store("form_per_hour", 5)
    form = web_form()

    def post(n):
        Client(REMOTE_ADDR=f"10.1.1.{n}").post(form.path, answers(form, contact_name=f"访客{n}"))

    assert at_once(*[lambda n=n: post(n) for n in range(12)]) == []
    assert Lead.objects.count() == 5


def test_rules_and_a_claim_of_the_same_lead_do_not_both_win():
    from customers.pools import kinds
    from customers.pools import services as pools

    seller, claimer = employee("甲"), employee("乙")
    rule(seller)
    leads = [lead(f"线索{n}") for n in range(10)]
    kind = kinds.get("lead")
    ids = [one.pk for one in leads]
    errors = at_once(
        lambda: rules.assign_by_rules(ids, now=timezone.now()),
        lambda: pools.claim(kind, ids, by=claimer),
    )
    assert errors == []
    given = LeadGift.objects.count()
    assert Lead.objects.filter(owner=seller).count() == given
    assert Lead.objects.filter(owner=claimer).count() == 10 - given
