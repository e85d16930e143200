"""A manager with two sellers in one department, a seller in another, a super administrator, a lead pool of the first."""

from types import SimpleNamespace

import pytest

from crm.records.models import DictionaryItem
from customers.models import Pool
from customers.pools import book
from leads.models import Lead
from leads.services import create_lead
from orgs.tests.factories import department, employee


def make(name: str, owner, *, by=None, **values) -> Lead:
    """A lead with these fields, created by its owner unless `by` says otherwise; `late` ones are written as they are."""
    late = {key: values.pop(key) for key in ("created_at", "received_at", "last_followed_at") if key in values}
    status = values.pop("status", None)
    lead = create_lead(Lead(name=name, owner=owner, **values), by=by or owner)
    if status:
        late["status"] = status
    if late:
        Lead.objects.filter(pk=lead.pk).update(**late)
        lead.refresh_from_db()
    return lead


def rows(*leads):
    return Lead.objects.filter(pk__in=[lead.pk for lead in leads])


def reason() -> DictionaryItem:
    return DictionaryItem.objects.get(dictionary="lead.dead_reason", label="没有需求")


@pytest.fixture
def team(db):
    east, south = department("华东"), department("华南")
    manager = employee("华东经理", ["sales_manager"], east)
    pool = Pool.objects.get(kind="lead")
    Pool.objects.filter(pk=pool.pk).update(everyone=False, former_days=0)
    pool.departments.set([east])
    book.touch("lead")
    return SimpleNamespace(
        east=east,
        south=south,
        manager=manager,
        ann=employee("安", ["seller"], east, supervisor=manager),
        bob=employee("波", ["seller"], east, supervisor=manager),
        eve=employee("外", ["seller"], south),
        boss=employee("总", ["super"], east),
        pool=pool,
        facts=book.get("lead", pool.pk),
    )
