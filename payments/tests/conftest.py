"""Two sellers with their manager, a seller of another region, somebody in finance; approvals that wait where asked."""

from types import SimpleNamespace

import pytest

from approvals import services as approvals
from orgs.tests.factories import department, employee


@pytest.fixture
def staff(db):
    east, south = department("华东"), department("华南")
    manager = employee("华东经理", ["sales_manager"], east)
    return SimpleNamespace(
        east=east,
        south=south,
        manager=manager,
        ann=employee("安", ["seller"], east, supervisor=manager),
        bob=employee("波", ["seller"], east, supervisor=manager),
        eve=employee("外", ["seller"], south),
        cash=employee("财", ["finance"], south),
        boss=employee("总", ["super"], east),
    )


@pytest.fixture
def waiting(monkeypatch):
    """Submitted payments wait for somebody to decide, as with an enabled flow."""
    monkeypatch.setattr(approvals, "submit", lambda subject, **kwargs: None)
