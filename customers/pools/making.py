"""New records that lie in a pool from the start."""

from django.utils import timezone

from . import book, kinds
from .services import note


def place(kind: kinds.Kind, record, pool: book.Facts) -> None:
    """Make a new, unsaved record one without an owner that lies in `pool`."""
    record.owner, record.pool_id = None, pool.pk
    record.pooled_at, record.pool_reason = timezone.now(), f"新建到{kind.label}"
    for name, value in kind.entering.items():
        setattr(record, name, value)


def note_placed(kind: kinds.Kind, record, *, by) -> None:
    """The history of a saved record that was made in a pool."""
    line = (record.pk, record.pool_id, None, record.pool_reason, "")
    note(kind, [line], action="created", by=by, now=record.pooled_at)
