"""Two people at once, on PostgreSQL: the limits hold, one of two is refused."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from approvals.models import Status
from contracts import hooks
from contracts import services as contracts
from contracts.models import Contract
from crm.records.services import Stale
from opportunities.tests.test_races import at_once
from orgs.tests.factories import department, employee
from payments import services
from payments.models import Payment, PaymentPlan

from .factories import ago, approved, fresh, payment, plan

pytestmark = [pytest.mark.pg, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def seller():
    return employee("安", ["seller"], department("华东"))


def test_of_two_payments_of_sixty_percent_one_is_refused():
    ann = seller()
    for n in range(4):
        contract = approved(ann, amount="100", name=f"第{n}份")
        one, two = payment(contract, "60"), payment(contract, "60")
        found = at_once(
            lambda one=one: services.submit(one, by=ann).pk, lambda two=two: services.submit(two, by=ann).pk
        )
        assert sorted(isinstance(answer, int) for answer in found) == [False, True] and ValidationError in found
        assert fresh(contract).received == 60
        assert Payment.objects.filter(contract=contract, status=Status.APPROVED).count() == 1


def test_eight_payments_at_once_get_eight_numbers_and_pay_exactly_in_full():
    ann = seller()
    contract = approved(ann, amount="80")
    plans = [plan(contract, "20") for _ in range(4)]
    drafts = [payment(contract, "10") for _ in range(8)]
    found = at_once(*[lambda one=one: services.submit(one, by=ann).number for one in drafts])
    assert sorted(number[-4:] for number in found) == [f"{n:04d}" for n in range(1, 9)]
    assert fresh(contract).received == 80 and {fresh(one).received for one in plans} == {Decimal(20)}


def test_of_two_people_on_one_plan_one_is_told_that_it_is_stale():
    ann = seller()
    contract = approved(ann, amount="100")
    one = plan(contract, "50")
    found = at_once(
        lambda: services.update_plan(one, {"amount": Decimal(60)}, version=1, by=ann).amount,
        lambda: services.update_plan(one, {"amount": Decimal(70)}, version=1, by=ann).amount,
    )
    assert Stale in found and len([each for each in found if isinstance(each, Decimal)]) == 1
    assert fresh(contract).planned == fresh(one).amount


def test_two_plans_of_sixty_percent_at_once_stay_within_the_contract():
    ann = seller()
    contract = approved(ann, amount="100")

    def make():
        made = PaymentPlan(contract_id=contract.pk, amount=Decimal(60), due_on=ago(-9))
        return services.create_plan(made, by=ann).pk

    found = at_once(make, make)
    assert ValidationError in found and fresh(contract).planned == 60


def test_a_payment_against_the_voiding_of_its_contract():
    from django.db import transaction

    ann = seller()

    def void(contract):
        with transaction.atomic():
            locked = contracts.locked(contract.pk)
            if hooks.blocked([locked.pk], "void"):
                return "blocked"
            Contract.objects.filter(pk=locked.pk).update(status=Status.VOID)
            hooks.tell([locked.pk], "voided", by=ann)
            return "void"

    for n in range(4):
        contract = approved(ann, amount="100", name=f"第{n}份")
        draft = payment(contract, "60")
        found = at_once(lambda c=contract: void(c), lambda d=draft: services.submit(d, by=ann).status)
        now = fresh(contract)
        assert (now.status, now.received) in [(Status.VOID, 0), (Status.APPROVED, 60)], found
        assert ValidationError in found or "blocked" in found
