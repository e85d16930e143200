"""Writing many rows at once: COPY on PostgreSQL, one prepared INSERT on SQLite. The only place that knows the difference.

The statements are built from quoted table and column names of the models alone; every value travels as data.
"""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

from django.db import connections, models, router

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class Same:
    """A column with one value for every row."""

    def __init__(self, value):
        self.value = value


def insert(model: type[models.Model], columns: dict, count: int) -> None:
    """Insert `count` rows: {attribute name: list of values or Same(value)}; other fields get their defaults, `id` its
    sequence unless given."""
    if not count:
        return
    fields, values = [], []
    for field in model._meta.concrete_fields:
        given = columns.get(field.attname)
        if given is None:
            if field.primary_key:
                continue
            given = Same(field.get_default())
        fields.append(field)
        values.append(given)
    connection = connections[router.db_for_write(model)]
    quote = connection.ops.quote_name
    table, names = quote(model._meta.db_table), ", ".join(quote(field.column) for field in fields)
    if connection.vendor == "postgresql":
        lines = zip(*[_texts(field, column, count) for field, column in zip(fields, values, strict=True)], strict=True)
        with (
            connection.wrap_database_errors,
            connection.cursor() as cursor,
            cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy,
        ):
            block = []
            for line in lines:
                block.append("\t".join(line))
                if len(block) == 1000:
                    copy.write("\n".join(block) + "\n")
                    block = []
            if block:
                copy.write("\n".join(block) + "\n")
        return
    rows = zip(
        *[_stored(field, column, count, connection) for field, column in zip(fields, values, strict=True)], strict=True
    )
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({', '.join(['%s'] * len(fields))})", list(rows))


def update(records: list, names) -> None:
    """Save these fields of many records of one type in one statement (PostgreSQL) or one prepared one (SQLite)."""
    if not records:
        return
    model = type(records[0])
    connection = connections[router.db_for_write(model)]
    quote, key = connection.ops.quote_name, model._meta.pk
    fields = [field for field in model._meta.concrete_fields if field.name in set(names)]
    columns = [
        [field.get_db_prep_save(getattr(record, field.attname), connection) for record in records]
        for field in [*fields, key]
    ]
    table, named = quote(model._meta.db_table), [quote(field.column) for field in fields]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            values = ", ".join(f"%s::{field.db_type(connection)}[]" for field in [*fields, key])
            places = [f"v{place}" for place in range(len(fields))]
            pairs = ", ".join(f"{name} = given.{place}" for name, place in zip(named, places, strict=True))
            cursor.execute(
                f"UPDATE {table} SET {pairs} FROM unnest({values}) AS given({', '.join([*places, 'pk'])})"
                f" WHERE {table}.{quote(key.column)} = given.pk",
                columns,
            )
            return
        pairs = ", ".join(f"{name} = %s" for name in named)
        rows = list(zip(*columns, strict=True))
        cursor.executemany(f"UPDATE {table} SET {pairs} WHERE {quote(key.column)} = %s", rows)


def _texts(field, column, count) -> list[str]:
    """A column in the text form of COPY."""
    if isinstance(column, Same):
        return [_text(column.value, field)] * count
    if isinstance(field, models.CharField | models.TextField) and not field.null:
        blob = "".join(column)
        if "\\" in blob or "\n" in blob or "\t" in blob or "\r" in blob:
            return [value.translate(_ESCAPES) for value in column]
        return column
    return [_text(value, field) for value in column]


def _text(value, field) -> str:
    if value is None:
        return "\\N"
    kind = value.__class__
    if isinstance(field, models.JSONField):
        return json.dumps(value, ensure_ascii=False).translate(_ESCAPES)
    if kind is str:
        return value.translate(_ESCAPES) if "\\" in value or "\n" in value or "\t" in value or "\r" in value else value
    if kind is bool:
        return "t" if value else "f"
    if kind is int or kind is Decimal:
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def _stored(field, column, count, connection) -> list:
    """A column as the SQLite driver stores it."""
    if isinstance(column, Same):
        return [field.get_db_prep_save(column.value, connection)] * count
    if isinstance(field, models.DateField | models.DecimalField | models.JSONField):
        return [None if value is None else field.get_db_prep_save(value, connection) for value in column]
    return column


def relax() -> None:
    """For this transaction: do not wait for the disk at its commit (PostgreSQL). A crash of the database may lose the last
    chunks together with their checkpoint, so the import goes on from there; closing the job waits for the disk again."""
    connection = connections["default"]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit TO off")


def check_references() -> None:
    """Check foreign keys now instead of at the commit (PostgreSQL), so that the commit itself is short."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def take_ids(model: type[models.Model], count: int) -> list[int]:
    """`count` ids nobody else gets (on SQLite: inside a transaction, which holds the only writer's lock)."""
    connection = connections[router.db_for_write(model)]
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
                [connection.ops.quote_name(table), count],
            )
            return [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT max(seq) FROM sqlite_sequence WHERE name = %s", [table])
        last = cursor.fetchone()[0] or 0
    return list(range(last + 1, last + 1 + count))
