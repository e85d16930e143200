"""/leads/convert/ and /settings/conversion/: who gets in, what is shown, what is asked twice."""

import pytest
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.records import params, teams
from crm.records.custom import definitions
from crm.records.models import FieldDefinition, Job, Selection
from crm.testing.base import XSS
from customers.models import Contact, Customer
from leads.conversion import job, mapping
from leads.models import ConversionMapping, Lead, Status
from opportunities import pipelines
from opportunities.models import Opportunity
from orgs.models import OrgLog, Role
from orgs.tests.factories import client_for, department, employee

from .conversion import convert, lead, opportunity

pytestmark = pytest.mark.django_db
PAGE, SETTINGS = "/leads/convert/", "/settings/conversion/"


@pytest.fixture
def firm():
    """(manager, seller of theirs, a seller of another department)."""
    cache.clear()
    east = department("华东")
    manager = employee("经理", ["sales_manager"], east)
    seller = employee("甲", ["seller"], east, supervisor=manager)
    return manager, seller, employee("丙", ["seller"], department("华南"))


def fresh(record):
    return type(record).objects.get(pk=record.pk)


def sent(one, **more) -> dict:
    """What the page of a lead without any likely customer posts."""
    data = {"ids": one.pk, "confirmed": "1", "version": one.version, "seen": "", "customer": "new", "contact": "on"}
    return {**data, **more}


def post(person, data, **headers):
    return client_for(person).post(PAGE, data, headers=headers)


def restrict(role: str, module: str, **levels):
    """Field rights of a built-in role."""
    one = Role.objects.get(code=role)
    one.field_rights = {**one.field_rights, module: levels}
    one.save()


def test_the_page_shows_what_will_be_and_the_post_makes_it(firm):
    _, seller, _ = firm
    one = lead(seller, mobile="13800138000", remark="老客户介绍")
    body = client_for(seller).get(f"{PAGE}?ids={one.pk}").content.decode()
    assert "新建 云澜智造科技有限公司" in body and "138 0013 8000" in body and "老客户介绍" in body
    stage = pipelines.first_stage(pipelines.default())
    data = sent(one, opportunity="on", name="数据中台", stage=stage.pk, amount="120,000.50", expected_on="2027-01-31")
    answer = post(seller, data)
    customer = Customer.objects.get()
    assert answer.status_code == 302 and answer.headers["Location"] == f"/customers/{customer.pk}/"
    found = Opportunity.objects.get()
    assert (found.name, str(found.amount), str(found.expected_on)) == ("数据中台", "120000.50", "2027-01-31")
    page = client_for(seller).get(f"/leads/{one.pk}/").content.decode()
    assert f"/customers/{customer.pk}/" in page and "转化结果" in page and f"/opportunities/{found.pk}/" in page
    assert f"/customers/{customer.pk}/leads/" in client_for(seller).get(f"/customers/{customer.pk}/").content.decode()
    for url in (f"/customers/{customer.pk}/leads/", f"/opportunities/{found.pk}/"):
        assert f"/leads/{one.pk}/" in client_for(seller).get(url).content.decode()


def test_the_source_is_named_only_to_those_who_see_the_lead(firm):
    manager, seller, far = firm
    one = lead(seller)
    customer = convert(one, opportunity=opportunity()).customer
    teams.add([customer], [far], write=False, by=manager)
    pages = (f"/customers/{customer.pk}/leads/", f"/opportunities/{fresh(one).opportunity_id}/", "/leads/")
    for url in pages:
        answer = client_for(far).get(url)
        assert answer.status_code == 200 and one.name not in answer.content.decode(), url
    assert client_for(far).get(f"/leads/{one.pk}/").status_code == 404
    Customer.objects.update(owner=far)
    Contact.objects.update(owner=far)
    Opportunity.objects.update(owner=far)
    page = client_for(seller).get(f"/leads/{one.pk}/").content.decode()
    assert "不在您可查看的范围内" in page and f"/customers/{customer.pk}/" not in page


def test_a_second_click_and_a_stale_tab_answer_with_the_customer_and_double_nothing(firm):
    _, seller, _ = firm
    one = lead(seller)
    data = sent(one)
    post(seller, data)
    customer = Customer.objects.get()
    for answer in (post(seller, data), client_for(seller).get(f"{PAGE}?ids={one.pk}")):
        assert answer.headers["Location"] == f"/customers/{customer.pk}/"
    assert Customer.objects.count() == Contact.objects.count() == 1
    assert post(seller, data, **{"HX-Request": "true"}).headers["HX-Redirect"] == f"/customers/{customer.pk}/"


def test_a_lead_saved_meanwhile_is_shown_again(firm):
    _, seller, _ = firm
    one = lead(seller)
    Lead.objects.filter(pk=one.pk).update(version=7)
    answer = post(seller, sent(one))
    assert answer.status_code == 409 and "被修改过" in answer.content.decode() and not Customer.objects.exists()


def test_foreign_leads_are_404_in_the_address_and_in_the_body(firm):
    _, seller, far = firm
    hidden, mine = lead(far, "金丝雀公司"), lead(seller)
    for answer in (
        client_for(seller).get(f"{PAGE}?ids={hidden.pk}"),
        client_for(seller).get(f"{PAGE}?ids={hidden.pk},{hidden.pk + 100}"),
        post(seller, {"ids": hidden.pk}),
        post(seller, sent(hidden)),
        post(seller, {"ids": f"{hidden.pk},{hidden.pk + 100}", "confirmed": "1", "found": "into"}),
    ):
        assert answer.status_code == 404 and "金丝雀" not in answer.content.decode()
    many = post(seller, {"ids": f"{hidden.pk},{mine.pk}", "confirmed": "1", "found": "into"}).content.decode()
    assert "金丝雀" not in many and f"编号 {hidden.pk}" in many
    assert fresh(hidden).status == Status.NEW and fresh(mine).status == Status.CONVERTED


def test_without_the_function_403_and_without_creating_customers_a_sentence(firm):
    _, seller, _ = firm
    one = lead(seller)
    role = Role.objects.get(code="seller")
    kept = list(role.permissions)
    role.permissions = [code for code in kept if code != "customer.create"]
    role.save()
    answer = post(seller, sent(one))
    assert answer.status_code == 409 and "“客户”的“新建”权限" in answer.content.decode()
    role.permissions = [code for code in kept if code not in ("contact.create", "opportunity.create")]
    role.save()
    body = client_for(seller).get(f"{PAGE}?ids={one.pk}").content.decode()
    assert 'name="contact"' not in body and 'name="opportunity"' not in body
    assert post(seller, sent(one, opportunity="on")).status_code == 302
    assert not Contact.objects.exists() and not Opportunity.objects.exists() and Customer.objects.count() == 1
    role.permissions = [code for code in kept if code != "lead.convert"]
    role.save()
    assert client_for(seller).get(f"{PAGE}?ids={lead(seller, '乙公司').pk}").status_code == 403


def test_a_lead_given_up_says_so_instead_of_blaming_the_reach(firm):
    _, seller, _ = firm
    one = lead(seller)
    Lead.objects.filter(pk=one.pk).update(status=Status.DEAD, ended_at=timezone.now())
    page = client_for(seller).get(f"/leads/convert/?ids={one.pk}")
    assert page.status_code == 403 and "请先恢复跟进" in page.content.decode()


def test_a_lead_that_is_only_seen_is_403(firm):
    _, seller, far = firm
    one = lead(far)
    teams.add([one], [seller], write=True, by=far)
    assert client_for(seller).get(f"{PAGE}?ids={one.pk}").status_code == 403
    assert post(seller, sent(one)).status_code == 403 and not Customer.objects.exists()


def test_likely_customers_are_offered_or_told_of_and_a_forbidden_name_is_never_doubled(firm):
    _, seller, far = firm
    hidden = convert(lead(far, phone="0512-65550186", remark="机密")).customer
    one = lead(seller)
    body = client_for(seller).get(f"{PAGE}?ids={one.pk}").content.decode()
    assert "负责人：丙" in body and "申请移交" in body and "机密" not in body
    assert 'value="new"' not in body and f"/customers/{hidden.pk}/" not in body
    for choice in ("new", hidden.pk, "x" * 10_000, ""):
        answer = post(seller, sent(one, customer=choice, seen=hidden.pk))
        assert answer.status_code == 200 and Customer.objects.count() == 1
    mine = convert(lead(seller, "海蓝软件有限公司")).customer
    two = lead(seller, "海蓝软件股份有限公司")
    body = client_for(seller).get(f"{PAGE}?ids={two.pk}").content.decode()
    assert "并入 海蓝软件有限公司" in body and "仍然新建" in body
    # not having seen it does not do
    assert post(seller, sent(two)).status_code == 409 and fresh(two).status == Status.NEW
    assert post(seller, sent(two, seen=mine.pk, customer=mine.pk)).status_code == 302
    assert fresh(two).customer == mine and Customer.objects.filter(owner=seller).count() == 1


def test_matches_by_a_number_the_person_may_not_read_are_not_told(firm):
    _, seller, far = firm
    convert(lead(far, "别的公司", phone="0512-65550186"))
    one = lead(seller, phone="0512-65550186")
    assert "电话相同" in client_for(seller).get(f"{PAGE}?ids={one.pk}").content.decode()
    restrict("seller", "lead", phone=1)
    assert "电话相同" not in client_for(seller).get(f"{PAGE}?ids={one.pk}").content.decode()


def test_hidden_and_masked_fields_are_carried_and_not_shown(firm):
    _, seller, _ = firm
    one = lead(seller, mobile="13800138000", remark="金丝雀备注", phone="0512-65550186")
    restrict("seller", "lead", mobile=1, remark=0)
    restrict("seller", "customer", phone=0)
    body = client_for(seller).get(f"{PAGE}?ids={one.pk}").content.decode()
    assert "13800138000" not in body and "138 0013 8000" not in body and "138****8000" in body
    assert "金丝雀" not in body and "0512-65550186" not in body
    post(seller, sent(one))
    customer = Customer.objects.get()
    assert (customer.remark, customer.phone, Contact.objects.get().mobile) == (
        "金丝雀备注", "0512-65550186", "13800138000",
    )  # fmt: skip


def test_looking_for_customers_comes_to_an_end(firm, one_minute):
    _, seller, _ = firm
    one = lead(seller)
    params.store("duplicates_per_minute", 2)
    answers = [client_for(seller).get(f"{PAGE}?ids={one.pk}") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 400] and "最多查重" in answers[2].content.decode()


@pytest.mark.parametrize(
    "values",
    [
        {"amount": "NaN"},
        {"amount": "1e30"},
        {"amount": "-5"},
        {"amount": "1.005"},
        {"name": "长" * 10_000},
        {"stage": "999999"},
        {"expected_on": "昨天"},
        {"version": "x"},
    ],
)
def test_bad_input_is_said_at_the_field_and_converts_nothing(firm, values):
    _, seller, _ = firm
    one = lead(seller)
    answer = post(seller, sent(one, opportunity="on", **values))
    assert answer.status_code == 200 and not Customer.objects.exists()


def test_ids_that_are_none_and_odd_names_do_no_harm(firm):
    _, seller, _ = firm
    for ids in ("", "x", "1" * 30, "-1", "0"):
        assert post(seller, {"ids": ids, "confirmed": "1"}).status_code in (400, 404)
    for name in (XSS, "=1+1", "😀有限公司"):
        one = lead(seller, name)
        body = client_for(seller).get(f"{PAGE}?ids={one.pk}").content.decode()
        assert "<img src=x" not in body
        assert post(seller, sent(one)).status_code == 302
    assert set(Customer.objects.values_list("name", flat=True)) == {XSS, "=1+1", "😀有限公司"}


def test_several_leads_say_what_will_be_and_report_each_that_was_not(firm):
    manager, seller, far = firm
    convert(lead(far, "丙的公司"))
    there = convert(lead(seller, "旧公司")).customer
    rows = [
        lead(seller, "海蓝软件"),
        lead(seller, "旧公司"),
        lead(seller, "丙的公司"),
        lead(seller, "海蓝软件（苏州）"),
    ]
    ids = ",".join(str(one.pk) for one in rows)
    page = client_for(manager).post(PAGE, {"ids": ids})
    outlook = page.context["outlook"]
    assert (outlook.new, outlook.into, outlook.refused) == (2, 1, 1)
    token = Selection.objects.get().token
    data = {"selection": token, "confirmed": "1", "found": "into", "contact": "on"}
    body = client_for(manager).post(PAGE, data).content.decode()
    assert "成功 <b>3</b> 条" in body and "同名客户已存在，负责人：丙" in body
    assert fresh(rows[1]).customer == there and fresh(rows[2]).status == Status.NEW
    assert fresh(rows[3]).customer == fresh(rows[0]).customer  # the next one meets the first one's customer
    assert Customer.objects.count() == 3
    again = client_for(manager).post(PAGE, data)
    assert again.status_code == 400 and Customer.objects.count() == 3


def test_one_that_was_changed_since_the_page_opened_is_left_alone(firm):
    _, seller, _ = firm
    rows = [lead(seller, name) for name in ("甲公司", "乙公司")]
    client_for(seller).post(PAGE, {"ids": ",".join(str(one.pk) for one in rows)})
    Lead.objects.filter(pk=rows[0].pk).update(version=9)
    data = {"selection": Selection.objects.get().token, "confirmed": "1", "found": "into"}
    assert "选择之后被修改过" in client_for(seller).post(PAGE, data).content.decode()
    assert (fresh(rows[0]).status, fresh(rows[1]).status) == (Status.NEW, Status.CONVERTED)


def test_many_become_one_job_however_often_the_button_is_pressed(firm, monkeypatch):
    _, seller, _ = firm
    monkeypatch.setattr(job, "DIRECT", 2)
    rows = [lead(seller, f"公司{n}") for n in range(3)]
    client_for(seller).post(PAGE, {"ids": ",".join(str(one.pk) for one in rows)})
    data = {"selection": Selection.objects.get().token, "confirmed": "1", "found": "skip"}
    first, second = (client_for(seller).post(PAGE, data) for _ in range(2))
    assert first.headers["Location"] == f"/jobs/{Job.objects.get().pk}/" and second.status_code == 400


def test_the_page_takes_as_many_statements_for_fifty_leads_as_for_five(firm):
    _, seller, _ = firm
    counts = []
    for n in (5, 50):
        rows = [lead(seller, f"公司{n}之{m}") for m in range(n)]
        client, ids = client_for(seller), ",".join(str(one.pk) for one in rows)
        client.get(f"{PAGE}?ids={ids}")
        with CaptureQueriesContext(
            connection,
        ) as seen:
            client.get(f"{PAGE}?ids={ids}")
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 30
    with CaptureQueriesContext(connection) as seen:
        client.get(f"{PAGE}?ids={rows[0].pk}")
    assert len(seen) <= 30


# The mapping ----------------------------------------------------------------------------------------------------------


def field(module: str, type: str, label: str, **more) -> str:
    """A field of the company; its key."""
    made = FieldDefinition.objects.create(module=module, type=type, label=label, **more)
    definitions.touch()
    return made.key


def chosen(admin) -> dict:
    form = client_for(admin).get(SETTINGS).context["form"]
    return {name: form.initial[name] for name in form.fields}


def test_the_mapping_is_saved_logged_versioned_and_used(firm):
    _, seller, _ = firm
    admin = employee("管理员", ["admin"])
    options = [{"id": 1, "label": "高"}, {"id": 2, "label": "低"}]
    source = field("lead", "choice", "热度", options=options)
    target = field("customer", "choice", "客户热度", options=[{"id": 7, "label": "低"}, {"id": 8, "label": "高"}])
    number, money = field("lead", "number", "人数"), field("lead", "money", "预算")
    data = chosen(admin) | {source: f"customer.{target}", money: "opportunity.amount", "mobile": "customer.phone",
                            "phone": "contact.phone"}  # fmt: skip
    assert client_for(admin).post(SETTINGS, data).status_code == 302
    log = OrgLog.objects.get(code="lead.mapping")
    assert {one["label"] for one in log.changes} == {"热度", "预算", "手机", "电话"}
    assert client_for(admin).post(SETTINGS, data).status_code == 409  # another one saved since
    one = lead(seller, mobile="13800138000", phone="0512-65550186")
    Lead.objects.filter(pk=one.pk).update(extra={source: 1, number: 30, money: 5000})
    stage = pipelines.first_stage(pipelines.default())
    post(seller, sent(one, opportunity="on", stage=stage.pk))
    customer = Customer.objects.get()
    assert (customer.phone, customer.extra) == ("13800138000", {target: 8})
    assert Contact.objects.get().phone == "0512-65550186" and Opportunity.objects.get().amount == 5000


def test_what_does_not_fit_is_neither_offered_nor_taken(firm):
    admin = employee("管理员", ["admin"])
    number = field("lead", "number", "人数")
    form = client_for(admin).get(SETTINGS).context["form"]
    offered = {key for _, group in form.fields["description"].choices[1:] for key, _ in group}
    assert offered == set()  # 2,000 characters fit into no field of 500
    assert "opportunity.amount" not in str(form.fields[number].choices)
    for name, target in ((number, "customer.phone"), ("mobile", "x" * 10_000), ("phone", "contact.phone\x00")):
        answer = client_for(admin).post(SETTINGS, chosen(admin) | {name: target})
        assert answer.status_code == 422
    twice = client_for(admin).post(SETTINGS, chosen(admin) | {"mobile": "contact.phone", "phone": "contact.phone"})
    assert twice.status_code == 422 and "已经选了这个字段" in twice.content.decode()
    assert ConversionMapping.objects.get().version == 1


def test_a_value_without_a_place_refuses_the_lead_and_says_nothing_hidden(firm):
    _, seller, _ = firm
    source = field("lead", "choice", "热度", options=[{"id": 1, "label": "金丝雀"}])
    target = field("customer", "choice", "客户热度", options=[{"id": 7, "label": "低"}])
    row = mapping.load()
    row.targets = {source: f"customer.{target}"}
    row.save()
    one = lead(seller)
    Lead.objects.filter(pk=one.pk).update(extra={source: 1})
    with pytest.raises(ValidationError, match="客户的客户热度：只能填写：低"):
        convert(one)
    assert not Customer.objects.exists() and fresh(one).status == Status.NEW
    restrict("seller", "lead", **{source: 0})
    seller = type(seller).objects.get(pk=seller.pk)
    with pytest.raises(ValidationError, match="客户的客户热度：内容不符合要求"):
        convert(one, by=seller)


def test_the_settings_are_for_holders_of_the_function(firm):
    manager, *_ = firm
    assert client_for(manager).get(SETTINGS).status_code == 403
    assert client_for(manager).post(SETTINGS, {}).status_code == 403
