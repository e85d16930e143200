"""Two at the same moment (PostgreSQL): the night beside itself, two people closing one care."""

import threading
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connections
from django.utils import timezone

from crm.notices.models import Message
from crm.records import services as records
from crm.records.models import OperationLog
from customers.care import making, services
from customers.churn import services as churn
from customers.models import CareRule, CareTask, Customer
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


def company():
    seller, today = employee("甲", ["seller"]), timezone.localdate()
    for n in range(5):
        records.create(Customer(name=f"公司{n}", owner=seller), by=seller)
    Customer.objects.update(created_at=timezone.now() - timedelta(days=400))
    return seller, today


def test_the_night_run_twice_at_once_warns_and_makes_each_thing_once():
    seller, today = company()
    services.keep_rule(
        CareRule(name="节日", kind="holiday", holiday="yearly", month_day=f"{today:%m-%d}", text="问候"), {}, by=None
    )
    assert at_once(*[lambda: churn.run(today)] * 3, *[lambda: making.run(today)] * 3) == []
    assert OperationLog.objects.filter(code="customer.churn_warned").count() == 5
    assert Message.objects.filter(kind="churn").count() == 1
    assert CareTask.objects.count() == 5


def test_one_of_two_closes_a_care_and_the_other_is_told():
    seller, today = company()
    task = CareTask.objects.create(
        customer=Customer.objects.first(), kind="holiday", text="问候", occurs_on=today, due_on=today
    )
    errors = at_once(
        lambda: services.done(CareTask.objects.get(pk=task.pk), by=seller, result="好"),
        lambda: services.skip(CareTask.objects.get(pk=task.pk), by=seller, reason="不必"),
    )
    assert [type(error) for error in errors] == [ValidationError]
    assert OperationLog.objects.filter(code__in=["customer.care_done", "customer.care_skipped"]).count() == 1
