"""The index an administrator switches on for a custom field: an expression index with statistics, built beside the running
site (PostgreSQL only)."""

from django.core.exceptions import ValidationError
from django.db import connection

from .. import jobs, modules
from ..models import FieldDefinition
from . import definitions, types


def possible() -> bool:
    """Whether the database can build one while people work."""
    return connection.vendor == "postgresql"


def check(row: FieldDefinition) -> None:
    """ValidationError in words where no index can serve the field."""
    if not possible():
        raise ValidationError("内置数据库不支持为字段建索引，请使用 PostgreSQL。")
    if not row.type or types.TYPES[row.type].storage == "list" or row.type == FieldDefinition.Type.TEXT:
        raise ValidationError("这种类型的字段不能建索引。")


def _statements(row: FieldDefinition) -> tuple[list[str], list[str]]:
    """(to drop, to build). Names come from the model and the row's number alone."""
    model, quote = modules.get(row.module).model, connection.ops.quote_name
    table, name = quote(model._meta.db_table), f"custom_{row.module}_{int(row.pk)}"
    value = f"(extra ->> 'f{int(row.pk)}')"
    if types.TYPES[row.type].storage == "number":
        value = f"({value}::numeric(20, 4))"
    drop = [f"DROP STATISTICS IF EXISTS {quote(name + '_stats')}", f"DROP INDEX CONCURRENTLY IF EXISTS {quote(name)}"]
    build = [
        f"CREATE INDEX CONCURRENTLY {quote(name)} ON {table} ({value}, id)",
        f"CREATE STATISTICS {quote(name + '_stats')} ON {value} FROM {table}",
        f"ANALYZE {table}",
    ]
    return drop, build


def drop(row: FieldDefinition) -> None:
    """Drop what there is of the field's index; not inside a transaction."""
    with connection.cursor() as cursor:
        for statement in _statements(row)[0]:
            cursor.execute(statement)


def build(row: FieldDefinition) -> None:
    """Build the index anew, also over an unfinished one a killed worker left; not inside a transaction."""
    drop(row)
    with connection.cursor() as cursor:
        for statement in _statements(row)[1]:
            cursor.execute(statement)


@jobs.kind("field_index", "字段索引", rows=lambda result: [("结果", result["text"])] if result.get("text") else [])
def run(run: jobs.Run) -> None:
    """Build or drop the index as the field's row says now; safe to run twice."""
    row = FieldDefinition.objects.filter(pk=run.job.params["field"]).first()
    if row is None:
        raise jobs.Refused("字段已不存在。")
    wanted = row.index != FieldDefinition.Index.OFF
    build(row) if wanted else drop(row)
    with run.step(last=True) as job:
        if wanted:
            FieldDefinition.objects.filter(pk=row.pk).update(index=FieldDefinition.Index.ON)
            definitions.touch()
        job.result = {"text": "索引已建立" if wanted else "索引已删除"}
