"""Moving an opportunity through its pipeline: the bar, the board, closing and reopening all call these verbs."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from crm.records import fieldset, modules, services

from .models import Opportunity, Stage, StageEntry, State


class Missing(ValidationError):
    """The stage demands fields that are empty; `keys` names them."""

    def __init__(self, keys: list[str], labels: list[str]):
        super().__init__(f"进入该阶段前请填写：{'、'.join(labels)}")
        self.keys = keys


def lacking(opportunity: Opportunity, stage: Stage) -> list[str]:
    """Keys of the fields `stage` demands that are empty on the opportunity."""
    return [key for key in stage.required if _value(opportunity, key) in (None, "", [])]


def _value(opportunity: Opportunity, key: str):
    if key in opportunity.extra or not hasattr(opportunity, key):
        return opportunity.extra.get(key)
    return getattr(opportunity, key)


def _locked(opportunity: Opportunity, version: int | None) -> Opportunity:
    # Without a join: after waiting for the lock PostgreSQL would look for the new row beside the old stage and find none.
    current = Opportunity.objects.select_for_update().get(pk=opportunity.pk)
    if version is not None and current.version != version:
        raise services.Stale(current)
    return current


def _enter(current: Opportunity, *, stage: Stage | None, state: str, by, now, note: str = "") -> None:
    """End the stay it is in and begin the next one."""
    current.entries.filter(left_at=None).update(left_at=now)
    StageEntry.objects.create(
        opportunity=current,
        stage=stage,
        stage_name=stage.name if stage else "",
        state=state,
        entered_at=now,
        left_at=None if state == State.OPEN else now,
        by=by,
        note=note,
    )


def _save(current: Opportunity, names: list[str], *, now) -> None:
    current.updated_at, current.version = now, F("version") + 1
    current.save(update_fields=[*names, "updated_at", "version"])
    current.refresh_from_db(fields=["version"])


@transaction.atomic
def move(
    opportunity: Opportunity, stage: Stage, *, by, version: int | None = None, values: dict | None = None
) -> Opportunity:
    """Put an open opportunity into another stage of its pipeline (back is allowed); `values` ({field: value}) are saved first,
    so that what the stage demands can be filled in the same act. Missing, ValidationError or services.Stale on refusal."""
    current = _locked(opportunity, version)
    if current.state != State.OPEN:
        raise ValidationError("商机已关闭，请先重新打开。")
    if stage.pipeline_id != current.pipeline_id:
        raise ValidationError("该阶段不属于这个商机组。")
    if values:
        current = services.update(current, values, version=current.version, by=by)
    if keys := lacking(current, stage):
        company = fieldset.of(modules.get("opportunity"), by)
        raise Missing(keys, [company.label(key) for key in keys])
    if stage.pk == current.stage_id:
        return current
    now, old = timezone.now(), current.stage
    days = (timezone.localtime(now).date() - timezone.localtime(current.stage_since).date()).days
    _enter(current, stage=stage, state=State.OPEN, by=by, now=now)
    current.stage, current.stage_since, current.moved_at = stage, now, now
    _save(current, ["stage", "stage_since", "moved_at"], now=now)
    change = {"key": "stage", "label": "商机阶段", "old": old.name, "new": stage.name}
    services.log(current, code="opportunity.moved", by=by, text=f"推进阶段（停留 {days} 天）", changes=[change])
    return current


@transaction.atomic
def close(
    opportunity: Opportunity, state: str, *, by, reason=None, note: str = "", version: int | None = None
) -> Opportunity:
    """End an open opportunity as won, lost or void; the last two need a reason (a dictionary item)."""
    current = _locked(opportunity, version)
    if current.state != State.OPEN:
        raise ValidationError("商机已关闭。")
    if state not in (State.WON, State.LOST, State.VOID):
        raise ValidationError("请选择赢单、输单或无效。")
    if state != State.WON and reason is None:
        raise ValidationError({"reason": "请选择原因"})
    now = timezone.now()
    _enter(current, stage=None, state=state, by=by, now=now, note=note[:500])
    current.state, current.closed_at, current.moved_at = state, now, now
    current.close_reason, current.close_note = reason, note[:500]
    _save(current, ["state", "closed_at", "moved_at", "close_reason", "close_note"], now=now)
    changes = [{"key": "state", "label": "状态", "old": State.OPEN.label, "new": State(state).label}]
    if reason is not None:
        changes.append({"key": "close_reason", "label": "关闭原因", "old": "", "new": reason.label})
    services.log(current, code="opportunity.closed", by=by, text=State(state).label, changes=changes)
    return current


@transaction.atomic
def reopen(opportunity: Opportunity, *, by, version: int | None = None) -> Opportunity:
    """Open a closed opportunity again in the stage it was closed in."""
    current = _locked(opportunity, version)
    if current.state == State.OPEN:
        raise ValidationError("商机没有关闭。")
    now, old = timezone.now(), current.state
    _enter(current, stage=current.stage, state=State.OPEN, by=by, now=now)
    current.state, current.closed_at, current.stage_since, current.moved_at = State.OPEN, None, now, now
    current.close_reason, current.close_note = None, ""
    _save(current, ["state", "closed_at", "stage_since", "moved_at", "close_reason", "close_note"], now=now)
    change = {"key": "state", "label": "状态", "old": State(old).label, "new": State.OPEN.label}
    services.log(current, code="opportunity.reopened", by=by, text="重新打开", changes=[change])
    return current
