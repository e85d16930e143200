"""The export ledger page: who took what, in words, for holders of 日志 only."""

import json
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.records import modules
from crm.records.custom import definitions
from crm.records.exporting import job as exporting
from crm.records.jobs import execute
from crm.records.models import DictionaryItem, ExportLedger, Job, SavedView
from customers.models import Customer
from orgs.services import fields as verbs
from orgs.tests.factories import client_for, employee

pytestmark = pytest.mark.django_db
XSS = '"><img src=x onerror=1>'


def exported(user, **options):
    job = exporting.begin(modules.get("customer"), user=user, kind="csv", send=False, **options)
    execute(job.pk, quiet=True)
    return ExportLedger.objects.latest("pk")


def shown(client, query="") -> list[dict]:
    return client.get(f"/settings/exports/{query}").context["rows"]


def test_only_holders_of_the_log_function_see_it():
    assert client_for(employee(roles=("sales_manager",))).get("/settings/exports/").status_code == 403
    page = client_for(employee(roles=("admin",))).get("/settings/exports/")
    assert page.status_code == 200 and "没有符合条件的导出" in page.content.decode()


def test_conditions_fields_and_files_are_said_in_words():
    seller, admin = employee("王敏"), employee(roles=("admin",))
    row = verbs.create_field("customer", {"type": "line", "label": "展位号"}, by=admin)
    Customer.objects.create(name="甲", name_key="甲", owner=seller)
    industry = DictionaryItem.objects.filter(dictionary="customer.industry").first()
    query = f"view=mine&q=平安&industry={industry.pk}&owner={seller.pk}&province=江苏省&sort=-name"
    exported(seller, query=query, columns="all")
    exported(seller, ids=[Customer.objects.get().pk])
    exported(seller, query="")
    client = client_for(admin)
    everything, chosen, found = shown(client)
    assert found["conditions"] == [
        ("视图", "我的客户"),
        ("搜索", "平安"),
        ("客户行业", industry.label),
        ("负责人", "王敏"),
        ("省", "江苏省"),
    ]
    assert chosen["conditions"] == [("所选的记录", "")] and everything["conditions"] == []
    assert {"客户名称", "客户联系地址", "展位号"} <= set(found["fields"]) and found["there"]
    assert (found["user"], found["module"], found["count"], everything["count"]) == (seller, "客户", 0, 1)
    Job.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert not shown(client)[0]["there"]
    verbs.retire_field(row, True, by=admin)
    assert definitions.custom("customer")[row.key].retired and "展位号" in shown(client)[2]["fields"]


def test_odd_and_foreign_conditions_stay_text():
    admin = employee(roles=("admin",))
    for text in (
        f"q={XSS}&owner__password__startswith=a&industry=99999999999999999999&owner=abc",
        "%00=%00&=x",
        "长" * 9000,
    ):
        ExportLedger.objects.create(user=admin, module="customer", filter=text, fields=[XSS, "gone"], count=1)
    ExportLedger.objects.create(user=admin, module="vanished", filter="a=1", fields=["b"], count=2)
    page = client_for(admin).get("/settings/exports/")
    assert page.status_code == 200 and XSS not in page.content.decode()
    assert ("owner__password__startswith", "a") in page.context["rows"][-1]["conditions"]


def test_it_is_narrowed_by_person_module_and_day_and_names_what_it_ignores():
    first, second, admin = employee("王敏"), employee("李雷"), employee(roles=("admin",))
    for user, module, days in ((first, "customer", 0), (second, "customer", 3), (second, "employee", 10)):
        row = ExportLedger.objects.create(user=user, module=module)
        ExportLedger.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(days=days))
    client = client_for(admin)
    day = timezone.localdate() - timedelta(days=5)
    assert len(shown(client)) == 3
    assert [row["user"] for row in shown(client, "?q=李雷&module=customer")] == [second]
    assert [row["module"] for row in shown(client, f"?until={day}")] == ["员工"]
    assert len(shown(client, f"?from={day}")) == 2
    page = client.get("/settings/exports/?module=nope&from=x&page=99&q=%00")
    assert page.status_code == 200
    assert page.context["notices"] == ["忽略了无法识别的日期，格式应为 2026-01-31", "忽略了无法识别的模块"]


def test_the_statement_count_does_not_grow_with_the_rows():
    admin, client = employee(roles=("admin",)), None
    items = list(DictionaryItem.objects.filter(dictionary="customer.industry")[:4])
    client = client_for(admin)
    counts = []
    for _ in range(2):
        for item in items:
            seller = employee()
            job = Job.objects.create(kind="export", label="导出", user=seller, output="x", output_name="x.csv")
            text = f"industry={item.pk}&owner={seller.pk}"
            ExportLedger.objects.create(user=seller, module="customer", filter=text, fields=["name"], job=job)
        client.get("/settings/exports/")
        with CaptureQueriesContext(connection) as queries:
            client.get("/settings/exports/")
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 12


def test_a_saved_view_and_advanced_conditions_stand_in_words_as_they_read_then():
    person = employee("导出人", ["super"])
    where = json.dumps({"m": "and", "c": [{"f": "name", "o": "contains", "v": ["青岚"]}]})
    view = SavedView.objects.create(user=person, module="customer", name="青岚系", query=urlencode({"where": where}))
    exported(person, query=f"view={view.key}")
    view.delete()
    conditions = shown(client_for(person))[0]["conditions"]
    assert conditions == [("视图", "青岚系"), ("高级筛选", "客户名称 包含 青岚")]
