"""Saving the product lines of a document: everything a browser says is checked here, every figure is computed here."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from crm.records import formatting, modules, services

from .. import arithmetic, pricing
from ..models import Product
from . import documents, figures
from .models import ProductLine

MOST_LINES = 200
TOO_MANY = f"最多 {MOST_LINES} 行产品，请分成几份"
TOO_MUCH = "超过 999,999,999,999.99，请检查售价和数量"
_KEPT = ("list_price", "price", "quantity", "discount", "subtotal", "remark", "order")


@dataclass(frozen=True)
class Row:
    """A line as it was typed: `line` = the id of the line it was (None: a new one), the rest as text or number."""

    product: int | None
    price: object = ""
    quantity: object = ""
    remark: str = ""
    line: int | None = None


@dataclass
class Saved:
    """What was saved: `changed` = False where everything was as before; `total` = None without lines."""

    record: object
    lines: list = field(default_factory=list)
    total: Decimal | None = None
    changed: bool = False


class LineFaults(ValidationError):
    """`lines` = {place of the row: {field: sentence}}, `discount` = the sentence at 整单折扣; nothing was saved."""

    def __init__(self, lines: dict[int, dict[str, str]], discount: str = "", general: str = ""):
        self.lines, self.discount, self.general = lines, discount, general
        found = [f"第 {place + 1} 行：{text}" for place, row in sorted(lines.items()) for text in row.values()]
        super().__init__([*([general] if general else []), *([discount] if discount else []), *found])


@transaction.atomic
def save_lines(parent, rows: Iterable[Row], *, discount, by, version: int) -> Saved:
    """Make the rows, in their order, the product lines of `parent`, with `discount` per cent off the whole (text or number). A
    row with the id of a line and its product keeps that line's list price, name and unit, also when the product is off the
    shelf by now; any other row must name a product on the shelf that `by` may see, at the price of the list that applies.
    While there are lines the document's amount is their total; without, it stays as it is and may be typed again.

    Raises services.Stale for another version, LineFaults for rows that cannot be, ValidationError for a closed document."""
    document = documents.of(type(parent))
    module, rows = modules.get(document.module), list(rows)
    current = next(iter(services.hold(type(parent).objects.filter(pk=parent.pk), *document.joins)), None)
    if current is None:
        raise ValidationError(f"{module.label}已被删除。")
    if current.version != version:
        raise services.Stale(current)
    if refusal := module.refusal(current, "edit", by):
        raise ValidationError(refusal)
    before = list(current.lines.all())
    old = {line.pk: (_words(line), line.order) for line in before}
    lines, percent = priced(document, current, rows, discount=discount, by=by)
    total = arithmetic.total((line.subtotal for line in lines), percent) if lines else None
    if total is not None and total > figures.MOST:
        raise LineFaults({}, general=f"合计{TOO_MUCH}")
    changes = _changes(before, old, lines, document.total)
    reordered = {line.pk: line.order for line in lines if line.pk} != {pk: order for pk, (_, order) in old.items()}
    percent = percent if lines else Decimal("0.00")
    former = (current.discount, current.lines_total)
    if not changes and not reordered and former == (percent, total):
        return Saved(current, lines, total)
    changes += _of_document(document, current, total=total, discount=percent)
    _write(document, current, before, lines)
    current.discount, current.lines_total = percent, total
    if total is not None:
        setattr(current, document.total, total)
    current.version, current.updated_at = F("version") + 1, timezone.now()
    current.save(update_fields=["discount", "lines_total", document.total, "version", "updated_at"])
    current.refresh_from_db(fields=["version"])
    services.log(current, code=f"{module.name}.lines_saved", by=by, text="修改产品明细", changes=changes)
    services.check_kept(module, [current.pk], by=by)
    return Saved(current, lines, total, True)


def priced(document, parent, rows: list[Row], *, discount, by) -> tuple[list[ProductLine], Decimal]:
    """(lines as they would be saved, discount); LineFaults otherwise. Statements: two, four with new products."""
    if len(rows) > MOST_LINES:
        raise LineFaults({}, general=TOO_MANY)
    kept, wrong = {line.pk: line for line in parent.lines.all()}, ""
    try:
        percent = figures.percent(discount)
    except ValidationError as error:
        percent, wrong = Decimal(0), error.messages[0]
    used: dict[int, ProductLine] = {}
    for place, row in enumerate(rows):
        line = kept.get(row.line)
        if line is not None and line.product_id == row.product:
            used[place] = kept.pop(row.line)
    wanted = {row.product for place, row in enumerate(rows) if place not in used and row.product}
    products = offered(by, wanted) if wanted else {}
    prices = pricing.offers([one for one in products.values() if one.on_shelf], document.buyer(parent))
    lines, faults = [], {}
    for place, row in enumerate(rows):
        line, fault = used.get(place), {}
        if line is None:
            product = products.get(row.product)
            if product is None:
                fault["product"] = "没有这个产品，请重新选择"
            elif not product.on_shelf:
                fault["product"] = f"“{product.name}”已下架，不能再选用"
            else:
                line = new_line(document, parent, product, prices[product.pk].price)
        line = line or document.line()
        _fill(line, row, fault)
        line.order = place
        lines.append(line)
        if fault:
            faults[place] = fault
    if faults or wrong:
        raise LineFaults(faults, wrong)
    return lines, percent


def offered(by, ids: Iterable[int]) -> dict[int, Product]:
    """{id: product} of those the person may see, off the shelf ones too."""
    rows = Product.objects.allowed(by, "view").filter(pk__any=[pk for pk in ids if pk])
    return {one.pk: one for one in rows.select_related("unit")}


def new_line(document, parent, product: Product, list_price: Decimal) -> ProductLine:
    """An unsaved line of the product as it is called today, one piece at its list price."""
    line = document.line(
        product=product,
        name=product.name,
        code=product.code,
        unit=product.unit.label if product.unit_id else "",
        list_price=list_price,
        price=list_price,
        quantity=Decimal(1),
        discount=Decimal("0.00"),
        subtotal=list_price,
    )
    setattr(line, document.parent, parent)
    return line


def _fill(line: ProductLine, row: Row, fault: dict[str, str]) -> None:
    """Put the figures of a row on its line; what cannot be is said in `fault`."""
    for name, read in (
        ("price", line._meta.get_field("price").clean_value),
        ("quantity", figures.quantity),
        ("remark", line._meta.get_field("remark").clean_value),
    ):
        try:
            setattr(line, name, read(getattr(row, name)))
        except ValidationError as error:
            fault[name] = error.messages[0]
    if fault:
        return
    line.subtotal = arithmetic.subtotal(line.price, line.quantity)
    line.discount = arithmetic.discount_of(line.list_price, line.price)
    if line.subtotal > figures.MOST:
        fault["quantity"] = f"小计{TOO_MUCH}"


def _write(document, parent, before: list[ProductLine], lines: list[ProductLine]) -> None:
    here = {line.pk for line in lines}
    if gone := [line.pk for line in before if line.pk not in here]:
        document.line.objects.filter(pk__any=gone).delete()
    if kept := [line for line in lines if line.pk]:
        document.line.objects.bulk_update(kept, _KEPT, batch_size=100)
    document.line.objects.bulk_create([line for line in lines if not line.pk])


def _words(line: ProductLine) -> str:
    text = f"{figures.words(line.quantity)} {line.unit}".strip() + f" × {formatting.money(line.price)}"
    return f"{text}（{line.remark}）" if line.remark else text


def _changes(before, old: dict, lines, total: str) -> list[dict]:
    """Differences for the log. They carry prices, so they obey the rights on the amount."""
    here, found = {line.pk: line for line in lines if line.pk}, []
    rows = [(line, old[line.pk][0], _words(here[line.pk]) if line.pk in here else "") for line in before]
    rows += [(line, "", _words(line)) for line in lines if not line.pk]
    for line, was, now in rows:
        if was != now:
            found.append({"key": total, "label": f"产品 {line.name}（{line.code}）", "old": was, "new": now})
    return found


def _of_document(document, current, *, total: Decimal | None, discount: Decimal) -> list[dict]:
    module, found = modules.get(document.module), []
    for name, new in (("discount", discount), (document.total, total)):
        old, label = getattr(current, name), str(module.model._meta.get_field(name).verbose_name)
        if new is not None and old != new:
            show = formatting.money if name == document.total else figures.plain
            found.append({"key": name, "label": label, "old": show(old), "new": show(new)})
    return found
