"""What hangs on a record goes over to another one: follow-ups, timelines, files, tags, stars, and the tables registered here."""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib.contenttypes.models import ContentType

from crm.records.models import Attachment, FollowUp, FollowUpLink, Star, TagLink


@dataclass(frozen=True)
class Carrier:
    """A table below customers that is no record type. `move(journal, source, target)` re-points its rows by journal;
    `count(ids)` says how many hang on these customers."""

    label: str
    unit: str
    move: Callable
    count: Callable


CARRIERS: list[Carrier] = []


def register(label: str, unit: str, *, move: Callable, count: Callable) -> None:
    """Have the rows of another table go along with a merged customer."""
    CARRIERS.append(Carrier(label, unit, move, count))


@dataclass(frozen=True)
class Naming:
    """Rows that name contacts: `named(ids)` = those of these contacts that are, `move(journal, source, target)` re-points them
    to the contact that `source` is folded into."""

    named: Callable
    move: Callable


NAMINGS: list[Naming] = []


def on_fold(*, named: Callable, move: Callable) -> None:
    """Have what names a contact go along where it is folded into another one."""
    NAMINGS.append(Naming(named, move))


def carry(journal, model: type, source: int, target: int, *, tags: bool = True, files=()) -> None:
    """Re-point everything generic from one record of `model` to another. `tags`: unite them (else they stay); `files` = keys
    of the custom fields whose files go along with the record's own."""
    kind = ContentType.objects.get_for_model(model)

    def at(table, pk):
        return table.objects.filter(content_type=kind, object_id=pk)

    journal.move(at(FollowUp, source), object_id=target)
    _timelines(journal, at(FollowUpLink, source), at(FollowUpLink, target), target)
    journal.move(at(Attachment, source).filter(purpose__in=["file", *files]), object_id=target)
    for table, key in ((TagLink, "tag_id"), (Star, "user_id")):
        if table is TagLink and not tags:
            continue
        there = set(at(table, target).values_list(key, flat=True))
        journal.drop(at(table, source).filter(**{f"{key}__in": there}))
        journal.move(at(table, source), object_id=target)


def hanging(model: type, ids) -> set[int]:
    """Those of these records on which anything hangs at all: most doubles carry nothing."""
    kind = ContentType.objects.get_for_model(model)
    found: set[int] = set()
    for table in (FollowUp, FollowUpLink, Attachment, TagLink, Star) if ids else ():
        rows = table.objects.filter(content_type=kind, object_id__any=list(ids)).order_by()
        found |= set(rows.values_list("object_id", flat=True))
    return found


def _timelines(journal, came, there, target: int) -> None:
    """A follow-up that shows on both timelines shows once, by its closer link."""
    kinds = dict(there.filter(followup__in=came.values("followup")).values_list("followup_id", "kind"))
    closer = [pk for pk, kind in came.values_list("followup_id", "kind") if pk in kinds and kind < kinds[pk]]
    journal.drop(there.filter(followup_id__any=closer))
    journal.drop(came.filter(followup_id__any=[pk for pk in kinds if pk not in set(closer)]))
    journal.move(came, object_id=target)
