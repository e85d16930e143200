"""Rows of the database as export values, block by block and column by column; no record object is ever made."""

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice

from django.db import models
from django.utils import timezone

from ..fields import DictionaryField, Scale

BLOCK = 2000
KINDS = {"person": "text", "phone": "text", "bool": "text", "stars": "int", "tags": "text"}


def kind_of(column) -> str:
    """What the cells of a column are in a file: text, int, money, date or datetime."""
    if column.field is not None and column.field.choices and not isinstance(column.field, Scale):
        return "text"
    return KINDS.get(column.kind, column.kind)


def blocks(rows, columns) -> Iterator[tuple[list[int], list[tuple]]]:
    """(ids, value tuples) of the rows, at most BLOCK at a time."""
    looked_up = {column.key: column.field.attname for column in columns if _is_short_list(column)}
    wanted = [(looked_up[column.key],) if column.key in looked_up else column.paths for column in columns]
    paths = list(dict.fromkeys(["pk", *(path for group in wanted for path in group)]))
    places = {path: place for place, path in enumerate(paths)}
    plans = [
        (
            [places[path] for path in group],
            column.combine,
            _labels(column) if column.key in looked_up else _convert(column),
        )
        for column, group in zip(columns, wanted, strict=True)
    ]
    found = rows.values_list(*paths).iterator(chunk_size=BLOCK)
    while block := list(islice(found, BLOCK)):
        stored = list(zip(*block, strict=True))
        if "extra" in places:
            custom = [column for column in columns if column.paths == ("extra",)]
            custom[0].names.prepare(custom, stored[places["extra"]])
        for column in columns:
            column.load(stored[0])
        cells = []
        for sources, combine, convert in plans:
            values = (
                stored[sources[0]]
                if combine is None
                else [combine(*parts) for parts in zip(*[stored[place] for place in sources], strict=True)]
            )
            cells.append(convert(values) if convert else values)
        yield list(stored[0]), list(zip(*cells, strict=True))


def _is_short_list(column) -> bool:
    """Whether the column names a dictionary value or an employee: looked up here, a join for each made the query twice as
    slow."""
    field = column.field
    if field is None or column.combine is not None or not isinstance(field, models.ForeignKey):
        return False
    return column.paths == (f"{field.name}__label",) if isinstance(field, DictionaryField) else column.kind == "person"


def _labels(column) -> Callable:
    model, path = column.field.related_model, column.paths[0].split("__")[1]
    rows = model._default_manager.order_by()
    if isinstance(column.field, DictionaryField):
        rows = rows.filter(dictionary=column.field.code)
    known = dict(rows.values_list("pk", path))
    return lambda values: [known.get(value) for value in values]


def _convert(column) -> Callable | None:
    """What makes export values of a column of stored ones, None where they are the same."""
    field = column.field
    if field is not None and field.choices and not isinstance(field, Scale):
        labels = {value: str(label) for value, label in field.flatchoices}
        return lambda values: [labels.get(value, value) for value in values]
    if column.kind == "bool":
        return lambda values: [None if value is None else "是" if value else "否" for value in values]
    if column.kind == "datetime":
        zone = timezone.get_current_timezone()

        def local(value: datetime):
            return value and value.astimezone(zone).replace(tzinfo=None, microsecond=0)

        return lambda values: [local(value) for value in values]
    return None
