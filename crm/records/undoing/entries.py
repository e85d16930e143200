"""Noting down what an act changes, in the transaction of the act.

    with entries.entry(module, "delete", by=by, label="删除客户") as entry:
        entry.keep(module.model, [Line(pk, version_after, before)])

A service that runs inside another one's entry writes into that entry, so that a customer and the contacts that went along
come back together. `watch()` tells a view which entries its call made.
"""

from collections.abc import Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from django.contrib.contenttypes.models import ContentType
from django.db.models import F

from ..models import Undo, UndoRecord
from .packing import pack

_open: ContextVar["Entry | None"] = ContextVar("undo_open", default=None)
_watched: ContextVar[list | None] = ContextVar("undo_watched", default=None)


@dataclass
class Line:
    """One record: the version the act leaves behind, what stood there before, and the record it went along with; `more` is
    what the act's handler needs besides."""

    pk: int
    version: int
    fields: dict = field(default_factory=dict)
    extra: dict = field(default_factory=dict)
    grants: dict = field(default_factory=dict)
    root: int | None = None
    more: dict = field(default_factory=dict)

    @classmethod
    def of_deleted(cls, row: dict, along: str) -> "Line":
        """The line of a live row that goes to the recycle bin, with its version, time and whom it follows."""
        fields = {"deleted_at": None, "deleted_by_id": None, "updated_at": pack(row["updated_at"])}
        return cls(row["pk"], row["version"] + 1, fields, root=row[along] if along else None)

    @property
    def before(self) -> dict:
        parts = {"fields": self.fields, "extra": self.extra, "grants": self.grants, "more": self.more}
        return {name: part for name, part in parts.items() if part}


class Entry:
    """An act being noted; the row is written with its first line, so an act that changed nothing leaves none."""

    def __init__(self, module, action: str, *, by, label: str, pk: int | None = None):
        self.module, self.action, self.by, self.label, self.pk = module, action, by, label, pk
        self.added = 0

    def keep(self, model: type, lines: Iterable[Line]) -> None:
        """Note these records of `model`."""
        lines = list(lines)
        if not lines:
            return
        if self.pk is None:
            self.pk = Undo.objects.create(
                user=self.by, module=self.module.name, action=self.action, label=self.label[:200]
            ).pk
        content_type = ContentType.objects.get_for_model(model)
        UndoRecord.objects.bulk_create(
            [
                UndoRecord(
                    undo_id=self.pk,
                    content_type=content_type,
                    object_id=line.pk,
                    version=line.version,
                    before=line.before,
                    root=line.root,
                )
                for line in lines
            ],
            batch_size=1000,
        )
        self.added += sum(line.root is None for line in lines)

    def close(self) -> None:
        """Write how many records it is about."""
        if self.pk is not None and self.added:
            Undo.objects.filter(pk=self.pk).update(count=F("count") + self.added)


@contextmanager
def entry(module, action: str, *, by, label: str, pk: int | None = None):
    """The entry that services write into while the body runs: the one under way, or a new one (`pk`: going on with one that
    an earlier step of a job began)."""
    if (outer := _open.get()) is not None:
        yield outer
        return
    made = Entry(module, action, by=by, label=label, pk=pk)
    token = _open.set(made)
    try:
        yield made
    finally:
        _open.reset(token)
    made.close()
    if made.pk is not None and (watched := _watched.get()) is not None:
        watched.append(made.pk)


class Unnoted(Entry):
    """Keeps nothing."""

    def keep(self, model, lines):
        """The act is part of another one that has a way back of its own."""


@contextmanager
def unnoted(module, *, by):
    """Deletions inside leave no entry: the undo of an import takes back what the import made."""
    token = _open.set(Unnoted(module, "delete", by=by, label=""))
    try:
        yield
    finally:
        _open.reset(token)


@contextmanager
def watch():
    """The ids of the entries made while the body runs, as a list that fills."""
    found: list[int] = []
    token = _watched.set(found)
    try:
        yield found
    finally:
        _watched.reset(token)
