"""The built-in views of the customer list."""

import pytest

from crm.records import filters, services, stars, teams
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
    stars.toggle(b, user=m)
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


@pytest.mark.django_db
def test_selecting_everything_says_which_rows_the_action_leaves_out():
    me, other = employee("甲", ["seller"]), employee("乙", ["seller"], department("远"))
    mine = [services.create(Customer(name=name, owner=me), by=me) for name in ("一", "二")]
    shared = services.create(Customer(name="三", owner=other), by=other)
    teams.add([shared], [me], write=False, by=other)
    client, everything = client_for(me), {"all": "1", "filter": filters.sign("customer", "")}
    assert client.get("/customers/").context["pager"]["count"] == 3
    page = client.post("/customers/bulk/delete/", everything)
    text = page.content.decode()
    assert (
        "删除 2 个客户？" in text
        and "另有 1 条不在您可操作的范围内，不会处理。" in text
        and "三" not in page.context["details"]
    )
    client.post("/customers/bulk/delete/", dict(page.context["hidden"]))
    assert set(Customer.objects.live()) == {shared} and not Customer.objects.live().filter(
        pk__in=[one.pk for one in mine]
    )


@pytest.mark.django_db
def test_a_transfer_address_is_about_its_own_record_whatever_the_body_names():
    me, mate, other = (
        employee("甲", ["seller"]),
        employee("丙", ["seller"]),
        employee("乙", ["seller"], department("远")),
    )
    mine = services.create(Customer(name="一", owner=me), by=me)
    hidden = services.create(Customer(name="二", owner=other), by=other)
    client, body = client_for(me), {"ids": mine.pk, "confirmed": "1", "owner": mate.pk}
    for data in ({}, {"ids": mine.pk}, body, {**body, "ids": hidden.pk}):
        assert client.post(f"/customers/{hidden.pk}/transfer/", data).status_code == 404, data
        assert client.post(f"/customers/{hidden.pk}/team/", data).status_code == 404, data
    assert client.post(f"/customers/{mine.pk}/transfer/", {}).status_code == 200
    assert set(Customer.objects.values_list("name", "owner")) == {("一", me.pk), ("二", other.pk)}
