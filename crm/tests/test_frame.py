"""Pages of the frame: the workbench's statements, links of the search, who reads an import's errors."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.records import services
from crm.records.models import Job
from customers.models import Contact, Customer
from orgs.tests.factories import client_for, employee

pytestmark = pytest.mark.django_db


def test_the_workbench_takes_the_same_statements_whatever_the_rows():
    seller = employee("甲", ["seller"])
    client = client_for(seller)
    client.get("/")
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/").status_code == 200
        counts.append(len(queries))
        for n in range(12):
            customer = services.create(Customer(name=f"公司{len(counts)}-{n}", owner=seller), by=seller)
            services.create(Contact(name=f"人{n}", customer=customer, owner=seller), by=seller)
    assert counts[1] - counts[0] <= 2 and counts[1] <= 32  # the first rows of each of the two modules are fetched
    with CaptureQueriesContext(connection) as queries:
        client.get("/")
    assert len(queries) == counts[1]


def test_the_link_to_all_hits_keeps_every_character():
    seller = employee("甲", ["seller"])
    services.create(Customer(name="A&B#C 公司", owner=seller), by=seller)
    groups = client_for(seller).get("/search/", {"q": "A&B#C"}).context["groups"]
    assert groups[0]["more_url"] == "/customers/?q=A%26B%23C"


def test_the_errors_of_an_import_quote_cells_and_are_shown_to_the_importer_only():
    seller, admin = employee("甲", ["seller"]), employee("管", ["admin"])
    result = {"created": 0, "updated": 0, "skipped": 0, "failed": 1, "errors": [[2, "省", "没有“金丝雀”这个省份"]]}
    job = Job.objects.create(
        kind="import", module="customer", label="导入客户", user=seller, state="done", result=result
    )
    assert "金丝雀" in client_for(seller).get(f"/jobs/{job.pk}/").content.decode()
    response = client_for(admin).get(f"/jobs/{job.pk}/")
    assert response.status_code == 200 and "金丝雀" not in response.content.decode()


def test_the_workbench_offers_only_what_the_role_may_create():
    assert 'k-btn" href="/customers/new/"' in client_for(employee("甲", ["seller"])).get("/").content.decode()
    assert "/customers/new/" not in client_for(employee("财", ["finance"])).get("/").content.decode()
