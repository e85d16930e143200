"""The totals row and the chart of a list: figures over everything the list shows, read when they are asked for."""

from decimal import Decimal

from django.db import models
from django.db.models import Count, F
from django.db.models.functions import TruncMonth

from .. import formatting
from ..custom import query, types
from ..custom.columns import CustomColumn
from ..custom.definitions import Type
from ..fields import DictionaryField

MEASURES = {"sum": "合计", "avg": "平均"}
SHOWN = 20


def _summed(column) -> bool:
    """Money and figures add up; stars, scales and percentages do not."""
    if column.masked or column.kind not in ("money", "int"):
        return False
    if isinstance(column, CustomColumn):
        return types.of(column.definition).storage == "number"
    return column.expression is not None or isinstance(column.field, models.DecimalField)


def wanted(columns) -> list:
    return [column for column in columns if _summed(column)]


def _expression(column):
    if isinstance(column, CustomColumn):
        return query.expression(column.definition)
    return F(column.field.name) if column.expression is None else column.expression


class _Units(models.Func):
    """A decimal in whole units of its last place on SQLite, as it is on PostgreSQL."""

    template, arity = "%(expressions)s", 1

    def __init__(self, expression, places: int):
        super().__init__(expression, output_field=models.DecimalField())
        self.scale = 10**places

    def as_sqlite(self, compiler, connection, **context):
        template = f"CAST(ROUND((%(expressions)s) * {self.scale} + 0.0) AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, **context)


class _Exact(models.Field):
    """A sum of `_Units` on its way back: Decimal on both databases."""

    def __init__(self, places: int):
        super().__init__()
        self.scale = 10**places

    def get_internal_type(self):
        return "ExactSum"

    def from_db_value(self, value, expression, connection):
        return Decimal(value) / self.scale if value is not None and connection.vendor == "sqlite" else value


class ExactSum(models.Aggregate):
    """The sum of a decimal expression of at most `places` decimals (optionally `times` a whole number each), exact on both
    databases: SQLite adds floats, so whole units are added there. None where there is nothing to add."""

    function = "SUM"

    def __init__(self, expression, *, times=None, places: int = 4):
        units = _Units(expression, places)
        if times is not None:
            units = models.ExpressionWrapper(units * times, output_field=models.DecimalField())
        super().__init__(units, output_field=_Exact(places))


def exact_sum(rows, expression, places: int = 4):
    """The exact sum of an expression over all rows."""
    return rows.order_by().aggregate(total=ExactSum(expression, places=places))["total"]


def row(state, columns, measure: str) -> dict:
    """The cells of the totals row under the shown columns."""
    found = {}
    for column in wanted(columns):
        total = exact_sum(state.rows, _expression(column))
        if measure == "avg" and total is not None:
            filled = state.rows.order_by().aggregate(n=Count(_expression(column)))["n"]
            total = round(total / filled, 2) if filled else None
        found[column.key] = total
    cells = []
    for place, column in enumerate(columns):
        value = found.get(column.key)
        text = "" if value is None else column.text(value)
        big = formatting.big(value) if value is not None and column.kind == "money" else text
        cells.append({"first": place == 0, "text": big, "title": text, "numeric": column.numeric})
    other = "avg" if measure == "sum" else "sum"
    return {
        "cells": cells,
        "measure": MEASURES[measure],
        "other": MEASURES[other],
        "other_url": f"{state.module.list_url}?{state.link(totals=other)}",
    }


# Chart --------------------------------------------------------------------------------------------------------------------
def groups_of(fields) -> list:
    """Columns a chart may group by: choices, people, months."""
    found = []
    for column in fields.listed:
        if column.masked:
            continue
        if isinstance(column, CustomColumn):
            if column.definition.type in (Type.CHOICE, Type.PERSON, Type.DEPARTMENT, Type.CHECK):
                found.append(column)
        elif column.field is not None and (
            isinstance(column.field, DictionaryField)
            or column.field.choices
            or column.kind in ("person", "datetime", "date", "bool")
        ):
            found.append(column)
    return found


def measures_of(fields) -> list:
    return wanted(fields.listed)


def chart(state, group, measure) -> list[dict]:
    """[{"label", "value", "count"}] of the biggest groups; `measure` = a column to add up, None counts records."""
    rows = state.rows.order_by()
    if isinstance(group, CustomColumn):
        key = query.expression(group.definition)
    elif group.kind in ("datetime", "date"):
        key = TruncMonth(group.field.name)
    else:
        key = F(group.field.name)
    counted = rows.annotate(chart_key=key).values("chart_key").annotate(n=Count("pk"))
    if measure is not None:
        counted = counted.annotate(total=ExactSum(_expression(measure)))
    timed = group.kind in ("datetime", "date") and not isinstance(group, CustomColumn)
    counted = list(counted.order_by("-chart_key" if timed else "-total" if measure is not None else "-n")[:SHOWN])
    if timed:
        counted.reverse()
    labels = _labels(group, [one["chart_key"] for one in counted])
    return [
        {
            "label": labels.get(one["chart_key"]) or "（空）",
            "count": one["n"],
            "value": one["n"] if measure is None else one["total"] or Decimal(0),
        }
        for one in counted
    ]


def _labels(group, keys) -> dict:
    if isinstance(group, CustomColumn):
        stored = {key: _stored(group, key) for key in keys if key is not None}
        if group.source:
            group.names.load(group.source, stored.values())
        return {key: group.text(group.raw({group.key: value})) for key, value in stored.items()}
    if group.kind in ("datetime", "date"):
        return {key: f"{key:%Y-%m}" for key in keys if key}
    if group.field.is_relation:
        model, name = group.field.related_model, "label" if isinstance(group.field, DictionaryField) else "name"
        return dict(model._default_manager.filter(pk__in=[key for key in keys if key]).values_list("pk", name))
    return {key: group.text(key) for key in keys if key is not None}


def _stored(group, key: str):
    return key in ("true", "1") if group.definition.type == Type.CHECK else int(key)
