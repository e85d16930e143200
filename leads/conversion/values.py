"""The shape of a field (what kind of value, how long), which shapes fit which, and one value turned into another's form."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.core.exceptions import ValidationError
from django.db import models

from crm.records import fields
from crm.records.custom import types
from crm.records.custom.columns import Names
from crm.records.custom.definitions import Definition, Type

OPTION = 50  # characters of an option's or a dictionary value's label at most
TEXTS = ("line", "text")
# What text may be made of: {kind: characters it needs}; None = as many as the field itself holds.
AS_TEXT = {
    "line": None,
    "province": None,
    "city": None,
    "mobile": 11,
    "phone": None,
    "email": None,
    "url": None,
    "dictionary": OPTION,
    "choice": OPTION,
}
WIDER = {"mobile": {"phone"}, "money": {"number"}, "percent": {"number"}}
_CUSTOM = {
    Type.LINE: ("line", 200),
    Type.TEXT: ("text", 2000),
    Type.MOBILE: ("mobile", 11),
    Type.EMAIL: ("email", 100),
    Type.URL: ("url", 200),
}


@dataclass(frozen=True)
class Field:
    """A field of a module: `kind` of its values, `limit` in characters (0: none), `code` of its dictionary; `definition` where
    it is the company's own."""

    module: str
    name: str
    kind: str
    limit: int = 0
    code: str = ""
    definition: Definition | None = None

    @property
    def key(self) -> str:
        return f"{self.module}.{self.name}"


def of_model(module, name: str) -> Field:
    """The shape of a built-in field."""
    field = module.model._meta.get_field(name)
    kind, limit, code = "", getattr(field, "max_length", None) or 0, ""
    if isinstance(field, fields.DictionaryField):
        kind, limit, code = "dictionary", OPTION, field.code
    elif name in ("province", "city"):
        kind = name
    else:
        named = (
            (fields.LongText, "text"),
            (fields.Mobile, "mobile"),
            (fields.Phone, "phone"),
            (fields.Email, "email"),
            (fields.Website, "url"),
            (fields.Digits, "digits"),
            (fields.Scale, "scale"),
            (fields.Text, "line"),
            (fields.Money, "money"),
            (models.DateTimeField, "moment"),
            (models.DateField, "date"),
            (models.BooleanField, "check"),
            (models.IntegerField, "percent" if name == "chance" else "number"),
        )
        kind = next((kind for cls, kind in named if isinstance(field, cls)), "other")
    return Field(module.name, name, kind, limit, code)


def of_custom(module, definition: Definition) -> Field:
    """The shape of a field of the company."""
    kind, limit = _CUSTOM.get(definition.type, (str(definition.type), 0))
    return Field(module.name, definition.key, kind, limit, "", definition)


def fits(source: Field, target: Field) -> bool:
    """Whether every value of `source` has a form in `target`."""
    if target.kind in TEXTS:
        if source.kind == "choices":
            return target.kind == "text"
        if source.kind == "text" and target.kind != "text":
            return False
        if source.kind not in AS_TEXT and source.kind != "text":
            return False
        return (AS_TEXT.get(source.kind) or source.limit) <= target.limit
    if source.kind == "dictionary":
        return target.kind == "dictionary" and source.code == target.code
    if source.kind in ("choice", "choices") and target.kind == source.kind:
        return source.definition is not None and target.definition is not None
    if source.kind != target.kind and target.kind not in WIDER.get(source.kind, ()):
        return False
    return source.kind in ("money", "percent") or source.limit <= target.limit


def _raw(record, field: Field):
    """The value as Python has it, None for empty."""
    if field.definition is not None:
        stored = record.extra.get(field.name)
        if field.kind in ("choice", "choices", "number", "money", "percent", "date", "moment"):
            return None if stored is None else types.of(field.definition).raw(stored, field.definition, Names())
        return stored
    value = getattr(record, field.name)
    return None if value == "" else value


def text_of(record, field: Field) -> str:
    """The value as text, "" for empty."""
    value = _raw(record, field)
    if value is None:
        return ""
    return value.label if field.kind == "dictionary" else str(value)


def carried(record, source: Field, target: Field):
    """The value of `source` on this record in the form `target` keeps, None for empty; ValidationError where it has none."""
    value = _raw(record, source)
    if value is None or value is False:
        return None
    if target.definition is None:
        if target.kind in TEXTS:
            return record_field(target).clean_value(text_of(record, source))
        if target.kind == "money":
            return record_field(target).clean_value(str(value))
        return value if source.kind == target.kind else record_field(target).clean_value(str(value))
    kept = types.of(target.definition)
    if source.kind in ("person", "department", "check") and source.kind == target.kind:
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime(types.Moment.form)
    if source.kind == "dictionary":
        value = value.label
    return kept.clean(str(value), target.definition)


def record_field(target: Field) -> models.Field:
    from crm.records import modules

    return modules.get(target.module).model._meta.get_field(target.name)


def refuse(target_label: str, error: ValidationError, *, readable: bool) -> ValidationError:
    """The sentence about a field; without the value where the person may not read it."""
    words = "；".join(error.messages) if readable else "内容不符合要求"
    return ValidationError(f"{target_label}：{words}")
