"""Moving opportunities through their pipelines: the bar, the board, the bulk actions, the settings and the night all call
these verbs. Customers are locked before their opportunities, as everywhere."""

from collections.abc import Iterable
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from crm.records import fieldset, modules, services
from crm.records.custom import definitions
from crm.records.undoing import entries, handlers, packing
from crm.records.undoing.entries import Line

from . import counting
from .models import Opportunity, Stage, StageEntry, State, Tick

CLOSED, OPEN = "商机已关闭，请先重新打开。", "商机没有关闭。"
FIXED = "您的角色不能修改商机阶段。"
Refused = list[tuple[str, str]]  # (title, reason)


class Missing(ValidationError):
    """The stage demands fields that are empty; `keys` names them."""

    def __init__(self, keys: list[str], labels: list[str]):
        super().__init__(f"进入该阶段前请填写：{'、'.join(labels)}")
        self.keys = keys


def lacking(opportunity: Opportunity, stage: Stage) -> list[str]:
    """Keys of the fields `stage` demands that are empty on the opportunity; custom fields that are retired no longer count."""
    if not stage.required:
        return []
    custom = definitions.custom("opportunity")
    found = []
    for key in stage.required:
        if key in custom:
            empty = not custom[key].retired and opportunity.extra.get(key) in (None, "", [])
        else:
            empty = getattr(opportunity, key, "gone") in (None, "", [])
        if empty:
            found.append(key)
    return found


def check_entry(opportunity: Opportunity, stage: Stage, *, by) -> None:
    """Raise Missing where the stage demands what the opportunity lacks."""
    if keys := lacking(opportunity, stage):
        company = fieldset.of(modules.get("opportunity"), by)
        raise Missing(keys, [company.label(key) for key in keys])


def may_move(user) -> bool:
    """Whether field rights let the person change stages."""
    return fieldset.of(modules.get("opportunity"), user).editable("stage")


def hold(ids: Iterable[int]) -> list[Opportunity]:
    """These live opportunities under lock in id order, their customers before them."""
    rows = Opportunity.objects.live().filter(pk__any=list(ids))
    counting.lock(rows.values_list("customer_id", flat=True))
    return services.hold(rows, "stage", "pipeline")


def _locked(opportunity: Opportunity, version: int | None) -> Opportunity:
    current = next(iter(hold([opportunity.pk])), None)
    if current is None:
        raise ValidationError("商机已被删除。")
    if version is not None and current.version != version:
        raise services.Stale(current)
    return current


def _leave(ids: list[int], now: datetime) -> None:
    StageEntry.objects.filter(opportunity_id__any=ids, left_at=None).update(left_at=now)


def _enter(records: list[Opportunity], stage: Stage | None, state: str, *, by, now, note: str = "") -> list[StageEntry]:
    """End the stay these are in and begin the next one; the new entries in the same order."""
    _leave([record.pk for record in records], now)
    return StageEntry.objects.bulk_create(
        [
            StageEntry(
                opportunity=record,
                stage=at,
                stage_name=at.name if at else "",
                state=state,
                entered_at=now,
                left_at=None if state == State.OPEN else now,
                by=by,
                note=note[:500],
            )
            for record in records
            for at in [stage if stage or state != State.OPEN else record.stage]
        ],
        batch_size=500,
    )


def _write(records: list[Opportunity], *, now, **new) -> None:
    """The same values on all of these, with their new version."""
    rows = Opportunity.objects.filter(pk__any=[record.pk for record in records])
    rows.update(**new, moved_at=now, updated_at=now, version=F("version") + 1)
    for record in records:
        for name, value in {**new, "moved_at": now, "updated_at": now, "version": record.version + 1}.items():
            setattr(record, name, value)


def _days(record: Opportunity, now: datetime) -> int:
    return (timezone.localtime(now).date() - timezone.localtime(record.stage_since).date()).days


def _before(record: Opportunity, stage: Stage) -> tuple[str, ...]:
    """What a move into `stage` changes."""
    kept = ("stage_id", "stage_since", "moved_at", "updated_at")
    return kept if record.pipeline_id == stage.pipeline_id else ("pipeline_id", *kept)


# Moving ---------------------------------------------------------------------------------------------------------------
def shift(records: list[Opportunity], stage: Stage, *, by, text: str = "推进阶段", note: str = "") -> None:
    """Put locked open opportunities into `stage`, whatever pipeline it is of, with entries, log and a way back."""
    module, now = modules.get("opportunity"), timezone.now()
    if not records:
        return
    with entries.entry(module, "stage", by=by, label=f"{text}到“{stage.name}”") as undo:
        made = _enter(records, stage, State.OPEN, by=by, now=now, note=note)
        undo.keep(
            Opportunity,
            [
                Line(
                    record.pk,
                    record.version + 1,
                    {name: packing.pack(getattr(record, name)) for name in _before(record, stage)},
                    more={"entry": entry.pk},
                )
                for record, entry in zip(records, made, strict=True)
            ],
        )
        rows = []
        for record in records:
            changes = [{"key": "stage", "label": "商机阶段", "old": record.stage.name, "new": stage.name}]
            if record.pipeline_id != stage.pipeline_id:
                old, new = record.pipeline.name, stage.pipeline.name
                changes.insert(0, {"key": "pipeline", "label": "商机组", "old": old, "new": new})
            rows.append((record.pk, f"{text}（停留 {_days(record, now)} 天）", changes))
        _write(records, now=now, stage=stage, pipeline=stage.pipeline, stage_since=now)
        services.write_log(Opportunity, rows, code="opportunity.moved", by=by, undo=undo.pk)


@transaction.atomic
def move(
    opportunity: Opportunity, stage: Stage, *, by, version: int | None = None, values: dict | None = None
) -> Opportunity:
    """Put an open opportunity into another stage of its pipeline (back is allowed); `values` ({field: value}) are saved first,
    so that what the stage demands can be filled in the same act. Missing, ValidationError or services.Stale on refusal. The
    move can be undone (action "stage"); the values stay."""
    if not may_move(by):
        raise ValidationError(FIXED)
    current = _locked(opportunity, version)
    if current.state != State.OPEN:
        raise ValidationError(CLOSED)
    if stage.pipeline_id != current.pipeline_id:
        raise ValidationError("该阶段不属于这个商机组。")
    if values:
        current = services.update(current, values, version=current.version, by=by)
    check_entry(current, stage, by=by)
    if stage.pk != current.stage_id:
        shift([current], stage, by=by)
    return current


@transaction.atomic
def move_many(rows, stage: Stage, *, by) -> tuple[int, Refused]:
    """Put allowed opportunities into `stage`, those of other pipelines too. Returns how many moved, and (title, reason) of
    those that are closed or lack what the stage demands; those that stand there stay untouched."""
    moving, refused = [], []
    for record in hold(rows.order_by().values_list("pk", flat=True)):
        if record.state != State.OPEN:
            refused.append((record.name, CLOSED))
        elif record.stage_id != stage.pk:
            try:
                check_entry(record, stage, by=by)
                moving.append(record)
            except Missing as missing:
                refused.append((record.name, missing.messages[0]))
    other = any(record.pipeline_id != stage.pipeline_id for record in moving)
    shift(moving, stage, by=by, text="调整商机组和阶段" if other else "推进阶段")
    return len(moving), refused


# Closing --------------------------------------------------------------------------------------------------------------
def _end(records: list[Opportunity], state: str, *, by, reason, note: str, text: str = "") -> None:
    """Close locked open opportunities."""
    now, note = timezone.now(), note[:500]
    _enter(records, None, state, by=by, now=now, note=note)
    changes = [{"key": "state", "label": "状态", "old": State.OPEN.label, "new": State(state).label}]
    if reason is not None:
        changes.append({"key": "close_reason", "label": "关闭原因", "old": "", "new": reason.label})
    if note:
        changes.append({"key": "close_note", "label": "关闭说明", "old": "", "new": note})
    words = text or State(state).label
    rows = [(record.pk, words, changes) for record in records]
    services.write_log(Opportunity, rows, code="opportunity.closed", by=by)
    _write(records, now=now, state=state, closed_at=now, close_reason=reason, close_note=note)
    counting.recount(record.customer_id for record in records)


def _check_end(state: str, reason) -> None:
    if state not in (State.WON, State.LOST, State.VOID):
        raise ValidationError("请选择赢单、输单或无效。")
    if state != State.WON and reason is None:
        raise ValidationError({"reason": "请选择原因"})


@transaction.atomic
def close(
    opportunity: Opportunity, state: str, *, by, reason=None, note: str = "", version: int | None = None
) -> Opportunity:
    """End an open opportunity as won, lost or void; the last two need a reason (a dictionary item)."""
    current = _locked(opportunity, version)
    if current.state != State.OPEN:
        raise ValidationError("商机已关闭。")
    _check_end(state, reason)
    _end([current], state, by=by, reason=reason, note=note)
    return current


@transaction.atomic
def close_many(rows, state: str, *, by, reason=None, note: str = "", text: str = "") -> tuple[list, Refused]:
    """End allowed opportunities alike; `text` = what the log says. Returns those that were closed, and (title, reason) of those
    that were closed before."""
    _check_end(state, reason)
    found = hold(rows.order_by().values_list("pk", flat=True))
    open_ones = [record for record in found if record.state == State.OPEN]
    if open_ones:
        _end(open_ones, state, by=by, reason=reason, note=note, text=text)
    return open_ones, [(record.name, "商机已关闭。") for record in found if record not in open_ones]


@transaction.atomic
def reopen(opportunity: Opportunity, *, by, version: int | None = None) -> Opportunity:
    """Open a closed opportunity again in the stage it was closed in."""
    current = _locked(opportunity, version)
    if current.state == State.OPEN:
        raise ValidationError(OPEN)
    _reopen([current], by=by)
    return current


@transaction.atomic
def reopen_many(rows, *, by) -> tuple[int, Refused]:
    """Open allowed opportunities again. Returns how many, and (title, reason) of those that are open."""
    found = hold(rows.order_by().values_list("pk", flat=True))
    closed = [record for record in found if record.state != State.OPEN]
    _reopen(closed, by=by)
    return len(closed), [(record.name, OPEN) for record in found if record not in closed]


def _reopen(records: list[Opportunity], *, by) -> None:
    if not records:
        return
    now, label = timezone.now(), State.OPEN.label
    _enter(records, None, State.OPEN, by=by, now=now)
    rows = [
        (
            record.pk,
            "重新打开",
            [{"key": "state", "label": "状态", "old": State(record.state).label, "new": label}],
        )
        for record in records
    ]
    services.write_log(Opportunity, rows, code="opportunity.reopened", by=by)
    _write(records, now=now, state=State.OPEN, closed_at=None, stage_since=now, close_reason=None, close_note="")
    counting.recount(record.customer_id for record in records)


# Suggested actions ----------------------------------------------------------------------------------------------------
@transaction.atomic
def tick(opportunity: Opportunity, text: str, *, done: bool, by) -> None:
    """Mark a suggested action of the present stage as done or not. No edit: the version stays."""
    current = _locked(opportunity, None)
    if current.state != State.OPEN:
        raise ValidationError(CLOSED)
    if text not in current.stage.checklist:
        raise ValidationError("这个阶段没有这项建议动作。")
    if done:
        _, changed = Tick.objects.get_or_create(
            opportunity=current, stage=current.stage, text=text, defaults={"by": by}
        )
    else:
        changed, _ = Tick.objects.filter(opportunity=current, stage=current.stage, text=text).delete()
    if changed:
        words = f"{'完成' if done else '取消完成'}建议动作：{text}"
        services.log(current, code="opportunity.ticked", by=by, text=words)


# Taking a move back ---------------------------------------------------------------------------------------------------
def _moved_back(entry, lines, *, by) -> None:
    """The stay the move began never was, the one before goes on."""
    began = [line.before["more"]["entry"] for line in lines if "entry" in line.before.get("more", {})]
    StageEntry.objects.filter(pk__in=began).delete()
    last: dict[int, int] = {}
    ids = [line.object_id for line in lines]
    for pk, opportunity in StageEntry.objects.filter(opportunity_id__any=ids).values_list("pk", "opportunity_id"):
        last[opportunity] = pk
    StageEntry.objects.filter(pk__in=last.values()).update(left_at=None)


handlers.register(
    "stage",
    "阶段推进",
    icon="right",
    rows=lambda module, user, own: module.model.objects.allowed(user, "edit"),
    after=_moved_back,
)
