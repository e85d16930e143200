"""Product lines as a file."""

from django.test import TestCase

from crm.records.models import ExportLedger
from opportunities.models import Opportunity
from orgs.models import Role
from orgs.tests.factories import client_for
from products.lines import save_lines

from . import support


class Exporting(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.at = support.company()
        rows = [support.row(cls.at.pump, "90", "2.5", remark="=1+1"), support.row(cls.at.valve, "33.33")]
        save_lines(cls.at.deal, rows, discount="10", by=cls.at.seller, version=cls.at.deal.version)
        cls.empty = support.opportunity(cls.at, "没有产品")

    def take(self, person, **data):
        answer = client_for(person).post("/opportunities/lines/export/", {"format": "csv", **data})
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        return answer, body.decode("utf-8-sig")

    def test_a_row_a_line_with_what_it_stands_on(self):
        _, text = self.take(self.at.seller)
        lines = text.splitlines()
        self.assertEqual(len(lines), 3)
        self.assertIn("商机,客户", lines[0])
        for words in ("水处理项目", "云澜公司", "离心泵", "100", "2.5", "225", "232.5", "'=1+1"):
            self.assertIn(words, lines[1])
        self.assertEqual(ExportLedger.objects.get().module, "opportunity_lines")

    def test_only_lines_of_opportunities_in_reach(self):
        pk = self.at.deal.pk
        answer, text = self.take(self.at.stranger, ids=pk)
        self.assertNotIn("水处理项目", text)
        _, text = self.take(self.at.stranger)
        self.assertNotIn("水处理项目", text)
        self.assertEqual(ExportLedger.objects.count(), 0)
        answer, text = self.take(self.at.seller, ids=self.empty.pk)
        self.assertIn("没有产品明细", text)

    def test_money_is_absent_for_those_who_may_not_see_it(self):
        role = Role.objects.get(code="seller")
        role.field_rights = {"opportunity": {"amount": 0}}
        role.save()
        _, text = self.take(self.at.seller)
        self.assertIn("离心泵", text)
        for words in ("售价", "小计", "单价", "90", "225", "232.5"):
            self.assertNotIn(words, text)

    def test_the_dialog_stands_in_the_list_and_on_the_record(self):
        client = client_for(self.at.seller)
        self.assertContains(client.get("/opportunities/"), "/opportunities/lines/export/")
        self.assertContains(client.get(f"/opportunities/{self.at.deal.pk}/"), "导出产品明细")
        self.assertNotContains(client.get(f"/opportunities/{self.empty.pk}/"), "导出产品明细")
        self.assertContains(client.get(f"/opportunities/lines/export/?ids={self.at.deal.pk}"), "商机的产品明细")
        self.assertEqual(Opportunity.objects.count(), 2)
