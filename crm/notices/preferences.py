"""Who wants which kind of message by which channel: read for all recipients of a message in one query."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth import get_user_model

from . import kinds
from .models import NoticePreference


@dataclass(frozen=True)
class Wish:
    """What one recipient gets of one message: 站内信, and the address a mail goes to ("" = none)."""

    site: bool
    address: str


def wants(kind: kinds.Kind, choices: dict | None) -> tuple[bool, bool]:
    """(站内信, 邮件) of one kind by a person's choices."""
    own = (choices or {}).get(kind.key) or {}
    return kind.fixed or bool(own.get("site", kind.site)), bool(own.get("mail", kind.mail))


def wishes(ids: Iterable[int], kind: kinds.Kind) -> dict[int, Wish]:
    """{employee id: wish}. With the digest a message that stands in the inbox is mailed tomorrow with the others; one that
    is wanted by mail only goes out at once, it would otherwise be lost."""
    user_model = get_user_model()
    rows = user_model.objects.filter(pk__in=list(ids)).values_list(
        "pk",
        "is_active",
        user_model.get_email_field_name(),
        "notice_preference__choices",
        "notice_preference__digest",
    )
    found = {}
    for pk, active, address, choices, digest in rows:
        site, mail = wants(kind, choices)
        single = mail and active and not (digest and site)
        found[pk] = Wish(site, address if single else "")
    return found


def names(ids: list[int], shown: int = 5) -> str:
    """The first few names of recipients: 甲、乙 等 7 人."""
    people = dict(get_user_model().objects.filter(pk__in=ids[:shown]).values_list("pk", "name"))
    text = "、".join(people[pk] for pk in ids[:shown] if pk in people)
    return text if len(ids) <= shown else f"{text} 等 {len(ids)} 人"


def of(user) -> NoticePreference:
    """The person's preferences; an unsaved row of defaults where none were chosen."""
    return NoticePreference.objects.filter(user=user).first() or NoticePreference(user=user)


def save(user, chosen: dict[str, tuple[bool, bool | None]], *, digest: bool) -> NoticePreference:
    """Keep {kind: (站内信, 邮件)}; None for mail leaves that choice as it was (no mail server, nothing to choose)."""
    row = of(user)
    kept: dict[str, dict] = {key: own for key, own in row.choices.items() if key not in kinds.ALL}
    for kind in kinds.ordered():
        before = wants(kind, row.choices)
        site, mail = chosen.get(kind.key, before)
        own = {}
        if site != kind.site and not kind.fixed:
            own["site"] = site
        if (mail := before[1] if mail is None else mail) != kind.mail:
            own["mail"] = mail
        if own:
            kept[kind.key] = own
    row, _ = NoticePreference.objects.update_or_create(user=user, defaults={"choices": kept, "digest": digest})
    return row
