"""Imports meet opportunities whose amount is the total of their lines."""

from django.test import TestCase

from crm.records import jobs, trees
from crm.records.importing import undo
from crm.records.models import OperationLog
from customers.tests.importing import faults, figures, run
from opportunities.models import Opportunity
from products.lines import save_lines
from products.models import Category, Product
from products.services import remove_category

from . import support

HEAD = ("商机名称", "客户", "商机组", "商机阶段", "预计成交金额", "备注")


class Importing(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.at = support.company()
        cls.free = support.opportunity(cls.at, "没有产品")
        save_lines(cls.at.deal, [support.row(cls.at.pump)], discount="0", by=cls.at.seller, version=cls.at.deal.version)

    def test_another_amount_fails_the_row_and_leaves_the_others_alone(self):
        rows = (("水处理项目", "云澜公司", "", "", "7", "不改"), ("没有产品", "云澜公司", "", "", "8", "改"))
        job = run(self.at.seller, HEAD, *rows, module="opportunity", on_duplicate="overwrite")
        self.assertEqual(figures(job), (0, 1, 0, 1))
        self.assertIn("明细的合计", str(faults(job)))
        deal, free = (Opportunity.objects.get(pk=one.pk) for one in (self.at.deal, self.free))
        self.assertEqual((str(deal.amount), deal.remark), ("100.00", ""))
        self.assertEqual((str(free.amount), free.remark), ("8.00", "改"))
        self.assertEqual(OperationLog.objects.filter(object_id=deal.pk, code="opportunity.updated").count(), 0)

    def test_an_undone_import_leaves_products_that_stand_on_a_line_in_the_recycle_bin(self):
        head = ("产品名称", "产品编码", "标准价")
        job = run(self.at.keeper, head, ("用了", "UN-1", "1"), ("没用", "UN-2", "1"), module="product")
        deal = Opportunity.objects.get(pk=self.at.deal.pk)
        used = Product.objects.get(code="UN-1")
        save_lines(deal, [support.row(used)], discount="0", by=self.at.seller, version=deal.version)
        made = undo.begin(job.pk, by=self.at.keeper, send=False)
        jobs.execute(made.pk)
        made.refresh_from_db()
        self.assertEqual((made.state, made.result.get("binned"), made.result.get("deleted")), ("done", 1, 1))
        left = Product.objects.get(code__startswith="UN-")
        self.assertEqual((left.code, left.deleted_at is None), ("UN-1", False))
        self.assertEqual(deal.lines.get().product_id, used.pk)

    def test_an_undone_import_leaves_products_whose_former_category_was_deleted(self):
        old, new = trees.save(Category(name="旧分类")), trees.save(Category(name="新分类"))
        products = support.product(self.at.keeper, category=old), support.product(self.at.keeper, category=new)
        head = ("产品名称", "产品编码", "标准价", "产品分类")
        rows = [(one.name, one.code, "7", "新分类") for one in products]
        job = run(self.at.keeper, head, *rows, module="product", on_duplicate="overwrite")
        remove_category(old, None, by=self.at.keeper)
        made = undo.begin(job.pk, by=self.at.keeper, send=False)
        jobs.execute(made.pk)
        made.refresh_from_db()
        self.assertEqual((made.state, made.result.get("kept"), made.result.get("restored")), ("done", 1, 1))
        self.assertEqual([Product.objects.get(pk=one.pk).category_id for one in products], [new.pk, new.pk])
        self.assertEqual([str(Product.objects.get(pk=one.pk).price) for one in products], ["7.00", "100.00"])

    def test_the_same_amount_and_other_fields_are_taken(self):
        job = run(
            self.at.seller,
            HEAD,
            ("水处理项目", "云澜公司", "", "", "100.00", "改"),
            module="opportunity",
            on_duplicate="overwrite",
        )
        self.assertEqual(figures(job), (0, 1, 0, 0))
        self.assertEqual(Opportunity.objects.get(pk=self.at.deal.pk).remark, "改")
