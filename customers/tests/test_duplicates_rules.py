"""The rule of each entry point: forms ask or refuse, imports list or fail, nothing typed is lost."""

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.records import params, services
from customers.duplicates import rules
from customers.models import Contact, Customer, Pool
from customers.services import create_customer
from customers.tests.importing import HEAD, faults, figures, run
from orgs.tests.factories import client_for, department, employee

pytestmark = pytest.mark.django_db


@pytest.fixture
def seller(db):
    cache.clear()
    return employee("甲", ["seller"], department("华东"))


@pytest.fixture
def hidden(seller):
    """A customer of another department."""
    owner = employee("丙", ["seller"], department("华南"))
    return create_customer(
        Customer(name="云澜智造有限公司", owner=owner, phone="13911112222", remark="机密"),
        by=owner,
        contact={"name": "许一诺", "mobile": "13933334444"},
    )


def post(person, url="/customers/new/", **data):
    return client_for(person).post(url, {"owner": person.pk, **data})


def errors(response) -> dict:
    return {name: list(found) for name, found in response.context["form"].errors.items()}


def rule(entry, name="off", phone="off"):
    params.store(f"duplicates_{entry}_name", name)
    params.store(f"duplicates_{entry}_phone", phone)


@pytest.mark.parametrize(
    "data",
    [
        {"name": "云澜智造股份"},
        {"name": "新公司", "phone": "139 1111 2222"},
        {"name": "新公司", "phone": "13933334444"},
    ],
)
def test_by_default_the_form_asks_and_saves_when_told_so_again(seller, hidden, data):
    page = post(seller, remark="这段话不能丢", **data)
    body = page.content.decode()
    assert page.status_code == 200 and Customer.objects.count() == 1
    assert "仍然保存" in body and "这段话不能丢" in body and "云澜智造有限公司" in body and "丙 · 华南" in body
    assert "机密" not in body and f"/customers/{hidden.pk}/" not in body
    token = page.context["form"].doubts_token
    assert post(seller, duplicates_ok=token, _new="1", **data).headers["Location"] == "/customers/new/"
    assert Customer.objects.count() == 2


def test_a_confirmation_is_good_for_what_was_shown_only(seller, hidden):
    token = post(seller, name="云澜智造股份").context["form"].doubts_token
    services.create(Customer(name="云澜智造集团", owner=seller), by=seller)
    again = post(seller, name="云澜智造股份", duplicates_ok=token)
    assert again.status_code == 200 and len(again.context["form"].doubts) == 2
    assert post(seller, name="云澜智造股份", duplicates_ok="x" * 10_000).status_code == 200
    assert Customer.objects.count() == 2


def test_the_primary_contacts_mobile_counts(seller, hidden):
    page = post(seller, name="新公司", contact_name="某人", contact_mobile="13933334444")
    assert [one["name"] for one in page.context["form"].doubts] == ["云澜智造有限公司"]
    rule("form", phone="forbid")
    page = post(seller, name="新公司", contact_name="某人", contact_mobile="13933334444")
    assert errors(page) == {"contact_mobile": ["电话相同的客户已存在，负责人：丙"]}


def test_forbidding_names_the_record_where_it_is_visible_and_the_owner_where_not(seller, hidden):
    rule("form", "forbid", "forbid")
    page = post(seller, name="云澜智造股份", phone="13911112222")
    assert errors(page) == {"name": ["名称相近的客户已存在，负责人：丙"], "phone": ["电话相同的客户已存在，负责人：丙"]}
    assert "云澜智造有限公司" not in page.content.decode()
    services.create(Customer(name="云澜智造集团", owner=seller), by=seller)
    assert errors(post(seller, name="云澜智造股份")) == {"name": ["名称相近的客户已存在：云澜智造集团"]}
    Customer.objects.update(owner=None, pool=Pool.objects.get(kind="customer"))
    assert errors(post(seller, name="云澜智造股份")) == {"name": ["名称相近的客户已存在，在公海中"]}
    assert Customer.objects.count() == 2


def test_without_a_rule_nothing_is_looked_for(seller, hidden):
    rule("form")
    assert post(seller, name="云澜智造股份", phone="13911112222").status_code == 302


def test_the_same_name_is_a_matter_of_its_own_parameter(seller, hidden):
    assert errors(post(seller, name="云澜智造有限公司")) == {"name": ["已有同名客户"]}
    rule("form", "forbid", "forbid")
    assert errors(post(seller, name="云澜智造 有限公司")) == {"name": ["已有同名客户"]}
    params.store("duplicate_names", "warn")
    rule("form", "warn")
    assert [one["name"] for one in post(seller, name="云澜智造有限公司").context["form"].doubts] == ["云澜智造有限公司"]


def test_editing_asks_only_about_what_changed(seller, hidden):
    mine = services.create(Customer(name="云澜智造股份", owner=seller, phone="13911112222"), by=seller)
    url = f"/customers/{mine.pk}/edit/"
    same = {"name": mine.name, "phone": mine.phone, "version": mine.version}
    assert post(seller, url, **same, remark="改备注").status_code == 302
    mine.refresh_from_db()
    page = post(seller, url, **{**same, "version": mine.version, "phone": "13933334444"})
    assert [one["name"] for one in page.context["form"].doubts] == ["云澜智造有限公司"]
    token = page.context["form"].doubts_token
    data = {**same, "version": mine.version, "phone": "13933334444", "duplicates_ok": token}
    assert post(seller, url, **data).status_code == 302
    stale = post(seller, url, **data)
    assert stale.status_code == 409  # somebody saved meanwhile: that page comes first


def test_deleted_customers_and_places_alone_are_no_reason_to_ask(seller, hidden):
    assert post(seller, name="杭州云澜智造股份").status_code == 302  # weak evidence is a hint, no question
    services.delete(Contact.objects.all(), by=hidden.owner)
    services.delete(Customer.objects.filter(pk=hidden.pk), by=hidden.owner)
    assert post(seller, name="云澜智造股份", phone="13911112222").status_code == 302


def test_the_hint_marks_weak_evidence_and_leads_to_the_whole(seller, hidden):
    body = (
        client_for(seller)
        .get("/customers/duplicates/", {"field": "name", "value": "杭州云澜智造股份"})
        .content.decode()
    )
    assert "可能</span>" in body and "查看全部" in body and "申请移交" in body


def test_an_import_is_not_checked_unless_told(seller, hidden):
    job = run(seller, HEAD, ("云澜智造股份", "13911112222", "", ""))
    assert figures(job) == (1, 0, 0, 0) and "doubtful" not in job.result


def test_an_import_lists_likely_duplicates_and_brings_them_in(seller, hidden):
    rule("import", "warn", "warn")
    services.create(Customer(name="青岚科技", owner=seller), by=seller)
    job = run(
        seller,
        HEAD,
        ("云澜智造股份", "13911112222", "", ""),
        ("青岚科技集团", "", "", ""),
        ("全新", "13955556666", "", ""),
        ("全新公司", "", "", ""),
        ("杭州云澜智造", "", "", ""),
    )
    assert figures(job) == (5, 0, 0, 0)
    assert job.result["doubtful"] == 3
    assert job.result["named"] == [
        ["第 2 行 云澜智造股份", "名称相近的客户已存在，负责人：丙；电话相同的客户已存在，负责人：丙"],
        ["第 3 行 青岚科技集团", "名称相近的客户已存在：青岚科技"],
        ["第 5 行 全新公司", "与第 4 行名称相近"],
    ]
    page = client_for(seller).get(f"/jobs/{job.pk}/").content.decode()
    assert "可能重复" in page and "第 3 行 青岚科技集团" in page


def test_an_import_refuses_rows_a_rule_forbids(seller, hidden):
    rule("import", "forbid", "forbid")
    job = run(
        seller,
        HEAD,
        ("云澜智造股份", "", "", ""),
        ("新公司", "139 3333 4444", "", ""),
        ("新公司二", "", "", ""),
        ("全新", "", "", ""),
    )
    assert figures(job) == (2, 0, 0, 2)
    assert faults(job) == [
        (2, "客户名称", "名称相近的客户已存在，负责人：丙"),
        (3, "电话", "电话相同的客户已存在，负责人：丙"),
    ]
    assert set(Customer.objects.exclude(pk=hidden.pk).values_list("name", flat=True)) == {"新公司二", "全新"}


def test_rows_that_update_a_customer_are_no_duplicates_of_it(seller):
    rule("import", "forbid", "forbid")
    services.create(Customer(name="青岚科技", owner=seller, phone="13911112222"), by=seller)
    job = run(seller, HEAD, ("青岚科技", "13911112222", "备注", ""), on_duplicate="overwrite")
    assert figures(job) == (0, 1, 0, 0) and "doubtful" not in job.result


def test_the_statements_of_the_check_do_not_grow_with_the_rows(seller, hidden):
    rule("import", "warn", "warn")

    def statements(rows):
        with CaptureQueriesContext(connection) as queries:
            run(seller, HEAD, *rows)
        return len(queries)

    first = statements([("公司零", "13900000000", "", "")])
    assert statements([(f"别家{n}号", f"1390001{n:04}", "", "") for n in range(150)]) <= first + 2


def test_stems_and_domains_are_written_by_the_import(seller):
    head = ("客户名称", "网址", "联系人", "邮箱")
    run(seller, head, ("苏州青岚科技有限公司", "www.qinglan.cn", "许一诺", "xu@qinglan.com"))
    customer = Customer.objects.get()
    assert (customer.name_stem, customer.domain, Contact.objects.get().domain) == (
        "青岚科技",
        "qinglan.cn",
        "qinglan.com",
    )
    run(seller, head, ("苏州青岚科技有限公司", "www.qinglan.net", "", ""), on_duplicate="overwrite")
    assert Customer.objects.get().domain == "qinglan.net"


def test_every_entry_point_has_its_parameters(db):
    assert {f"duplicates_{entry}_{check}" for entry in rules.ENTRIES for check in rules.CHECKS} <= set(params.PARAMS)
    assert [rules.level(entry, "name") for entry in rules.ENTRIES] == ["warn", "off", "warn", "off"]
    admin = employee("管理员", ["admin"])
    page = client_for(admin).get("/settings/parameters/").content.decode()
    assert "查重 · 导入 · 电话相同" in page and "每天查重次数" in page


def test_a_conversion_or_an_api_asks_the_same_question(seller, hidden):
    found = rules.check("conversion", user=seller, name="云澜智造股份", phones=["13911112222"])
    assert [hit.record.pk for hit in found.doubts] == [hidden.pk] and found.token and not found.forbidden
    assert not rules.check("api", user=seller, name="云澜智造股份", phones=["13911112222"]).doubts
