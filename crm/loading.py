"""Many rows at once: COPY on PostgreSQL, executemany on SQLite. For seed, demo and bench only: nothing is checked, no log
is written, moments are taken as given (auto_now_add does not apply)."""

import json
from collections.abc import Iterable
from datetime import datetime

from django.core.management.color import no_style
from django.db import connections, models


def load(model: type[models.Model], names: list[str], rows: Iterable[tuple], *, using: str = "default") -> int:
    """Insert `rows`, tuples in the order of the field attribute `names` ("id", "owner_id", ...); returns how many."""
    fields = {field.attname: field for field in model._meta.concrete_fields}
    columns = [fields[name].column for name in names]
    json_at = [place for place, name in enumerate(names) if isinstance(fields[name], models.JSONField)]
    connection = connections[using]
    table = connection.ops.quote_name(model._meta.db_table)
    listed = ", ".join(connection.ops.quote_name(column) for column in columns)
    ready = (_with_json(row, json_at) for row in rows) if json_at else rows
    if connection.vendor == "postgresql":
        return _copy(connection, f"COPY {table} ({listed}) FROM STDIN", ready)
    sql = f"INSERT INTO {table} ({listed}) VALUES ({', '.join(['%s'] * len(columns))})"
    with connection.cursor() as cursor:
        count = 0
        for part in _parts(ready, 5000):
            cursor.executemany(sql, [[_adapted(connection, value) for value in row] for row in part])
            count += len(part)
    return count


def _with_json(row: tuple, places: list[int]) -> tuple:
    values = list(row)
    for place in places:
        values[place] = json.dumps(values[place], ensure_ascii=False)
    return tuple(values)


def _adapted(connection, value):
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value


def _parts(rows, size: int):
    part = []
    for row in rows:
        part.append(row)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part


def _copy(connection, sql: str, rows) -> int:
    count = 0
    with connection.cursor() as cursor, cursor.copy(sql) as copy:
        for row in rows:
            copy.write_row(row)
            count += 1
    return count


def next_id(model: type[models.Model], *, using: str = "default") -> int:
    """The first free primary key."""
    return (model._default_manager.using(using).order_by("-pk").values_list("pk", flat=True).first() or 0) + 1


def reset_sequences(found: Iterable[type[models.Model]], *, using: str = "default") -> None:
    """Let automatic keys go on behind the ones that were loaded."""
    connection = connections[using]
    with connection.cursor() as cursor:
        for sql in connection.ops.sequence_reset_sql(no_style(), list(found)):
            cursor.execute(sql)
