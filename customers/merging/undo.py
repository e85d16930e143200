"""撤销合并: each customer gets back what was its own, where nothing changed since."""

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db.models import Max

from crm.records import scope
from crm.records.followups import services as followups
from crm.records.models import Attachment, FollowUp, FollowUpLink
from crm.records.undoing import handlers

from ..models import Contact, Customer
from . import journal


def _kind() -> ContentType:
    return ContentType.objects.get_for_model(Customer)


def _rows(module, user, own: bool):
    """Live and deleted ones alike. Whoever merged may have lost sight of them and can still take it back."""
    if own and module.may(user, "merge"):
        return module.model.objects.all()
    return scope.narrow(module.model.objects.all(), user, "merge")


def _survivor(entry):
    """The line of the customer that stayed, None where the entry has none."""
    lines = entry.records.filter(content_type=_kind(), root=None).order_by("pk")
    return next((line for line in lines if "newest" in line.before.get("more", {})), None)


def _check(entry) -> None:
    line = _survivor(entry)
    if line is not None and Customer.objects.filter(pk=line.object_id, merged_into__isnull=False).exists():
        raise ValidationError("保留的客户之后又合并到了另一个客户，请先撤销那次合并。")


def _after(entry, lines, *, by) -> None:
    """What hung on these records goes back, the latest step first, and the dates follow the timelines."""
    lost = set()
    for line in sorted(lines, key=lambda one: one.pk, reverse=True):
        if more := line.before.get("more"):
            stayed = journal.take_back(more["steps"])
            if FollowUpLink._meta.label in stayed and line.content_type_id == _kind().pk:
                lost.add(line.object_id)
    back = {line.object_id for line in lines if line.content_type_id == _kind().pk}
    if not back:
        return
    stood = _survivor(entry)
    if stood is not None:
        links = FollowUpLink.objects.filter(content_type=_kind(), object_id=stood.object_id)
        newest = links.aggregate(newest=Max("followup_id"))["newest"]
        if newest != stood.before["more"]["newest"] or stood.object_id not in back:
            lost.add(stood.object_id)
    followups.keep_dates([(_kind().pk, pk) for pk in lost])


def _stays(entry) -> list[tuple[str, str]]:
    """What came to the customer after the merge stays with it."""
    line = _survivor(entry)
    if line is None:
        return []
    pk, since = line.object_id, entry.created_at
    counts = (
        ("合并后写的跟进记录", FollowUp.objects.filter(content_type=_kind(), object_id=pk, created_at__gt=since), "条"),
        (
            "合并后上传的附件",
            Attachment.objects.filter(content_type=_kind(), object_id=pk, created_at__gt=since, purpose="file"),
            "个",
        ),
        ("合并后添加的联系人", Contact.objects.live().filter(customer=pk, created_at__gt=since), "位"),
    )
    return [(what, f"{n:,} {unit}，留在保留的客户") for what, rows, unit in counts if (n := rows.count())]


handlers.register("merge", "合并", icon="link", rows=_rows, check=_check, after=_after, stays=_stays)
