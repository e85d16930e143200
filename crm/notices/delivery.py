"""The outbox: one row per mail or robot post, delivered at most once.

A row is written in the transaction of what it tells about. A worker claims it (发送中, committed before the first byte
leaves), sends it and writes the end. Certainly not sent: tried again after BACKOFF, then 失败. Perhaps sent, or a worker
that died in between: 不确定, which only a person sends again. What must not go out any more ends as 未发送.
"""

import logging
import secrets
from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.core.cache import cache
from django.db import models, transaction
from django.utils import timezone

from . import mail, robots
from .errors import NotSent, Unsure, Withheld
from .models import Delivery, Robot
from .text import lines, one_line

logger = logging.getLogger(__name__)

BACKOFF = [timedelta(minutes=minutes) for minutes in (1, 5, 30, 120)]
LOST = timedelta(minutes=5)  # a row so long 发送中 was left by a worker that died
AT_ONCE = 20  # rows of one message on the queue
SWEEP = 200  # rows one sweep takes up
SENT_KEPT, OTHERS_KEPT = timedelta(days=90), timedelta(days=366)
DOWN_SECONDS = 30
_SENDERS = {Delivery.Channel.MAIL: mail.send, Delivery.Channel.ROBOT: robots.send}


# Writing ---------------------------------------------------------------------------------------------------------------
def queue(rows: Iterable[Delivery]) -> list[Delivery]:
    """Write rows in the caller's transaction and hand them to the workers once that is committed."""
    made = Delivery.objects.bulk_create(rows, batch_size=500)
    now = timezone.now()
    if pks := [row.pk for row in made if row.next_at <= now]:  # the sweeper takes up what is due later
        transaction.on_commit(lambda: announce(pks))
    return made


def letter(address: str, subject: str, body: str, **more) -> Delivery:
    """An unsaved mail; `subject` becomes one line, `more` are fields of the row."""
    return Delivery(channel=Delivery.Channel.MAIL, address=address, subject=one_line(subject, 200), body=body, **more)


def queue_mail(address: str, subject: str, body: str, **more) -> Delivery | None:
    """One mail into the outbox; None when no mail server is configured."""
    return queue([letter(address, subject, body, **more)])[0] if address and mail.configured() else None


def link_of(url: str) -> str:
    """A site-relative address as people outside the site open it; "" when the site's own address is not known."""
    return f"{settings.PUBLIC_URL.rstrip('/')}{url}" if settings.PUBLIC_URL and url.startswith("/") else ""


def queue_notice(kind, *, title: str, body: str, url: str, addresses: dict[int, str], names) -> list[Delivery]:
    """The mails and robot posts of one message: `addresses` = {employee id: address} of those who want a mail, `names()`
    answers the recipients' names for robots."""
    link = link_of(url)
    rows = []
    if addresses and mail.configured():
        foot = link_of("/me/notices/")
        footer = "——\n开海 CRM 自动发送" + (f"，修改提醒方式：{foot}" if foot else "。")
        text = "\n\n".join(filter(None, [lines(body, 10_000), link, footer]))
        rows += [letter(address, title, text, kind=kind.key, user_id=pk) for pk, address in addresses.items()]
    if not kind.private:
        listening = [robot for robot in Robot.objects.filter(enabled=True) if kind.key in robot.kinds]
        if listening:
            text = "\n".join(filter(None, [f"收件人：{names()}", lines(body, 300), link]))
            rows += [
                Delivery(
                    channel=Delivery.Channel.ROBOT,
                    robot=robot,
                    kind=kind.key,
                    address=robot.name,
                    subject=one_line(title, 200),
                    body=text,
                )
                for robot in listening
            ]
    return queue(rows)


def announce(pks: list[int]) -> None:
    """Put the ids on the queue. A broker that is away loses nothing: the sweeper takes the rows up."""
    from .tasks import deliver

    try:
        for start in range(0, len(pks), AT_ONCE):
            deliver.delay(pks[start : start + AT_ONCE])
    except Exception:
        logger.warning("%s deliveries could not be queued now; the sweeper will", len(pks), exc_info=True)


# Sending ---------------------------------------------------------------------------------------------------------------
def claim(pk: int) -> Delivery | None:
    """Take a waiting row that is due: exactly one caller gets it, and 发送中 is committed when this returns."""
    now = timezone.now()
    with transaction.atomic(durable=True):
        taken = Delivery.objects.filter(pk=pk, state=Delivery.State.WAITING, next_at__lte=now).update(
            state=Delivery.State.SENDING,
            claim=secrets.token_hex(8),
            started_at=now,
            attempts=models.F("attempts") + 1,
        )
    return Delivery.objects.select_related("robot").get(pk=pk) if taken else None


def deliver(pk: int) -> Delivery | None:
    """Send one row now; None when it is not waiting or another worker has it. Never inside a transaction."""
    row = claim(pk)
    if row is None:
        return None
    if row.expires_at and row.expires_at <= timezone.now():
        return _end(row, Delivery.State.FAILED, error="已过期，没有发送")
    try:
        answer = _SENDERS[row.channel](row)
    except NotSent as error:
        if error.down:
            cache.set(_down_key(row), True, DOWN_SECONDS)
        if error.retry and row.attempts <= len(BACKOFF):
            return _end(
                row, Delivery.State.WAITING, error=str(error), next_at=timezone.now() + BACKOFF[row.attempts - 1]
            )
        return _end(row, Delivery.State.FAILED, error=str(error))
    except Withheld as error:
        return _end(row, Delivery.State.DROPPED, error=str(error))
    except Unsure as error:
        return _end(row, Delivery.State.UNKNOWN, error=str(error))
    except Exception:
        logger.exception("delivery %s failed", row.pk)
        return _end(row, Delivery.State.UNKNOWN, error=f"发送时出错，请查看日志（编号 {row.pk}）")
    cache.delete(_down_key(row))
    return _end(row, Delivery.State.SENT, answer=answer, sent_at=timezone.now())


def _down_key(row) -> str:
    return f"delivery-down:{row.channel}:{row.robot_id or ''}"


def _end(row: Delivery, state: str, *, error: str = "", **more) -> Delivery:
    """Write the end of an attempt, as long as nobody else took the row over. Texts with a short life are not kept."""
    values = {"state": state, "error": one_line(error, 500), **more}
    if row.expires_at and state in (Delivery.State.SENT, Delivery.State.FAILED, Delivery.State.DROPPED):
        values["body"] = ""
    Delivery.objects.filter(
        pk=row.pk, claim=row.claim, state__in=(Delivery.State.SENDING, Delivery.State.UNKNOWN)
    ).update(**values)
    row.refresh_from_db()
    return row


def deliver_some(pks: Iterable[int]) -> int:
    """Send several rows; those whose server just could not be reached are left to the sweeper. Returns how many."""
    count = 0
    for row in Delivery.objects.filter(pk__in=list(pks)).order_by("pk").only("pk", "channel", "robot_id"):
        if not cache.get(_down_key(row)):
            count += deliver(row.pk) is not None
    return count


def sweep(now=None) -> int:
    """Give up what dead workers left (不确定) and send what is due. Returns how many rows were taken up."""
    now = now or timezone.now()
    Delivery.objects.filter(state=Delivery.State.SENDING, started_at__lt=now - LOST).update(
        state=Delivery.State.UNKNOWN, error="发送途中进程中断，不知道对方是否收到"
    )
    due = Delivery.objects.filter(state=Delivery.State.WAITING, next_at__lte=now).order_by("next_at", "pk")
    count, tried = 0, set()
    for row in due.only("pk", "channel", "robot_id")[:SWEEP]:
        key = _down_key(row)
        if key in tried and cache.get(key):
            continue  # one row has just found the other side away
        tried.add(key)
        count += deliver(row.pk) is not None
    return count


def resend(row: Delivery) -> bool:
    """Send a row again that failed or may not have arrived: a person's decision. False when it is neither (any more)."""
    waiting = Delivery.objects.filter(pk=row.pk, state__in=Delivery.RESENDABLE).exclude(
        body="", expires_at__isnull=False
    )
    again = waiting.update(
        state=Delivery.State.WAITING, attempts=0, next_at=timezone.now(), error="", answer="", claim=""
    )
    if again:
        transaction.on_commit(lambda: announce([row.pk]))
    return bool(again)


# Looking ---------------------------------------------------------------------------------------------------------------
def trouble() -> str:
    """Why mail does not go out at present, in a sentence; "" when the latest attempt was well."""
    row = (
        Delivery.objects.filter(channel=Delivery.Channel.MAIL, attempts__gt=0)
        .exclude(state=Delivery.State.SENDING)
        .order_by("-started_at", "-pk")
        .first()
    )
    if row is None or row.state == Delivery.State.SENT or not row.error:
        return ""
    left = Delivery.objects.filter(channel=Delivery.Channel.MAIL, state=Delivery.State.WAITING).count()
    return f"最近一次发邮件没有成功：{row.error}。" + (f"还有 {left} 封等待发送，会自动重试。" if left else "")


def purge(now) -> int:
    """Remove old rows; returns how many."""
    old = models.Q(state=Delivery.State.SENT, created_at__lt=now - SENT_KEPT)
    gone, _ = Delivery.objects.filter(old | models.Q(created_at__lt=now - OTHERS_KEPT)).delete()
    return gone
