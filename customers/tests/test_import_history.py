"""导入历史: my imports, for administrators everybody's, with figures, refused rows and the state of their undo."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.records import jobs
from crm.records.importing import undo
from customers.tests.importing import HEAD, run
from orgs.tests.factories import client_for, employee

pytestmark = pytest.mark.django_db


def test_it_lists_my_imports_and_for_administrators_everybodys():
    mine, other, admin = employee(), employee(), employee(roles=("admin",))
    job = run(mine, HEAD, ("甲", "", "", ""), ("", "1", "", ""))
    page = client_for(mine).get("/import/history/")
    (row,) = page.context["rows"]
    assert row["figures"] == [("新建", 1), ("更新", 0), ("跳过", 0), ("失败", 1)] and row["module"] == "客户"
    assert (row["failed_url"], row["undo_url"]) == (f"/jobs/{job.pk}/failed/", f"/jobs/{job.pk}/undo/")
    assert client_for(other).get("/import/history/").context["rows"] == []
    (seen,) = client_for(admin).get("/import/history/").context["rows"]
    assert (seen["failed_url"], seen["undo_url"], seen["user"]) == (None, f"/jobs/{job.pk}/undo/", mine)
    for address in ("/customers/import/", "/jobs/"):
        assert 'href="/import/history/"' in client_for(mine).get(address).content.decode()


def test_the_state_of_the_undo_stands_beside_the_import():
    person = employee()
    job = run(person, HEAD, ("甲", "", "", ""))
    made = undo.begin(job.pk, by=person, send=False)
    client = client_for(person)
    assert "正在撤销" in client.get("/import/history/").content.decode()
    jobs.execute(made.pk)
    text = client.get("/import/history/").content.decode()
    assert "已撤销" in text and f'href="/jobs/{made.pk}/"' in text and f"/jobs/{job.pk}/undo/" not in text


def test_names_are_escaped_pages_turn_and_statements_do_not_grow():
    person = employee()
    client, counts = client_for(person), []
    for _ in range(2):
        for _ in range(4):
            job = run(person, HEAD, ("甲", "", "", ""))
            job.params["name"] = '"><img src=x onerror=1>.xlsx'
            job.save(update_fields=["params"])
        client.get("/import/history/")
        with CaptureQueriesContext(connection) as queries:
            text = client.get("/import/history/").content.decode()
        counts.append(len(queries))
        assert '"><img src=x' not in text
    assert counts[0] == counts[1] <= 12
    for page in ("abc", "0", "-1", "99999999999999999999", "9"):
        assert client.get(f"/import/history/?page={page}").status_code == 200
