"""A pool with two sellers, their manager and a seller whom it does not serve."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from crm.records import services as records
from crm.records.models import DictionaryItem
from customers.models import Contact, Customer, Pool
from customers.pools import book
from orgs.tests.factories import department, employee


def days_ago(days: float):
    return timezone.now() - timedelta(days=days)


def change_pool(pool: Pool, **values) -> book.Facts:
    """Store values of a pool and answer its facts."""
    Pool.objects.filter(pk=pool.pk).update(**values)
    book.touch("customer")
    return book.get("customer", pool.pk)


def rule(days, **levels) -> dict:
    return {"on": True, "days": days, "levels": {str(level): value for level, value in levels.items()}}


def make(name: str, owner, *, contacts: int = 0, **values) -> Customer:
    """A customer with contacts; `values` are written as they are, times included."""
    customer = records.create(Customer(name=name, owner=owner), by=owner)
    for place in range(contacts):
        records.create(Contact(name=f"{name}联系人{place}", customer=customer, owner=owner), by=owner)
    if values:
        Customer.objects.filter(pk=customer.pk).update(**values)
        customer.refresh_from_db()
    return customer


def levels() -> dict[str, int]:
    return dict(DictionaryItem.objects.filter(dictionary="customer.level").values_list("label", "pk"))


@pytest.fixture
def sea(db):
    east, south = department("华东"), department("华南")
    manager = employee("华东经理", ["sales_manager"], east)
    pool = Pool.objects.get(kind="customer", is_default=True)
    pool.everyone = False
    pool.former_days = 0
    pool.save()
    pool.departments.set([east])
    book.touch("customer")
    return SimpleNamespace(
        pool=pool,
        facts=book.get("customer", pool.pk),
        east=east,
        south=south,
        manager=manager,
        ann=employee("安", ["seller"], east, supervisor=manager),
        bob=employee("波", ["seller"], east, supervisor=manager),
        eve=employee("外", ["seller"], south),
        boss=employee("总", ["super"], east),
    )
