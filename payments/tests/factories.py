"""Plans and payments for tests: plain functions."""

from datetime import date, timedelta
from decimal import Decimal

from django.utils import timezone

from contracts.models import Contract
from contracts.tests.factories import approved
from payments import services
from payments.models import Payment, PaymentPlan

__all__ = ["ago", "approved", "fresh", "paid", "payment", "plan", "refund"]


def ago(days: int) -> date:
    return timezone.localdate() - timedelta(days=days)


def plan(contract: Contract, amount="30000", due_on: date | None = None, **more) -> PaymentPlan:
    made = PaymentPlan(contract=contract, amount=Decimal(amount), due_on=due_on or ago(-30), **more)
    return services.create_plan(made, by=contract.owner)


def payment(contract: Contract, amount="10000", *, parts=None, by=None, **more) -> Payment:
    """A draft."""
    more.setdefault("paid_on", ago(0))
    made = Payment(contract=contract, amount=Decimal(amount), **more)
    return services.create_payment(made, by=by or contract.owner, parts=parts)


def paid(contract: Contract, amount="10000", *, by=None, **more) -> Payment:
    """A submitted one: approved where no flow is enabled."""
    return services.submit(payment(contract, amount, by=by, **more), by=by or contract.owner)


def refund(contract: Contract, amount="1000", **more) -> Payment:
    return paid(contract, amount, type=Payment.Type.REFUND, **more)


def fresh(record):
    return type(record).objects.get(pk=record.pk)
