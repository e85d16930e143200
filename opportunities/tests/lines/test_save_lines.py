"""Saving product lines: what is computed, what is refused, what is kept."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import TestCase
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as HypothesisTestCase

from crm.records import services
from crm.records.bulkedit import services as bulkedit
from crm.records.models import DictionaryItem, OperationLog
from crm.records.modules import get
from opportunities import stages
from opportunities.models import Opportunity, OpportunityLine, State
from opportunities.services import update_opportunity
from products import arithmetic
from products.lines import save_lines
from products.lines.services import LineFaults
from products.models import ListPrice, PriceList, Product

from . import support

prices = st.decimals(0, Decimal("9999999.99"), places=2)
quantities = st.decimals(Decimal("0.0001"), Decimal("99999.9999"), places=4)
percents = st.decimals(0, 100, places=2)


def half_up(value: Fraction) -> Fraction:
    """To hundredths, half away from zero, by whole numbers only."""
    sign = -1 if value < 0 else 1
    return Fraction(sign * ((abs(value) * 200 + 1) // 2), 100)


@given(prices, quantities)
def test_a_subtotal_is_price_times_quantity_rounded_half_up_once(price, quantity):
    assert Fraction(arithmetic.subtotal(price, quantity)) == half_up(Fraction(price) * Fraction(quantity))


@given(st.lists(prices, max_size=200), percents)
def test_a_total_is_the_sum_less_the_discount_rounded_half_up_once(subtotals, percent):
    exact = sum((Fraction(one) for one in subtotals), Fraction(0)) * (100 - Fraction(percent)) / 100
    assert Fraction(arithmetic.total(subtotals, percent)) == half_up(exact)


@given(prices.filter(bool), prices)
def test_a_line_discount_is_what_the_price_lies_below_the_list_price(list_price, price):
    exact = (Fraction(list_price) - Fraction(price)) * 100 / Fraction(list_price)
    assert Fraction(arithmetic.discount_of(list_price, price)) == half_up(exact)


def test_half_a_fen_is_rounded_up():
    assert arithmetic.subtotal(Decimal("0.01"), Decimal("0.5")) == Decimal("0.01")
    assert arithmetic.subtotal(Decimal("0.01"), Decimal("0.4999")) == Decimal("0.00")


class SavingAgrees(HypothesisTestCase):
    @classmethod
    def setUpTestData(cls):
        cls.at = support.company()

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.tuples(st.booleans(), prices, quantities), max_size=12), percents)
    def test_what_is_saved_is_what_fractions_say(self, wanted, percent):
        deal = Opportunity.objects.get(pk=self.at.deal.pk)
        rows = [support.row(self.at.pump if one else self.at.valve, price, q) for one, price, q in wanted]
        saved = save_lines(deal, rows, discount=percent, by=self.at.seller, version=deal.version)
        deal.refresh_from_db()
        subtotals = [half_up(Fraction(price) * Fraction(q)) for _, price, q in wanted]
        self.assertEqual([Fraction(line.subtotal) for line in deal.lines.all()], subtotals)
        exact = half_up(sum(subtotals, Fraction(0)) * (100 - Fraction(percent)) / 100)
        self.assertEqual(deal.lines_total, saved.total)
        if wanted:
            self.assertEqual(Fraction(deal.amount), exact)
        else:
            self.assertEqual((deal.amount, deal.lines_total, deal.discount), (Decimal("50.00"), None, 0))


class Saving(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.at = support.company()

    def save(self, *rows, discount="0", by=None, version=None):
        deal = Opportunity.objects.get(pk=self.at.deal.pk)
        version = deal.version if version is None else version
        return save_lines(deal, rows, discount=discount, by=by or self.at.seller, version=version)

    @property
    def deal(self):
        return Opportunity.objects.get(pk=self.at.deal.pk)

    def refused(self, *rows, **more) -> LineFaults:
        before = (self.deal.version, self.deal.amount, OpportunityLine.objects.count())
        with pytest.raises(LineFaults) as caught:
            self.save(*rows, **more)
        self.assertEqual((self.deal.version, self.deal.amount, OpportunityLine.objects.count()), before)
        return caught.value

    def test_the_amount_is_the_total_and_the_log_says_old_and_new(self):
        self.save(support.row(self.at.pump, "90", "3"), support.row(self.at.valve, "33.33", "0.5"), discount="10")
        deal = self.deal
        self.assertEqual((deal.amount, deal.lines_total, deal.discount), (Decimal("258.00"), Decimal("258.00"), 10))
        line = deal.lines.first()
        self.assertEqual((line.list_price, line.discount, line.unit), (Decimal("100.00"), Decimal("10.00"), "台"))
        log = OperationLog.objects.filter(code="opportunity.lines_saved").get()
        said = {one["label"]: (one["old"], one["new"]) for one in log.changes}
        self.assertEqual(said["预计成交金额"], ("¥50.00", "¥258.00"))
        self.assertEqual(said[f"产品 离心泵（{self.at.pump.code}）"], ("", "3 台 × ¥90.00"))
        self.assertEqual(log.actor, self.at.seller)
        self.assertEqual(deal.version, self.at.deal.version + 1)

    def test_saving_the_same_again_leaves_no_trace(self):
        self.save(support.row(self.at.pump))
        line, version = self.deal.lines.get(), self.deal.version
        saved = self.save(support.row(self.at.pump, line=line.pk))
        self.assertFalse(saved.changed)
        self.assertEqual(self.deal.version, version)
        self.assertEqual(OperationLog.objects.filter(code="opportunity.lines_saved").count(), 1)

    def test_lines_keep_their_rows_and_take_the_new_order(self):
        self.save(support.row(self.at.pump), support.row(self.at.valve))
        first, second = self.deal.lines.all()
        self.save(support.row(self.at.valve, "30", line=second.pk), support.row(self.at.pump, line=first.pk))
        self.assertEqual([line.pk for line in self.deal.lines.all()], [second.pk, first.pk])

    def test_without_lines_the_amount_is_free_again(self):
        self.save(support.row(self.at.pump), discount="50")
        with pytest.raises(ValidationError, match="明细的合计"):
            update_opportunity(self.deal, {"amount": Decimal("1.00")}, version=self.deal.version, by=self.at.seller)
        self.save()
        deal = self.deal
        self.assertEqual((deal.amount, deal.lines_total, deal.discount), (Decimal("50.00"), None, 0))
        update_opportunity(deal, {"amount": Decimal("1.00")}, version=deal.version, by=self.at.seller)
        self.assertEqual(self.deal.amount, Decimal("1.00"))

    def test_bulk_edit_leaves_an_amount_of_lines_alone_and_says_why(self):
        self.save(support.row(self.at.pump))
        done, failures = bulkedit.edit_chunk(
            get("opportunity"), [self.at.deal.pk], {"amount": Decimal("7.00")}, by=self.at.seller
        )
        self.assertEqual(done, 0)
        self.assertIn("明细的合计", failures[0][1])
        self.assertEqual(self.deal.amount, Decimal("100.00"))

    def test_the_database_holds_the_amount_to_the_lines(self):
        self.save(support.row(self.at.pump))
        for amount in ("7.00", None):
            with pytest.raises(IntegrityError), transaction.atomic():
                Opportunity.objects.filter(pk=self.at.deal.pk).update(amount=amount)

    def test_figures_that_cannot_be_are_refused_at_their_line(self):
        for field, value, words in (
            ("price", "", "请填写售价"),
            ("price", "-1", "金额应在 0 到"),
            ("price", "1.005", "金额最多两位小数"),
            ("price", "NaN", "金额应在 0 到"),
            ("price", "sNaN", "金额应在 0 到"),
            ("price", "Infinity", "金额应在 0 到"),
            ("price", "1e30", "金额应在 0 到"),
            ("price", "1000000000000", "金额应在 0 到"),
            ("price", "=1+1", "请填写金额"),
            ("price", "9" * 10_000, "金额应在 0 到"),
            ("quantity", "0", "数量应大于 0"),
            ("quantity", "-2", "数量应大于 0"),
            ("quantity", "", "请填写数量"),
            ("quantity", "1.00001", "数量最多四位小数"),
            ("quantity", "1e-99999", "数量最多四位小数"),
            ("quantity", "NaN", "数量应为数字"),
            ("quantity", "1e30", "数量不能超过"),
            ("quantity", '"><img src=x onerror=1>', "数量应为数字"),
            ("remark", "长" * 101, "最多 100 个字"),
        ):
            good = support.row(self.at.valve)
            bad = support.row(self.at.pump, **{field: value})
            fault = self.refused(good, bad)
            self.assertEqual(list(fault.lines), [1], (field, value[:20]))
            self.assertIn(words, fault.lines[1][field], value[:20])

    def test_percentages_that_cannot_be_are_refused(self):
        for value in ("-1", "100.01", "NaN", "1e30", "abc", "5.001"):
            self.assertIn("整单折扣", self.refused(support.row(self.at.pump), discount=value).discount, value)

    def test_what_adds_up_to_too_much_is_refused(self):
        most = "999999999999.99"
        fault = self.refused(support.row(self.at.pump, most, "2"))
        self.assertIn("小计超过", fault.lines[0]["quantity"])
        self.assertIn("合计超过", self.refused(*[support.row(self.at.pump, most)] * 2).general)
        self.save(support.row(self.at.pump, most))
        self.assertEqual(self.deal.amount, Decimal(most))

    def test_more_than_200_lines_are_refused(self):
        self.save(*[support.row(self.at.pump, "1")] * 200)
        self.assertIn("最多 200 行", self.refused(*[support.row(self.at.pump, "1")] * 201).general)
        self.assertEqual(self.deal.lines.count(), 200)

    def test_products_off_the_shelf_stay_on_their_line_and_cannot_be_taken_anew(self):
        self.save(support.row(self.at.pump), support.row(self.at.valve))
        support.shelve(self.at.pump, by=self.at.keeper)
        first, second = self.deal.lines.all()
        again = support.row(self.at.pump, "80", line=first.pk)
        self.save(again, support.row(self.at.valve, line=second.pk))
        self.assertEqual(self.deal.lines.first().price, Decimal("80.00"))
        for sly in (support.row(self.at.pump), support.row(self.at.pump, line=second.pk)):
            fault = self.refused(again, sly)
            self.assertEqual(fault.lines, {1: {"product": "“离心泵”已下架，不能再选用"}})
        twice = self.refused(again, again)
        self.assertIn("已下架", twice.lines[1]["product"])

    def test_products_nobody_may_see_are_refused(self):
        gone = support.product(self.at.keeper, "旧泵")
        services.delete(Product.objects.filter(pk=gone.pk), by=self.at.keeper)
        for pk in (gone.pk, 10**9, None):
            fault = self.refused(support.Row(pk, "1", "1"))
            self.assertEqual(fault.lines, {0: {"product": "没有这个产品，请重新选择"}})

    def test_lines_of_another_opportunity_are_no_way_around_the_shelf(self):
        other = support.opportunity(self.at, "另一个商机")
        save_lines(other, [support.row(self.at.pump)], discount="0", by=self.at.seller, version=other.version)
        support.shelve(self.at.pump, by=self.at.keeper)
        line = OpportunityLine.objects.get(opportunity=other)
        self.assertIn("已下架", self.refused(support.row(self.at.pump, line=line.pk)).lines[0]["product"])

    def test_a_kept_line_keeps_name_and_list_price_when_the_product_changes(self):
        self.save(support.row(self.at.pump))
        line = self.deal.lines.get()
        product = Product.objects.get(pk=self.at.pump.pk)
        services.update(
            product, {"name": "新泵", "price": Decimal("200.00")}, version=product.version, by=self.at.keeper
        )
        self.save(support.row(self.at.pump, "90", line=line.pk), support.row(self.at.pump, "90"))
        first, second = self.deal.lines.all()
        self.assertEqual((first.name, first.list_price), ("离心泵", Decimal("100.00")))
        self.assertEqual((second.name, second.list_price), ("新泵", Decimal("200.00")))

    def test_an_older_version_is_stale_and_a_closed_opportunity_refuses(self):
        with pytest.raises(services.Stale):
            self.save(support.row(self.at.pump), version=self.deal.version - 1)
        stages.close(self.deal, State.WON, by=self.at.seller)
        with pytest.raises(ValidationError, match="已关闭的商机"):
            self.save(support.row(self.at.pump))
        self.assertEqual(OpportunityLine.objects.count(), 0)

    def test_the_first_price_list_that_is_for_the_customer_gives_the_list_price(self):
        level = DictionaryItem.objects.filter(dictionary="customer.level").first()
        today = timezone.localdate()
        over = PriceList.objects.create(name="过期", ends_on=today - timedelta(days=1), order=1)
        levels = PriceList.objects.create(name="级别", order=2)
        levels.levels.create(level=level)
        mine = PriceList.objects.create(name="华东", order=3, by_department=True)
        mine.departments.add(self.at.east)
        for one, price in ((over, "1"), (levels, "2"), (mine, "3")):
            ListPrice.objects.create(price_list=one, product=self.at.pump, price=price)
        self.save(support.row(self.at.pump), support.row(self.at.valve))
        self.assertEqual([line.list_price for line in self.deal.lines.all()], [Decimal("3.00"), Decimal("33.33")])
        self.at.customer.level = level
        self.at.customer.save()
        self.save(support.row(self.at.pump))
        self.assertEqual(self.deal.lines.get().list_price, Decimal("2.00"))

    def test_a_price_list_whose_departments_are_gone_is_for_nobody(self):
        empty = PriceList.objects.create(name="空", by_department=True)
        ListPrice.objects.create(price_list=empty, product=self.at.pump, price="1")
        self.save(support.row(self.at.pump))
        self.assertEqual(self.deal.lines.get().list_price, Decimal("100.00"))
