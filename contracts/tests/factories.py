"""Contracts for tests: plain functions."""

from datetime import date, timedelta

from django.utils import timezone

from contracts import services
from contracts.models import Contract, ContractLine
from customers.models import Customer
from opportunities.tests.factories import customer
from opportunities.tests.quoting import product
from products import arithmetic


def day(days: int = 0) -> date:
    return timezone.localdate() + timedelta(days=days)


def contract(owner, at: Customer | None = None, name: str = "一期实施合同", amount="120000", **more) -> Contract:
    """A draft."""
    at = at or Customer.objects.filter(owner=owner).first() or customer(owner)
    more.setdefault("signed_on", date(2026, 11, 1))
    return services.create_contract(Contract(name=name, customer=at, owner=owner, amount=amount, **more), by=owner)


def approved(owner, **more) -> Contract:
    """One that needed no approval."""
    return services.submit(contract(owner, **more), by=owner)


def add_lines(one: Contract, *names: str, price="100") -> list[ContractLine]:
    """Lines of one piece each; the amount follows."""
    made = []
    for place, name in enumerate(names):
        item = product(name, price)
        figures = {"list_price": item.price, "price": item.price, "quantity": 1, "discount": 0, "subtotal": item.price}
        made.append(
            ContractLine.objects.create(
                contract=one, product=item, name=item.name, code=item.code, unit="台", order=place, **figures
            )
        )
    total = arithmetic.total((line.subtotal for line in made), 0)
    Contract.objects.filter(pk=one.pk).update(lines_total=total, amount=total)
    one.refresh_from_db()
    return made
