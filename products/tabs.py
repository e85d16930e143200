"""Tabs of a product: where it is used, how its prices and its stock changed."""

from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, TextField
from django.db.models.functions import Cast

from crm.records import fieldset, modules
from crm.records.models import OperationLog
from crm.records.modules import Tab

from .lines import documents, figures
from .lines.tab import Sight

ROWS = 50


def uses(request, product, rights) -> dict:
    """The documents the person may see that have the product on a line, newest first, with what may be seen of the money."""
    return {"groups": [_group(one, product, request.user) for one in documents.ALL.values()]}


def _group(document, product, user) -> dict:
    module = modules.get(document.module)
    group = {"module": module, "rows": [], "more": False, "may": module.may(user, "view")}
    if not group["may"]:
        return group
    sight, fields = Sight(document, user), fieldset.of(module, user)
    columns = [fields.by_key[key] for key in document.shows if key in fields.by_key]
    joins = {f"{document.parent}__{join}" for column in columns for join in column.joins}
    lines = (
        document.line.objects.filter(product=product)
        .filter(**{f"{document.parent}__in": module.model.objects.allowed(user, "view").order_by().values("pk")})
        .select_related(document.parent, *joins)
        .order_by("-pk")[: ROWS + 1]
    )
    found = list(lines)
    group |= {"more": len(found) > ROWS, "columns": [column.label for column in columns], "sight": sight}
    for line in found[:ROWS]:
        record = getattr(line, document.parent)
        cells = [(column.label, column.html(record, column.value(record))) for column in columns]
        group["rows"].append(
            {
                "line": line,
                "title": module.title_of(record),
                "url": module.url(pk=record.pk),
                "cells": cells,
                "quantity": figures.words(line.quantity),
            }
        )
    return group


def history(*keys: str):
    """build() of a tab that lists the changes of these fields out of the operation log, as far as the person may read them."""

    def build(request, product, rights) -> dict:
        fields = fieldset.of(modules.get("product"), request.user)
        entries = OperationLog.objects.filter(
            content_type=ContentType.objects.get_for_model(type(product)), object_id=product.pk
        ).annotate(words=Cast("changes", TextField()))
        wanted = Q(pk=None)
        for key in keys:
            wanted |= Q(words__contains=f'"key": "{key}"')
        before = request.GET.get("before", "")
        if before.isascii() and before.isdigit():
            entries = entries.filter(pk__lt=int(before[:18]))
        found = list(entries.filter(wanted).select_related("actor").order_by("-pk")[: ROWS + 1])
        rows = [
            {"at": entry.created_at, "actor": entry.actor.name if entry.actor else "系统", "text": entry.text, **change}
            for entry in found[:ROWS]
            for change in fields.log_changes([one for one in entry.changes if one.get("key") in keys])
        ]
        more = (
            f"{request.path}?tab={request.GET.get('tab', '')}&before={found[ROWS - 1].pk}" if len(found) > ROWS else ""
        )
        now = [fields.by_key[key] for key in keys if key in fields.by_key]
        return {
            "rows": rows,
            "more_url": more,
            "now": [{"label": column.label, "text": column.text(column.value(product))} for column in now],
            "words": "、".join(column.label for column in now),
        }

    return build


USES = Tab("uses", "使用情况", "products/uses.html", uses, order=25)
PRICES = Tab("prices", "价格历史", "products/history.html", history("price", "cost"), order=26)
STOCK = Tab("stock", "库存记录", "products/history.html", history("stock"), order=27)
