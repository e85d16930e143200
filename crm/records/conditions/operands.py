"""What can be asked of a module's records: its readable fields, its custom fields, fields of its parent, numbers of its
children."""

from collections.abc import Callable
from dataclasses import dataclass, field

from django.conf import settings
from django.db import models
from django.db.models import Count, IntegerField, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce

from .. import fieldset
from ..custom import forms as custom_forms
from ..custom import query, types
from ..custom.definitions import Type
from ..fields import DictionaryField
from ..models import DictionaryItem

# Operators by kind: (key, label, how many values it takes).
TEXT = (
    ("contains", "包含", 1),
    ("lacks", "不包含", 1),
    ("is", "等于", 1),
    ("not", "不等于", 1),
    ("empty", "为空", 0),
    ("filled", "不为空", 0),
)
NUMBER = (
    ("is", "等于", 1),
    ("not", "不等于", 1),
    ("gt", "大于", 1),
    ("gte", "大于等于", 1),
    ("lt", "小于", 1),
    ("lte", "小于等于", 1),
    ("between", "介于", 2),
    ("empty", "为空", 0),
    ("filled", "不为空", 0),
)
DATE = (
    ("on", "在", 1),
    ("before", "早于", 1),
    ("after", "晚于", 1),
    ("between", "介于", 2),
    ("empty", "为空", 0),
    ("filled", "不为空", 0),
)
CHOICE = (("in", "属于", 9), ("out", "不属于", 9), ("empty", "为空", 0), ("filled", "不为空", 0))
BOOL = (("yes", "是", 0), ("no", "否", 0))
FILLED = (("filled", "不为空", 0), ("empty", "为空", 0))
OPERATORS = {
    "text": TEXT,
    "number": NUMBER,
    "count": tuple(one for one in NUMBER if one[0] not in ("empty", "filled")),
    "date": DATE,
    "choice": CHOICE,
    "person": CHOICE,
    "department": CHOICE,
    "bool": BOOL,
    "files": FILLED,
}


@dataclass(frozen=True)
class Operand:
    """`kind` = key of OPERATORS; `build(operator, value)` makes the condition of checked values. `options` = [(id, label)]
    of a choice, read when first needed."""

    key: str
    label: str
    group: str
    kind: str
    build: Callable
    options: Callable = field(default=list)
    moment: bool = False  # a date with time of day
    money: bool = False

    @property
    def operators(self):
        return OPERATORS[self.kind]


def catalogue(module, user, *, prefix: str = "", path: str = "") -> dict[str, Operand]:
    """{key: operand} the person may use on this module's list."""
    company = fieldset.of(module, user)
    group = module.label if prefix else "字段"
    found: dict[str, Operand] = {}
    for one in module.model._meta.fields:
        if not _offered(module, company, one):
            continue
        label = company.label(one.name, str(one.verbose_name))
        if operand := _of_field(one, prefix + one.name, _label(prefix, module, label), group, path):
            found[operand.key] = operand
    for definition in company.custom.values():
        if definition.in_filter and company.readable(definition.key):
            operand = _of_custom(
                definition, prefix + definition.key, _label(prefix, module, definition.label), group, path
            )
            found[operand.key] = operand
    if not prefix:
        found |= _relations(module, user)
    return found


def _label(prefix: str, module, label: str) -> str:
    return f"{module.label}的{label.removeprefix(module.label)}" if prefix else label


def _offered(module, company, one) -> bool:
    """Fields that stand in columns or forms and that the person may read and filter by."""
    known = one.name in module.by_key or one.name in module.form_class.Meta.fields
    return known and company.readable(one.name) and company.in_filter(one.name)


def _relations(module, user) -> dict[str, Operand]:
    from .. import modules

    found: dict[str, Operand] = {}
    for name in module.parents:
        parent = modules.get(name)
        if parent.may(user, "view"):
            found |= catalogue(parent, user, prefix=f"{name}.", path=f"{name}__")
    for child in module.children:
        if child.may(user, "view"):
            key = f"{child.name}.count"
            found[key] = Operand(key, f"{child.label}数量", "关联", "count", _count(module, child, user))
    return found


def _count(module, child, user) -> Callable:
    rows = child.model.objects.allowed(user, "view").filter(**{f"{module.name}_id": OuterRef("pk")})
    number = rows.order_by().values(f"{module.name}_id").annotate(n=Count("pk")).values("n")
    left = Coalesce(Subquery(number, output_field=IntegerField()), Value(0))
    return lambda operator, value: _compared(left, operator, value)


def _compared(left, operator: str, value) -> Q:
    """A number expression against one or two numbers."""
    if operator == "between":
        low, high = value
        return Q(models.lookups.GreaterThanOrEqual(left, low)) & Q(models.lookups.LessThanOrEqual(left, high))
    lookup = {
        "is": models.lookups.Exact,
        "gt": models.lookups.GreaterThan,
        "gte": models.lookups.GreaterThanOrEqual,
        "lt": models.lookups.LessThan,
        "lte": models.lookups.LessThanOrEqual,
    }
    if operator == "not":
        return ~Q(models.lookups.Exact(left, value))
    return Q(lookup[operator](left, value))


# Built-in fields ----------------------------------------------------------------------------------------------------------
def _of_field(one, key, label, group, path) -> Operand | None:
    name = path + one.name
    if isinstance(one, DictionaryField):
        code = one.code
        return Operand(
            key,
            label,
            group,
            "choice",
            _choice(name),
            lambda: list(DictionaryItem.objects.filter(dictionary=code).values_list("pk", "label")),
        )
    if one.is_relation:
        if one.related_model._meta.label_lower == settings.AUTH_USER_MODEL.lower():
            return Operand(key, label, group, "person", _choice(name))
        return None
    if one.flatchoices:
        pairs = [(value, str(text)) for value, text in one.flatchoices]
        return Operand(
            key, label, group, "choice", _choice(name, blank=isinstance(one, models.CharField)), lambda: pairs
        )
    if isinstance(one, models.BooleanField):
        return Operand(key, label, group, "bool", lambda operator, value: Q(**{name: operator == "yes"}))
    if isinstance(one, models.DateTimeField | models.DateField):
        timed = isinstance(one, models.DateTimeField)
        return Operand(key, label, group, "date", _date(name), moment=timed)
    if isinstance(one, models.DecimalField | models.IntegerField):
        return Operand(key, label, group, "number", _number(name), money=type(one).__name__ == "Money")
    if isinstance(one, models.CharField):
        return Operand(key, label, group, "text", _text(name))
    return None


def _text(name: str) -> Callable:
    def build(operator, value):
        if operator in ("empty", "filled"):
            return Q(**{name: ""}) if operator == "empty" else ~Q(**{name: ""})
        if operator in ("is", "not"):
            return Q(**{name: value}) if operator == "is" else ~Q(**{name: value})
        found = Q(**{f"{name}__icontains": value})
        return found if operator == "contains" else ~found

    return build


def _number(name: str) -> Callable:
    def build(operator, value):
        if operator in ("empty", "filled"):
            return Q(**{f"{name}__isnull": operator == "empty"})
        if operator == "between":
            return Q(**{f"{name}__gte": value[0], f"{name}__lte": value[1]})
        if operator == "not":
            return ~Q(**{name: value}) | Q(**{f"{name}__isnull": True})
        return Q(**{f"{name}__{'exact' if operator == 'is' else operator}": value})

    return build


def _date(name: str) -> Callable:
    """`value` = (from, before) in the column's own terms; None on one side is open."""

    def build(operator, value):
        if operator in ("empty", "filled"):
            return Q(**{f"{name}__isnull": operator == "empty"})
        low, high = value
        found = Q()
        if low is not None:
            found &= Q(**{f"{name}__gte": low})
        if high is not None:
            found &= Q(**{f"{name}__lt": high})
        return found

    return build


def _choice(name: str, *, blank: bool = False) -> Callable:
    def build(operator, value):
        nothing = Q(**{name: ""}) if blank else Q(**{f"{name}__isnull": True})
        if operator in ("empty", "filled"):
            return nothing if operator == "empty" else ~nothing
        found = Q(**{f"{name}__in": list(value)})
        return found if operator == "in" else ~found | nothing

    return build


# Custom fields ------------------------------------------------------------------------------------------------------------
def _of_custom(definition, key, label, group, path) -> Operand:
    kind, extra = types.of(definition), f"{path}extra"
    made = {
        Type.DATE: "date",
        Type.MOMENT: "date",
        Type.CHOICE: "choice",
        Type.CHOICES: "choice",
        Type.AREA: "choice",
        Type.CHECK: "bool",
        Type.PERSON: "person",
        Type.DEPARTMENT: "department",
        Type.FILES: "files",
    }.get(definition.type, "number" if kind.storage == "number" else "text")
    options: Callable = list
    if made == "choice":
        options = custom_forms.area_choices if definition.type == Type.AREA else lambda: list(definition.labels.items())

    def build(operator, value):
        nothing = query.empty(definition, extra)
        if operator in ("empty", "no"):
            return nothing
        if operator in ("filled", "yes"):
            return ~nothing
        if made == "choice" and kind.storage == "list":
            found = query.holds(definition, value, extra)
            return found if operator == "in" else ~found
        if operator in ("in", "out"):
            found = query.compare(definition, "in", list(value), extra)
            return found if operator == "in" else ~found | nothing
        if made == "date":
            low, high = value
            found = Q() if low is None else query.compare(definition, "gte", low, extra)
            return found if high is None else found & query.compare(definition, "lt", high, extra)
        if operator == "between":
            return query.compare(definition, "gte", value[0], extra) & query.compare(definition, "lte", value[1], extra)
        if operator in ("contains", "lacks"):
            found = query.compare(definition, "icontains", value, extra)
            return found if operator == "contains" else ~found | nothing
        if operator == "not":
            return ~query.compare(definition, "exact", value, extra) | nothing
        return query.compare(definition, "exact" if operator == "is" else operator, value, extra)

    return Operand(
        key,
        label,
        group if path else "自定义字段",
        made,
        build,
        options,
        moment=definition.type == Type.MOMENT,
        money=definition.type == Type.MONEY,
    )
