"""The verbs of price lists. What is set up goes to the system log, every changed price to the log of its product too."""

from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max

from crm.records import formatting, services
from orgs.services.oplog import differences, record

from ..models import ListPrice, PriceList, Product


class Stale(Exception):
    """The price list was changed since its page was opened."""


def _locked(price_list: PriceList) -> PriceList:
    found = PriceList.objects.select_for_update().filter(pk=price_list.pk).first()
    if found is None:
        raise ValidationError(f"“{price_list.name}”刚被删除了。")
    return found


def whom(price_list: PriceList) -> str:
    """For whom it is, in words."""
    levels = "、".join(one.level.label for one in price_list.levels.all())
    departments = "、".join(one.name for one in price_list.departments.all())
    if price_list.by_department and not departments:
        return "没有部门（原来的部门已删除）"
    return "；".join(filter(None, [levels and f"{levels} 客户", departments])) or "所有客户和部门"


def when(price_list: PriceList) -> str:
    """From which day to which, in words."""
    start, end = formatting.day(price_list.starts_on), formatting.day(price_list.ends_on)
    if start and end:
        return f"{start} 至 {end}"
    return f"{start} 起" if start else f"至 {end}" if end else "一直有效"


def _facts(price_list: PriceList) -> list[tuple[str, str]]:
    return [("名称", price_list.name), ("适用", whom(price_list)), ("日期", when(price_list))]


@transaction.atomic
def keep(price_list: PriceList, *, levels, departments, by, version: int | None = None) -> PriceList:
    """Save a price list for customers of these levels (dictionary items; none: all) sold by these departments (none: all); a
    new one stands last. Stale where `version` is not what an existing one has."""
    before = []
    if price_list.pk:
        current = _locked(price_list)
        if version is not None and current.version != version:
            raise Stale
        before = _facts(current)
        price_list.version = current.version + 1
        price_list.order, price_list.enabled = current.order, current.enabled
    else:
        price_list.order = (PriceList.objects.aggregate(last=Max("order"))["last"] or 0) + 10
    price_list.by_department = bool(departments)
    price_list.full_clean()
    price_list.save()
    price_list.departments.set(departments)
    price_list.levels.exclude(level__in=levels).delete()
    there = set(price_list.levels.values_list("level_id", flat=True))
    for level in levels:
        if level.pk not in there:
            price_list.levels.create(level=level)
    after = _facts(PriceList.objects.get(pk=price_list.pk))
    if not before:
        rows = [(label, "", new) for label, new in after]
    else:
        rows = [(label, old, new) for (label, old), (_, new) in zip(before, after, strict=True)]
    if changes := differences(rows):
        code, text = ("changed", "修改价格表") if before else ("created", "新增价格表")
        record(f"price_list.{code}", price_list.name, by=by, text=text, changes=changes)
    return price_list


@transaction.atomic
def switch(price_list: PriceList, on: bool, *, by) -> None:
    """启用 or 停用."""
    current = _locked(price_list)
    if current.enabled != on:
        current.enabled, current.version = on, current.version + 1
        current.save(update_fields=["enabled", "version"])
        record("price_list.switched", current.name, by=by, text="启用价格表" if on else "停用价格表")


@transaction.atomic
def shift(price_list: PriceList, step: int, *, by) -> None:
    """Move it one place up (-1) or down (1): the first that fits a customer applies."""
    rows = list(PriceList.objects.select_for_update().order_by("order", "pk"))
    place = next((i for i, one in enumerate(rows) if one.pk == price_list.pk), None)
    if place is None or not 0 <= place + step < len(rows):
        return
    rows[place], rows[place + step] = rows[place + step], rows[place]
    for order, one in enumerate(rows, 1):
        one.order = order * 10
    PriceList.objects.bulk_update(rows, ["order"])
    record("price_list.moved", price_list.name, by=by, text="上移价格表" if step < 0 else "下移价格表")


@transaction.atomic
def delete(price_list: PriceList, *, by) -> None:
    """Remove a price list that is switched off; documents keep the prices they were written with."""
    current = _locked(price_list)
    if current.enabled:
        raise ValidationError(f"“{current.name}”正在使用，请先停用。")
    set_prices(current, dict.fromkeys(current.prices.values_list("product_id", flat=True)), by=by)
    current.delete()
    record("price_list.deleted", current.name, by=by, text="删除价格表")


@transaction.atomic
def set_prices(price_list: PriceList, prices: dict[int, Decimal | None], *, by) -> int:
    """Set {product id: price, or None to take it off the list}; unchanged ones leave no trace. Returns how many changed."""
    current = _locked(price_list)
    old = dict(current.prices.filter(product_id__in=list(prices)).values_list("product_id", "price"))
    changed = {pk: price for pk, price in prices.items() if old.get(pk) != price}
    gone = [pk for pk, price in changed.items() if price is None]
    current.prices.filter(product_id__in=gone).delete()
    rows = [
        ListPrice(price_list=current, product_id=pk, price=price) for pk, price in changed.items() if price is not None
    ]
    ListPrice.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["price_list", "product"], update_fields=["price"], batch_size=500
    )
    if changed:
        PriceList.objects.filter(pk=current.pk).update(version=current.version + 1)
        label = f"价格表“{current.name}”"
        services.write_log(
            Product,
            (
                (
                    pk,
                    "修改价格表的价格",
                    [
                        {
                            "key": "price",
                            "label": label,
                            "old": formatting.money(old.get(pk)),
                            "new": formatting.money(price),
                        }
                    ],
                )
                for pk, price in changed.items()
            ),
            code="product.list_price",
            by=by,
        )
        record("price_list.prices", current.name, by=by, text=f"修改 {len(changed):,} 个产品的价格")
    return len(changed)
