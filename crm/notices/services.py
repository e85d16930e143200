"""Sending and reading messages; every service of the product may notify."""

from collections.abc import Iterable

from django.utils import timezone

from .models import Message


def notify(recipients: Iterable[int], *, kind: str, title: str, body: str = "", url: str = "") -> int:
    """Write one message to each employee id (repeated ids count once); returns how many were written."""
    rows = [
        Message(recipient_id=pk, kind=kind, title=title[:200], body=body, url=url) for pk in dict.fromkeys(recipients) if pk
    ]
    return len(Message.objects.bulk_create(rows, batch_size=1000))


def inbox(user):
    """Messages of `user`, newest first: nobody reads another's."""
    return Message.objects.filter(recipient=user)


def unread_count(user) -> int:
    """Unread messages of `user`, counted up to 99."""
    return len(inbox(user).filter(read_at=None).order_by().values_list("pk", flat=True)[:99])


def mark_read(user, ids: Iterable[int] | None = None) -> int:
    """Mark the given messages of `user` (None: all) as read; returns how many were unread."""
    rows = inbox(user).filter(read_at=None)
    if ids is not None:
        rows = rows.filter(pk__in=list(ids))
    return rows.update(read_at=timezone.now())
