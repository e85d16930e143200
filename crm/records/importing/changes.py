"""What an import did, noted chunk by chunk for its undo: ranges of created ids and the replaced values of changed records."""

from datetime import date
from decimal import Decimal

from django.contrib.contenttypes.models import ContentType

from ..models import ImportChange
from . import write
from .write import Same


def note_created(model, ids: list[int], job) -> None:
    """Note records created by the job; one row a range, so that a large import is not slowed down."""
    ranges: list[list[int]] = []
    for pk in ids:
        if ranges and pk == ranges[-1][1] + 1:
            ranges[-1][1] = pk
        else:
            ranges.append([pk, pk])
    _insert(model, job, created=True, first=[a for a, _ in ranges], last=[b for _, b in ranges])


def note_changed(model, rows: list[tuple[int, dict, int]], job) -> None:
    """Note changed records: (id, replaced values, version left). A record the job changed before keeps its oldest values."""
    content_type = ContentType.objects.get_for_model(model)
    earlier = {
        change.object_id: change
        for change in ImportChange.objects.filter(
            job=job, content_type=content_type, created=False, object_id__any=[pk for pk, _, _ in rows]
        )
    }
    again = []
    for pk, before, version in rows:
        if change := earlier.get(pk):
            extra = {**before.get("extra", {}), **change.before.get("extra", {})}
            change.before = {**before, **change.before, **({"extra": extra} if extra else {})}
            change.version = version
            again.append(change)
    if again:
        write.update(again, {"before", "version"})
    fresh = [row for row in rows if row[0] not in earlier]
    ids = [pk for pk, _, _ in fresh]
    _insert(
        model,
        job,
        created=False,
        first=ids,
        last=ids,
        before=[before for _, before, _ in fresh],
        version=[version for _, _, version in fresh],
    )


def _insert(model, job, *, created: bool, first: list[int], last: list[int], **columns) -> None:
    content_type = ContentType.objects.get_for_model(model)
    write.insert(
        ImportChange,
        {
            "content_type_id": Same(content_type.pk),
            "job_id": Same(job.pk),
            "created": Same(created),
            "object_id": first,
            "last_id": last,
            **columns,
        },
        len(first),
    )


def plain(value):
    """A stored value as JSON keeps it; the field's `to_python` reads it back."""
    return value.isoformat() if isinstance(value, date) else str(value) if isinstance(value, Decimal) else value
