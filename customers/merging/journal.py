"""What an act did to rows that hang on records, noted as JSON while it is done, so that it can be taken back exactly."""

import json

from django.apps import apps

from crm.records.undoing import packing


class Journal:
    """`steps` in the order they were done. Rows are told apart by their key, so all tables here have one."""

    def __init__(self):
        self.steps: list[dict] = []

    def move(self, rows, **new) -> int:
        """Set columns (attribute names) of these rows; answers how many there were."""
        stood: dict[str, tuple[list, list[int]]] = {}
        for pk, *old in rows.order_by("pk").values_list("pk", *new):
            stood.setdefault(json.dumps([packing.pack(value) for value in old]), (old, []))[1].append(pk)
        for old, ids in stood.values():
            rows.model._base_manager.filter(pk__any=ids).update(**new)
            was = {name: packing.pack(value) for name, value in zip(new, old, strict=True)}
            now = {name: packing.pack(value) for name, value in new.items()}
            self._note("moved", rows.model, ids=ids, old=was, new=now)
        return sum(len(ids) for _, ids in stood.values())

    def drop(self, rows) -> int:
        """Delete these rows, keeping every column."""
        gone = list(rows.order_by("pk"))
        if gone:
            self._note("gone", rows.model, rows=[_columns(row) for row in gone])
            rows.model._base_manager.filter(pk__any=[row.pk for row in gone]).delete()
        return len(gone)

    def add(self, row) -> None:
        """Save a new row."""
        row.save(force_insert=True)
        self._note("made", type(row), rows=[_columns(row)])

    def _note(self, what: str, model, **more) -> None:
        self.steps.append({"what": what, "model": model._meta.label, **more})


def _columns(row) -> dict:
    return {field.attname: packing.pack(getattr(row, field.attname)) for field in row._meta.concrete_fields}


def take_back(steps: list[dict]) -> set[str]:
    """Undo noted steps, last first, on rows that are still as the act left them. Answers the tables (labels) of which some
    row was gone or changed since and stays as it is."""
    stayed = set()
    for step in reversed(steps):
        model = apps.get_model(step["model"])
        rows = model._base_manager
        if step["what"] == "moved":
            old, new = (
                {name: packing.unpack(model, name, value) for name, value in step[part].items()}
                for part in ("old", "new")
            )
            whole = rows.filter(pk__any=step["ids"], **new).update(**old) == len(step["ids"])
        elif step["what"] == "made":
            values = [{name: packing.unpack(model, name, value) for name, value in one.items()} for one in step["rows"]]
            whole = sum(rows.filter(**one).delete()[0] for one in values) == len(values)
        else:
            whole = _bring_back(model, step["rows"])
        if not whole:
            stayed.add(step["model"])
    return stayed


def _bring_back(model, stored: list[dict]) -> bool:
    """Insert deleted rows again under their keys, save those whose related rows are gone or whose place is taken."""
    found = [model(**{name: packing.unpack(model, name, value) for name, value in one.items()}) for one in stored]
    for field in model._meta.concrete_fields:
        if field.is_relation and field.db_constraint:
            keys = {getattr(row, field.attname) for row in found} - {None}
            there = set(field.related_model._base_manager.filter(pk__in=keys).values_list("pk", flat=True)) | {None}
            found = [row for row in found if getattr(row, field.attname) in there]
    stamped = {field.attname: [getattr(row, field.attname) for row in found] for field in _stamped(model)}
    model._base_manager.bulk_create(found, batch_size=500, ignore_conflicts=True)
    for name, values in stamped.items():  # given by the field itself on the way in
        for row, value in zip(found, values, strict=True):
            setattr(row, name, value)
    if found and stamped:
        model._base_manager.bulk_update(found, list(stamped), batch_size=500)
    return len(found) == len(stored)


def _stamped(model) -> list:
    return [field for field in model._meta.concrete_fields if getattr(field, "auto_now_add", False)]
