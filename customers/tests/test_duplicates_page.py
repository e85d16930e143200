"""查重: the page, the fixed fields, what nobody may guess, how often one may look."""

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.records import fieldset, params, search, services, teams
from crm.records import modules as registry
from customers.duplicates import sources
from customers.models import Contact, Customer, Pool
from customers.services import create_customer
from orgs.tests.factories import client_for, department, employee, role

XSS = '"><img src=x onerror=1>'
pytestmark = pytest.mark.django_db


@pytest.fixture
def company(db):
    """A seller of 华南 owns 云澜智造; somebody of 华东 looks."""
    cache.clear()
    south, east = department("华南"), department("华东")
    owner, seller = employee("丙", ["seller"], south), employee("甲", ["seller"], east)
    customer = create_customer(
        Customer(
            name="云澜智造科技（苏州）有限公司",
            owner=owner,
            phone="13911112222",
            website="www.yunlan.com",
            remark="机密备注",
        ),
        by=owner,
        contact={"name": "许一诺", "mobile": "13933334444", "email": "xu@yunlan.com", "position": "机密职位"},
    )
    yield {"owner": owner, "seller": seller, "customer": customer}
    cache.clear()


def look(person, q, **more):
    return client_for(person).get("/duplicates/", {"q": q}, **more)


def names(response) -> list[tuple]:
    return [(hit.name, hit.label, hit.why) for hit in response.context["hits"]]


def test_a_hidden_customer_is_found_by_its_name_and_shows_the_fixed_fields_only(company):
    page = look(company["seller"], "云澜智造科技股份")
    body = page.content.decode()
    assert names(page) == [("云澜智造科技（苏州）有限公司", "客户", "名称相近")]
    for shown in ("丙", "华南", "139****2222", "申请移交"):
        assert shown in body
    for hidden in ("13911112222", "机密", "yunlan.com", f"/customers/{company['customer'].pk}/", "许一诺"):
        assert hidden not in body
    own = look(company["owner"], "云澜智造科技").content.decode()
    assert f"/customers/{company['customer'].pk}/" in own and "申请移交" not in own
    assert "13911112222" not in own  # masked always


@pytest.mark.parametrize("q", ["139 1111 2222", "+86-139-1111-2222"])
def test_a_number_is_found_whole(company, q):
    assert names(look(company["seller"], q)) == [("云澜智造科技（苏州）有限公司", "客户", "电话相同")]


@pytest.mark.parametrize("q", ["1391111222", "3911112222", "91111222", "2222", "139111122223"])
def test_a_part_of_a_number_finds_nothing(company, q):
    page = look(company["seller"], q)
    assert page.context["hits"] == [] and "云澜" not in page.content.decode()


def test_a_contacts_number_finds_the_contact_and_the_customer(company):
    page = look(company["seller"], "13933334444")
    assert names(page) == [("云澜智造科技（苏州）有限公司", "客户", "电话相同"), ("许一诺", "联系人", "电话相同")]
    assert "139****4444" in page.content.decode()


def test_a_domain_is_found_by_website_and_mail_and_a_public_one_is_refused(company):
    assert [name for name, *_ in names(look(company["seller"], "http://yunlan.com/about"))] == [
        "云澜智造科技（苏州）有限公司",
        "许一诺",
    ]
    page = look(company["seller"], "xu@qq.com")
    assert "qq.com 是公共的邮箱或平台" in page.content.decode() and page.context["hits"] == []


def test_likely_ones_come_first_and_what_differs_by_a_place_is_only_possible(company):
    owner = company["owner"]
    for name in ("杭州云澜智造科技", "大云澜智造科技园", "云澜智造科技"):
        services.create(Customer(name=name, owner=owner), by=owner)
    assert names(look(company["seller"], "云澜智造科技")) == [
        ("云澜智造科技", "客户", "名称相同"),
        ("云澜智造科技（苏州）有限公司", "客户", "名称相近"),
        ("杭州云澜智造科技", "客户", "可能"),
        ("大云澜智造科技园", "客户", "名称包含"),
    ]


def test_pool_customers_are_found_as_such_and_the_recycle_bin_is_not(company):
    Customer.objects.filter(pk=company["customer"].pk).update(owner=None, pool=Pool.objects.get(kind="customer"))
    page = look(company["seller"], "云澜智造科技")
    assert names(page) == [("云澜智造科技（苏州）有限公司", "公海", "名称相近")]
    assert "申请移交" not in page.content.decode()[page.content.decode().index("k-dup-table") :]
    Customer.objects.filter(pk=company["customer"].pk).update(owner=company["owner"], pool=None)
    services.delete(Contact.objects.all(), by=company["owner"])
    services.delete(Customer.objects.all(), by=company["owner"])
    for q in ("云澜智造科技", "13911112222", "13933334444", "yunlan.com", "许一诺"):
        assert look(company["seller"], q).context["hits"] == [], q


def test_more_than_ten_ask_for_a_better_condition_and_the_statements_do_not_grow(company):
    owner, seller = company["owner"], company["seller"]
    client = client_for(seller)
    client.get("/duplicates/", {"q": "青岚"})
    with CaptureQueriesContext(
        connection,
    ) as one:
        client.get("/duplicates/", {"q": "云澜智造科技"})
    made = [Customer(name=f"云澜智造科技{n}号", owner=owner, name_stem=f"云澜智造科技{n}号") for n in range(30)]
    Customer.objects.bulk_create(made)
    search.index(registry.get("customer"), Customer.objects.all())
    with CaptureQueriesContext(connection) as many:
        page = client.get("/duplicates/", {"q": "云澜智造科技"})
    assert len(page.context["hits"]) == 10
    assert "还有更多，请输入更完整的条件" in page.content.decode()
    assert len(many) <= len(one) <= 22


@pytest.mark.parametrize("level", [fieldset.HIDDEN, fieldset.MASKED])
def test_whoever_may_not_read_numbers_finds_nothing_by_them(company, level):
    own = role("seller")
    own.field_rights = {"customer": {"phone": level}, "contact": {"mobile": level}}
    own.save()
    assert look(company["seller"], "13911112222").context["hits"] == []
    assert look(company["seller"], "13933334444").context["hits"] == []
    hint = client_for(company["seller"]).get("/customers/duplicates/", {"field": "phone", "value": "13911112222"})
    assert hint.context["hits"] == []
    body = look(company["seller"], "云澜智造科技").content.decode()
    assert ("139****2222" in body) == (level == fieldset.MASKED)


def test_a_member_of_the_team_opens_the_record_from_here(company):
    teams.add([company["customer"]], [company["seller"]], write=False, by=company["owner"])
    assert f"/customers/{company['customer'].pk}/" in look(company["seller"], "云澜智造科技").content.decode()


def test_searches_are_counted_and_come_to_an_end(company, one_minute):
    params.store("duplicates_per_minute", 2)
    seller = company["seller"]
    assert names(look(seller, "云澜智造科技")) and names(look(seller, "13911112222"))
    page = look(seller, "云澜智造科技")
    assert page.context["hits"] == [] and "每分钟最多查重 2 次，请稍后再试。" in page.content.decode()
    hint = client_for(seller).get("/customers/duplicates/", {"field": "phone", "value": "13911112222"})
    assert hint.context["hits"] == []  # numbers cannot be tried one by one below a form either
    assert names(look(company["owner"], "云澜智造科技"))  # each has their own
    params.store("duplicates_per_minute", 1000)
    params.store("duplicates_per_day", 3)
    assert "每天最多查重 3 次" in look(seller, "云澜智造科技").content.decode()


@pytest.mark.parametrize(
    "q", [XSS, "长" * 10_000, "🚀🚀", "=1+1", "%", "_%", "' OR 1=1 --", "\x00\x00", "(((", "@", "a@"]
)
def test_odd_input_is_answered_and_escaped(company, q):
    services.create(Customer(name=XSS, owner=company["owner"]), by=company["owner"])
    page = look(company["seller"], q)
    assert page.status_code == 200
    assert "<img src=x" not in page.content.decode()
    assert (XSS in [name for name, *_ in names(page)]) == (q == XSS)


def test_the_page_needs_the_function_and_stands_in_the_navigation_of_those_who_hold_it(company):
    nobody = employee("无权", [])
    assert look(nobody, "云澜").status_code == 403
    assert "/duplicates/" not in client_for(nobody).get("/").content.decode()
    frame = client_for(company["seller"]).get("/").content.decode()
    assert frame.index("/contacts/") < frame.index('href="/duplicates/"')
    assert "/duplicates/" in client_for(company["seller"]).get("/search/", {"q": "查重"}).content.decode()


def test_a_module_above_adds_its_source_and_its_action(company, monkeypatch):
    lead = sources.Source(
        "product",
        lambda kind, values, limit: [],
        reads={},
        actions=lambda records, user: {},
    )
    monkeypatch.setattr(sources, "ALL", dict(sources.ALL))
    sources.register(lead)
    assert [source.module for source in sources.ordered()][-1] == "product"
    with pytest.raises(ValueError, match="twice"):
        sources.register(lead)
    assert names(look(company["seller"], "云澜智造科技"))


def test_the_card_of_a_customer_lists_those_with_its_number_or_domain(company):
    seller, owner = company["seller"], company["owner"]
    mine = create_customer(
        Customer(name="甲的客户", owner=seller), by=seller, contact={"name": "某人", "mobile": "13911112222"}
    )
    other = services.create(Customer(name="同域名的客户", owner=seller, website="https://shop.yunlan.com"), by=seller)
    client = client_for(seller)
    page = client.get(f"/customers/{mine.pk}/related/")
    body = page.content.decode()
    assert [(hit.name, hit.why, hit.visible) for hit in page.context["hits"]] == [
        ("云澜智造科技（苏州）有限公司", "电话相同", False)
    ]
    assert "丙" in body and f"/customers/{company['customer'].pk}/" not in body and "13911112222" not in body
    theirs = client_for(owner).get(f"/customers/{company['customer'].pk}/related/")
    assert [(hit.name, hit.why) for hit in theirs.context["hits"]] == [
        ("甲的客户", "电话相同"),
        ("同域名的客户", "域名相同"),
    ]
    assert client.get(f"/customers/{company['customer'].pk}/related/").status_code == 404
    assert f"/customers/{other.pk}/related/" in client.get(f"/customers/{other.pk}/").content.decode()
    with CaptureQueriesContext(connection) as one:
        client.get(f"/customers/{mine.pk}/related/")
    for n in range(8):
        services.create(Customer(name=f"又一家{n}", owner=owner, phone="13911112222"), by=owner)
    with CaptureQueriesContext(connection) as many:
        page = client.get(f"/customers/{mine.pk}/related/")
    assert len(page.context["hits"]) == 5 and page.context["more"]
    assert len(many) == len(one)


def test_the_card_says_nothing_of_numbers_the_person_may_not_read(company):
    seller = company["seller"]
    mine = services.create(Customer(name="甲的客户", owner=seller, phone="13911112222"), by=seller)
    own = role("seller")
    own.field_rights = {"customer": {"phone": fieldset.HIDDEN}}
    own.save()
    assert client_for(seller).get(f"/customers/{mine.pk}/related/").context["hits"] == []


def test_stems_and_domains_follow_the_record(company):
    customer = company["customer"]
    services.update(customer, {"name": "青岚科技", "website": "http://qinglan.cn"}, version=1, by=company["owner"])
    assert look(company["seller"], "云澜智造科技").context["hits"] == []
    assert [name for name, *_ in names(look(company["seller"], "qinglan.cn"))] == ["青岚科技"]
