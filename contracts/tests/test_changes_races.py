"""Two at the same moment (PostgreSQL): one change, one 作废, and no amount below what was just paid."""

from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction

from approvals import services as approvals
from approvals.tests.factories import flow, step, todo
from contracts import services as contracts
from contracts.changes import services, voiding
from contracts.models import Contract, ContractVersion
from contracts.tests import factories
from customers.tests.test_care_races import at_once
from orgs.tests.factories import department, employee

from .test_changes import consistent, propose, send
from .test_changes_flow import pending

pytestmark = [pytest.mark.pg, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


@pytest.fixture
def boss():
    return employee("经理", ["sales_manager"], department("华东"))


@transaction.atomic
def pay(contract, amount: str) -> None:
    """What booking a payment does of it: under the lock of the contract, within its amount."""
    current = contracts.held(contract.pk)
    if current.received + Decimal(amount) > current.amount:
        raise ValidationError("超过合同金额")
    Contract.objects.filter(pk=current.pk).update(received=current.received + Decimal(amount))


def test_two_people_begin_a_change_at_once_and_one_of_them_is_told(boss):
    made = factories.approved(boss)
    errors = at_once(*[lambda n=n: propose(made, boss, {"name": f"名{n}"}, revision=0) for n in range(4)])
    assert len(errors) == 3 and all(isinstance(error, services.Stale) for error in errors)
    assert made.versions.filter(state="draft").count() == 1


def test_a_change_that_is_sent_twice_takes_effect_once(boss):
    made = factories.approved(boss)
    propose(made, boss, {"amount": Decimal("99")})
    errors = at_once(*[lambda: services.submit_change(made, revision=1, by=boss)] * 4)
    assert len(errors) == 3 and consistent(made).edition == 2
    assert made.versions.filter(state="former").count() == 1


def test_a_payment_and_the_approval_of_a_lower_amount_never_both_win():
    seller = employee("甲", ["seller"], department("华东"))
    boss = employee("经理", ["sales_manager"], seller.department)
    admin = employee("管", ["super"], department("总部"))
    flow(admin, step(boss), document="contract_change", name="变更审批")
    outcomes = set()
    for n in range(6):
        made = factories.approved(seller, name=f"合同{n}", amount="100")
        propose(made, seller, {"amount": Decimal("50")})
        send(made, seller)
        place = todo(pending(made), boss)
        acts = [lambda pk=place: approvals.approve(pk, by=boss), lambda one=made: pay(one, "60")]
        errors = at_once(*(acts if n % 2 else reversed(acts)))
        assert len(errors) == 1 and isinstance(errors[0], ValidationError)
        now = consistent(made)
        assert (now.amount, now.received) in ((50, 0), (100, 60))
        outcomes.add(now.edition)
    assert outcomes <= {1, 2}


def test_void_twice_at_once_is_void_once(boss):
    made = factories.approved(boss)
    errors = at_once(*[lambda: voiding.void(made, "取消", by=boss)] * 4)
    assert len(errors) == 3 and all(isinstance(error, ValidationError | PermissionDenied) for error in errors)
    assert Contract.objects.get(pk=made.pk).status == "void"


def test_a_void_and_a_payment_never_both_win(boss):
    for n in range(6):
        made = factories.approved(boss, name=f"合同{n}")
        acts = [lambda one=made: voiding.void(one, "取消", by=boss), lambda one=made: live_pay(one)]
        errors = at_once(*(acts if n % 2 else reversed(acts)))
        now = Contract.objects.get(pk=made.pk)
        assert len(errors) == 1 and (now.status, now.received) in (("void", 0), ("approved", 1))


@transaction.atomic
def live_pay(contract) -> None:
    current = contracts.held(contract.pk)
    if current.status != "approved":
        raise ValidationError("已作废")
    Contract.objects.filter(pk=current.pk).update(received=current.received + 1)


def test_a_void_and_a_change_never_wait_together(boss):
    admin = employee("管", ["super"], department("总部"))
    for document in ("contract_change", "contract_void"):
        flow(admin, step(admin), document=document, name="审批")
    for n in range(4):
        made = factories.approved(boss, name=f"合同{n}")
        propose(made, boss)
        acts = [
            lambda one=made: voiding.void(one, "取消", by=boss),
            lambda one=made: services.submit_change(one, revision=1, by=boss),
        ]
        errors = at_once(*(acts if n % 2 else reversed(acts)))
        waits = ContractVersion.objects.filter(contract=made, state="pending").exists()
        assert len(errors) == 1 and Contract.objects.get(pk=made.pk).changing == ("change" if waits else "void")


def test_many_contracts_of_crossed_customers_are_void_without_a_deadlock(boss):
    mine = [factories.approved(boss, name=f"合同{n}") for n in range(8)]
    rows = Contract.objects.filter(pk__in=[one.pk for one in mine])
    acts = [
        lambda: voiding.void_many(rows, "取消", by=boss),
        lambda: voiding.void_many(rows.order_by("-pk"), "再", by=boss),
    ]
    assert at_once(*acts) == []
    assert set(rows.values_list("status", flat=True)) == {"void"}
