"""Price lists, stock tables, histories, categories."""

import io
from datetime import timedelta
from decimal import Decimal
from unittest import mock

import openpyxl
import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import ProtectedError
from django.test import TestCase
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.records import services, trees
from crm.records.models import DictionaryItem, ExportLedger, OperationLog
from orgs.models import OrgLog, Role
from orgs.tests.factories import client_for, department, employee
from products import pricing
from products import services as goods
from products.lines import figures
from products.models import Category, ListPrice, PriceList, Product
from products.prices import services as prices

from .support import product, table

locked = prices._locked
XSS = '"><img src=x onerror=1>'


class PriceLists(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.keeper = employee("管理员", ["admin"])
        cls.super = employee("超管", ["super"])
        cls.seller = employee("甲", ["seller"])
        cls.pump, cls.valve = product(cls.super, "P-1"), product(cls.super, "P-2", "阀门", "33.33")
        cls.level = DictionaryItem.objects.filter(dictionary="customer.level").first()
        cls.list = prices.keep(PriceList(name="渠道价"), levels=[], departments=[], by=cls.keeper)

    def setUp(self):
        self.client = client_for(self.keeper)

    def price(self, one) -> Decimal | None:
        return ListPrice.objects.filter(price_list=self.list, product=one).values_list("price", flat=True).first()

    def test_a_list_is_kept_from_the_page_with_levels_departments_and_days(self):
        south = department("华南")
        data = {"name": "华南 A", "levels": self.level.pk, "departments": south.pk, "starts_on": "2026-01-01"}
        answer = self.client.post("/price-lists/new/", data)
        one = PriceList.objects.get(name="华南 A")
        self.assertRedirects(answer, f"/price-lists/{one.pk}/")
        self.assertTrue(one.by_department)
        self.assertGreater(one.order, self.list.order)
        self.assertContains(self.client.get("/price-lists/"), f"{self.level.label} 客户；华南")
        log = OrgLog.objects.get(code="price_list.created", target="华南 A")
        self.assertIn("2026-01-01 起", [change["new"] for change in log.changes])

    def test_bad_lists_are_refused_and_nothing_typed_is_lost(self):
        for data, field, words in (
            ({"name": ""}, "name", "请填写名称"),
            ({"name": "名" * 10_000}, "name", "最多 30 个字"),
            ({"name": "渠道价"}, "name", "已有同名价格表"),
            ({"name": "x", "starts_on": "2026-02-01", "ends_on": "2026-01-01"}, "ends_on", "结束日期不能早于开始日期"),
            ({"name": "x", "starts_on": "昨天"}, "starts_on", "日期格式应为"),
            ({"name": "x", "levels": "999999"}, "levels", "请选择列表中的选项"),
            ({"name": "x", "departments": "abc"}, "departments", "请选择列表中的选项"),
        ):
            answer = self.client.post("/price-lists/new/", data)
            self.assertEqual(answer.status_code, 422, data)
            self.assertIn(words, str(answer.context["form"].errors[field]), data)
        self.assertEqual(PriceList.objects.count(), 1)
        self.client.post("/price-lists/new/", {"name": XSS[:30]})
        self.assertNotContains(self.client.get("/price-lists/"), XSS)

    def test_numbers_no_row_can_have_are_refused_and_an_edit_without_its_version_too(self):
        huge, page = "9" * 30, f"/price-lists/{self.list.pk}/"
        for url, data in (
            (f"{page}prices/new/", {"product": huge, "price": "1"}),
            (f"{page}prices/new/", {"product": "²", "price": "1"}),
            (f"{page}edit/", {"name": "渠道价", "departments": huge, "version": self.list.version}),
            (f"{page}edit/", {"name": "没有版本"}),
        ):
            self.assertEqual(self.client.post(url, data).status_code, 422, (url, data))
        self.assertEqual(PriceList.objects.get().name, "渠道价")

    def test_whoever_may_not_see_the_standard_price_or_the_stock_has_neither_page(self):
        prices.set_prices(self.list, {self.valve.pk: Decimal("20")}, by=self.super)
        role = Role.objects.get(code="admin")
        role.field_rights = {**role.field_rights, "product": {"price": 0, "stock": 0}}
        role.save()
        page = f"/price-lists/{self.list.pk}/"
        for url in ("/price-lists/", page, f"{page}prices/{self.valve.pk}/", f"{page}export/", "/products/stock/"):
            self.assertNotContains(self.client.get(url), "33.33", status_code=403)
        data = {"file": table("产品编码,库存", "P-2,-3"), "mode": "add"}
        self.assertNotContains(self.client.post("/products/stock/", data), "现有库存", status_code=403)

    def test_what_somebody_deleted_meanwhile_is_no_error_of_the_server(self):
        prices.set_prices(self.list, {self.valve.pk: Decimal("20")}, by=self.super)
        gone = PriceList(pk=self.list.pk + 1, name="没了")
        page = f"/price-lists/{self.list.pk}/"
        with mock.patch("products.prices.services._locked", side_effect=lambda one: locked(gone)):
            for url in (f"{page}do/on/", f"{page}prices/{self.valve.pk}/remove/"):
                self.assertEqual(self.client.post(url).status_code, 404, url)
        first, second = trees.save(Category(name="一")), trees.save(Category(name="二"))
        goods.remove_category(second, None, by=self.super)
        for category, to in ((second, None), (first, second)):
            with self.assertRaisesMessage(ValidationError, "刚被删除"):
                goods.remove_category(category, to, by=self.super)

    def test_an_edit_leaves_the_place_of_the_list_as_somebody_moved_it_meanwhile(self):
        other = prices.keep(PriceList(name="另一个"), levels=[], departments=[], by=self.keeper)
        mine = PriceList.objects.get(pk=self.list.pk)
        prices.shift(other, -1, by=self.super)
        prices.keep(mine, levels=[], departments=[], by=self.keeper, version=mine.version)
        self.assertEqual([one.name for one in PriceList.objects.all()], ["另一个", "渠道价"])

    def test_two_people_who_change_a_list_at_once_are_told(self):
        page = self.client.get(f"/price-lists/{self.list.pk}/edit/")
        version = page.context["form"]["version"].value()
        prices.set_prices(self.list, {self.pump.pk: Decimal("1")}, by=self.super)
        answer = self.client.post(f"/price-lists/{self.list.pk}/edit/", {"name": "改名", "version": version})
        self.assertContains(answer, "有人修改了这个价格表", status_code=422)
        self.assertContains(answer, "改名", status_code=422)

    def test_only_holders_of_the_function_come_in(self):
        for url in ("", "new/", f"{self.list.pk}/", f"{self.list.pk}/edit/", f"{self.list.pk}/import/"):
            self.assertEqual(client_for(self.seller).get(f"/price-lists/{url}").status_code, 403, url)
        self.assertEqual(client_for(self.seller).post(f"/price-lists/{self.list.pk}/do/off/").status_code, 403)
        self.assertTrue(PriceList.objects.get().enabled)
        manager = employee("部门经理", ["department_manager"])
        self.assertEqual(client_for(manager).get("/price-lists/").status_code, 200)

    def test_prices_are_set_changed_and_removed_with_a_log_at_the_product(self):
        base = f"/price-lists/{self.list.pk}/prices/"
        self.client.post(f"{base}new/", {"product": self.pump.pk, "price": "88.5"})
        self.assertEqual(self.price(self.pump), Decimal("88.50"))
        self.assertEqual(self.client.post(f"{base}new/", {"product": self.pump.pk, "price": "1"}).status_code, 422)
        self.client.post(f"{base}{self.pump.pk}/", {"price": "80"})
        self.assertEqual(self.price(self.pump), Decimal("80.00"))
        page = client_for(self.seller).get(f"/products/{self.pump.pk}/?tab=prices")
        for words in ("价格表“渠道价”", "¥88.50", "¥80.00"):
            self.assertContains(page, words)
        self.client.post(f"{base}{self.pump.pk}/remove/")
        self.assertIsNone(self.price(self.pump))
        self.assertEqual(OperationLog.objects.filter(code="product.list_price", object_id=self.pump.pk).count(), 3)
        for bad in ("-1", "NaN", "1e30", "1.005", "", "=1+1"):
            self.assertEqual(
                self.client.post(f"{base}new/", {"product": self.pump.pk, "price": bad}).status_code, 422, bad
            )
        self.assertEqual(self.client.get(f"{base}{self.pump.pk}/").status_code, 404)

    def test_the_order_decides_and_switched_off_lists_do_not_count(self):
        other = prices.keep(PriceList(name="另一个"), levels=[], departments=[], by=self.keeper)
        for one, price in ((self.list, "1"), (other, "2")):
            prices.set_prices(one, {self.pump.pk: Decimal(price)}, by=self.keeper)

        def now():
            return pricing.offers([self.pump], pricing.Buyer())[self.pump.pk].price

        self.assertEqual(now(), Decimal("1.00"))
        self.client.post(f"/price-lists/{other.pk}/do/up/")
        self.assertEqual(now(), Decimal("2.00"))
        self.client.post(f"/price-lists/{other.pk}/do/off/")
        self.assertEqual(now(), Decimal("1.00"))
        prices.switch(self.list, False, by=self.keeper)
        self.assertEqual(now(), Decimal("100.00"))
        self.assertEqual(self.client.post(f"/price-lists/{other.pk}/do/sideways/").status_code, 404)

    def test_a_list_holds_on_its_first_and_last_day_and_not_beyond(self):
        today = timezone.localdate()
        self.list.starts_on = self.list.ends_on = today
        prices.keep(self.list, levels=[], departments=[], by=self.keeper)
        found = [pricing.applying(pricing.Buyer(), today + timedelta(days=days)) is not None for days in (-1, 0, 1)]
        self.assertEqual(found, [False, True, False])

    def test_a_level_in_use_by_a_list_is_not_deleted(self):
        prices.keep(self.list, levels=[self.level], departments=[], by=self.keeper)
        with pytest.raises(ProtectedError):
            self.level.delete()

    def test_deleting_asks_to_switch_it_off_first(self):
        prices.set_prices(self.list, {self.pump.pk: Decimal("1")}, by=self.keeper)
        url = f"/price-lists/{self.list.pk}/delete/"
        self.assertContains(self.client.post(url), "请先停用", status_code=422)
        prices.switch(self.list, False, by=self.keeper)
        self.assertContains(self.client.get(url), "1 个产品的价格")
        self.client.post(url)
        self.assertEqual((PriceList.objects.count(), ListPrice.objects.count()), (0, 0))

    def test_a_table_of_prices_goes_out_and_comes_back(self):
        prices.set_prices(self.list, {self.pump.pk: Decimal("90")}, by=self.keeper)
        url = f"/price-lists/{self.list.pk}/"
        answer = self.client.post(f"{url}export/?all=1")
        rows = list(openpyxl.load_workbook(io.BytesIO(answer.content)).active.values)
        self.assertEqual(rows[0], ("产品编码", "产品名称", "标准价", "价格"))
        self.assertEqual([row[0] for row in rows[1:]], ["P-1", "P-2"])
        self.assertEqual(ExportLedger.objects.get().module, "price_list")
        only = self.client.post(f"{url}export/")
        self.assertEqual(len(list(openpyxl.load_workbook(io.BytesIO(only.content)).active.values)), 2)
        self.client.post(f"{url}import/", {"file": table("产品编码,价格", "p-1,95", 'P-2,"30.5"')})
        self.assertEqual((self.price(self.pump), self.price(self.valve)), (Decimal("95.00"), Decimal("30.50")))

    def test_a_table_with_faults_is_refused_as_a_whole_and_names_the_rows(self):
        url = f"/price-lists/{self.list.pk}/import/"
        lines = ("产品编码,价格", "P-1,95", "P-2,1.005", "没有,1", "P-1,3", ",4", "P-2,=1+1")
        answer = self.client.post(url, {"file": table(*lines)})
        for words in ("金额最多两位小数", "没有编码为“没有”的产品", "出现了两次", "请填写产品编码", "请填写金额"):
            self.assertContains(answer, words, status_code=422)
        self.assertIsNone(self.price(self.pump))
        self.assertContains(self.client.post(url, {"file": table("名称,价格", "a,1")}), "缺少列", status_code=422)
        self.assertContains(self.client.post(url), "请选择文件", status_code=422)

    def test_statements_of_the_pages_do_not_grow(self):
        counts = {}
        for number in (5, 50):
            for place in range(number):
                one = product(self.super, f"N-{number}-{place}")
                prices.set_prices(self.list, {one.pk: Decimal("1")}, by=self.super)
                PriceList.objects.create(name=f"表 {number}-{place}")
            for url in (
                "/price-lists/",
                f"/price-lists/{self.list.pk}/",
                "/settings/categories/",
                f"/products/{self.pump.pk}/?tab=prices",
            ):
                self.client.get(url)
                with CaptureQueriesContext(connection) as queries:
                    self.client.get(url)
                counts.setdefault(url, set()).add(len(queries))
        self.assertTrue(all(len(found) == 1 for found in counts.values()), counts)


class Stock(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.keeper = employee("管理员", ["admin"])
        cls.pump, cls.valve = product(cls.keeper, "P-1"), product(cls.keeper, "P-2", "阀门")

    def send(self, mode, *lines, by=None):
        data = {"file": table("产品编码,库存", *lines), "mode": mode}
        return client_for(by or self.keeper).post("/products/stock/", data)

    def stocks(self):
        return [figures.plain(one.stock) for one in Product.objects.order_by("code")]

    def test_stock_is_set_and_added_to_with_a_history(self):
        self.assertEqual(self.send("set", "P-1,10", "P-2,2.5").status_code, 302)
        self.assertEqual(self.send("add", "P-1,-4", "P-2,0").status_code, 302)
        self.assertEqual(self.stocks(), ["6", "2.5"])
        page = client_for(self.keeper).get(f"/products/{self.pump.pk}/?tab=stock")
        self.assertEqual([(row["old"], row["new"]) for row in page.context["tab"]["rows"]], [("10", "6"), ("0", "10")])
        log = OperationLog.objects.filter(code="product.stock")
        self.assertEqual(log.filter(object_id=self.valve.pk).count(), 1)
        self.assertEqual(Product.objects.get(pk=self.pump.pk).version, self.pump.version + 2)

    def test_bad_figures_change_nothing(self):
        self.send("set", "P-1,10")
        for mode, line, words in (
            ("set", "P-2,-1", "库存应在 0 到"),
            ("set", "P-2,NaN", "库存应为数字"),
            ("set", "P-2,1e30", "库存应在 0 到"),
            ("set", "P-2,1.00001", "库存最多四位小数"),
            ("set", "P-2,", "请填写库存"),
            ("add", "P-1,-10.5", "不足 0"),
            ("add", "P-1,9999999999.9999", "超出上限"),
        ):
            good = "P-2,5" if line.startswith("P-1") else "P-1,99"
            self.assertContains(self.send(mode, good, line), words, status_code=422)
            self.assertEqual(self.stocks(), ["10", "0"])
        self.assertEqual(self.send("multiply", "P-1,2").status_code, 403)

    def test_it_takes_the_import_function(self):
        seller = employee("甲", ["seller"])
        self.assertEqual(client_for(seller).get("/products/stock/").status_code, 403)
        self.assertEqual(self.send("set", "P-1,1", by=seller).status_code, 403)
        self.assertEqual(self.stocks(), ["0", "0"])

    def test_products_in_the_recycle_bin_are_unknown(self):
        services.delete(Product.objects.filter(pk=self.valve.pk), by=self.keeper)
        self.assertContains(self.send("set", "P-2,1"), "没有编码为“P-2”的产品", status_code=422)
        self.assertEqual(goods.set_stock({self.valve.pk: Decimal(3)}, mode="set", by=self.keeper), 0)


class Histories(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.keeper, cls.seller = employee("超管", ["super"]), employee("甲", ["seller"])
        cls.pump = product(cls.keeper, "P-1", cost="40.00")
        services.update(cls.pump, {"price": Decimal("120.00"), "cost": Decimal("41.23")}, version=1, by=cls.keeper)

    def test_price_history_shows_standard_prices_and_costs_only_to_those_who_may_see_costs(self):
        url = f"/products/{self.pump.pk}/?tab=prices"
        full, part = client_for(self.keeper).get(url), client_for(self.seller).get(url)
        for words in ("¥100.00", "¥120.00", "¥40.00", "¥41.23"):
            self.assertContains(full, words)
        self.assertContains(part, "¥120.00")
        self.assertNotContains(part, "41.23")
        self.assertNotContains(part, "成本价")

    def test_a_hidden_price_has_no_history(self):
        role = Role.objects.get(code="seller")
        role.field_rights = {"product": {"price": 0}}
        role.save()
        page = client_for(self.seller).get(f"/products/{self.pump.pk}/?tab=prices")
        self.assertNotContains(page, "120.00")


class Categories(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.keeper = employee("管理员", ["admin"])
        cls.top = trees.save(Category(name="设备"))
        cls.pumps = trees.save(Category(name="泵", parent=cls.top))
        cls.small = trees.save(Category(name="小泵", parent=cls.pumps))
        cls.other = trees.save(Category(name="配件"))
        cls.pump = product(cls.keeper, "P-1", category=cls.pumps)

    def setUp(self):
        self.client = client_for(self.keeper)
        self.pump.refresh_from_db()

    def test_counts_include_what_stands_below(self):
        page = self.client.get("/settings/categories/")
        found = {row["node"].name: (row["own"], row["below"], row["depth"]) for row in page.context["rows"]}
        self.assertEqual(found, {"设备": (0, 1, 0), "泵": (1, 1, 1), "小泵": (0, 0, 2), "配件": (0, 0, 0)})

    def test_a_category_in_use_is_deleted_with_a_place_for_its_products(self):
        url = f"/settings/categories/{self.pumps.pk}/delete/"
        page = self.client.get(url)
        self.assertContains(page, "1 个产品要移到别处")
        offered = {category.name for category in page.context["fields"].fields["to"].queryset}
        self.assertEqual(offered, {"设备", "配件"})
        self.assertEqual(self.client.post(url, {"to": self.small.pk}).status_code, 422)
        self.client.post(url, {"to": self.other.pk})
        moved = Product.objects.get(pk=self.pump.pk)
        self.assertEqual((moved.category, moved.version), (self.other, self.pump.version + 1))
        self.assertEqual(Category.objects.get(pk=self.small.pk).full_name, "设备 / 小泵")
        self.assertFalse(Category.objects.filter(pk=self.pumps.pk).exists())
        log = OperationLog.objects.filter(object_id=self.pump.pk).latest("pk")
        self.assertEqual((log.changes[0]["old"], log.changes[0]["new"]), ("设备 / 泵", "配件"))

    def test_a_category_whose_children_would_meet_their_name_stays(self):
        trees.save(Category(name="小泵", parent=self.top))
        answer = self.client.post(f"/settings/categories/{self.pumps.pk}/delete/", {"to": ""})
        self.assertContains(answer, "同级已有同名分类", status_code=422)
        self.assertEqual(Product.objects.get(pk=self.pump.pk).category, self.pumps)

    def test_it_is_moved_with_all_below_and_never_below_itself(self):
        self.client.post(f"/settings/categories/{self.pumps.pk}/", {"name": "泵", "parent": self.other.pk})
        self.assertEqual(Category.objects.get(pk=self.small.pk).full_name, "配件 / 泵 / 小泵")
        bad = self.client.post(f"/settings/categories/{self.pumps.pk}/", {"name": "泵", "parent": self.small.pk})
        self.assertContains(bad, "请选择列表中的选项")
        with pytest.raises(ValidationError):
            goods.remove_category(self.pumps, Category.objects.get(pk=self.small.pk), by=self.keeper)
