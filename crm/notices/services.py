"""Sending and reading messages; every service of the product may notify."""

from collections.abc import Iterable

from django.db.models import Count, Subquery
from django.utils import timezone

from .models import Message


def notify(recipients: Iterable[int], *, kind: str, title: str, body: str = "", url: str = "") -> int:
    """Write one message to each employee id (repeated ids count once); returns how many were written."""
    rows = [
        Message(recipient_id=pk, kind=kind, title=title[:200], body=body, url=url)
        for pk in dict.fromkeys(recipients)
        if pk
    ]
    return len(Message.objects.bulk_create(rows, batch_size=1000))


def inbox(user):
    """Messages of `user`, newest first: nobody reads another's."""
    return Message.objects.filter(recipient=user)


def unread_expression(user) -> Subquery:
    """Number of unread messages of `user` as a subquery (NULL for none), so that a page reads all its badges at once."""
    unread = inbox(user).filter(read_at=None).order_by().values("recipient").annotate(n=Count("pk")).values("n")
    return Subquery(unread)


def mark_read(user, ids: Iterable[int] | None = None) -> int:
    """Mark the given messages of `user` (None: all) as read; returns how many were unread."""
    rows = inbox(user).filter(read_at=None)
    if ids is not None:
        rows = rows.filter(pk__in=list(ids))
    return rows.update(read_at=timezone.now())
