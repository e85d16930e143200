"""公开表单 as strangers meet it: what becomes of answers, what is refused, what leaks nothing."""

import re
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from crm.notices.models import Message
from crm.records import dictionaries, params
from crm.records.custom import definitions
from crm.records.models import FieldDefinition, OperationLog
from crm.testing.base import XSS
from customers.models import Pool, PoolEvent
from customers.pools import book
from leads.models import Lead, LeadIntake, WebForm
from leads.rules import services as rules
from leads.tests.intake import answers, item, pool, rule, send, web_form
from leads.webforms import answering, services
from orgs import throttle
from orgs.tests.factories import client_for, employee

pytestmark = pytest.mark.django_db
WHO = {"contact_name": "许一诺", "mobile": "138-0013-8000", "company": "青岚科技"}


@pytest.fixture(autouse=True)
def fresh_counters():
    cache.clear()


def text(response) -> str:
    return response.content.decode()


def custom(label, kind, **values):
    made = FieldDefinition.objects.create(module="lead", type=kind, label=label, **values)
    definitions.touch()
    return made


# A submission ----------------------------------------------------------------------------------------------------------
def test_answers_become_a_lead_in_the_pool_with_a_number_a_log_and_no_creator(client):
    source, campaign = item("customer.source", "网络营销"), item("lead.campaign")
    form = web_form(source=source, campaign=campaign)
    response = send(client, form, **WHO, description="想看演示\n下周")
    assert (response.status_code, response["Location"]) == (302, f"{form.path}?sent=1")
    lead = Lead.objects.get()
    assert (lead.name, lead.company, lead.contact_name, lead.mobile) == (
        "青岚科技",
        "青岚科技",
        "许一诺",
        "13800138000",
    )
    assert (lead.description, lead.source, lead.campaign) == ("想看演示\n下周", source, campaign)
    assert (lead.owner, lead.pool, lead.created_by, lead.status) == (None, pool(), None, "new")
    assert lead.number.startswith("XS-") and lead.pool_reason == "公开表单“官网”"
    assert list(OperationLog.objects.filter(object_id=lead.pk).values_list("code", "actor").order_by("pk")) == [
        ("lead.created", None),
        ("lead.submitted", None),
    ]
    assert PoolEvent.objects.filter(object_id=lead.pk, action="created", actor=None).count() == 1
    form.refresh_from_db()
    assert form.submissions == 1 and form.last_at is not None
    assert "已收到，我们会尽快与您联系" in text(client.get(response["Location"]))


def test_a_submission_goes_to_whom_the_rules_name_and_watchers_are_told_without_its_content(client):
    seller, watcher = employee("甲"), employee("看", ["marketing"])
    form = web_form(watchers=[watcher])
    rule(seller, conditions={"forms": [form.pk]})
    send(client, form, **WHO)
    lead = Lead.objects.get()
    assert (lead.owner, lead.status, lead.pool) == (seller, "following", None)
    assert not rules.waiting().exists()
    assert "青岚科技" in Message.objects.get(recipient=seller).title
    told = Message.objects.get(recipient=watcher)
    assert told.title == "公开表单“官网”收到一条线索" and "青岚" not in told.title + told.body


def test_without_a_matching_rule_it_lies_in_the_default_pool_and_does_not_wait(client):
    send(client, web_form(), **WHO)
    assert Lead.objects.get().pool == pool() and not rules.waiting().exists()


def test_a_form_with_a_pool_of_its_own_is_not_given_by_rules(client):
    fair = Pool.objects.create(kind="lead", name="展会池", order=20)
    book.touch("lead")
    rule(employee("甲"))
    form = web_form(pool_id=fair.pk)
    send(client, form, **WHO)
    assert Lead.objects.get().pool == fair and rules.run() == 0
    Pool.objects.filter(pk=fair.pk).update(enabled=False)
    book.touch("lead")
    send(client, form, **{**WHO, "company": "另一家"})
    assert Lead.objects.get(company="另一家").owner is not None  # a disabled pool takes nothing: the rules do


def test_what_cannot_be_given_away_at_once_is_stored_and_made_up_for(client, monkeypatch):
    from django.db import OperationalError

    seller = employee("甲")
    rule(seller)

    def broken(*args, **kwargs):
        raise OperationalError("deadlock detected")

    with monkeypatch.context() as patch:
        patch.setattr(rules, "assign_by_rules", broken)
        assert send(client, web_form(), **WHO).status_code == 302
    assert Lead.objects.get().owner is None
    assert rules.run() == 1 and Lead.objects.get().owner == seller


# What is never taken -----------------------------------------------------------------------------------------------------
def test_fields_the_form_does_not_ask_are_ignored(client):
    boss, note = employee("老板"), custom("内部备注", "line")
    form = web_form(asks=("contact_name", "mobile"))
    send(
        client,
        form,
        **WHO,
        owner=boss.pk,
        owner_id=boss.pk,
        status="converted",
        created_by=boss.pk,
        number="XS-1",
        pool="99",
        remark="偷偷写的",
        locked="on",
        chance="100",
        version="9",
        **{note.key: "不该有"},
    )
    lead = Lead.objects.get()
    assert (lead.owner, lead.status, lead.created_by, lead.remark, lead.locked) == (None, "new", None, "", False)
    assert (lead.chance, lead.version, lead.extra, lead.company) == (50, 1, {}, "") and lead.number != "XS-1"


def test_text_stays_text_everywhere(client):
    form = web_form()
    said = "=1+1 🎉 {{ form.token }} {% now %}"
    send(client, form, contact_name="=cmd|'/C calc'!A0", mobile="13800138000", company=XSS, description=said)
    lead = Lead.objects.get()
    assert (lead.company, lead.contact_name, lead.description) == (XSS, "=cmd|'/C calc'!A0", said)
    boss = client_for(employee("超管", ["super"]))
    for url in (f"/lead-forms/{form.pk}/", f"/lead-pool/{lead.pool_id}/", f"/lead-pool/{lead.pool_id}/{lead.pk}/"):
        page = text(boss.get(url))
        assert XSS not in page and "{{ form.token }}" not in page.replace(said, "")


@pytest.mark.parametrize(
    "field,value,sentence",
    [
        ("contact_name", "很" * 10_000, "最多 50 个字"),
        ("description", "长" * 10_000, "最多 2000 个字"),
        ("mobile", "1234", "手机号格式不正确"),
        ("mobile", "", "请填写手机"),
        ("mobile", "  \u200b ", "请填写手机"),
        ("mobile", "NaN", "手机号格式不正确"),
    ],
)
def test_bad_input_is_refused_in_words_and_what_was_typed_stays(client, field, value, sentence):
    form = web_form(required=("mobile",))
    response = send(client, form, **{**WHO, "company": f"{XSS}公司", field: value})
    page = text(response)
    assert response.status_code == 422 and sentence in page and not Lead.objects.exists()
    assert XSS not in page and "&quot;&gt;&lt;img src=x onerror=1&gt;公司" in page


def test_somebody_who_says_nothing_of_themselves_is_asked(client):
    response = send(client, web_form(), description="只有留言")
    assert response.status_code == 422 and "请填写联系人、公司、手机中的至少一项" in text(response)


@pytest.mark.parametrize(
    "area,place", [("江苏省/苏州市", ("江苏省", "苏州市")), ("江苏省", ("江苏省", "")), ("", ("", ""))]
)
def test_the_area_is_one_choice(client, area, place):
    send(client, web_form(asks=("contact_name", "area")), contact_name="甲", area=area)
    lead = Lead.objects.get()
    assert (lead.province, lead.city) == place


@pytest.mark.parametrize("data", [{"area": "火星"}, {"industry": "99999"}, {"industry": "x"}])
def test_choices_are_only_those_offered(client, data):
    response = send(client, web_form(asks=("contact_name", "area", "industry")), contact_name="甲", **data)
    assert response.status_code == 422 and "请选择列表中的选项" in text(response)


# Custom fields -----------------------------------------------------------------------------------------------------------
def test_custom_fields_of_simple_types_are_asked_and_stored(client):
    budget = custom("预算", "money")
    kind = custom("类型", "choice", options=[{"id": 1, "label": "云"}, {"id": 2, "label": "本地", "off": True}])
    when = custom("日期", "date")
    form = web_form(asks=("contact_name", budget.key, kind.key, when.key), required=(budget.key,))
    page = text(client.get(form.path))
    assert "预算" in page and "云" in page and "本地" not in page and 'type="date"' in page
    send(client, form, **{"contact_name": "甲", budget.key: "12,000.50", kind.key: "1", when.key: "2027-03-01"})
    assert Lead.objects.get().extra == {budget.key: 12000.5, kind.key: 1, when.key: "2027-03-01"}
    for value in ("1e30", "NaN", "-1", ""):
        assert send(client, form, **{"contact_name": "乙", budget.key: value}).status_code == 422


@pytest.mark.parametrize("change", ["deleted", "retired", "unique", "hidden"])
def test_a_field_that_went_away_later_is_left_out_and_the_form_still_works(client, change):
    one = custom("旧字段", "line")
    form = web_form(asks=("contact_name", one.key), required=(one.key,))
    if change == "deleted":
        one.delete()
    else:
        value = {"retired": {"retired": True}, "unique": {"unique": True}, "hidden": {"in_form": False}}[change]
        FieldDefinition.objects.filter(pk=one.pk).update(**value)
    definitions.touch()
    assert "旧字段" not in text(client.get(form.path))
    assert send(client, form, **{"contact_name": "甲", one.key: "x"}).status_code == 302
    assert Lead.objects.get().extra == {}
    boss = client_for(employee("超管", ["super"]))
    assert boss.get(f"/lead-forms/{form.pk}/").status_code == 200
    assert boss.get(f"/lead-forms/{form.pk}/edit/").status_code == 200


def test_a_field_the_company_demands_does_not_stop_a_form_that_does_not_ask_it(client):
    custom("必填项", "line", required=True)
    assert send(client, web_form(), **WHO).status_code == 302


# Closed, unknown, renewed ------------------------------------------------------------------------------------------------
def test_unknown_addresses_are_404_and_closed_forms_410(client):
    form = web_form()
    assert client.get("/f/nothing/").status_code == 404
    assert "没有这个表单" in text(client.get("/f/nothing/"))
    WebForm.objects.filter(pk=form.pk).update(expires_on=timezone.localdate())
    assert client.get(form.path).status_code == 200  # the last day counts
    WebForm.objects.filter(pk=form.pk).update(expires_on=timezone.localdate() - timedelta(days=1))
    assert client.get(form.path).status_code == 410 and send(client, form, **WHO).status_code == 410
    WebForm.objects.filter(pk=form.pk).update(expires_on=None, enabled=False)
    response = client.get(form.path)
    assert response.status_code == 410 and "不再接收新的提交" in text(response)
    assert send(client, form, **WHO).status_code == 410 and not Lead.objects.exists()


def test_a_renewed_address_ends_the_old_one(client):
    form = web_form()
    services.renew_token(form, by=None)
    assert client.get(form.path).status_code == 404
    assert client.get(WebForm.objects.get().path).status_code == 200


def test_closing_between_opening_and_sending_stores_nothing():
    form = web_form()
    services.set_enabled(form, False, by=None)
    with pytest.raises(services.Closed):
        services.submit(form, {"contact_name": "甲"}, {})


# Programs ------------------------------------------------------------------------------------------------------------------
def test_the_trap_answers_thanks_and_stores_nothing(client):
    form = web_form()
    assert answering.TRAP in text(client.get(form.path))
    response = send(client, form, **WHO, **{answering.TRAP: "http://spam.example"})
    assert response.status_code == 302 and not Lead.objects.exists()


@pytest.mark.parametrize("aged,status", [(0, 422), (2, 422), (4, 302), (80_000, 302)])
def test_nobody_types_a_form_in_three_seconds(client, aged, status):
    form = web_form()
    response = client.post(form.path, {**WHO, "opened": answering.stamp(form, aged=aged)})
    assert response.status_code == status
    if status == 422:
        assert "提交得太快了" in text(response) and "青岚科技" in text(response)


@pytest.mark.parametrize("opened", ["", "x", "[1,2]"])
def test_a_missing_or_forged_stamp_asks_to_send_again_and_then_works(client, opened):
    form = web_form()
    response = client.post(form.path, {**WHO, "opened": opened})
    assert response.status_code == 422 and "再提交一次" in text(response)
    again = re.search(r'name="opened" value="([^"]+)"', text(response)).group(1)
    assert client.post(form.path, {**WHO, "opened": again}).status_code == 302


def test_the_stamp_of_another_form_does_not_count(client):
    other = web_form(name="别的")
    response = client.post(web_form().path, {**WHO, "opened": answering.stamp(other, aged=60)})
    assert response.status_code == 422 and not Lead.objects.exists()


def test_the_same_answers_within_minutes_are_one_lead_and_get_the_same_thanks(client):
    form = web_form()
    first, second = send(client, form, **WHO), send(client, form, **{**WHO, "mobile": "13800138000"})
    assert first["Location"] == second["Location"] and Lead.objects.count() == 1
    LeadIntake.objects.update(created_at=timezone.now() - timedelta(minutes=11))
    send(client, form, **WHO)
    assert Lead.objects.count() == 2 and WebForm.objects.get().submissions == 2


def test_a_thousand_posts_of_a_minute_from_one_address_make_at_most_the_limit(client, one_minute):
    form, limit = web_form(), params.get("form_per_minute")
    found = [client.post(form.path, answers(form, contact_name=f"人{n}")) for n in range(limit + 2)]
    assert [one.status_code for one in found] == [302] * limit + [429] * 2
    assert "提交得太频繁了" in text(found[-1])
    refused = [client.post(form.path, {}).status_code for _ in range(1000 - limit - 2)]
    assert set(refused) == {429} and Lead.objects.count() == limit
    other = client.post(form.path, answers(form, contact_name="别处"), REMOTE_ADDR="10.9.9.9")
    assert other.status_code == 302


def test_the_proxies_header_counts_only_behind_proxies(client, settings, one_minute):
    form, limit = web_form(), params.get("form_per_minute")

    def posts():
        cache.clear()
        return [
            client.post(form.path, {}, headers={"X-Forwarded-For": f"1.2.3.{n}"}).status_code for n in range(limit + 1)
        ]

    assert posts()[-1] == 429  # forged by the sender
    settings.TRUSTED_PROXIES = 1
    assert posts()[-1] == 422


@pytest.mark.parametrize(
    "address,place",
    [
        ("1.2.3.4", "1.2.3.4"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::9", "2001:db8:1:2::"),
        (None, "unknown"),
    ],
)
def test_one_sender_is_an_address_or_the_network_of_one_customer(address, place, monkeypatch):
    monkeypatch.setattr(throttle, "client_address", lambda request: address)
    assert throttle.sender(None) == place


def test_a_form_takes_only_so_many_leads_an_hour_wherever_they_come_from(client):
    params.store("form_per_hour", 3)
    form = web_form()
    found = [send(client, form, contact_name=f"人{n}").status_code for n in range(5)]
    assert found == [302, 302, 302, 429, 429] and Lead.objects.count() == 3


def test_large_bodies_are_refused_unread(client):
    form = web_form()
    response = send(client, form, **{**WHO, "description": "长" * 30_000})
    assert response.status_code == 413 and "超过了 64 KB" in text(response)
    assert client.post(form.path, "x" * 70_000, content_type="application/json").status_code == 413


# Cookies, frames, headers --------------------------------------------------------------------------------------------------
def test_a_plain_form_is_checked_against_forged_requests_and_keeps_what_was_typed():
    form, client = web_form(), Client(enforce_csrf_checks=True)
    refused = client.post(form.path, answers(form, **WHO))
    assert refused.status_code == 422 and "页面已过期" in text(refused) and "青岚科技" in text(refused)
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', text(refused)).group(1)
    assert client.post(form.path, answers(form, **WHO, csrfmiddlewaretoken=token)).status_code == 302


def test_a_form_for_other_sites_works_without_cookies_and_names_who_may_frame_it():
    form, client = web_form(domains=["https://www.example.com"]), Client(enforce_csrf_checks=True)
    page = client.get(form.path)
    assert "frame-ancestors 'self' https://www.example.com" in page["Content-Security-Policy"]
    assert "X-Frame-Options" not in page and "csrfmiddlewaretoken" not in text(page) and not page.cookies
    assert client.post(form.path, answers(form, **WHO)).status_code == 302


def test_other_forms_cannot_be_framed(client):
    page = client.get(web_form().path)
    assert "frame-ancestors 'none'" in page["Content-Security-Policy"] and page["X-Frame-Options"] == "DENY"
    assert "sessionid" not in page.cookies and "no-store" in page["Cache-Control"]


def test_the_public_page_asks_nothing_of_other_sites_and_runs_no_script(client):
    page = text(client.get(web_form(asks=("contact_name", "area", "industry")).path))
    assert "<script" not in page and not re.search(r'(?:src|href)="(?:https?:)?//', page)


def test_somebody_signed_in_is_a_stranger_here(client):
    form, boss = web_form(), employee("老板", ["super"])
    send(client_for(boss), form, **WHO)
    assert Lead.objects.get().created_by is None
    assert "老板" not in text(client_for(boss).get(form.path))


def test_the_page_takes_as_many_statements_whatever_was_sent(client, django_assert_max_num_queries):
    form = web_form(asks=("contact_name", "mobile", "industry", "area"))
    with django_assert_max_num_queries(5):
        client.get(form.path)


def test_values_of_dictionaries_that_forms_name_cannot_be_deleted():
    source = item("customer.source")
    before = dictionaries.usage(source)
    web_form(source=source)
    assert dictionaries.usage(source) == before + 1
