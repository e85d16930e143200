"""What happens by itself: opportunities nothing happens with are closed, owners are reminded of long stays, the figures of
customers are looked over."""

from django.db import transaction
from django.utils import timezone

from crm.notices import kinds as messages
from crm.notices.services import notify
from crm.records import dictionaries
from crm.records.models import DictionaryItem
from crm.records.periodic import periodic

from . import counting, idle, pipelines, stages
from .models import Opportunity, StageEntry, State

messages.register("opportunity", "商机提醒与自动关闭", "商机", icon="opportunity", mail=True, order=30)

AT_ONCE = 1000
SHOWN = 20  # names in a message
STUCK = "长期无进展"


def _names(names: list[str]) -> str:
    return "、".join(names[:SHOWN]) + (f" 等 {len(names):,} 个" if len(names) > SHOWN else "")


@periodic("opportunity_close", "自动关闭停滞的商机", schedule="每天 00:55")
def close_idle(now) -> str:
    """Opportunities idle for as many days as their pipeline allows are lost. Chunks of their own transaction, each with its
    log and messages, so that a killed run goes on where it stopped."""
    day, total = timezone.localtime(now).date(), 0
    for one in pipelines.every():
        if one.close_days is not None:
            while count := _close(one, day):
                total += count
    return f"关闭 {total:,} 个"


@transaction.atomic
def _close(pipeline: pipelines.Facts, day) -> int:
    due = idle.quiet_since(pipelines.days_ago(pipeline.close_days - 1, day))
    rows = Opportunity.objects.live().filter(due, pipeline=pipeline.pk)
    ids = list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    if not ids:
        return 0
    reason = DictionaryItem.objects.get(pk=dictionaries.ensure("opportunity.close_reason", [STUCK])[STUCK])
    stages.hold(ids)
    # asked again under lock: somebody may have moved one meanwhile
    still = Opportunity.objects.live().filter(due, pk__any=ids)
    text = f"{pipeline.close_days} 天没有动静，自动输单"
    closed, _ = stages.close_many(still, State.LOST, by=None, reason=reason, note=text, text="自动输单")
    owners: dict[int, list[str]] = {}
    for record in closed:
        owners.setdefault(record.owner_id, []).append(record.name)
    for owner, names in owners.items():
        title = f"您有 {len(names):,} 个商机长期没有动静，已自动输单"
        body = f"{_names(names)}\n{text}。仍要继续的请重新打开。"
        notify([owner], kind="opportunity", title=title, body=body, url=f"/opportunities/?view=lost&owner={owner}")
    return len(ids)


@periodic("opportunity_reminders", "商机阶段停留提醒", schedule="每天 08:20")
def remind(now) -> str:
    """Owners hear once of each stay in a stage that lasts as long as the stage says."""
    day, told, people = timezone.localtime(now).date(), 0, set()
    for pipeline in pipelines.every():
        for stage in pipeline.stages:
            if stage.remind_days is not None:
                count, owners = _remind(pipeline, stage, day, now)
                told, people = told + count, people | owners
    return f"提醒 {len(people):,} 人，{told:,} 个商机"


@transaction.atomic
def _remind(pipeline, stage, day, now) -> tuple[int, set[int]]:
    entries = StageEntry.objects.filter(
        stage=stage.pk,
        left_at=None,
        reminded_at=None,
        entered_at__lt=pipelines.days_ago(stage.remind_days - 1, day),
        opportunity__state=State.OPEN,
        opportunity__deleted_at=None,
        opportunity__owner__isnull=False,
    )
    owners: dict[int, list[str]] = {}
    found = entries.select_for_update(of=("self",)).order_by("pk")
    ids = []
    for pk, owner, name in found.values_list("pk", "opportunity__owner_id", "opportunity__name"):
        ids.append(pk)
        owners.setdefault(owner, []).append(name)
    StageEntry.objects.filter(pk__any=ids).update(reminded_at=now)
    for owner, names in owners.items():
        title = f"您有 {len(names):,} 个商机在“{stage.name}”已停留 {stage.remind_days} 天"
        url = f"/opportunities/?view=open&stage={stage.pk}&owner={owner}"
        todo = f"\n建议动作：{'、'.join(stage.checklist)}" if stage.checklist else ""
        notify([owner], kind="opportunity", title=title, body=f"{_names(names)}{todo}", url=url)
    return len(ids), set(owners)


@periodic("opportunity_counts", "核对客户的商机数", schedule="每天 03:20")
def recheck(now) -> str:
    """The figures the pool's rules read must be what there is."""
    return f"更正 {counting.recheck():,} 个客户"
