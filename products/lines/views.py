"""The editor of product lines: one page for every kind of document."""

from decimal import Decimal

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.shortcuts import render

from crm.records import fieldset, formatting, modules, services
from crm.records.models import OperationLog
from crm.records.views.base import ModuleView, go
from crm.records.views.detail import generic
from orgs.views.base import number

from .. import arithmetic, pricing
from . import documents, figures
from .services import MOST_LINES, TOO_MANY, LineFaults, Row, new_line, offered, save_lines
from .tab import Sight

TYPED = ("price", "discount", "quantity", "remark")


class LinesBase(ModuleView):
    """A document whose lines the person may edit: 404 out of sight, 403 with a sentence where it is not theirs, closed, or its
    amount is not theirs to change."""

    action = "edit"

    def joins(self):
        return documents.ALL[self.module.name].joins

    def record(self):
        self.document = documents.ALL[self.module.name]
        record = super().record()
        self.sight = Sight(self.document, self.user)
        if not self.sight.edits:
            label = fieldset.of(self.module, self.user).label(self.document.total)
            raise PermissionDenied(f"您的角色不能修改“{label}”，所以不能修改产品明细。")
        if not modules.get("product").may(self.user, "view"):
            raise PermissionDenied("您的角色没有“产品”的“查看”权限，不能修改产品明细。")
        return record


class LinesView(LinesBase):
    """GET/POST <document>/lines/"""

    def get(self, request, pk):
        record = self.record()
        rows = [self.of_line(line) for line in self.kept(record)]
        return self.show(record, rows, discount=figures.plain(record.discount), version=record.version)

    def post(self, request, pk):
        record, data = self.record(), request.POST
        keys = list(dict.fromkeys(data.getlist("row")))
        typed = [self.typed(key) for key in keys[: MOST_LINES + 1]]
        discount = data.get("discount", "") if self.sight.edits_percent else record.discount
        version = number(data.get("version")) or 0
        if "draw" in data:  # a draft of this browser, to be shown and not saved
            return self.show(record, self.of_typed(record, typed, None), discount=discount, version=version)
        stale = faults = None
        try:
            saved = save_lines(record, [one[0] for one in typed], discount=discount, by=self.user, version=version)
        except services.Stale as error:
            stale, record = error.current, self.record()
        except LineFaults as error:
            faults = error
        except ValidationError as error:
            faults = LineFaults({}, general="；".join(error.messages))
        else:
            messages.success(request, "保存成功")
            if notice := self.recomputed(saved, [one[1] for one in typed]):
                messages.warning(request, notice)
            return go(request, f"{self.module.url(pk=pk)}?tab=lines")
        rows = self.of_typed(record, typed, faults)
        version = record.version if stale else version
        return self.show(record, rows, discount=discount, version=version, faults=faults, stale=stale)

    def typed(self, key: str) -> tuple[Row, dict]:
        """(what the service takes, what else the browser said) of one row."""
        data = self.request.POST
        said = {name: data.get(f"{key}-{name}", "") for name in ("line", "product", *TYPED, "subtotal")}
        row = Row(number(said["product"]), said["price"], said["quantity"], said["remark"], number(said["line"]))
        return row, {**said, "key": key}

    def recomputed(self, saved, said: list[dict]) -> str:
        """The sentence where what the browser had computed is not what was saved."""
        total = self.request.POST.get("total", "")
        pairs = [(one["subtotal"], line.subtotal) for one, line in zip(said, saved.lines, strict=False)]
        if all(same(text, figure) for text, figure in [*pairs, (total, saved.total)]):
            return ""
        return f"小计与合计已按售价、数量和折扣重新计算，合计为 {formatting.money(saved.total) or '空'}"

    def kept(self, record):
        """The lines the rows go on from, with their products."""
        return record.lines.select_related("product")

    # Rows of the page ---------------------------------------------------------------------------------------------------
    def of_line(self, line, offer=None) -> dict:
        bare = line.pk is None and not self.sight.prices  # its price is the list price still
        return {
            "key": f"l{line.pk}",
            "line": line.pk,
            "product": line.product_id,
            "name": line.name,
            "code": line.code,
            "unit": line.unit,
            "list_price": line.list_price,
            "price": "" if bare else str(line.price),
            "discount": figures.plain(line.discount) if self.sight.prices else "",
            "quantity": figures.plain(line.quantity),
            "remark": line.remark,
            "subtotal": Decimal(0) if bare else line.subtotal,
            "off_shelf": not line.product.on_shelf,
            "price_list": offer.price_list if offer else None,
            "errors": {},
        }

    def of_typed(self, record, typed, faults) -> list[dict]:
        """The rows as they were sent, each with its sentences."""
        kept = {line.pk: line for line in self.kept(record)}
        new = [row.product for row, _ in typed if row.line not in kept and row.product]
        products = offered(self.user, new) if new else {}
        offers = pricing.offers(products.values(), self.document.buyer(record))
        rows = []
        for place, (row, said) in enumerate(typed):
            line, offer = kept.get(row.line), offers.get(row.product)
            if line is None or line.product_id != row.product:
                product = products.get(row.product)
                line = new_line(self.document, record, product, offer.price) if product else None
            shown = self.of_line(line, offer) if line else {**said, "name": "未知的产品", "subtotal": Decimal(0)}
            shown |= {name: said[name] for name in ("key", "line", *TYPED)}
            shown["errors"] = faults.lines.get(place, {}) if faults else {}
            rows.append(shown)
        return rows

    def show(self, record, rows, *, discount, version, faults=None, stale=None):
        status = 409 if stale else 422 if faults else 200
        return self.page(
            "lines/editor.html",
            {
                "record": record,
                "title": self.module.title_of(record),
                "heading": "产品明细",
                "rows": rows,
                "discount": discount,
                "version": version,
                "total": record.lines_total,
                "faults": faults,
                "conflict": self.conflict(stale) if stale else None,
                "sight": self.sight,
                "most": MOST_LINES,
                "too_many": TOO_MANY,
                "row_url": self.module.url("lines/row", record.pk),
                "back_url": f"{self.module.url(pk=record.pk)}?tab=lines",
            },
            status=status,
        )

    def conflict(self, current) -> dict:
        """Who saved meanwhile, when, and what stands there now."""
        last = (
            OperationLog.objects.filter(content_type=generic(type(current)), object_id=current.pk)
            .select_related("actor")
            .order_by("-pk")
            .first()
        )
        lines = list(current.lines.all())
        total = arithmetic.total((line.subtotal for line in lines), current.discount)
        return {
            "by": last.actor.name if last and last.actor else "有人",
            "at": last.created_at if last else current.updated_at,
            "now": [
                f"{line.name}：{figures.words(line.quantity)} {line.unit} × {formatting.money(line.price)}"
                for line in lines
            ],
            "total": total if lines else None,
        }


class RowView(LinesView):
    """GET <document>/lines/row/?product=&key=: the row of a product that is added."""

    http_method_names = ["get", "head", "options"]

    def get(self, request, pk):
        record, product = self.record(), number(request.GET.get("product"))
        found = offered(self.user, [product]).get(product) if product else None
        key = request.GET.get("key", "")
        if found is None or not found.on_shelf or not (key[:1] == "n" and number(key[1:])):
            raise Http404
        offer = pricing.offers([found], self.document.buyer(record))[found.pk]
        row = self.of_line(new_line(self.document, record, found, offer.price), offer)
        row |= {"key": key, "line": ""}
        return render(request, "lines/row.html", {"row": row, "sight": self.sight})


def same(text: str, figure: Decimal | None) -> bool:
    """Whether a figure the browser sent is the one that was saved; one it did not send is."""
    if not text:
        return True
    try:
        return Decimal(text) == (figure or 0)
    except ArithmeticError:
        return False
