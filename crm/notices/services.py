"""Sending and reading messages; every service of the product may notify."""

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Count, Q, Subquery
from django.utils import timezone

from . import delivery, kinds, preferences
from .models import Message
from .text import lines, one_line

BODY = 10_000  # characters of a message
KEPT = timedelta(days=366)  # read messages live a year
TRASH = timedelta(days=30)  # deleted ones live on for the sender's view


def notify(
    recipients: Iterable[int], *, kind: str, title: str, body: str = "", url: str = "", sender=None, answers=None
) -> int:
    """Write one message to each employee id (repeated ids count once) by the channels each of them chose; returns how many
    stand in an inbox. LookupError for a kind nobody registered."""
    known = kinds.get(kind)
    ids = list(dict.fromkeys(pk for pk in recipients if pk))
    if not ids:
        return 0
    wishes = preferences.wishes(ids, known)
    delivery.queue_notice(
        known,
        title=title,
        body=body,
        url=url,
        addresses={pk: wishes[pk].address for pk in ids if pk in wishes and wishes[pk].address},
        names=lambda: preferences.names(ids),
    )
    rows = [
        Message(
            recipient_id=pk,
            sender=sender,
            answers=answers,
            kind=kind,
            title=one_line(title, 200),
            body=lines(body, BODY),
            url=url,
        )
        for pk in ids
        if pk in wishes and wishes[pk].site
    ]
    return len(Message.objects.bulk_create(rows, batch_size=1000))


def inbox(user):
    """Messages of `user`, newest first: nobody reads another's."""
    return Message.objects.filter(recipient=user, deleted_at=None)


def between(user, other):
    """Letters the two wrote each other, newest first, without those `user` deleted."""
    return Message.objects.filter(
        Q(recipient=user, sender=other, deleted_at=None) | Q(recipient=other, sender=user), kind="person"
    )


def unread_expression(user) -> Subquery:
    """Number of unread messages of `user` as a subquery (NULL for none), so that a page reads all its badges at once."""
    unread = inbox(user).filter(read_at=None).order_by().values("recipient").annotate(n=Count("pk")).values("n")
    return Subquery(unread)


def unread_by_kind(user) -> dict[str, int]:
    """{kind: unread messages}."""
    rows = inbox(user).filter(read_at=None).order_by().values_list("kind").annotate(n=Count("pk"))
    return dict(rows)


def mark_read(user, ids: Iterable[int] | None = None) -> int:
    """Mark the given messages of `user` (None: all) as read; returns how many were unread."""
    rows = inbox(user).filter(read_at=None)
    if ids is not None:
        rows = rows.filter(pk__in=list(ids))
    return rows.update(read_at=timezone.now())


def delete(user, ids: Iterable[int]) -> int:
    """Delete the given messages of `user`; returns how many were there."""
    now = timezone.now()
    rows = inbox(user).filter(pk__in=list(ids))
    mark_read(user, ids)
    return rows.update(deleted_at=now)


def purge(now) -> int:
    """Remove what was deleted a month ago or read a year ago; returns how many rows."""
    gone, _ = Message.objects.filter(
        Q(deleted_at__lt=now - TRASH) | Q(read_at__lt=now - KEPT, created_at__lt=now - KEPT)
    ).delete()
    return gone
