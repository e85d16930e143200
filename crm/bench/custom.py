"""P11: custom fields with the index an administrator switched on, against the same statements without it."""

from contextlib import contextmanager

from django.db import connection
from django.db.models import CharField, F, IntegerField, Value
from django.db.models.functions import Cast, Concat, JSONObject, Mod

from crm.records import scope
from crm.records.custom import definitions, indexes, query
from crm.records.models import FieldDefinition
from customers.models import Customer

from . import Options, Result, medians, ms, need_customers, target
from .databases import need_postgresql
from .lists import sees_everything

LABELS = {"number": "测速：数字", "line": "测速：文本"}
DISTINCT = 100_000


def fields() -> dict[str, FieldDefinition]:
    """The two measured fields, filled in every customer and indexed; made when they are not there."""
    found = {}
    for kind, label in LABELS.items():
        row = FieldDefinition.objects.filter(module="customer", label=label).first()
        found[kind] = row or FieldDefinition.objects.create(module="customer", type=kind, label=label)
    number, text = found["number"], found["line"]
    empty = Customer.objects.exclude(extra__has_key=number.key)
    if empty.exists():
        value = Mod(F("pk") * 7919, DISTINCT, output_field=IntegerField())
        pairs = {number.key: value, text.key: Concat(Value("V"), Cast(value, IntegerField()), output_field=CharField())}
        empty.update(extra=JSONObject(**pairs))
    for row in found.values():
        if row.index != FieldDefinition.Index.ON:
            indexes.build(row)
            FieldDefinition.objects.filter(pk=row.pk).update(index=FieldDefinition.Index.ON)
    definitions.touch()
    return found


@contextmanager
def without(*methods: str):
    """The planner may not use these access methods."""
    with connection.cursor() as cursor:
        for method in methods:
            cursor.execute(f"SET enable_{method} TO off")
        try:
            yield
        finally:
            for method in methods:
                cursor.execute(f"SET enable_{method} TO on")


@target("P11")
def p11(options: Options) -> Result:
    """Count and first page of a list with one condition, equality and range, on a number and on a text."""
    need_postgresql()
    need_customers(options, 1_000_000)
    made = fields()
    user = sees_everything()
    rows = Customer.objects.allowed(user, "view")
    known = {one.key: one for one in definitions.of("customer")}
    number, text = known[made["number"].key], known[made["line"].key]
    conditions = {
        "number =": query.compare(number, "exact", 4711),
        "number range": query.compare(number, "gte", 500) & query.compare(number, "lt", 520),
        "text =": query.compare(text, "exact", "V4711"),
    }

    def page(condition):
        narrowed = rows.filter(condition)
        scope.capped_count(narrowed)
        scope.top_ids(narrowed, field="created_at", descending=True, limit=15)

    def plain(condition):
        with without("indexscan", "bitmapscan", "indexonlyscan"):
            page(condition)

    worst, said = 0.0, []
    for name, condition in conditions.items():
        indexed, bare = medians(lambda c=condition: page(c), lambda c=condition: plain(c), rounds=5)
        worst = max(worst, indexed / bare)
        said.append(f"{name} {ms(indexed)} against {ms(bare)}")
    how = f"count and first page of {Customer.objects.count():,} customers with the field's index against without: "
    return Result("P11", worst, "<= 0.1", "×", how + "; ".join(said))
