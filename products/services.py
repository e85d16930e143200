"""Verbs of products beyond those every record has: stock set by a table or added to, a category removed."""

from decimal import Decimal, InvalidOperation

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from crm.records import services, trees
from crm.records.fields import tidy
from orgs.services.oplog import record

from .models import Category, Product

MODES = (("set", "设为文件里的数量"), ("add", "在现有库存上增减"))
MOST = Decimal("9999999999.9999")
_STEP = Decimal("0.0001")


def stock_of(value, *, negative: bool = False) -> Decimal:
    """A typed quantity: 0 or more (`negative`: below 0 too), at most four decimals."""
    text = tidy(value).replace(",", "")
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValidationError("请填写库存" if not text else "库存应为数字") from None
    if not number.is_finite():
        raise ValidationError("库存应为数字")
    if abs(number) > MOST or (number < 0 and not negative):
        raise ValidationError(f"库存应在 {'-9,999,999,999.9999' if negative else '0'} 到 9,999,999,999.9999 之间")
    if number != number.quantize(_STEP):
        raise ValidationError("库存最多四位小数")
    return number.quantize(_STEP)


@transaction.atomic
def set_stock(figures: dict[int, Decimal], *, mode: str, by) -> int:
    """Set ("set") or change by ("add") the stock of {product id: quantity}, all or none; one log row for each that changed.
    Returns how many. ValidationError names what would fall below 0 or rise too high."""
    rows = Product.objects.allowed(by, "view").filter(pk__any=sorted(figures))
    changed, before = [], {}
    for product in rows.select_for_update(of=("self",)).order_by("pk"):
        new = figures[product.pk] + (product.stock if mode == "add" else 0)
        if not 0 <= new <= MOST:
            words = f"“{product.name}”（{product.code}）现有库存 {_words(product.stock)}，{_words(figures[product.pk])} 之后"
            raise ValidationError(words + ("不足 0" if new < 0 else "超出上限"))
        if new != product.stock:
            before[product.pk], product.stock, product.updated_at = product.stock, new, timezone.now()
            changed.append(product)
    Product.objects.bulk_update(changed, ["stock", "updated_at"], batch_size=500)
    Product.objects.filter(pk__any=[one.pk for one in changed]).update(version=F("version") + 1)
    text = "导入库存（设为）" if mode == "set" else "导入库存（增减）"
    services.write_log(
        Product,
        (
            (one.pk, text, [{"key": "stock", "label": "库存", "old": _words(before[one.pk]), "new": _words(one.stock)}])
            for one in changed
        ),
        code="product.stock",
        by=by,
    )
    return len(changed)


def _words(value: Decimal) -> str:
    whole = f"{value:f}"
    return whole.rstrip("0").rstrip(".") if "." in whole else whole


@transaction.atomic
def remove_category(category: Category, to: Category | None, *, by) -> int:
    """Delete a category: its products go to `to` (None = without a category), its sub-categories one level up. Returns how many
    products moved. ValidationError where a sub-category would meet its own name there."""
    wanted = [one.pk for one in (category, to) if one is not None]
    there = {one.pk: one for one in Category.objects.select_for_update().filter(pk__in=wanted).order_by("pk")}
    if len(there) < len(set(wanted)):
        raise ValidationError("分类刚被删除了，请刷新后再试。")
    category, to = there[category.pk], there[to.pk] if to is not None else None
    if to is not None and to.path.startswith(category.path):
        raise ValidationError("不能移到要删除的分类或它的下级分类。")
    filed = Product.objects.filter(category=category)
    ids = list(filed.live().select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
    filed.update(category=to, version=F("version") + 1, updated_at=timezone.now())
    change = {"key": "category", "label": "产品分类", "old": category.full_name, "new": to.full_name if to else ""}
    text = f"分类“{category.name}”已删除"
    services.write_log(Product, ((pk, text, [change]) for pk in ids), code="product.updated", by=by)
    for child in category.children.all():
        child.parent = category.parent
        trees.save(child)
    category.delete()
    record("category.deleted", category.full_name, by=by, text=f"删除产品分类，移动 {len(ids):,} 个产品")
    return len(ids)
