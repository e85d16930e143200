"""Pages around letters: the way in from lists and records, what was sent, templates, unsubscribing."""

import pytest
from django.core import signing
from django.core.cache import cache
from django.test import Client

from crm.notices.models import Delivery
from crm.records import services
from crm.records.models import OperationLog, Selection
from customers.mailing import letters
from customers.models import Contact, Customer, Mailing, MailOptOut, MailTemplate
from orgs.models import OrgLog
from orgs.tests.factories import client_for, department, employee

from .mailing import begin, customer, send_all

pytestmark = pytest.mark.django_db
XSS = '"><img src=x onerror=1>'


@pytest.fixture
def seller():
    return employee("甲", ["seller"], department("华东"))


@pytest.fixture
def admin():
    return employee("系统", ["admin"])


# The way in -------------------------------------------------------------------------------------------------------------
def test_the_list_offers_all_this_page_and_the_chosen_ones(seller, post_office):
    rows = [customer(seller, f"公司{n}", email=f"c{n}@example.com") for n in range(17)]
    client = client_for(seller)
    state = client.get("/customers/")
    action = next(one for one in state.context["actions"] if one["label"] == "发送邮件")
    asked = client.get(action["url"])
    assert "列表中全部 17 条" in asked.content.decode() and "当前页 15 条" in asked.content.decode()
    hidden = dict(asked.context["hidden"])
    for which, number in (("all", 17), ("page", 15)):
        answer = client.post("/customers/mail/", {**hidden, "which": which})
        page = client.get(answer.headers["Location"]).content.decode()
        assert f"发送给 {number} 人" in page
    chosen = client.post("/customers/mail/", {"ids": f"{rows[0].pk},{rows[1].pk}"})
    assert "发送给 2 人" in client.get(chosen.headers["Location"]).content.decode()
    assert any(one["url"] == "/customers/mail/" for one in state.context["bulk"]["actions"])


def test_nothing_chosen_a_forged_filter_and_a_used_selection_are_explained(seller, post_office):
    client = client_for(seller)
    assert "请先选择客户信息。" in client.post("/customers/mail/", {"ids": ""}).content.decode()
    assert "已失效" in client.get("/customers/mail/?filter=x:y:z&ids=1").content.decode()
    assert client.get("/customers/mail/?selection=gone").headers["Location"] == "/customers/"
    stale = client.post("/customers/mail/", {"selection": "gone", "subject": "留下的主题", "body": "留下的正文"})
    assert "已处理或已失效" in stale.content.decode() and "留下的正文" in stale.content.decode()


def test_sending_uses_the_selection_up(seller, post_office):
    client = client_for(seller)
    client.post("/customers/mail/", {"ids": str(customer(seller).pk)})
    token = Selection.objects.get().token
    client.post("/customers/mail/", {"selection": token, "subject": "您好", "body": "正文", "who": "primary"})
    assert Mailing.objects.get().total == 1 and not Selection.objects.exists()


def test_a_record_has_the_button_only_where_it_may_be_used(seller, post_office):
    made = customer(seller)
    contact = made.contacts.get()
    client = client_for(seller)
    assert f"/customers/mail/?ids={made.pk}" in client.get(f"/customers/{made.pk}/").content.decode()
    assert f"/contacts/mail/?ids={contact.pk}" in client.get(f"/contacts/{contact.pk}/").content.decode()
    reader = client_for(employee("财务", ["finance"]))
    assert "/customers/mail/" not in reader.get(f"/customers/{made.pk}/").content.decode()


def test_a_team_member_sees_the_customer_and_may_not_write_to_it(seller, post_office):
    from crm.records import teams

    made, mate = customer(seller), employee("乙", ["seller"], department("华南"))
    teams.add([made], [mate], write=True, until=None, by=seller)
    answer = client_for(mate).get(f"/customers/mail/?ids={made.pk}")
    assert answer.status_code == 403 and "不在您负责的范围内" in answer.content.decode()


def test_a_template_fills_the_page_and_keeps_the_choice_of_recipients(seller, post_office):
    template = MailTemplate.objects.create(owner=None, name="问候", subject="主题一", body=XSS)
    other = MailTemplate.objects.create(owner=employee("丙"), name="别人的", subject="秘密", body="秘密")
    client, made = client_for(seller), customer(seller)
    data = {"ids": made.pk, "subject": "旧", "body": "旧", "who": "all", "apply": "1"}
    shown = client.post("/customers/mail/", {**data, "template": template.pk}).content.decode()
    assert 'value="主题一"' in shown and "<img src=x" not in shown and 'value="all" checked' in shown
    shown = client.post("/customers/mail/", {**data, "template": other.pk}).content.decode()
    assert "秘密" not in shown and 'value="旧"' in shown and "别人的" not in shown


def test_the_compose_page_takes_the_same_statements_for_many(seller, post_office, django_assert_max_num_queries):
    rows = [customer(seller, f"公司{n}", email=f"c{n}@example.com") for n in range(30)]
    client = client_for(seller)
    client.get("/customers/")
    for chosen in (rows[:1], rows):
        ids = ",".join(str(row.pk) for row in chosen)
        with django_assert_max_num_queries(16):
            client.get(f"/customers/mail/?ids={ids}")


# What was sent ----------------------------------------------------------------------------------------------------------
def test_a_mailing_is_its_senders_and_the_administrators(seller, admin, post_office):
    made = begin(seller, customer(seller, "金丝雀公司", contact="金丝雀人"), subject="金丝雀主题")
    other, keeper = client_for(employee("丙")), client_for(admin)
    for page in ("", "stop/", "resend/"):
        assert other.get(f"/mailings/{made.pk}/{page}").status_code == 404
        assert other.post(f"/mailings/{made.pk}/{page}").status_code in (404, 405)
    assert "金丝雀" not in other.get("/mailings/").content.decode()
    mine = client_for(seller).get(f"/mailings/{made.pk}/").content.decode()
    assert "金丝雀人" in mine and "li@example.com" in mine
    theirs = keeper.get(f"/mailings/{made.pk}/").content.decode()
    assert "金丝雀人" not in theirs and "li@example.com" not in theirs and "l***@example.com" in theirs
    assert "金丝雀主题" in keeper.get("/mailings/").content.decode()


def test_a_contact_that_left_the_senders_sight_is_masked_in_the_list(seller, post_office):
    one = customer(seller, contact="金丝雀人")
    made = begin(seller, one)
    send_all()
    other = employee("丙", ["seller"], department("华南"))
    Customer.objects.filter(pk=one.pk).update(owner=other)
    Contact.objects.filter(customer=one).update(owner=other)
    shown = client_for(seller).get(f"/mailings/{made.pk}/").content.decode()
    assert "金丝雀人" not in shown and "li@example.com" not in shown and "已发送" in shown
    Delivery.objects.update(state="failed", error="550 <li@example.com> unknown")
    shown = client_for(seller).get(f"/mailings/{made.pk}/").content.decode()
    assert "550" in shown and "li@example.com" not in shown


def test_the_list_and_a_mailing_take_the_same_statements_for_many(seller, post_office, django_assert_max_num_queries):
    rows = [customer(seller, f"公司{n}", email=f"c{n}@example.com") for n in range(20)]
    client = client_for(seller)
    client.get("/mailings/")
    for number in (1, 20):
        made = begin(seller, *rows[:number], token=f"{number:032d}")
        with django_assert_max_num_queries(12):
            client.get("/mailings/")
        with django_assert_max_num_queries(16):
            client.get(f"/mailings/{made.pk}/")


def test_states_can_be_chosen_and_unknown_ones_are_named(seller, post_office):
    made = begin(seller, customer(seller))
    client = client_for(seller)
    assert "李雷" in client.get(f"/mailings/{made.pk}/?state=waiting").content.decode()
    assert "李雷" not in client.get(f"/mailings/{made.pk}/?state=sent").content.decode()
    assert "忽略了无法识别的状态" in client.get(f"/mailings/{made.pk}/?state=x'").content.decode()


def test_the_outbox_names_the_kind_and_not_the_subject(seller, admin, post_office):
    begin(seller, customer(seller), subject="金丝雀主题")
    shown = client_for(admin).get("/settings/outbox/").content.decode()
    assert "客户邮件" in shown and "金丝雀主题" not in shown
    assert Delivery.objects.get().body == ""


# Templates --------------------------------------------------------------------------------------------------------------
def test_people_keep_their_own_templates_and_administrators_the_companys(seller, admin):
    values = {"name": " 问候 ", "subject": "您好", "body": "{{客户名称}}", "company": "on"}
    mine, keeper, other = client_for(seller), client_for(admin), client_for(employee("丙"))
    assert mine.post("/mailings/templates/new/", values).status_code == 302
    own = MailTemplate.objects.get()
    assert (own.owner, own.name) == (seller, "问候")  # a seller makes none of the company
    keeper.post("/mailings/templates/new/", values)
    company = MailTemplate.objects.get(owner=None)
    assert OrgLog.objects.filter(code="mailing.template").count() == 1
    assert other.get(f"/mailings/templates/{own.pk}/").status_code == 404
    assert other.post(f"/mailings/templates/{own.pk}/delete/").status_code == 404
    assert mine.get(f"/mailings/templates/{company.pk}/").status_code == 403
    assert mine.post(f"/mailings/templates/{company.pk}/delete/").status_code == 403
    assert "已有同名的模板" in mine.post("/mailings/templates/new/", values).content.decode()
    assert "已有同名的公司模板" in keeper.post("/mailings/templates/new/", values).content.decode()
    mine.post(f"/mailings/templates/{own.pk}/", {**values, "name": XSS})
    shown = mine.get("/mailings/templates/").content.decode()
    assert "<img src=x" not in shown and "公司" in shown
    mine.post(f"/mailings/templates/{own.pk}/delete/")
    assert list(MailTemplate.objects.all()) == [company]


def test_a_company_template_stays_one_when_its_administrator_changes_it(admin):
    client = client_for(admin)
    values = {"name": "问候", "subject": "您好", "body": "一"}
    client.post("/mailings/templates/new/", {**values, "company": "on"})
    made = MailTemplate.objects.get()
    assert "checked" in client.get(f"/mailings/templates/{made.pk}/").content.decode()
    client.post(f"/mailings/templates/{made.pk}/", {**values, "body": "二", "company": "on"})
    made.refresh_from_db()
    assert made.owner is None and made.body == "二"
    assert client.post("/mailings/templates/new/", {**values, "name": "长" * 51}).status_code == 422


# Unsubscribing ----------------------------------------------------------------------------------------------------------
def link(made) -> str:
    return f"/unsubscribe/{letters.token_of(made.recipients.get())}/"


def test_unsubscribing_asks_then_does_it_once_and_is_shown_on_the_contact(seller, post_office):
    one = customer(seller)
    address, visitor = link(begin(seller, one)), Client(enforce_csrf_checks=True)
    asked = visitor.get(address).content.decode()
    assert "确认退订" in asked and "李雷" not in asked and "li@" not in asked and not MailOptOut.objects.exists()
    for _ in range(2):
        assert "已退订" in visitor.post(address, {"List-Unsubscribe": "One-Click"}).content.decode()
    assert MailOptOut.objects.get().address == "li@example.com"
    assert OperationLog.objects.filter(code="contact.opted_out", object_id=one.contacts.get().pk).count() == 1
    assert "已退订邮件" in client_for(seller).get(f"/contacts/{one.contacts.get().pk}/").content.decode()
    send_all()
    assert post_office == []


@pytest.mark.parametrize(
    "token", ["x", "1~abc", "1", "..%2f", signing.Signer(salt="other").sign("1").replace(":", "~")]
)
def test_a_token_that_is_not_ours_tells_nothing(token):
    answers = [Client().get(f"/unsubscribe/{token}/"), Client().post(f"/unsubscribe/{token}/")]
    assert {answer.status_code for answer in answers} == {404} and not MailOptOut.objects.exists()


def test_a_changed_token_is_refused(seller, post_office):
    made = begin(seller, customer(seller))
    good = letters.token_of(made.recipients.get())
    pk, _, sign = good.partition("~")
    for token in (f"{int(pk) + 1}~{sign}", f"{good}x"):
        assert Client().post(f"/unsubscribe/{token}/").status_code == 404
    assert not MailOptOut.objects.exists()


def test_the_public_page_is_throttled(seller, post_office, one_minute):
    address = link(begin(seller, customer(seller)))
    cache.clear()
    codes = [Client().get(address).status_code for _ in range(32)]
    assert codes == [200] * 30 + [429] * 2
    cache.clear()


def test_an_administrator_takes_an_address_off_with_a_reason(seller, admin, post_office):
    one = customer(seller)
    Client().post(link(begin(seller, one)))
    row, keeper = MailOptOut.objects.get(), client_for(admin)
    assert "li@example.com" in keeper.get("/settings/optouts/?q=LI@").content.decode()
    assert "没有找到" in keeper.get("/settings/optouts/?q=%25").content.decode()
    url = f"/settings/optouts/{row.pk}/remove/"
    assert client_for(seller).post(url, {"reason": "我要发"}).status_code == 403
    assert "请填写原因" in keeper.post(url, {"reason": "  "}).content.decode() and MailOptOut.objects.exists()
    assert "最多 200 个字" in keeper.post(url, {"reason": "长" * 10_000}).content.decode()
    keeper.post(url, {"reason": "客户来电要求"})
    assert not MailOptOut.objects.exists()
    assert "客户来电要求" in OrgLog.objects.get(code="mailing.optout_removed").text
    log = OperationLog.objects.get(code="contact.opted_in")
    assert (log.actor, log.object_id) == (admin, one.contacts.get().pk)


def test_a_purged_contact_leaves_a_mailing_that_opens(seller, post_office):
    one = customer(seller)
    made = begin(seller, one)
    services.delete(one.contacts.all(), by=seller)
    services.purge(Contact.objects.trashed(), by=employee("超管", ["super"]))
    send_all()
    row = made.recipients.get()
    assert row.contact is None and row.delivery.state == "dropped"
    assert client_for(seller).get(f"/mailings/{made.pk}/").status_code == 200
