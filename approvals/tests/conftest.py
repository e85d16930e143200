"""Who most tests of approvals are about."""

from types import SimpleNamespace

import pytest

from orgs.tests.factories import department, employee


@pytest.fixture
def people(db):
    """A seller, two managers, finance and an administrator."""
    east = department("华东")
    boss = employee("王总", ["sales_manager"], east)
    return SimpleNamespace(
        east=east,
        seller=employee("小李", ["seller"], east, supervisor=boss),
        boss=boss,
        deputy=employee("赵经理", ["sales_manager"], east),
        finance=employee("钱会计", ["finance"], east),
        admin=employee("管理员", ["admin"]),
    )
