"""Changing the same fields of many records: on sets, with an error for each record that cannot take the values."""

from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone

from .. import modules, search, services
from ..custom import definitions, values
from ..custom.columns import CustomColumn, Names

CHUNK = 500  # records that are read, checked and written together
Failures = list[tuple[str, str]]  # (title of the record, reason)


@dataclass
class Change:
    """A record with its new values; `before` = {attribute: former value}, `moved` = (definition, old, new) of custom ones."""

    record: models.Model
    before: dict
    moved: list = field(default_factory=list)


@transaction.atomic
def edit_many(rows, new: dict, *, by) -> tuple[int, Failures]:
    """Set `new` ({field or key of a custom field: value}) on allowed rows. Records that have the values already stay
    untouched, those whose own check refuses them are named with the reason, all others are saved and logged."""
    module = modules.of_model(rows.model)
    ids = sorted(rows.order_by().values_list("pk", flat=True))
    done, failures = 0, []
    for start in range(0, len(ids), CHUNK):
        saved, refused = edit_chunk(module, ids[start : start + CHUNK], new, by=by)
        done, failures = done + saved, failures + refused
    return done, failures


@transaction.atomic
def edit_chunk(module, ids: list[int], new: dict, *, by, job=None) -> tuple[int, Failures]:
    """`edit_many` for at most CHUNK records that the gate let through."""
    known, now = definitions.custom(module.name), timezone.now()
    plain, custom, files = values.split(new, known)
    if files:
        raise ValidationError("附件不能批量修改。")
    values.check_required(module, {**plain, **custom}, by=by)
    changes, failures = [], []
    locked = module.model.objects.filter(pk__any=ids, deleted_at=None).select_for_update().order_by("pk")
    for record in locked:
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
    entries = zip((change.record.pk for change in saved), _differences(module, saved), strict=True)
    services.write_log(
        module.model,
        ((pk, "批量编辑", difference) for pk, difference in entries),
        code=f"{module.name}.updated",
        by=by,
        job=job,
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


def _differences(module, changes: list[Change]) -> list[list[dict]]:
    """Log differences of each change in display values; related rows are read once for all."""
    fields = {one.attname: one for one in module.model._meta.concrete_fields}
    names = Names()
    moved = {definition.key: CustomColumn(definition, names) for change in changes for definition, _, _ in change.moved}
    former = [{definition.key: old for definition, old, _ in change.moved} for change in changes]
    names.prepare(list(moved.values()), former)
    wanted: dict[str, set] = {}
    for change in changes:
        for name, old in change.before.items():
            if fields[name].is_relation:
                wanted.setdefault(name, set()).update({old, getattr(change.record, name)} - {None})
    related = {name: fields[name].related_model._base_manager.in_bulk(ids) for name, ids in wanted.items()}

    def shown(name, value):
        return services.display(fields[name], related[name].get(value) if name in related else value)

    return [
        [
            {
                "key": fields[name].name,
                "label": str(fields[name].verbose_name),
                "old": shown(name, old),
                "new": shown(name, getattr(change.record, name)),
            }
            for name, old in change.before.items()
            if fields[name].editable
        ]
        + services.custom_changes(change.moved, names)
        for change in changes
    ]
