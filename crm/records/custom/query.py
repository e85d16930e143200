"""Every database expression on custom values is built here, with one form per database and per type, so that the index an
administrator switches on serves them all."""

import json

from django.db import models
from django.db.models import BooleanField, Case, DecimalField, F, Func, Q, Value, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Upper

from . import types
from .definitions import Definition

NUMERIC = DecimalField(max_digits=20, decimal_places=4)


def expression(definition: Definition, path: str = "extra"):
    """The value of one field as text or number; NULL where it is empty. `path` leads to the record's `extra`."""
    text = KeyTextTransform(definition.key, path)
    if types.of(definition).storage == "number":
        return Cast(text, NUMERIC)
    return Cast(text, models.TextField())


class HoldsAny(Func):
    """Whether the list under a key holds one of these ids."""

    output_field = BooleanField()

    def __init__(self, key: str, ids, path: str = "extra"):
        super().__init__(F(path))
        self.key, self.ids = key, [int(pk) for pk in ids]

    def as_sql(self, compiler, connection, **context):
        sql, values = compiler.compile(self.source_expressions[0])
        part = "SELECT 1 FROM json_each({}, %s) AS item WHERE item.value IN (SELECT value FROM json_each(%s))"
        return f"EXISTS({part.format(sql)})", [*values, f'$."{self.key}"', json.dumps(self.ids)]

    def as_postgresql(self, compiler, connection, **context):
        sql, values = compiler.compile(self.source_expressions[0])
        parts = [f"{sql} @> %s::jsonb"] * max(1, len(self.ids))
        found = [json.dumps({self.key: [pk]}) for pk in self.ids] or ['{"none": 1}']
        return f"({' OR '.join(parts)})", [value for one in found for value in (*values, one)]


def empty(definition: Definition, path: str = "extra") -> Q:
    """Rows without a value; the same on both databases, because an empty value is never stored."""
    return ~Q(**{f"{path}__has_key": definition.key})


def holds(definition: Definition, ids, path: str = "extra") -> Q:
    """Rows whose list (多选, 附件) holds one of the ids."""
    return Q(HoldsAny(definition.key, ids, path))


def compare(definition: Definition, lookup: str, value, path: str = "extra") -> Q:
    """A condition on one field: `lookup` = exact, gt, gte, lt, lte, icontains, in; `value` in its stored form."""
    text = types.of(definition).storage != "number"

    def plain(one):
        return one if not text or isinstance(one, str) else json.dumps(one)

    wanted = [plain(one) for one in value] if lookup == "in" else plain(value)
    left = expression(definition, path)
    if lookup == "in":
        return Q(models.lookups.In(left, wanted)) if wanted else Q(pk__in=[])
    if lookup == "icontains":
        return Q(models.lookups.GreaterThan(_position(left, str(wanted)), 0))
    kinds = {
        "exact": models.lookups.Exact,
        "gt": models.lookups.GreaterThan,
        "gte": models.lookups.GreaterThanOrEqual,
        "lt": models.lookups.LessThan,
        "lte": models.lookups.LessThanOrEqual,
    }
    return Q(kinds[lookup](left, Value(wanted, output_field=NUMERIC if not text else models.TextField())))


def _position(left, text: str):
    from django.db.models.functions import StrIndex

    return StrIndex(Upper(left), Upper(Value(text)))


def ordered(rows, definition: Definition, *, descending: bool):
    """`rows` by the value; those without one last, the newest record first among equals."""
    value = expression(definition)
    rows = rows.annotate(
        custom_empty=Case(When(extra__has_key=definition.key, then=Value(0)), default=Value(1)),
        custom_value=value,
    )
    return rows.order_by("custom_empty", F("custom_value").desc() if descending else F("custom_value").asc(), "-pk")
