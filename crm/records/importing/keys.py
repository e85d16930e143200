"""What decides whether a row is a record that exists: the key a module declares, another one the person chose, or a unique
custom field."""

from dataclasses import dataclass, replace

from ..custom import values
from ..models import UniqueValue

EMPTY = (None, "")
DEFAULT = "default"


@dataclass(frozen=True)
class Key:
    """
    name     its name in the options of an import
    label    the deciding fields, as the pages print them
    targets  targets that must be mapped
    fields   attributes that hold its values, in the rows and in the table
    message  what a row is told whose record exists
    custom   the definition where it is a unique custom field
    """

    name: str
    label: str
    targets: tuple[str, ...]
    fields: tuple[str, ...]
    message: str = "已有相同的记录"
    custom: object = None


def declared(importer) -> list[Key]:
    """The keys a module declares, its own first."""
    own = Key(DEFAULT, importer.key_label, importer.key_targets, importer.key_fields(), importer.duplicate_message)
    return [own, *importer.other_keys]


def offered(importer, targets) -> list[Key]:
    """The keys a person may choose among: those whose fields they may fill, and unique custom fields."""
    labels = {target.key: target.label for target in targets}
    found = [
        replace(key, label="、".join(labels[name] for name in key.targets))
        for key in declared(importer)
        if set(key.targets) <= set(labels)
    ]
    return found + [
        Key(target.key, target.label, (target.key,), (target.key,), f"{target.label}已被使用", target.custom)
        for target in targets
        if target.custom is not None and target.custom.unique
    ]


def of_rows(chunk, rows, key: Key) -> dict[int, tuple]:
    """{row: its values of the key}; rows where one of them is empty are nobody's and stand not in it."""
    if not key.fields:
        return {}
    columns = [chunk.values[name] for name in key.fields]
    if len(columns) == 1:
        column = columns[0]
        return {row: (column[row],) for row in rows if column[row] not in EMPTY}
    found = {row: tuple(column[row] for column in columns) for row in rows}
    return {row: value for row, value in found.items() if None not in value and "" not in value}


def existing(plan, key: Key, wanted) -> tuple[dict[tuple, int], set[tuple]]:
    """({value: id} of live records with one of the wanted values, whoever owns them; values that several of them have)."""
    wanted, several = set(wanted), set()
    if not wanted:
        return {}, several
    if key.custom is not None:
        signs = {values.digest(value): (value,) for (value,) in wanted}
        rows = UniqueValue.objects.filter(field_id=key.custom.pk, digest__in=list(signs))
        return {signs[sign]: pk for sign, pk in rows.values_list("digest", "object_id")}, several
    conditions = {f"{name}__any": list({one[place] for one in wanted}) for place, name in enumerate(key.fields)}
    found: dict[tuple, int] = {}
    rows = plan.model.objects.live().filter(**conditions).order_by("-pk")
    for pk, *value in rows.values_list("pk", *key.fields):
        value = tuple(value)
        if value in wanted:
            if value in found:
                several.add(value)
            found[value] = pk
    return found, several


def guard(chunk, fresh: list[int], found: dict[int, int]) -> None:
    """Where something else than the module's own key decides: fail the rows to be created, and the records {id: row} to be
    renamed, whose own key is another live record's or an earlier row's."""
    plan = chunk.plan
    if not plan.guarded:
        return
    own, owners = plan.own_key, {row: pk for pk, row in found.items()}
    rows = sorted([*fresh, *(owners if plan.mode == "overwrite" else ())])
    mine = of_rows(chunk, rows, own)
    known, _ = existing(plan, own, mine.values())
    seen = set()
    for row, value in mine.items():
        if value in seen or (value in known and known[value] != owners.get(row)):
            chunk.fail(row, own.label, own.message)
        seen.add(value)


def ambiguous(key: Key) -> str:
    """What a row is told whose key several records have."""
    return f"有多条记录的{key.label}与这一行相同，无法判断更新哪一条"


def not_mine(key: Key) -> str:
    """What a row is told whose record the person may not edit."""
    return f"{key.message}，您没有编辑它的权限"
