"""A small company for the tests of contracts."""

from types import SimpleNamespace

import pytest

from orgs.tests.factories import department, employee


@pytest.fixture
def staff(db):
    """安 and 波 sell in one department under 陈 (manager); 丁 sells elsewhere; 孔 is the administrator, 宁 may do nothing."""
    east, south = department("华东"), department("华南")
    boss = employee("陈", ["sales_manager"], east)
    return SimpleNamespace(
        boss=boss,
        ann=employee("安", ["seller"], east, supervisor=boss),
        bob=employee("波", ["seller"], east, supervisor=boss),
        stranger=employee("丁", ["seller"], south),
        finance=employee("钱", ["finance"]),
        admin=employee("孔", ["super"]),
        nobody=employee("宁", []),
        east=east,
    )
