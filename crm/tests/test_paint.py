"""P18's harness on the test server: what it counts, what it refuses, what it says without a browser."""

import pytest
from django.conf import settings

from crm import bench
from crm.bench import paint
from crm.records import services
from customers.models import Customer
from orgs.tests.factories import client_for, department, employee


def cookie_of(person) -> str:
    return f"{settings.SESSION_COOKIE_NAME}={client_for(person).cookies[settings.SESSION_COOKIE_NAME].value}"


@pytest.mark.browser
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_list_and_detail_are_painted_from_this_site_alone_with_few_scripts(browser, live_server):
    seller = employee("林晓岚", ["seller"], department("苏州组"))
    one = services.create(Customer(name="平安银行", owner=seller), by=seller)
    paths = ["/customers/", f"/customers/{one.pk}/"]
    found = paint.visits(browser, live_server.url, cookie_of(seller), paths, rounds=2)
    assert list(found) == paths
    for visit in found.values():
        assert len(visit.paints) == 2 and 0 < visit.paint < 10_000
        assert visit.scripts and all(url.startswith(live_server.url) for url in visit.scripts)
        assert visit.outside == set()
    assert 1_000 < paint.gzipped(found["/customers/"].scripts) <= paint.MOST_SCRIPT


@pytest.mark.browser
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_page_that_answers_something_else_is_not_measured(browser, live_server):
    seller = employee("林晓岚", ["seller"], department("苏州组"))
    with pytest.raises(bench.NotMeasured, match="/customers/999/ answered 404"):
        paint.visits(browser, live_server.url, cookie_of(seller), ["/customers/999/"], rounds=1)
    with pytest.raises(bench.NotMeasured, match="/login/"):
        paint.visits(browser, live_server.url, "sessionid=none", ["/customers/"], rounds=1)


def test_one_slow_page_one_request_outside_or_too_much_script_miss_the_target():
    quick, slow = paint.Visit([90.0, 100.0, 2000.0]), paint.Visit([380.0, 420.0, 430.0])
    assert paint.result({"/a/": quick}, 1000, data="").ok
    assert paint.result({"/a/": quick, "/b/": slow}, 1000, data="").value == 420.0
    assert not paint.result({"/a/": quick, "/b/": slow}, 1000, data="").ok
    assert not paint.result({"/a/": quick}, paint.MOST_SCRIPT + 1, data="").ok
    spying = paint.Visit([90.0], outside={"https://cdn.example/x.js"})
    missed = paint.result({"/a/": spying}, 1000, data="")
    assert not missed.ok and "1 requests to other hosts: https://cdn.example/x.js" in missed.how


def test_without_a_browser_it_says_how_to_get_one(monkeypatch):
    monkeypatch.setattr(paint, "find_browser", lambda: None)
    with pytest.raises(bench.NotMeasured, match="apt install chromium"):
        bench.load()["P18"](bench.Options())
