"""Quotations: what a version keeps, what may become of one, what differs between two, the reminder."""

from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from crm.demodata import quotations
from crm.notices.models import Message
from crm.records import numbering, params
from crm.records import services as records
from crm.records.models import OperationLog
from customers.models import Contact
from opportunities import stages
from opportunities.models import Opportunity, OpportunityLine, Quotation, QuotationLine, QuotationVersion
from opportunities.quotes import changes, queries, reminding, services, sharing
from opportunities.quotes.sheet import sheet
from orgs.tests.factories import department, employee

from .quoting import add_line, day, opportunity, product, quote, values

pytestmark = pytest.mark.django_db


@pytest.fixture
def seller():
    return employee("甲", ["seller"], department("华东"), email="jia@kaihai.example")


@pytest.fixture
def deal(seller):
    return opportunity(seller, lines=2)


def seen(**no) -> queries.Sight:
    return queries.Sight(**{"money": True, "list_price": True, "discount": True, "customer": True} | no)


# What a version keeps -----------------------------------------------------------------------------------------------------
def test_a_quotation_takes_number_lines_discount_and_names_of_the_moment(seller, deal):
    Opportunity.objects.filter(pk=deal.pk).update(discount="12.5")
    add_line(deal, product("实施服务", "33.33"), price="33.33", quantity="1.5")
    contact = Contact.objects.get(customer=deal.customer)
    made = quote(deal, by=seller, contact=contact)
    version = made.current
    assert made.number == f"BJ-{timezone.localdate():%Y%m}-0001" and made.state == "draft" and version.number == 1
    assert (version.customer_name, version.contact_name) == (deal.customer.name, "李雷")
    assert (version.seller_name, version.seller_phone, version.seller_email) == ("甲", seller.phone, seller.email)
    assert version.company and version.created_by == seller
    # 100 + 100 + 33.33 × 1.5 = 249.995 → 50.00 for the line, less 12.5 %
    assert (version.subtotal, version.total) == (Decimal("250.00"), Decimal("218.75"))
    kept = list(version.lines.values_list("name", "price", "quantity", "subtotal"))
    assert kept[2] == ("实施服务", Decimal("33.33"), Decimal("1.5"), Decimal("50.00")) and len(kept) == 3


def test_a_version_never_changes_when_lines_products_people_and_customers_do(seller, deal):
    made = quote(deal, by=seller)
    before = sheet(made.current, prices=True, list_prices=True)
    OpportunityLine.objects.filter(opportunity=deal).update(price="1", subtotal="1", name="别的")
    deal.lines.first().delete()
    type(deal.customer).objects.filter(pk=deal.customer_id).update(name="改名公司")
    type(seller).objects.filter(pk=seller.pk).update(name="改名")
    fresh = QuotationVersion.objects.select_related("quotation").get(pk=made.current_id)
    assert sheet(fresh, prices=True, list_prices=True) == before


def test_a_new_version_takes_the_present_lines_and_makes_a_draft_again(seller, deal):
    made = quote(deal, by=seller)
    services.mark_sent(made, by=seller)
    add_line(deal, product("维保"), price="50")
    made.refresh_from_db()
    second = services.revise(made, values(title="二次报价"), version=made.version, by=seller)
    made.refresh_from_db()
    assert (second.number, second.total, made.state, made.current) == (2, Decimal("250.00"), "draft", second)
    assert made.versions.get(number=1).total == Decimal("200.00")
    assert QuotationLine.objects.filter(version__quotation=made).count() == 5
    row = OperationLog.objects.filter(code="opportunity.requoted").get()
    assert row.changes == [{"key": "amount", "label": "报价总额", "old": "¥200.00", "new": "¥250.00"}]
    assert "250" not in row.text


def test_without_lines_nothing_is_quoted_and_no_number_is_used_up(seller, deal):
    empty = opportunity(seller, lines=0)
    with pytest.raises(ValidationError, match="没有产品明细"):
        quote(empty, by=seller)
    assert quote(deal, by=seller).number.endswith("-0001")


def test_more_than_two_hundred_lines_are_refused(seller, deal):
    item = product()
    for _ in range(199):
        add_line(deal, item)
    with pytest.raises(ValidationError, match="最多 200 行产品，这个商机有 201 行"):
        quote(deal, by=seller)


def test_a_total_beyond_what_money_holds_is_refused_in_words(seller, deal):
    for _ in range(2):
        add_line(deal, product(price="999999999999.99"))
    with pytest.raises(ValidationError, match="999,999,999,999.99"):
        quote(deal, by=seller)
    assert not Quotation.objects.exists()


@pytest.mark.parametrize(
    "bad,words",
    [
        ({"title": "长" * 10_000}, "最多 50 个字"),
        ({"title": " "}, "请填写标题"),
        ({"terms": "长" * 10_000}, "最多 2000 个字"),
        ({"note": "长" * 201}, "最多 200 个字"),
        ({"valid_until": day(-1)}, "有效期不能早于今天"),
        ({"valid_until": day(4000)}, "有效期最长 10 年"),
    ],
)
def test_what_a_version_may_not_say_is_refused(seller, deal, bad, words):
    with pytest.raises(ValidationError, match=words):
        quote(deal, by=seller, **bad)


def test_the_contact_is_one_of_the_customer(seller, deal):
    other = Contact.objects.get(customer=opportunity(seller).customer)
    with pytest.raises(ValidationError, match="应是该客户的联系人"):
        quote(deal, by=seller, contact=other)


# What becomes of it -------------------------------------------------------------------------------------------------------
def test_two_people_with_the_same_page_make_one_version(seller, deal):
    made = quote(deal, by=seller)
    services.revise(made, values(), version=1, by=seller)
    with pytest.raises(ValidationError, match="刚被同事修改过"):
        services.revise(made, values(), version=1, by=seller)
    assert made.versions.count() == 2


def test_the_answer_is_kept_with_day_version_and_words_and_only_once(seller, deal):
    made = quote(deal, by=seller)
    services.revise(made, values(), version=1, by=seller)
    services.decide(made, True, on=day(), number=1, words="口头同意", by=seller)
    made.refresh_from_db()
    assert (made.state, made.decided_on, made.decided_version.number) == ("accepted", day(), 1)
    for again in (lambda: services.decide(made, False, on=day(), number=1, by=seller),):
        with pytest.raises(ValidationError, match="不能重复登记"):
            again()
    with pytest.raises(ValidationError, match="不能再出新版本"):
        services.revise(made, values(), version=made.version, by=seller)
    assert "口头同意" in OperationLog.objects.get(code="opportunity.quotation_accepted").text


@pytest.mark.parametrize("on,words", [(1, "不能晚于今天"), (-1, "不能早于 V1 的创建日期")])
def test_the_day_of_the_answer_is_a_day_since_the_version(seller, deal, on, words):
    with pytest.raises(ValidationError, match=words):
        services.decide(quote(deal, by=seller), True, on=day(on), number=1, by=seller)


def test_a_rejected_one_can_be_quoted_again(seller, deal):
    made = services.decide(quote(deal, by=seller), False, on=day(), number=1, by=seller)
    services.revise(made, values(), version=made.version, by=seller)
    made.refresh_from_db()
    assert (made.state, made.decided_on) == ("draft", None)


def test_only_drafts_that_never_left_are_deleted_and_numbers_are_not_given_again(seller, deal):
    first, second = quote(deal, by=seller), quote(deal, by=seller)
    services.delete_quotation(second, by=seller)
    services.mark_sent(first, by=seller)
    first.refresh_from_db()
    services.revise(first, values(), version=first.version, by=seller)  # a draft again, but it was sent
    with pytest.raises(ValidationError, match="可以作废"):
        services.delete_quotation(first, by=seller)
    assert quote(deal, by=seller).number.endswith("-0003")
    services.void(first, "客户撤销项目", by=seller)
    first.refresh_from_db()
    assert first.state == "void"
    with pytest.raises(ValidationError, match="已作废"):
        services.decide(first, True, on=day(), number=1, by=seller)


def test_a_void_one_needs_a_reason(seller, deal):
    with pytest.raises(ValidationError, match="请填写作废原因"):
        services.void(quote(deal, by=seller), "  ", by=seller)


def test_expired_is_what_a_sent_one_is_after_its_last_day(seller, deal):
    made = services.mark_sent(quote(deal, by=seller, valid_until=day()), by=seller)
    assert made.state_on(day()) == "sent" and made.state_on(day(1)) == "expired"
    QuotationVersion.objects.update(valid_until=day(-1))
    assert list(Quotation.objects.filter(queries.in_state("expired"))) == [made]
    assert not Quotation.objects.filter(queries.in_state("sent")).exists()
    with pytest.raises(ValidationError, match="有效期已过"):
        sharing.share(made, 1, expires_on=day(3), by=seller)


def test_a_closed_opportunity_is_quoted_no_more_but_its_answer_can_be_noted(seller, deal):
    made = quote(deal, by=seller)
    stages.close(deal, "won", by=seller)
    for act in (
        lambda: quote(deal, by=seller),
        lambda: services.revise(made, values(), version=1, by=seller),
        lambda: sharing.share(made, 1, expires_on=day(3), by=seller),
        lambda: services.void(made, "x", by=seller),
    ):
        with pytest.raises(PermissionDenied):
            act()
    services.decide(made, True, on=day(), number=1, by=seller)


def test_services_ask_the_gate_again(seller, deal):
    made, stranger = quote(deal, by=seller), employee("丙", ["seller"], department("华南"))
    for act in (
        lambda: quote(deal, by=stranger),
        lambda: services.revise(made, values(), version=1, by=stranger),
        lambda: services.decide(made, True, on=day(), number=1, by=stranger),
        lambda: services.delete_quotation(made, by=stranger),
        lambda: sharing.share(made, 1, expires_on=day(3), by=stranger),
    ):
        with pytest.raises(PermissionDenied):
            act()


def test_it_goes_and_comes_back_with_the_opportunity_and_ends_with_it(seller, deal):
    made = quote(deal, by=seller)
    sharing.share(made, 1, expires_on=day(3), by=seller)
    rows = Opportunity.objects.filter(pk=deal.pk)
    records.delete(rows, by=seller)
    assert not queries.visible(seller).exists()
    records.restore(rows, by=seller)
    assert list(queries.visible(seller)) == [made]
    records.delete(rows, by=seller)
    records.purge(rows, by=seller)
    assert not Quotation.objects.exists() and not QuotationLine.objects.exists()


def test_a_kind_of_number_can_have_the_pattern_of_the_company():
    numbering.check(numbering.ALL["quotation"].first)


# Differences --------------------------------------------------------------------------------------------------------------
def test_added_removed_and_changed_lines_are_told_apart(seller, deal):
    first, second = deal.lines.all()
    made = quote(deal, by=seller)
    old = made.current
    first.delete()
    OpportunityLine.objects.filter(pk=second.pk).update(price="90", subtotal="180", quantity="2", discount="10")
    add_line(deal, product("维保"), price="50", quantity="2.5", remark="两年半")
    new = services.revise(made, values(title="二次报价", terms="款到发货"), version=1, by=seller)
    found = changes.between(old, new, seen())
    assert [(one.kind, one.name) for one in found.lines] == [
        ("changed", "采集网关1"),
        ("added", "维保"),
        ("removed", "采集网关0"),
    ]
    assert [(one.label, one.old, one.new) for one in found.lines[0].changes] == [
        ("数量", "1", "2"),
        ("单价", "¥100.00", "¥90.00"),
        ("小计", "¥100.00", "¥180.00"),
    ]
    assert found.lines[1].text == "2.5 台 × ¥50.00 = ¥125.00"
    assert [(one.label, one.new) for one in found.head] == [
        ("标题", "二次报价"),
        ("条款与说明", "款到发货"),
        ("报价总额", "¥305.00"),
    ]
    blind = changes.between(old, new, seen(money=False, list_price=False, discount=False))
    assert "¥" not in repr(blind)


def test_lines_of_one_product_are_matched_equal_ones_first(seller, deal):
    item = product("授权")
    for price in ("10", "20", "30"):
        add_line(deal, item, price=price)
    made = quote(deal, by=seller)
    old = made.current
    OpportunityLine.objects.filter(product=item, price="20").delete()
    new = services.revise(made, values(), version=1, by=seller)
    assert [(one.kind, one.text) for one in changes.between(old, new, seen()).lines] == [
        ("removed", "1 台 × ¥20.00 = ¥20.00")
    ]


def test_two_equal_versions_do_not_differ(seller, deal):
    made = quote(deal, by=seller)
    old = made.current
    assert changes.between(old, services.revise(made, values(), version=1, by=seller), seen()).empty


# Reminder -----------------------------------------------------------------------------------------------------------------
def test_the_owner_is_told_once_before_a_sent_one_runs_out(seller, deal, django_assert_max_num_queries):
    soon = [services.mark_sent(quote(deal, by=seller, valid_until=day(n)), by=seller) for n in (1, 3)]
    services.mark_sent(quote(deal, by=seller, valid_until=day(4)), by=seller)
    quote(deal, by=seller, valid_until=day(1))  # a draft
    with django_assert_max_num_queries(16):
        assert reminding.run(day()) == 1
    told = Message.objects.get(kind="quotation")
    assert told.recipient == seller and told.title == "2 份报价单即将到期"
    assert all(one.number in told.body for one in soon)
    assert reminding.run(day()) == 0 and reminding.run(day(1)) == 1


def test_nobody_is_told_of_quotations_of_a_closed_opportunity(seller, deal):
    services.mark_sent(quote(deal, by=seller, valid_until=day(1)), by=seller)
    stages.close(deal, Opportunity.State.WON, by=seller)
    assert reminding.run(day()) == 0
    stages.reopen(deal, by=seller)
    assert reminding.run(day()) == 1


def test_nobody_is_told_of_deleted_ones_or_with_the_parameter_off(seller, deal):
    services.mark_sent(quote(deal, by=seller, valid_until=day(1)), by=seller)
    params.store("quotation_remind_days", 0)
    assert reminding.run(day()) == 0
    params.store("quotation_remind_days", 3)
    records.delete(Opportunity.objects.filter(pk=deal.pk), by=seller)
    assert reminding.run(day()) == 0


def test_the_demo_company_has_one_of_every_state(seller):
    for n in range(6):
        product(f"网关{n}", price=f"{(n + 1) * 1000}")
    deals = [opportunity(seller, name=f"商机{n}", lines=3) for n in range(len(quotations.STATES))]
    quotations.make(deals)
    shown = {one.state_on(day()) for one in Quotation.objects.select_related("current")}
    assert shown == {"draft", "sent", "accepted", "rejected", "expired", "void"}
    assert Quotation.objects.filter(current__number=2).count() == 2
