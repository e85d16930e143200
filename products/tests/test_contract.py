"""Products through the record contract: a module without owners."""

import io
from itertools import count

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext
from PIL import Image

from crm.records import services, trees, uploads
from crm.testing import RecordContract
from customers.tests.importing import faults, figures, run
from orgs.tests.factories import client_for, employee, role
from products.models import Category, Product

_codes = count(1)


class ProductContract(RecordContract, TestCase):
    module_name = "product"
    import_values = {"产品编码": "CP-1", "产品分类": "设备"}
    edit_only = {"code": "CP-X", "price": "1.00"}

    @classmethod
    def setUpTestData(cls):
        super().setUpTestData()
        trees.save(Category(name="设备"))

    @classmethod
    def make(cls, owner, title):
        return services.create(Product(name=title, code=f"CP-{next(_codes)}", price="12.50", cost="7.77"), by=owner)

    def form_data(self, title, owner):
        return {"name": title, "code": f"F-{title}", "price": "99.90"}

    def test_cost_is_absent_without_its_permission(self):
        seen = self.get(self.superuser, f"/products/{self.mine.pk}/")
        self.assertContains(seen, "7.77")
        for url in (
            f"/products/{self.mine.pk}/",
            "/products/",
            "/products/columns/",
            f"/products/{self.mine.pk}/?tab=log",
        ):
            response = self.get(self.seller, url)
            self.assertNotContains(response, "7.77")
            self.assertNotContains(response, "成本价")

    def test_imports_set_the_stock_of_new_products_alone_and_never_below_nothing(self):
        self.mine.refresh_from_db()
        head = ("产品名称", "产品编码", "标准价", "库存")
        rows = (("新", "ST-1", "1", "3.5"), ("负", "ST-2", "1", "-5"), (self.mine.name, self.mine.code, "13", "9"))
        job = run(self.superuser, head, *rows, module="product", on_duplicate="overwrite")
        self.assertEqual(figures(job), (1, 1, 0, 1))
        self.assertIn("库存应在 0 到", str(faults(job)))
        self.assertEqual(str(Product.objects.get(code="ST-1").stock), "3.5000")
        now = Product.objects.get(pk=self.mine.pk)
        self.assertEqual((str(now.price), now.stock), ("13.00", 0))  # stock has a table and a log of its own

    def test_off_shelf_products_cannot_be_picked(self):
        services.set_flag(
            Product.objects.filter(pk=self.mine.pk), "on_shelf", False, by=self.superuser, code="off_shelf", text="下架"
        )
        self.assertNotContains(self.get(self.seller, "/pick/product/?q=青岚"), "青岚")

    def test_pictures_stand_beside_the_product(self):
        out = io.BytesIO()
        Image.new("RGB", (4, 4)).save(out, "PNG")
        file = uploads.attach(self.mine, [SimpleUploadedFile("正面.png", out.getvalue())], by=self.superuser)[0]
        self.assertContains(self.get(self.seller, f"/products/{self.mine.pk}/"), f"/files/{file.pk}/?preview=1")

    def test_the_main_picture_shows_in_the_list_at_one_statement(self):
        saved = client_for(self.seller)
        saved.post("/products/columns/", {"columns": ["name", "picture"], "size": 15})

        def picture(name):
            out = io.BytesIO()
            Image.new("RGB", (4, 4)).save(out, "PNG")
            return SimpleUploadedFile(name, out.getvalue())

        first = uploads.attach(self.mine, [picture("正面.png"), picture("背面.png")], by=self.superuser)[0]
        saved.get("/products/")
        with CaptureQueriesContext(connection) as queries:
            page = saved.get("/products/")
        before = len(queries)
        self.assertContains(page, f"/files/{first.pk}/?thumb=1")
        self.assertEqual(page.content.decode().count('class="k-picture"'), 1)
        for place in range(5):
            one = self.make(self.superuser, f"带图{place}")
            uploads.attach(one, [picture("图.png")], by=self.superuser)
        with CaptureQueriesContext(connection) as queries:
            saved.get("/products/")
        self.assertEqual(len(queries), before)
        self.assertLessEqual(before, 12)

    def test_price_changes_are_logged_and_three_decimals_refused(self):
        keeper = employee("产品管理", [role("admin")])
        page = client_for(keeper).get(f"/products/{self.mine.pk}/edit/")
        form = page.context["form"]
        data = {
            "name": self.mine.name,
            "code": self.mine.code,
            "version": form["version"].value(),
            "original": form["original"].value(),
        }
        bad = client_for(keeper).post(f"/products/{self.mine.pk}/edit/", {**data, "price": "1.005"})
        self.assertContains(bad, "金额最多两位小数")
        for value in ("-1", "NaN", "1e30", "1000000000000"):
            self.assertContains(
                client_for(keeper).post(f"/products/{self.mine.pk}/edit/", {**data, "price": value}),
                "金额应在 0 到 999,999,999,999.99 之间",
            )
        self.assertEqual(
            client_for(keeper).post(f"/products/{self.mine.pk}/edit/", {**data, "price": "13.00"}).status_code, 302
        )
        self.assertContains(client_for(keeper).get(f"/products/{self.mine.pk}/?tab=log"), "¥13.00")
