"""What products declare to crm.records."""

from crm.records import dictionaries, modules, uploads
from crm.records.columns import Column
from crm.records.modules import Module, NavPage, View, flag
from orgs import pages

from . import tabs
from .columns import PictureColumn
from .models import Product

dictionaries.declare("product.unit", "单位", "产品")
OFF_SHELF = "下架后不能再被选用，已用到它的记录不变。"


def shelf_label(on_shelf) -> str:
    return "上架" if on_shelf else "下架"


PRODUCT = modules.register(
    Module(
        name="product",
        label="产品",
        icon="product",
        model=Product,
        prefix="products",
        order=90,
        owned=False,
        without=("transfer",),
        form="products.forms.ProductForm",
        importer="products.importing.PRODUCTS",
        filters="products.filters.ProductFilters",
        functions=(("shelf", "上架/下架"), ("cost", "成本价"), ("price", "价格表"), ("history", "导入原创建人和时间")),
        search={"name": ("name", "code")},
        search_placeholder="名称、编码、拼音首字母",
        columns=[
            Column("name", sort="name", css="k-w-name", m="title", default=True),
            Column("code", css="k-w-120", m="sub", default=True),
            PictureColumn(),
            Column("category", paths=("category__full_name",), css="k-w-120", m="sub", default=True),
            Column("unit", css="k-w-72", default=True),
            Column("price", sort="price", css="k-w-104", m="pair", default=True),
            Column("cost", css="k-w-104", function="cost"),
            Column("stock", css="k-w-88", m="pair", default=True),
            Column("on_shelf", "状态", kind="text", combine=shelf_label, css="k-w-72", m="side", default=True),
            Column("created_by", css="k-w-88"),
            Column("created_at", sort="created_at", css="k-w-104", default=True),
            Column("updated_at", sort="updated_at", css="k-w-104"),
            Column("description", css="k-w-addr"),
        ],
        views=[
            View("all", "全部", count=True),
            View("on", "已上架", lambda rows, user: rows.filter(on_shelf=True)),
            View("off", "已下架", lambda rows, user: rows.filter(on_shelf=False)),
        ],
        sections=(
            ("基本信息", ("name", "code", "category", "unit", "price", "cost", "stock", "on_shelf")),
            ("其他", ("description", "created_by", "created_at", "updated_at")),
        ),
        facts=("code", "category", "price", "stock", "on_shelf"),
        side=(uploads.picture_card,),
        tabs=[tabs.USES, tabs.PRICES, tabs.STOCK],
        picked=("code", "unit", "price"),
        pickable=lambda rows: rows.filter(on_shelf=True),
        bulk=[
            flag("on_shelf", True, key="on_shelf", label="上架", icon="upload", action="shelf"),
            flag("on_shelf", False, key="off_shelf", label="下架", icon="download", action="shelf", body=OFF_SHELF),
        ],
    )
)

modules.NAV.append(NavPage("价格表", "/price-lists/", "tag", "product.price", PRODUCT.order + 0.5))
pages.PAGES += [
    pages.Page("product.edit", "产品分类", "/settings/categories/", "product", "产品的分类树：新建、改名、移动和删除"),
    pages.Page("product.price", "价格表", "/price-lists/", "tag", "按客户级别和部门的价格、日期、导入导出"),
    pages.Page("product.import", "导入库存", "/products/stock/", "upload", "用产品编码和库存两列更新库存"),
]
