"""Contracts for tests: plain functions."""

from datetime import date

from contracts import services
from contracts.models import Contract
from crm.records import services as records
from customers.models import Customer
from opportunities.tests.factories import customer


def contract(owner, at: Customer | None = None, name: str = "一期实施合同", amount="120000", **more) -> Contract:
    """A draft."""
    at = at or Customer.objects.filter(owner=owner).first() or customer(owner)
    more.setdefault("signed_on", date(2026, 11, 1))
    return records.create(Contract(name=name, customer=at, owner=owner, amount=amount, **more), by=owner)


def approved(owner, **more) -> Contract:
    """One that needed no approval."""
    return services.submit(contract(owner, **more), by=owner)
