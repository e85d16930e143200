"""Two sellers with their manager, and a seller of another region."""

from types import SimpleNamespace

import pytest

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
        boss=employee("总", ["super"], east),
    )
