"""Links and letters of quotations: what a visitor sees, when a link ends, that a letter goes out once and to whom it may."""

import re

import pytest
from django.core.cache import cache
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client

from crm.notices.models import Delivery
from crm.records import params
from crm.records import services as records
from crm.records.models import OperationLog
from customers.models import Contact, MailOptOut
from customers.models.mailing import address_key
from customers.tests.conftest import post_office  # noqa: F401  a mail server that takes everything
from customers.tests.mailing import send_all
from opportunities.models import Opportunity, QuotationMail, QuotationShare
from opportunities.quotes import public, services, sharing
from opportunities.quotes.forms import SendForm
from orgs.models import Role
from orgs.tests.factories import client_for, department, employee

from .quoting import add_line, day, opportunity, product, quote, values

pytestmark = pytest.mark.django_db
TOKEN = "a" * 32


@pytest.fixture(autouse=True)
def fresh_counts():
    cache.clear()


@pytest.fixture
def seller():
    return employee("甲", ["seller"], department("华东"), email="jia@kaihai.example")


@pytest.fixture
def deal(seller):
    made = opportunity(seller, lines=0)
    add_line(made, product("采集网关", "4680"), price="4212", quantity="3", remark="含电源")
    return made


@pytest.fixture
def made(seller, deal):
    return quote(deal, by=seller, note="底价 3,900，不能告诉客户", terms="款到发货")


def linked(made, by, **more):
    return sharing.share(made, 1, **{"expires_on": day(3), "by": by} | more)


def send(made, by, **more):
    data = {
        "addresses": ["li@example.com"],
        "subject": "报价",
        "body": "您好",
        "expires_on": day(3),
        "token": TOKEN,
        "by": by,
    }
    return sharing.send(made, 1, **data | more)


# What a visitor sees ------------------------------------------------------------------------------------------------------
def test_a_visitor_sees_the_paper_of_the_chosen_version_and_nothing_internal(seller, deal, made):
    _, token = linked(made, seller)
    add_line(deal, product("后来的产品"))
    services.revise(made, values(title="后来的版本"), version=2, by=seller)
    answer = Client().get(f"/q/{token}/")
    text = answer.content.decode()
    assert answer.status_code == 200
    for shown in (made.number, "V1", "采集网关", "含电源", "¥4,212.00", "-10%", "¥12,636.00", "款到发货", "甲", "李雷"):
        assert (shown in text) == (shown != "李雷"), shown
    assert "壹万贰仟陆佰叁拾陆元整" in text
    for hidden in ("底价", "3,900", "7.77", "后来的", "V2", f"/opportunities/{deal.pk}", "data-user", "/quotations/"):
        assert hidden not in text, hidden


def test_hidden_prices_are_not_in_the_page_at_all(seller, made):
    _, token = linked(made, seller, hide_prices=True)
    text = Client().get(f"/q/{token}/").content.decode()
    assert "采集网关" in text and "含电源" in text
    for hidden in ("¥", "4,212", "4212", "12,636", "12636", "4,680", "10%", "元整", "单价", "小计", "报价总额"):
        assert hidden not in text, hidden


def test_a_link_page_is_not_indexed_sends_no_referrer_and_asks_nobody_else(seller, made):
    _, token = linked(made, seller)
    answer = Client().get(f"/q/{token}/")
    assert "noindex" in answer.headers["X-Robots-Tag"] and answer.headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer.headers["Cache-Control"] and not answer.cookies
    text = answer.content.decode()
    assert not re.search(r"""(?:src|href|action)=["'](?:https?:)?//""", text) and "<script" not in text


def test_looking_is_counted_and_heads_are_not(seller, made):
    link, token = linked(made, seller)
    client = Client()
    for _ in range(3):
        client.get(f"/q/{token}/")
    client.head(f"/q/{token}/")
    link.refresh_from_db()
    assert link.opened == 3 and link.opened_at is not None
    assert client.post(f"/q/{token}/").status_code == 405
    assert "打开 3 次" in client_for(seller).get(f"/quotations/{made.pk}/").content.decode()


def test_the_token_is_nowhere_in_the_database_and_no_other_opens(seller, made):
    link, token = linked(made, seller)
    secret = token.split("~")[0]
    row = QuotationShare.objects.filter(pk=link.pk).values().get()
    assert secret not in repr(row) and token not in repr(list(OperationLog.objects.values()))
    for bad in (secret, token[:-1], token[:-1] + "~", "x", f"{secret}~{'A' * 43}", "%00", "长" * 300, f"{link.pk}"):
        assert Client().get(f"/q/{bad}/").status_code == 404, bad


def test_a_link_ends_with_its_day_its_owner_and_its_quotation(seller, deal, made):
    link, token = linked(made, seller)
    client = Client()

    def gone():
        answer = client.get(f"/q/{token}/")
        assert "采集网关" not in answer.content.decode() or answer.status_code == 200
        return answer.status_code == 410 and "链接已失效" in answer.content.decode()

    assert not gone()
    QuotationShare.objects.update(expires_on=day(-1))
    assert gone()
    QuotationShare.objects.update(expires_on=day())
    assert not gone()
    records.delete(Opportunity.objects.filter(pk=deal.pk), by=seller)
    assert gone()
    records.restore(Opportunity.objects.filter(pk=deal.pk), by=seller)
    sharing.revoke(link, by=seller)
    assert gone() and not sharing.revoke(link, by=seller)
    _, token = linked(made, seller)
    services.void(made, "报错了", by=seller)
    assert gone()


def test_who_tries_too_often_waits(seller, made, monkeypatch, one_minute):
    monkeypatch.setattr(public, "PER_MINUTE", 3)
    _, token = linked(made, seller)
    answers = [Client().get(f"/q/{token}/").status_code for _ in range(4)]
    assert answers == [200, 200, 200, 429]


@pytest.mark.parametrize("days", [-1, 367])
def test_a_link_lives_from_today_to_a_year(seller, made, days):
    with pytest.raises(ValidationError, match="最长一年"):
        linked(made, seller, expires_on=day(days))


def test_the_page_shows_a_new_link_once(seller, made):
    client = client_for(seller)
    answer = client.post(f"/quotations/{made.pk}/share/", {"number": "1", "expires_on": f"{day(3)}"})
    link = re.search(r"http://testserver(/q/[^<\s]+)", answer.content.decode())[1]
    assert Client().get(link).status_code == 200
    assert link not in client.get(f"/quotations/{made.pk}/").content.decode()
    made.refresh_from_db()
    assert made.state == "sent"


# Letters ------------------------------------------------------------------------------------------------------------------
def test_a_letter_brings_each_address_its_own_link(seller, made, post_office):  # noqa: F811
    send(made, seller, addresses=["li@example.com", "han@example.com", "LI@example.com"])
    send_all()
    assert [one.to for one in post_office] == [["li@example.com"], ["han@example.com"]]
    links = [re.search(r"https://crm\.example\.com(/q/\S+/)", one.body)[1] for one in post_office]
    assert len(set(links)) == 2 and post_office[0].extra_headers["Reply-To"].endswith("<jia@kaihai.example>")
    for link in links:
        assert Client().get(link).status_code == 200
    assert list(QuotationShare.objects.order_by("pk").values_list("opened", "delivery__state")) == [(1, "sent")] * 2
    assert not Delivery.objects.filter(body__contains="/q/").exists()  # what left is not kept
    assert OperationLog.objects.get(code="opportunity.quotation_mailed").text.endswith("2 个收件人")


def test_one_page_confirmed_twice_sends_once(seller, made, post_office):  # noqa: F811
    client = client_for(seller)
    data = {
        "number": "1",
        "typed": "a@example.com，b@example.com",
        "subject": "报价",
        "body": "您好",
        "expires_on": f"{day(3)}",
        "token": TOKEN,
    }
    assert [client.post(f"/quotations/{made.pk}/send/", data).status_code for _ in range(2)] == [302, 302]
    assert QuotationMail.objects.count() == 1 and Delivery.objects.count() == 2
    assert "待发送" in client.get(f"/quotations/{made.pk}/").content.decode()


def test_the_preview_shows_the_letter_and_sends_nothing(seller, made, post_office):  # noqa: F811
    client = client_for(seller)
    data = {"number": "1", "known": "li@example.com", "subject": "报价", "body": "您好<b>", "expires_on": f"{day(3)}"}
    answer = client.post(f"/quotations/{made.pk}/send/", {**data, "token": TOKEN, "preview": "1"})
    text = answer.content.decode()
    assert answer.status_code == 200 and "您好&lt;b&gt;" in text and "各有一条自己的链接" in text
    assert not QuotationMail.objects.exists() and not QuotationShare.objects.exists()


@pytest.mark.parametrize("gone", ["SMTP_HOST", "PUBLIC_URL"])
def test_without_a_mail_server_or_an_address_the_page_says_so(seller, made, post_office, settings, gone):  # noqa: F811
    setattr(settings, gone, "")
    text = client_for(seller).get(f"/quotations/{made.pk}/send/").content.decode()
    assert "请联系系统管理员" in text and "disabled" in text
    with pytest.raises(ValidationError, match="不能发送"):
        send(made, seller)
    assert not QuotationShare.objects.exists()


@pytest.mark.parametrize(
    "addresses,words",
    [
        ([], "请选择联系人，或填写邮箱"),
        (["x"], "不是正确的邮箱"),
        (["a@example.com\nBcc: b@example.com"], "不是正确的邮箱"),
        ([f"a{n}@example.com" for n in range(11)], "一次最多发给 10 个邮箱"),
        (["out@example.com"], "已退订"),
    ],
)
def test_bad_addresses_are_refused(seller, made, post_office, addresses, words):  # noqa: F811
    MailOptOut.objects.create(address="out@example.com", address_key=address_key("out@example.com"))
    with pytest.raises(ValidationError, match=words):
        send(made, seller, addresses=addresses)
    assert not Delivery.objects.exists()


def test_contacts_are_offered_as_far_as_they_may_be_read(seller, deal, made, post_office):  # noqa: F811
    other = opportunity(seller).customer.contacts.get()
    Contact.objects.filter(pk=other.pk).update(email="other@example.com")
    assert "li@example.com" in client_for(seller).get(f"/quotations/{made.pk}/send/").content.decode()
    data = {"number": "1", "subject": "报价", "body": "您好", "expires_on": f"{day(3)}", "token": TOKEN}
    answer = client_for(seller).post(f"/quotations/{made.pk}/send/", {**data, "known": "other@example.com"})
    assert answer.status_code == 422 and not Delivery.objects.exists()
    base = Role.objects.get(code="seller")
    for level in (0, 1):
        rights = {"contact": {"email": level}}
        role = Role.objects.create(name=f"受限{level}", permissions=base.permissions, reach="all", field_rights=rights)
        text = client_for(employee("限", [role])).get(f"/quotations/{made.pk}/send/").content.decode()
        assert "li@example.com" not in text
    role = Role.objects.create(
        name="无邮件", permissions=[one for one in base.permissions if one != "customer.mail"], reach="all"
    )
    refused = employee("无邮件", [role])
    assert client_for(refused).get(f"/quotations/{made.pk}/send/").status_code == 403
    with pytest.raises(PermissionDenied):
        send(made, refused)


def test_the_cap_of_a_day_counts_mailings_and_quotations(seller, made, post_office):  # noqa: F811
    params.store("mail_per_day", 2)
    send(made, seller, addresses=["a@example.com", "b@example.com"])
    with pytest.raises(ValidationError, match="今天还能发 0 封"):
        send(made, seller, token="b" * 32)


def test_a_letter_that_must_not_go_any_more_stays(seller, deal, made, post_office):  # noqa: F811
    send(made, seller)
    sharing.revoke(QuotationShare.objects.get(), by=seller)
    send(made, seller, token="b" * 32)
    Opportunity.objects.filter(pk=deal.pk).update(owner=employee("丙", ["seller"], department("华南")))
    send_all()
    assert not post_office and set(Delivery.objects.values_list("state", flat=True)) == {"dropped"}
    assert not Delivery.objects.filter(body__contains="/q/").exists()
    reasons = set(Delivery.objects.values_list("error", flat=True))
    assert reasons == {"链接已停用，或报价单已作废、删除", "发送人已没有权限"}


def test_a_link_tells_no_list_price_its_maker_may_not_read(seller, deal):
    add_line(deal, product("网关", "777"), price="500")
    found = quote(deal, by=seller)
    _, token = sharing.share(found, 1, expires_on=day(5), by=seller)
    assert "777" in Client().get(f"/q/{token}/").content.decode()
    role = Role.objects.get(code="seller")
    role.field_rights = {**role.field_rights, "product": {"price": 0}}
    role.save()
    shown = Client().get(f"/q/{token}/").content.decode()
    assert "777" not in shown and "500" in shown


def test_a_number_no_link_can_have_is_not_found(seller):
    assert client_for(seller).get(f"/quotations/shares/{'9' * 30}/revoke/").status_code == 404


def test_the_letter_is_addressed_to_the_contact_of_the_quotation_and_to_nobody_with_a_longer_name(seller, deal):
    records.create(Contact(customer=deal.customer, owner=seller, name="李", email="short@example.com"), by=seller)
    found = quote(deal, by=seller, contact=Contact.objects.get(name="李"))
    form = SendForm(quotation=found, user=seller)
    assert form.fields["known"].initial == ["short@example.com"]


@pytest.mark.parametrize(("level", "shown"), [(0, "邮件"), (1, "l***@example.com"), (2, "li@example.com")])
def test_addresses_of_letters_obey_the_right_on_the_email_of_contacts(seller, made, post_office, level, shown):  # noqa: F811
    letter = send(made, seller)
    link = letter.shares.get()
    Delivery.objects.filter(pk=link.delivery_id).update(state="failed", error="550 <li@example.com> unknown")
    role = Role.objects.get(code="seller")
    role.field_rights = {**role.field_rights, "contact": {"email": level}}
    role.save()
    for url in (f"/quotations/{made.pk}/", f"/quotations/shares/{link.pk}/revoke/"):
        page = client_for(seller).get(url).content.decode()
        assert shown in page and ("li@example.com" in page) == (level == 2), url
