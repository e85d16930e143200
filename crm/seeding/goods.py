"""Products and their categories."""

from random import Random

from crm.loading import load, next_id
from crm.records import trees
from crm.records.fields import name_key
from crm.records.models import DictionaryItem
from products.models import Category, Product

from .records import columns_of, moment

LINES = ["泵阀", "电机", "传感器", "控制器", "软件", "线缆", "工具", "耗材", "服务", "仪表"]


def load_products(size, people, pick: Random, now: int) -> int:
    """Ten product lines with three kinds each, and `size.products` products in them."""
    categories = []
    for line in LINES:
        found = Category.objects.filter(parent=None, name=line).first() or trees.save(Category(name=line))
        for kind in ("标准", "定制", "配件"):
            categories.append(
                (
                    Category.objects.filter(parent=found, name=kind).first()
                    or trees.save(Category(name=kind, parent=found)),
                    line,
                    kind,
                )
            )
    units = list(DictionaryItem.objects.filter(dictionary="product.unit").values_list("pk", flat=True))
    first, names, constants = (
        next_id(Product),
        *columns_of(
            Product,
            [
                "id",
                "name",
                "code",
                "code_key",
                "category_id",
                "unit_id",
                "price",
                "stock",
                "on_shelf",
                "created_by_id",
                "created_at",
                "updated_at",
            ],
        ),
    )

    def rows():
        for place in range(size.products):
            category, line, kind = pick.choice(categories)
            pk, at = first + place, moment(now - pick.randrange(3 * 365 * 86400))
            code = f"{line[0]}{kind[0]}-{pk:06d}"
            price = f"{pick.randrange(1000, 9_000_000) / 100:.2f}"
            yield (
                pk,
                f"{kind}{line} {pk}",
                code,
                name_key(code),
                category.pk,
                pick.choice(units),
                price,
                str(pick.randrange(500)),
                pick.random() < 0.9,
                people.ids[0],
                at,
                at,
                *constants,
            )

    return load(Product, names, rows())
