"""What follows an approval: people are told, a field is set, a web address is called. None of it takes the approval back."""

import logging
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction

from crm.notices import outgoing
from crm.notices.errors import NotSent, Unsure

from .. import reach
from ..models import Event
from . import telling
from .course import Course, now

logger = logging.getLogger(__name__)
SENDING, UNSURE = "正在发送", "不确定是否发出：发送时中断"
LEFT = timedelta(minutes=2)  # a call that waits longer was not queued
CUT = timedelta(minutes=10)


def run(course: Course, *, by) -> None:
    """Do what the flow says, inside the transaction that ends the approval; calls leave after the commit, each at most once."""
    waiting = []
    for act in course.definition.get("after", []):
        if act["kind"] == "notify":
            _notify(course, act, by=by)
        elif act["kind"] == "set":
            _set(course, act, by=by)
        elif act["kind"] == "webhook":
            waiting.append(Event.objects.create(approval=course.approval, code="webhook", text=Event.WAITING).pk)
    if waiting:
        transaction.on_commit(lambda: _announce(waiting))


def _notify(course: Course, act: dict, *, by) -> None:
    people = {one.pk for who in act["who"] for one in course.people.of(who) if one.is_active}
    title = f"{course.label}“{course.approval.title}”已通过"
    telling.tell(course, sorted(people), kind="approval_done", title=title, sender=by)


def _set(course: Course, act: dict, *, by) -> None:
    approval, kind = course.approval, course.kind
    fact = next((one for one in kind.settable() if one.key == act["field"]), None)
    try:
        if fact is None or kind.set_field is None:
            raise ValidationError("这个字段已不能设置")
        with transaction.atomic():
            kind.set_field(approval.object_id, act["field"], act["value"], approval=approval, by=by)
    except ValidationError as error:
        text = f"没有设置“{fact.label if fact else act['field']}”：{'；'.join(error.messages)}"
        course.note("set", by=None, text=text)
        title = f"{course.label}“{approval.title}”通过后{text}"
        telling.tell(course, [course.flow.administrator_id], kind="approval_done", title=title)
    else:
        course.note("set", by=None, text=f"审批通过，自动设置“{fact.label}”")


def _announce(pks: list[int]) -> None:
    from ..tasks import send_webhook

    try:
        for pk in pks:
            send_webhook.delay(pk)
    except Exception:
        logger.warning("%s calls could not be queued now; the sweeper will", len(pks), exc_info=True)


def send(pk: int) -> None:
    """Call the address of one act, if nobody has: 正在发送 is committed before, so that a killed worker never repeats it."""
    if not Event.objects.filter(pk=pk, code="webhook", text=Event.WAITING).update(text=SENDING, at=now()):
        return
    event = Event.objects.select_related("approval__submitter", "approval__flow_version", "approval__content_type").get(
        pk=pk
    )
    approval = event.approval
    urls = [act["url"] for act in approval.flow_version.definition.get("after", []) if act["kind"] == "webhook"]
    url = urls[approval.events.filter(code="webhook", pk__lt=pk).count()]
    try:
        answer = outgoing.post_json(url, payload(approval))
        taken = 200 <= answer.status < 300
        text = f"已发送，对方回答 HTTP {answer.status}" if taken else f"发送失败：对方回答 HTTP {answer.status}"
    except NotSent as error:
        text = f"发送失败：{error}"
    except Unsure as error:
        text = f"不确定是否发出：{error}"
    with transaction.atomic():
        Event.objects.filter(pk=pk).update(text=text[:500], at=now())
        reach.write_log(approval, f"审批通过后调用 Webhook：{text}", code="approval.webhook", by=None)


def payload(approval) -> dict:
    """What a call says."""
    return {
        "event": "approval.approved",
        "approval": approval.pk,
        "document": approval.document,
        "object": approval.object_id,
        "title": approval.title,
        "amount": None if approval.amount is None else str(approval.amount),
        "submitter": approval.submitter.name,
        "submitted_at": approval.submitted_at.isoformat(),
        "approved_at": approval.ended_at.isoformat(),
    }


def sweep(moment) -> int:
    """Calls that were not queued leave now; those cut off while being sent are marked. Returns how many left."""
    calls = Event.objects.filter(code="webhook")
    calls.filter(text=SENDING, at__lt=moment - CUT).update(text=UNSURE)
    left = list(calls.filter(text=Event.WAITING, at__lt=moment - LEFT).values_list("pk", flat=True)[:100])
    for pk in left:
        send(pk)
    return len(left)
