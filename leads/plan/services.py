"""Verbs of 开发计划. Each locks the lead: only while it is followed does its plan change."""

from datetime import date

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from crm.records import formatting, services

from ..models import Lead, PlanItem, Status

CLOSED = "只有跟进中的线索可以改开发计划。"
GONE = "这条计划刚被别人改过或删除，请刷新后再试。"


def _followed(pk: int) -> Lead:
    """The lead, locked; ValidationError where it is not followed (any more)."""
    lead = Lead.objects.live().filter(pk=pk).select_for_update().first()
    if lead is None or lead.status != Status.FOLLOWING or lead.owner_id is None:
        raise ValidationError(CLOSED)
    return lead


def _current(item: PlanItem, version: int) -> tuple[Lead, PlanItem]:
    """The lead and the item, both locked, the item as the person saw it."""
    lead = _followed(item.lead_id)
    found = PlanItem.objects.filter(pk=item.pk, version=version).select_for_update().first()
    if found is None:
        raise ValidationError(GONE)
    return lead, found


@transaction.atomic
def add(lead: Lead, *, day: date, content: str, by) -> PlanItem:
    """Plan something for a day, which stays as it is set; a past day is allowed (what was done already)."""
    lead = _followed(lead.pk)
    item = PlanItem(lead=lead, day=day, content=content, created_by=by)
    item.full_clean()
    item.save()
    services.log(lead, code="lead.plan_added", by=by, text=f"添加开发计划（{formatting.day(day)}）")
    return item


@transaction.atomic
def reword(item: PlanItem, *, content: str, version: int, by) -> PlanItem:
    """Change what an item says. Refused in words where it changed since `version`."""
    return _write(item, {"content": content}, version=version, by=by, code="plan_updated", text="修改开发计划")


@transaction.atomic
def record_result(item: PlanItem, *, result: str, version: int, by) -> PlanItem:
    """Write what came of an item (执行效果); an empty text takes it back."""
    values = {"result": result, "result_at": timezone.now() if result else None}
    return _write(item, values, version=version, by=by, code="plan_result", text="填写执行效果")


def _write(item: PlanItem, values: dict, *, version: int, by, code: str, text: str) -> PlanItem:
    lead, current = _current(item, version)
    changes = []
    for name, value in values.items():
        old = getattr(current, name)
        setattr(current, name, value)
        if old != getattr(current, name) and name != "result_at":
            label = str(PlanItem._meta.get_field(name).verbose_name)
            changes.append({"label": label, "old": old, "new": value})
    if not changes:
        return current
    current.full_clean()
    current.version += 1
    current.save()
    services.log(lead, code=f"lead.{code}", by=by, text=f"{text}（{formatting.day(current.day)}）", changes=changes)
    return current


@transaction.atomic
def remove(item: PlanItem, *, version: int, by) -> None:
    """Delete an item; what it said stays in the lead's log."""
    lead, current = _current(item, version)
    current.delete()
    services.log(
        lead,
        code="lead.plan_removed",
        by=by,
        text=f"删除开发计划（{formatting.day(current.day)}）",
        changes=[{"label": "计划内容", "old": current.content, "new": ""}],
    )
