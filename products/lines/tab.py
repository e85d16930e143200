"""The 产品 tab of a document: its lines and their total, as far as the person may see money and prices."""

from crm.records import fieldset, modules
from crm.records.fieldset import MASKED
from crm.records.modules import Tab

from .. import arithmetic
from . import figures
from .documents import Document


class Sight:
    """What a person may see of the money on a document's lines: `money` (its amount), `prices` (list prices and what tells
    them), `percent` (the discount on the whole); `edits` = may the amount be changed, `edits_percent` = the discount."""

    def __init__(self, document: Document, user):
        fields, products = fieldset.of(modules.get(document.module), user), fieldset.of(modules.get("product"), user)
        self.money = fields.readable(document.total)
        self.masked = fields.level(document.total) == MASKED
        self.prices = self.money and products.readable("price") and user.has_function("product.view")
        self.percent = self.money and fields.readable("discount")
        self.edits = fields.editable(document.total)
        self.edits_percent = self.percent and fields.editable("discount")


def tab_of(document: Document) -> Tab:
    """The tab; its figure costs a statement only where there are lines."""

    def build(request, record, rights) -> dict:
        sight = Sight(document, request.user)
        lines = list(record.lines.select_related("product"))
        may_edit = "edit" in rights and sight.edits
        before = sum((line.subtotal for line in lines), 0)
        return {
            "lines": [_shown(line) for line in lines],
            "sight": sight,
            "before": before,
            "off": before - arithmetic.total((line.subtotal for line in lines), record.discount),
            "percent": figures.plain(record.discount),
            "total": record.lines_total,
            "edit_url": modules.get(document.module).url("lines", record.pk) if may_edit else None,
            "product_url": "/products/" if modules.get("product").may(request.user, "view") else None,
        }

    def count(record, user):
        return record.lines.count() if record.lines_total is not None else 0

    return Tab("lines", "产品", "lines/tab.html", build, count, order=25)


def _shown(line) -> dict:
    return {
        "line": line,
        "quantity": figures.words(line.quantity),
        "discount": figures.plain(line.discount),
        "off_shelf": not line.product.on_shelf,
        "gone": line.product.deleted_at is not None,
    }
