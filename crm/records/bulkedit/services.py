"""Changing the same fields of many records: on sets, with an error for each record that cannot take the values."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from .. import modules, search, services
from ..custom import definitions, values
from ..undoing import entries
from ..undoing.changes import Change, differences

CHUNK = 500  # records that are read, checked and written together
Failures = list[tuple[str, str]]  # (title of the record, reason)


@transaction.atomic
def edit_many(rows, new: dict, *, by) -> tuple[int, Failures]:
    """Set `new` ({field or key of a custom field: value}) on allowed rows. Records that have the values already stay
    untouched, those whose own check refuses them are named with the reason, all others are saved and logged."""
    module = modules.of_model(rows.model)
    ids = sorted(rows.order_by().values_list("pk", flat=True))
    done, failures = 0, []
    with entries.entry(module, "edit", by=by, label=label_of(module)):
        for start in range(0, len(ids), CHUNK):
            saved, refused = edit_chunk(module, ids[start : start + CHUNK], new, by=by)
            done, failures = done + saved, failures + refused
    return done, failures


def label_of(module) -> str:
    """What the undo entry is called."""
    return f"批量编辑{module.label}"


@transaction.atomic
def edit_chunk(module, ids: list[int], new: dict, *, by, job=None) -> tuple[int, Failures]:
    """`edit_many` for at most CHUNK records; the gate is asked again once they are locked."""
    known, now = definitions.custom(module.name), timezone.now()
    plain, custom, files = values.split(new, known)
    if files:
        raise ValidationError("附件不能批量修改。")
    values.check_required(module, {**plain, **custom}, by=by)
    changes, failures = [], []
    locked = list(module.model.objects.filter(pk__any=ids, deleted_at=None).select_for_update().order_by("pk"))
    may = set(module.model.objects.allowed(by, "edit").filter(pk__any=ids).values_list("pk", flat=True))
    for record in locked:
        if record.pk not in may:
            failures.append((module.title_of(record), module.refusal(record, "edit", by) or "已不在您可操作的范围内"))
            continue
        try:
            change = _apply(record, plain, custom, known)
        except ValidationError as error:
            failures.append((module.title_of(record), "；".join(error.messages)))
        else:
            if change.before or change.moved:
                changes.append(change)

    def write(some: list[Change]) -> None:
        names = {name for change in some for name in change.before}
        names |= {"extra"} if any(change.moved for change in some) else set()
        services.save_many(module, [change.record for change in some], names, now=now)

    refused = services.apart(changes, write)
    failures += [(module.title_of(change.record), reason) for change, reason in refused]
    bad = {change.record.pk for change, _ in refused}
    saved = [change for change in changes if change.record.pk not in bad]
    with entries.entry(module, "edit", by=by, label=label_of(module)) as entry:
        entry.keep(module.model, [change.line() for change in saved])
        services.write_log(
            module.model,
            (
                (change.record.pk, "批量编辑", difference)
                for change, difference in zip(saved, differences(module, saved), strict=True)
            ),
            code=f"{module.name}.updated",
            by=by,
            job=job,
            undo=entry.pk,
        )
    searched = {name for names in module.search.values() for name in names}
    if found := [change.record for change in saved if searched & set(change.before)]:
        search.index(module, found)
    return len(saved), failures


def _apply(record, plain: dict, custom: dict, known: dict) -> Change:
    """The record with the new values, checked as a whole by its model; nothing is written."""
    attributes = [one.attname for one in record._meta.concrete_fields if one.attname != "extra"]
    before = {name: getattr(record, name) for name in attributes}
    for name, value in plain.items():
        setattr(record, name, value)
    moved = values.put(record, custom, known)
    if plain:
        record.clean()
    return Change(record, {name: old for name, old in before.items() if getattr(record, name) != old}, moved)
