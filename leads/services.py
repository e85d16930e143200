"""Verbs of leads beyond those every record has: create, assign, give up, resume."""

from datetime import datetime

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from crm.notices.services import notify
from crm.records import modules, numbering, services
from crm.records.followups.services import on_written
from crm.records.models import DictionaryItem, FollowUpLink
from crm.records.undoing import entries
from customers.pools import kinds as pools
from customers.pools import quotas
from customers.pools.making import note_placed, place
from customers.pools.services import listed

from .models import Lead, Status

OPEN = (Status.NEW, Status.FOLLOWING)


def number_values(lead: Lead) -> dict:
    """What a numbering rule may read of a lead."""
    owner = lead.owner
    return {
        "department": owner.department.name if owner is not None and owner.department_id else "",
        "source": lead.source.label if lead.source_id else "",
    }


@transaction.atomic
def create_lead(lead: Lead, *, by, pool=None) -> Lead:
    """Save a lead with its number; without a name of its own it bears that of the company. With `pool` (its facts) it has no
    owner and lies there. Made for somebody else it is assigned to them by that; `by` None = a public form."""
    lead.name = lead.name or lead.company
    lead.number = numbering.take("lead", values=number_values(lead))[0]
    if pool is not None:
        place(pools.get("lead"), lead, pool)
    elif lead.status == Status.NEW and lead.owner_id and (by is None or by.pk != lead.owner_id):
        lead.status, lead.assigned_by, lead.assigned_at = Status.FOLLOWING, by, timezone.now()
    services.create(lead, by=by, keep_check=pool is None and by is not None)
    if pool is not None:
        note_placed(pools.get("lead"), lead, by=by)
    return lead


def assigned(by, now: datetime) -> dict:
    """What 指派 keeps of itself: {field: value}."""
    return {"assigned_by": by, "assigned_at": now}


@transaction.atomic
def assign(rows, to, *, by) -> int:
    """指派: allowed leads that are not closed go to one employee inside the assigner's reach, who is told. Can be undone.
    Returns how many."""
    module, reach = modules.get("lead"), by.scope_for("lead.assign")
    if reach is None or not reach.includes(to.pk):
        raise ValidationError(f"{to.name}不在您的数据范围内，不能指派给他。")
    if not to.is_active:
        raise ValidationError(f"{to.name}已停用，不能接收线索。")
    quotas.lock([to.pk])
    records = [one for one in _locked(rows) if one.status in OPEN and one.owner_id]
    records = [one for one in records if one.owner_id != to.pk or one.status == Status.NEW]
    module.quota.admit(to, [one for one in records if one.owner_id != to.pk])
    now = timezone.now()
    with entries.entry(module, "assign", by=by, label=f"指派{module.label}给{to.name}"):
        services.set_owner(
            module, records, to, by=by, now=now, text=f"指派给{to.name}", code="assigned", more=assigned(by, now)
        )
    if records and to.pk != by.pk:
        names = [one.name for one in records]
        url = module.url(pk=records[0].pk) if len(records) == 1 else f"{module.list_url}?view=mine"
        title = f"{by.name}指派给您 {len(records):,} 个{module.label}"
        notify([to.pk], kind="transfer", title=title, body=listed(names), url=url)
    return len(records)


def _locked(rows) -> list[Lead]:
    """These leads as they are now, locked in their order."""
    return services.hold(Lead.objects.live().filter(pk__in=rows.order_by().values("pk")), "owner")


@transaction.atomic
def give_up(rows, *, by, reason: DictionaryItem, note: str = "") -> int:
    """终止开发: open leads become 已失效 for a reason (a value of lead.dead_reason). Returns how many."""
    if reason is None or reason.dictionary != "lead.dead_reason":
        raise ValidationError({"reason": "请选择失效原因"})
    found, now = [one for one in _locked(rows) if one.status in OPEN and one.owner_id], timezone.now()
    _move(
        found,
        {"status": Status.DEAD, "dead_reason": reason, "dead_note": note[:500], "ended_at": now},
        by=by,
        now=now,
        code="given_up",
        text="终止开发",
        more=[
            {"key": "dead_reason", "label": "失效原因", "old": "", "new": reason.label},
            *([{"key": "dead_note", "label": "失效说明", "old": "", "new": note}] if note else []),
        ],
    )
    return len(found)


@transaction.atomic
def resume(rows, *, by) -> int:
    """恢复跟进: dead leads are followed again by whoever owns them. Returns how many."""
    found = [one for one in _locked(rows) if one.status == Status.DEAD and one.owner_id]
    _move(
        found,
        {"status": Status.FOLLOWING, "dead_reason": None, "dead_note": "", "ended_at": None},
        by=by,
        now=timezone.now(),
        code="resumed",
        text="恢复跟进",
    )
    return len(found)


def _move(leads: list[Lead], values: dict, *, by, now, code: str, text: str, more: list | None = None) -> None:
    """Locked leads into another status, with a log row each."""
    rows = Lead.objects.filter(pk__any=[lead.pk for lead in leads])
    rows.update(**values, version=F("version") + 1, updated_at=now)
    new = Status(values["status"]).label
    services.write_log(
        Lead,
        (
            (
                lead.pk,
                text,
                [{"key": "status", "label": "状态", "old": lead.get_status_display(), "new": new}, *(more or [])],
            )
            for lead in leads
        ),
        code=f"lead.{code}",
        by=by,
    )


@on_written
def begin(followup, places: dict, *, by) -> None:
    """The owner's first follow-up at a lead nobody follows yet begins its development."""
    own = ContentType.objects.get_for_model(Lead).pk
    ids = [pk for (of, pk), how in places.items() if of == own and how == FollowUpLink.Kind.OWN]
    if not ids:
        return
    fresh = _locked(Lead.objects.filter(pk__in=ids, status=Status.NEW, owner=by))
    fresh = [one for one in fresh if one.status == Status.NEW and one.owner_id == by.pk]  # as it is under the lock
    _move(fresh, {"status": Status.FOLLOWING}, by=by, now=timezone.now(), code="followed", text="开始跟进")
