"""每日摘要: one mail with yesterday's unread messages by kind, for those who chose it."""

from datetime import datetime, time, timedelta
from itertools import groupby

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from . import delivery, kinds, mail
from .models import Message

SHOWN = 10  # titles of one kind; the rest is a number


@transaction.atomic
def write(now) -> str:
    """Put the digests of the day before `now` into the outbox, all or none; answers a sentence."""
    if not mail.configured():
        return "邮件未配置，没有发送"
    today = timezone.localtime(now).date()
    start = timezone.make_aware(datetime.combine(today - timedelta(days=1), time.min))
    user_model = get_user_model()
    address = user_model.get_email_field_name()
    people = dict(
        user_model.objects.filter(is_active=True, notice_preference__digest=True)
        .exclude(**{address: ""})
        .values_list("pk", address)
    )
    unread = (
        Message.objects.filter(
            recipient__in=user_model.objects.filter(is_active=True, notice_preference__digest=True),
            read_at=None,
            deleted_at=None,
            created_at__gte=start,
            created_at__lt=timezone.make_aware(datetime.combine(today, time.min)),
        )
        .order_by("recipient_id", "-pk")
        .values_list("recipient_id", "kind", "title")
    )
    rows = [
        delivery.letter(people[pk], *_text(today - timedelta(days=1), list(found)), kind="system", user_id=pk)
        for pk, found in groupby(unread.iterator(), key=lambda row: row[0])
        if pk in people
    ]
    return f"写入 {len(delivery.queue(rows))} 封摘要"


def _text(day, messages: list[tuple]) -> tuple[str, str]:
    """(subject, body) of one person's digest."""
    by_kind: dict[str, list[str]] = {}
    for _, kind, title in messages:
        by_kind.setdefault(kind, []).append(title)
    order = {kind.key: place for place, kind in enumerate(kinds.ordered())}
    parts = []
    for kind in sorted(by_kind, key=lambda key: order.get(key, len(order))):
        titles = by_kind[kind]
        part = [f"{kinds.label_of(kind)}（{len(titles)}）", *(f"· {title}" for title in titles[:SHOWN])]
        if len(titles) > SHOWN:
            part.append(f"  还有 {len(titles) - SHOWN} 条")
        parts.append("\n".join(part))
    if link := delivery.link_of("/messages/?unread=1"):
        parts.append(link)
    return f"{day.isoformat()} 有 {len(messages)} 条未读消息", "\n\n".join(parts)
