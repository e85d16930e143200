"""The editor and the 产品 tab: doors, bad input, field rights, statements."""

import json

from django.db import connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext

from crm.records import services, teams
from opportunities import stages
from opportunities.models import Opportunity, OpportunityLine, State
from orgs.models import Role
from orgs.tests.factories import client_for, employee
from products.lines import save_lines
from products.models import ListPrice, PriceList, Product

from . import support

XSS = '"><img src=x onerror=1>'


class Pages(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.at = support.company()
        cls.url = f"/opportunities/{cls.at.deal.pk}/lines/"

    @property
    def deal(self):
        return Opportunity.objects.get(pk=self.at.deal.pk)

    def fill(self, *rows, discount="0"):
        deal = self.deal
        return save_lines(deal, rows, discount=discount, by=self.at.seller, version=deal.version)

    def send(self, *rows, by=None, version=None, **more):
        version = self.deal.version if version is None else version
        return client_for(by or self.at.seller).post(self.url, support.posted(version, *rows, **more))

    def test_lines_are_saved_from_the_page_in_the_order_of_the_rows(self):
        answer = self.send(
            {"product": self.at.valve.pk, "price": "30", "quantity": "2.5", "remark": "含税"},
            {"product": self.at.pump.pk, "price": "1,000.00"},
            discount="12.5",
        )
        self.assertRedirects(answer, f"/opportunities/{self.at.deal.pk}/?tab=lines", fetch_redirect_response=False)
        lines = self.deal.lines.all()
        self.assertEqual(
            [(line.name, str(line.subtotal)) for line in lines], [("阀门", "75.00"), ("离心泵", "1000.00")]
        )
        self.assertEqual(str(self.deal.amount), "940.63")

    def test_figures_the_browser_got_wrong_are_computed_anew_and_it_is_said(self):
        answer = self.send({"product": self.at.pump.pk, "price": "90", "subtotal": "1.00"}, total="1.00")
        page = client_for(self.at.seller).get(answer.url)
        self.assertEqual(str(self.deal.amount), "90.00")
        said = [str(one) for one in answer.wsgi_request._messages]
        self.assertIn("小计与合计已按售价、数量和折扣重新计算，合计为 ¥90.00", said)
        self.assertEqual(page.status_code, 200)

    def test_nothing_typed_is_lost_when_something_is_wrong(self):
        long = "名" * 10_000
        rows = (
            {"product": self.at.pump.pk, "price": "abc", "quantity": "-3", "remark": long},
            {"product": self.at.valve.pk, "price": "=1+1", "quantity": "1e30", "remark": XSS, "discount": "7"},
            {"product": "999999999", "price": "5", "quantity": "6", "remark": "😀"},
        )
        answer = self.send(*rows, discount="101")
        self.assertEqual(answer.status_code, 422)
        shown = answer.context["rows"]
        for row, sent in zip(shown, rows, strict=True):
            for name, value in sent.items():
                if name != "product":
                    self.assertEqual(row[name], value)
        self.assertEqual(
            [sorted(row["errors"]) for row in shown],
            [["price", "quantity", "remark"], ["price", "quantity"], ["product"]],
        )
        self.assertEqual(answer.context["discount"], "101")
        self.assertNotContains(answer, XSS, status_code=422)
        self.assertEqual((OpportunityLine.objects.count(), str(self.deal.amount)), (0, "50.00"))

    def test_who_saves_on_an_older_page_is_told_and_keeps_what_was_typed(self):
        old = self.deal.version
        deal = self.deal
        save_lines(deal, [support.row(self.at.valve)], discount="0", by=self.at.manager, version=deal.version)
        answer = self.send({"product": self.at.pump.pk, "price": "77"}, version=old)
        self.assertContains(answer, "华东经理", status_code=409)
        self.assertContains(answer, "阀门：1 台 × ¥100.00", status_code=409)
        self.assertEqual(answer.context["rows"][0]["price"], "77")
        self.assertEqual(self.deal.lines.get().name, "阀门")
        again = self.send({"product": self.at.pump.pk, "price": "77"}, version=answer.context["version"])
        self.assertEqual(again.status_code, 302)
        self.assertEqual(self.deal.lines.get().name, "离心泵")

    def test_garbage_instead_of_rows_does_no_harm(self):
        for data in (
            {"row": ["x", "x", "../", XSS], "version": "1"},
            {"row": ["n0"], "n0-line": "abc", "n0-product": "9" * 40, "version": "NaN"},
            {"row": ["n0"], "n0-product": "-1", "version": self.deal.version},
        ):
            answer = client_for(self.at.seller).post(self.url, data)
            self.assertIn(answer.status_code, (409, 422))
        self.assertEqual(OpportunityLine.objects.count(), 0)

    def test_the_editor_is_for_whoever_may_edit_the_opportunity(self):
        reader = employee("只读", ["seller"])
        teams.add([self.deal], [reader], write=False, by=self.at.seller)
        nobody = employee("无权", [])
        row = {"product": self.at.pump.pk, "price": "1"}
        for person, status in ((self.at.stranger, 404), (reader, 403), (nobody, 403)):
            for url in (self.url, f"{self.url}row/?product={self.at.pump.pk}&key=n1"):
                self.assertEqual(client_for(person).get(url).status_code, status, person.name)
            self.assertEqual(self.send(row, by=person).status_code, status)
        for person in (self.at.seller, self.at.manager):
            self.assertEqual(client_for(person).get(self.url).status_code, 200)
        self.assertEqual(OpportunityLine.objects.count(), 0)

    def test_a_closed_opportunity_has_no_editor(self):
        self.fill(support.row(self.at.pump))
        stages.close(self.deal, State.WON, by=self.at.seller)
        self.assertContains(client_for(self.at.seller).get(self.url), "已关闭的商机", status_code=403)
        self.assertEqual(self.send().status_code, 403)
        tab = client_for(self.at.seller).get(f"/opportunities/{self.at.deal.pk}/?tab=lines")
        self.assertContains(tab, "离心泵")
        self.assertNotContains(tab, "编辑产品明细")

    def test_a_row_to_be_added_carries_the_price_of_the_list_that_applies(self):
        mine = PriceList.objects.create(name="华东渠道价")
        ListPrice.objects.create(price_list=mine, product=self.at.pump, price="88.00")
        page = client_for(self.at.seller).get(f"{self.url}row/?product={self.at.pump.pk}&key=n3")
        self.assertContains(page, "华东渠道价")
        self.assertContains(page, 'name="n3-price" value="88.00"')
        support.shelve(self.at.pump, by=self.at.keeper)
        for query in (
            f"product={self.at.pump.pk}&key=n1",
            "product=9999999&key=n1",
            f"product={self.at.valve.pk}&key={XSS}",
        ):
            self.assertEqual(client_for(self.at.seller).get(f"{self.url}row/?{query}").status_code, 404)

    def test_pickers_say_code_unit_and_price_and_leave_out_what_is_off_the_shelf(self):
        support.shelve(self.at.valve, by=self.at.keeper)
        found = json.loads(client_for(self.at.seller).get("/pick/product/?q=").content)["results"]
        self.assertEqual(
            [(one["text"], one["sub"]) for one in found], [("离心泵", f"{self.at.pump.code} · 台 · ¥100.00")]
        )

    def test_off_shelf_lines_stay_and_are_marked(self):
        self.fill(support.row(self.at.pump))
        support.shelve(self.at.pump, by=self.at.keeper)
        line = self.deal.lines.get()
        self.assertContains(client_for(self.at.seller).get(self.url), "已下架")
        self.assertContains(client_for(self.at.seller).get(f"/opportunities/{self.at.deal.pk}/?tab=lines"), "已下架")
        data = {"version": self.deal.version, "row": "l1", "l1-line": line.pk, "l1-product": self.at.pump.pk}
        data |= {"l1-price": "60", "l1-quantity": "1"}
        self.assertEqual(client_for(self.at.seller).post(self.url, data).status_code, 302)
        self.assertEqual(str(self.deal.amount), "60.00")
        self.assertEqual(self.send({"product": self.at.pump.pk, "price": "1"}).status_code, 422)

    def restrict(self, module, **levels):
        role = Role.objects.get(code="seller")
        role.field_rights = {**role.field_rights, module: levels}
        role.save()

    def test_whoever_may_not_see_the_amount_sees_no_money_on_the_lines(self):
        self.fill(support.row(self.at.pump, "91.23"), discount="5")
        for level in (0, 1, 2):
            self.restrict("opportunity", amount=level)
            tab = client_for(self.at.seller).get(f"/opportunities/{self.at.deal.pk}/?tab=lines")
            log = client_for(self.at.seller).get(f"/opportunities/{self.at.deal.pk}/?tab=log")
            uses = client_for(self.at.seller).get(f"/products/{self.at.pump.pk}/?tab=uses")
            self.assertContains(tab, "离心泵")
            for page in (tab, log, uses):
                (self.assertContains if level == 2 else self.assertNotContains)(page, "91.23")
            self.assertEqual(client_for(self.at.seller).get(self.url).status_code, 403, level)
            self.assertEqual(self.send({"product": self.at.pump.pk, "price": "1"}).status_code, 403)

    def test_whoever_may_not_see_list_prices_gets_none_in_the_editor(self):
        self.fill(support.row(self.at.pump, "91.23"))
        for level in (0, 1):
            self.restrict("product", price=level)
            for url in (
                self.url,
                f"/opportunities/{self.at.deal.pk}/?tab=lines",
                f"{self.url}row/?product={self.at.pump.pk}&key=n1",
            ):
                page = client_for(self.at.seller).get(url)
                self.assertNotContains(page, "100.00", msg_prefix=url)
                self.assertNotContains(page, "8.77", msg_prefix=url)
            for draw in ({}, {"draw": "1"}):  # what was typed comes back, the list price does not come with it
                page = self.send({"product": self.at.valve.pk, "price": "x"}, **draw)
                self.assertNotContains(page, "33.33", status_code=200 if draw else 422)
            found = json.loads(client_for(self.at.seller).get("/pick/product/?q=").content)["results"]
            self.assertNotIn("100", json.dumps([one["sub"] for one in found]))

    def test_a_discount_that_is_not_theirs_to_change_stays(self):
        self.fill(support.row(self.at.pump), discount="10")
        self.restrict("opportunity", discount=2)
        line = self.deal.lines.get()
        row = {"line": line.pk, "product": self.at.pump.pk, "price": "50"}
        self.assertEqual(self.send(row, discount="90").status_code, 302)
        self.assertEqual((str(self.deal.discount), str(self.deal.amount)), ("10.00", "45.00"))

    def test_the_form_shows_the_amount_and_does_not_take_it_while_there_are_lines(self):
        self.fill(support.row(self.at.pump))
        client = client_for(self.at.seller)
        page = client.get(f"/opportunities/{self.at.deal.pk}/edit/")
        form = page.context["form"]
        self.assertTrue(form.fields["amount"].disabled)
        data = {name: form[name].value() or "" for name in form.fields} | {"amount": "1.00", "remark": "改过"}
        self.assertEqual(client.post(f"/opportunities/{self.at.deal.pk}/edit/", data).status_code, 302)
        self.assertEqual((str(self.deal.amount), self.deal.remark), ("100.00", "改过"))

    def test_statements_do_not_grow_with_the_lines(self):
        counts = {}
        client = client_for(self.at.seller)
        for lines in (5, 200):
            self.fill(*[support.row(self.at.pump, "1")] * lines)
            ids = list(self.deal.lines.values_list("pk", flat=True))
            for url, most in (
                (self.url, 15),
                (f"/opportunities/{self.at.deal.pk}/?tab=lines", 20),
                (f"/products/{self.at.pump.pk}/?tab=uses", 20),
            ):
                client.get(url)
                with CaptureQueriesContext(connection) as queries:
                    self.assertEqual(client.get(url).status_code, 200)
                counts.setdefault(url, []).append(len(queries))
                self.assertLessEqual(len(queries), most, url)
            rows = [{"line": pk, "product": self.at.pump.pk, "price": "2", "quantity": "2"} for pk in ids]
            with CaptureQueriesContext(connection) as queries:
                self.assertEqual(self.send(*rows).status_code, 302)
            counts.setdefault("save", []).append(len(queries) - (lines > 100))  # a second batch
        self.assertEqual({url: len(set(found)) for url, found in counts.items()}, dict.fromkeys(counts, 1), counts)

    def test_uses_lists_only_what_the_person_may_see(self):
        self.fill(support.row(self.at.pump))
        url = f"/products/{self.at.pump.pk}/?tab=uses"
        self.assertContains(client_for(self.at.manager).get(url), "水处理项目")
        self.assertNotContains(client_for(self.at.stranger).get(url), "水处理项目")
        role = Role.objects.get(code="seller")
        role.permissions = [one for one in role.permissions if not one.startswith("opportunity.")]
        role.save()
        self.assertNotContains(client_for(self.at.seller).get(url), "水处理项目")

    def test_a_product_on_a_line_is_not_purged(self):
        self.fill(support.row(self.at.pump))
        services.delete(Product.objects.filter(pk=self.at.pump.pk), by=self.at.keeper)
        tab = client_for(self.at.seller).get(f"/opportunities/{self.at.deal.pk}/?tab=lines")
        self.assertContains(tab, "已删除")
        with self.assertRaisesMessage(Exception, "仍被其他记录引用"):
            services.purge(Product.objects.trashed(), by=self.at.keeper)
