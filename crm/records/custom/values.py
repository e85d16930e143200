"""Custom values of records: setting and comparing them, the required ones, the unique ones, the files among them."""

import hashlib
import json

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from ..fields import name_key
from ..models import Attachment, UniqueValue
from . import definitions, types
from .columns import CustomColumn, Names
from .definitions import Definition, Type


def text(definition: Definition, stored, names: Names | None = None) -> str:
    """A stored value as the log and confirm pages show it; "" for empty."""
    if stored is None:
        return ""
    column = CustomColumn(definition, names or Names())
    return column.text(column.raw({definition.key: stored}))


def put(record, values: dict, known: dict | None = None) -> list[tuple[Definition, object, object]]:
    """Set custom values ({key: stored or None}) on the record; answers (definition, old, new) of those that changed. `known` =
    the module's definitions, read here when many records do not share them."""
    known, changed = definitions.custom(_module(record).name) if known is None else known, []
    extra = dict(record.extra)
    for key, value in values.items():
        definition = known[key]
        old = extra.get(key)
        if old == value:
            continue
        if value is None:
            extra.pop(key, None)
        else:
            extra[key] = value
        changed.append((definition, old, value))
    record.extra = extra
    return changed


def _module(record):
    from .. import modules

    return modules.of_model(type(record))


def check_required(module, values: dict, *, by) -> None:
    """ValidationError for a field the company demands that is empty in `values` ({key: value}) and that `by` may fill."""
    from .. import fieldset

    fields, missing = (fieldset.of(module, by), {}) if by is not None else (None, {})
    for one in definitions.of(module.name, definitions.stamp_of(by) if by is not None else None):
        if one.required and not one.retired and one.key in values and values[one.key] in (None, "", []):
            if one.in_form and (fields is None or fields.editable(one.key)):
                label = one.label or (fields.label(one.key) if fields is not None else one.key)
                missing[one.key] = [f"请填写{label}"]
    if missing:
        raise ValidationError(missing)


def present(record, demanded) -> dict:
    """{key: value} of the fields in `demanded`, as `check_required` takes them; uploads that wait count as filled."""
    waiting = {key for key, wanted in getattr(record, "new_files", {}).items() if wanted["add"]}
    return {
        one.key: True
        if one.key in waiting
        else getattr(record, one.key, None)
        if one.builtin
        else record.extra.get(one.key)
        for one in demanded
    }


# Unique values ------------------------------------------------------------------------------------------------------------
def digest(stored) -> str:
    """What "the same value" means: NFKC, case and spaces apart for text, the number for numbers."""
    plain = name_key(stored) if isinstance(stored, str) else json.dumps(stored)
    return hashlib.sha256(plain.encode()).hexdigest()


def unique_fields(module, stamp: str | None = None) -> list[Definition]:
    return [one for one in definitions.of(module.name, stamp) if one.unique and not one.retired and not one.builtin]


def claim(module, records) -> None:
    """Note the unique values of these live records; ValidationError names a value another record holds."""
    fields, records = unique_fields(module), list(records)
    if not fields or not records:
        return
    release(module, [record.pk for record in records])
    rows = [
        UniqueValue(field_id=one.pk, digest=digest(record.extra[one.key]), object_id=record.pk)
        for one in fields
        for record in records
        if record.extra.get(one.key) is not None
    ]
    try:
        with transaction.atomic():
            UniqueValue.objects.bulk_create(rows, batch_size=1000)
    except IntegrityError:
        raise ValidationError(_taken(fields, records)) from None


def _taken(fields, records) -> dict:
    for one in fields:
        seen = set()
        for record in records:
            value = record.extra.get(one.key)
            if value is None:
                continue
            sign = digest(value)
            if sign in seen or UniqueValue.objects.filter(field_id=one.pk, digest=sign).exists():
                return {one.key: [f"{one.label}“{text(one, value)[:60]}”已被使用"]}
            seen.add(sign)
    return {fields[0].key: [f"{fields[0].label}与其他记录重复"]}


def release(module, ids) -> None:
    """Forget the unique values of records that leave (recycle bin) or change."""
    if fields := unique_fields(module):
        UniqueValue.objects.filter(field_id__any=[one.pk for one in fields], object_id__any=list(ids)).delete()


# Files --------------------------------------------------------------------------------------------------------------------
def files_of(record, key: str) -> list[tuple[int, str]]:
    """[(id, name)] of the attachments under a field of a saved record."""
    ids = record.extra.get(key) or []
    return list(Attachment.objects.filter(pk__in=ids).order_by("pk").values_list("pk", "name")) if ids else []


def take_files(record, key: str, wanted: dict, *, by) -> list[int] | None:
    """Attach the new files of a field and drop the ticked ones; answers the ids that stand now."""
    from .. import uploads

    have = list(record.extra.get(key) or [])
    gone = [pk for pk in have if pk in wanted["drop"]]
    content_type = ContentType.objects.get_for_model(type(record))
    for attachment in Attachment.objects.filter(pk__in=gone, content_type=content_type, object_id=record.pk):
        uploads.remove(attachment, record, by=by)
    added = uploads.attach(record, wanted["add"], by=by, purpose=key) if wanted["add"] else []
    return sorted([pk for pk in have if pk not in gone] + [file.pk for file in added]) or None


def split(values: dict, known: dict[str, Definition]) -> tuple[dict, dict, dict]:
    """(model fields, custom values, files) out of {name: value}."""
    custom = {key: value for key, value in values.items() if key in known}
    files = {key: value for key, value in custom.items() if known[key].type == Type.FILES}
    return (
        {key: value for key, value in values.items() if key not in known},
        {key: value for key, value in custom.items() if key not in files},
        files,
    )


def cleaned(definition: Definition, value):
    """The stored form of what was typed, with the required sentence."""
    found = types.of(definition).clean(value, definition)
    if found is None and definition.required:
        raise ValidationError(f"请填写{definition.label}", code="required")
    return found
