"""Letters between colleagues: plain text, to active people, so many an hour."""

from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from crm.notices import services as notices
from crm.notices.models import Message
from crm.records.fields import LongText, Text

from ..models import Employee

TITLE = Text("标题", max_length=100)
TEXT = LongText("内容", max_length=2000, blank=False)
AT_ONCE = 50
PER_HOUR = 200  # one letter to ten people counts ten
OPENING = 40  # characters of the text that stand in for a missing title


@transaction.atomic
def send_letter(recipients: list, *, title: str = "", text: str, by, answers: Message | None = None) -> int:
    """Write `text` (at most 2,000 characters) to each colleague; without a title its beginning stands there. Refused for
    oneself, disabled people, more than AT_ONCE people or more than PER_HOUR letters an hour. Returns how many were sent."""
    title, text = TITLE.clean_value(title), TEXT.clean_value(text)
    people = {person.pk: person for person in recipients}
    if not people:
        raise ValidationError({"recipients": "请选择收件人"})
    if by.pk in people:
        raise ValidationError({"recipients": "不能给自己发站内信。"})
    if len(people) > AT_ONCE:
        raise ValidationError({"recipients": f"一次最多发给 {AT_ONCE} 位同事。"})
    if gone := [person.name for person in people.values() if not person.is_active]:
        raise ValidationError({"recipients": f"{'、'.join(gone)}的账号已停用，不能收站内信。"})
    Employee.objects.select_for_update().get(pk=by.pk)  # two windows at once count one after the other
    hour = timezone.now() - timedelta(hours=1)
    sent = Message.objects.filter(sender=by, created_at__gt=hour).count()
    if sent + len(people) > PER_HOUR:
        left = max(0, PER_HOUR - sent)
        raise ValidationError(f"每小时最多发 {PER_HOUR} 条站内信，现在还能发 {left} 条，请稍后再发。")
    if not title:
        opening = text.split("\n", 1)[0]
        title = opening if len(opening) <= OPENING else f"{opening[:OPENING]}…"
    return notices.notify(people, kind="person", title=title, body=text, sender=by, answers=answers)
