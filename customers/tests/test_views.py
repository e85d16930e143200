"""The built-in views of the customer list."""

import pytest

from crm.records import services, teams
from customers.models import Customer
from orgs.tests.factories import client_for, department, employee


@pytest.mark.django_db
def test_each_view_shows_and_counts_its_own_rows():
    m = employee("经", ["sales_manager"])
    s = employee("卖", ["seller"], supervisor=m)
    o = employee("外", ["seller"], department("远"))
    services.create(Customer(name="一", owner=m), by=m)
    b = services.create(Customer(name="二", owner=s), by=s)
    c = services.create(Customer(name="三", owner=o), by=o)
    teams.add([c], [m], write=False, by=o)
    services.toggle_star(b, user=m)
    cl = client_for(m)
    got = {
        v: sorted(r["title"] for r in cl.get(f"/customers/?view={v}").context["rows"])
        for v in ("all", "mine", "subordinates", "starred", "team")
    }
    cnt = {v: cl.get(f"/customers/?view={v}").context["pager"]["count"] for v in got}
    assert (
        got["mine"] == ["一"]
        and got["subordinates"] == ["二"]
        and got["starred"] == ["二"]
        and got["team"] == ["三"]
        and cnt == {k: len(v) for k, v in got.items()}
    ), (got, cnt)
    so = client_for(s)
    assert so.get("/customers/?view=subordinates").context["rows"] == []
    assert so.get("/customers/?view=starred").context["pager"]["count"] == 0
