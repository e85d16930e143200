"""How products are imported."""

from crm.records.fields import name_key, tidy
from crm.records.importing.targets import PERSON, Importer, Target

from .models import Category
from .services import MOST


def categories_by_name(user, names) -> dict[str, object]:
    """{name: id or sentence}: categories by full name ("设备 / 泵") or by a name only one has."""
    full, short = {}, {}
    for pk, name, path in Category.objects.values_list("pk", "name", "full_name"):
        full[tidy(path)] = pk
        short.setdefault(name, []).append(pk)
    answer: dict[str, object] = {}
    for name in names:
        found = [full[name]] if name in full else short.get(name, [])
        if not name:
            answer[name] = None
        elif len(found) == 1:
            answer[name] = found[0]
        else:
            answer[name] = (
                f"有 {len(found)} 个名为“{name[:30]}”的分类，请写全名" if found else f"没有“{name[:30]}”这个分类"
            )
    return answer


class ProductImporter(Importer):
    module = "product"
    key_label, key_targets, duplicate_message = "产品编码", ("code",), "该产品编码已被使用"
    derived = frozenset({"code_key"})
    targets = (
        Target("name", synonyms=("产品名", "名称", "品名", "商品名称"), example="离心泵 CP-200"),
        Target("code", synonyms=("编码", "产品编号", "货号", "SKU", "商品编码"), example="CP-200"),
        Target(
            "category",
            lookup=categories_by_name,
            synonyms=("分类", "类别", "产品类别"),
            note="分类全名，如 设备 / 泵",
            options=lambda: list(Category.objects.values_list("full_name", flat=True)),
        ),
        Target("unit", synonyms=("计量单位", "产品单位"), example="台"),
        Target("price", synonyms=("价格", "单价", "售价", "标准价格", "产品价格", "销售价"), example="12800.00"),
        Target("cost", function="cost", synonyms=("成本", "成本价格")),
        Target(
            "stock",
            create=True,
            synonyms=("库存数量", "库存量"),
            example="10",
            note="只用于新产品，已有产品请用“导入库存”",
        ),
        Target(
            "on_shelf",
            "状态",
            function="shelf",
            create=True,
            synonyms=("上架", "是否上架", "上架状态", "产品状态"),
            note="上架 或 下架",
            options=lambda: ["上架", "下架"],
        ),
        Target("description", synonyms=("产品描述", "说明", "备注", "产品介绍")),
        Target("created_by", lookup=PERSON, function="history", create=True),
        Target("created_at", function="history", create=True),
        Target("updated_at", function="history", create=True),
    )

    def forbids_duplicates(self):
        return True

    def key_fields(self):
        return ("code_key",)

    def rows(self, chunk):
        for row, stock in enumerate(chunk.values.get("stock", ())):
            if stock is not None and not 0 <= stock <= MOST:
                chunk.fail(row, "库存", "库存应在 0 到 9,999,999,999.9999 之间")
        chunk.values["code_key"] = [name_key(code) if code else None for code in chunk.values["code"]]


PRODUCTS = ProductImporter()
