"""Two people act on 移交申请 at the same moment (real transactions, PostgreSQL only)."""

import pytest

from crm.records import services as records
from customers.handover import services
from customers.models import Customer, TransferRequest
from orgs.tests.factories import department, employee
from orgs.tests.test_races import at_once, fresh

pytestmark = [pytest.mark.pg, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def people():
    south = department("华南")
    manager = employee("经理", ["sales_manager"], south)
    return (
        manager,
        employee("丙", ["seller"], south, supervisor=manager),
        employee("甲", ["seller"], department("华东")),
    )


def test_of_two_deciders_one_wins_and_the_other_is_told():
    manager, owner, asker = people()
    for n in range(5):
        customer = records.create(Customer(name=f"客户{n}", owner=owner), by=owner)
        request = services.ask(customer, "想要", by=asker)
        ends = at_once(
            lambda one=request: services.agree(TransferRequest.objects.get(pk=one.pk), by=fresh(owner)),
            lambda one=request: services.refuse(TransferRequest.objects.get(pk=one.pk), "不行", by=fresh(manager)),
        )
        (lost,) = [error for error in ends if error is not None]
        assert "这个申请刚刚由" in lost.messages[0]
        request.refresh_from_db()
        customer.refresh_from_db()
        assert (request.state == TransferRequest.State.AGREED) == (customer.owner_id == asker.pk)


def test_a_request_sent_twice_at_once_stands_once():
    _, owner, asker = people()
    for n in range(5):
        customer = records.create(Customer(name=f"客户{n}", owner=owner), by=owner)
        act = lambda one=customer: services.ask(one, "想要", by=fresh(asker))  # noqa: E731
        ends = at_once(act, act)
        (lost,) = [error for error in ends if error is not None]
        assert "您已经申请过移交这个客户" in lost.messages[0]
    assert TransferRequest.objects.count() == 5


def test_a_transfer_at_the_same_moment_leaves_one_owner_and_no_open_request():
    manager, owner, asker = people()
    other = employee("丁", ["seller"], owner.department)
    for n in range(5):
        customer = records.create(Customer(name=f"客户{n}", owner=owner), by=owner)
        request = services.ask(customer, "想要", by=asker)
        at_once(
            lambda one=request: services.agree(TransferRequest.objects.get(pk=one.pk), by=fresh(owner)),
            lambda one=customer: records.transfer(
                Customer.objects.allowed(fresh(manager), "transfer").filter(pk=one.pk), other, by=fresh(manager)
            ),
        )
        customer.refresh_from_db()
        assert customer.owner_id in (asker.pk, other.pk)
        assert not TransferRequest.objects.open().filter(pk=request.pk).exists()
