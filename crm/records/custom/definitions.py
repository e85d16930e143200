"""What the company defined for a module, kept in memory until somebody changes it anywhere."""

import secrets
from dataclasses import dataclass, field

from django.db import models, transaction

from ..models import FieldDefinition, Stamp

STAMP = "fields"
Type = FieldDefinition.Type
_kept: dict = {"version": None, "modules": {}}


@dataclass(frozen=True)
class Definition:
    """One FieldDefinition as everything reads it. `builtin` = it only changes a declared field."""

    pk: int
    key: str
    module: str
    type: str
    label: str
    required: bool
    unique: bool
    default: object
    hint: str
    section: str
    order: int
    in_form: bool
    in_list: bool
    in_filter: bool
    retired: bool
    index: str
    options: tuple = field(default=(), hash=False)  # ((id, label, offered), ...)

    @property
    def builtin(self) -> bool:
        return not self.type

    @property
    def indexed(self) -> bool:
        return self.index == FieldDefinition.Index.ON

    @property
    def labels(self) -> dict[int, str]:
        return {pk: label for pk, label, _ in self.options}


def of_row(row: FieldDefinition) -> Definition:
    """The row as everything reads it."""
    names = (
        "pk key module type label required unique default hint section order in_form in_list in_filter retired index"
    ).split()
    options = tuple((one["id"], one["label"], not one.get("off")) for one in row.options)
    return Definition(**{name: getattr(row, name) for name in names}, options=options)


def version() -> str:
    """The present stamp (one statement); "" before the first change."""
    return Stamp.objects.filter(key=STAMP).values_list("version", flat=True).first() or ""


def known() -> str | None:
    """The state this process read last, without asking the database."""
    return _kept["version"]


def version_expression():
    """The stamp as a subquery, so that reading the user reads it as well."""
    return models.Subquery(Stamp.objects.filter(key=STAMP).values("version"))


@transaction.atomic
def touch() -> None:
    """Have every process read the definitions again; called in the transaction that changes one."""
    Stamp.objects.update_or_create(key=STAMP, defaults={"version": secrets.token_hex(16)})


def of(module: str, stamp: str | None = None) -> tuple[Definition, ...]:
    """Definitions of a module in order, retired ones included. `stamp` = the one read with the user; without it, it is
    read now."""
    stamp = version() if stamp is None else stamp
    if _kept["version"] != stamp:
        found: dict[str, list] = {}
        for row in FieldDefinition.objects.order_by("order", "pk"):
            found.setdefault(row.module, []).append(of_row(row))
        _kept.update(version=stamp, modules={name: tuple(rows) for name, rows in found.items()})
    return _kept["modules"].get(module, ())


def stamp_of(user) -> str:
    """The stamp as read with this user (RoleBackend.get_user), else read once and kept on them."""
    if not hasattr(user, "fields_stamp"):
        user.fields_stamp = version()
    stamp = user.fields_stamp or ""
    return stamp


def custom(module: str, stamp: str | None = None) -> dict[str, Definition]:
    """{key: definition} of the module's custom fields, retired ones included."""
    return {one.key: one for one in of(module, stamp) if not one.builtin}
