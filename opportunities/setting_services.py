"""The verbs of 商机组: pipelines and their stages. Each runs in one transaction under the lock of the pipeline, keeps its change in
the system log in words, and makes every process read the pipelines anew."""

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Max
from django.utils import timezone

from crm.records import modules, services
from crm.records.custom import definitions
from crm.records.undoing import entries
from orgs.services import oplog

from . import pipelines, stages
from .models import Opportunity, Pipeline, Stage, State

AT_ONCE = 1000
MOST_STAGES = 15
PIPELINE_FIELDS = ("name", "idle_days", "close_days")
STAGE_FIELDS = ("name", "probability", "required", "checklist", "max_days", "remind_days")
# Fields a stage may demand, besides the custom ones: those its dialog can ask for.
DEMANDED = ("amount", "expected_on", "decider", "source", "next_contact_at", "remark")


class Stale(Exception):
    """The pipeline was changed since its form was opened."""


def demandable() -> list[tuple[str, str]]:
    """[(key, label)] of the fields a stage may demand, in the company's words."""
    module = modules.get("opportunity")
    words = {one.key: one.label for one in definitions.of(module.name) if one.builtin and one.label}
    found = [(key, words.get(key) or module.by_key[key].label) for key in DEMANDED]
    return found + [
        (key, one.label) for key, one in definitions.custom(module.name).items() if one.in_form and not one.retired
    ]


def _days(value: int | None) -> str:
    return "" if value is None else f"{value:,} 天"


def described(pipeline: Pipeline) -> list[tuple[str, str]]:
    """The settings of a pipeline as (label, text), for the system log."""
    served = "、".join(sorted(one.name for one in pipeline.departments.all()))
    return [
        ("名称", pipeline.name),
        ("适用部门", served or "所有部门"),
        ("停滞", _days(pipeline.idle_days)),
        ("自动输单", _days(pipeline.close_days)),
    ]


def described_stage(stage: Stage) -> list[tuple[str, str]]:
    """The same of a stage."""
    labels = dict(demandable())
    return [
        ("名称", stage.name),
        ("赢率", f"{stage.probability}%"),
        ("必填字段", "、".join(labels.get(key, key) for key in stage.required)),
        ("建议动作", "、".join(stage.checklist)),
        ("最长停留", _days(stage.max_days)),
        ("停留提醒", _days(stage.remind_days)),
    ]


def _record(target: str, code: str, *, by, text: str, changes: list | None = None) -> None:
    oplog.record(code, target, by=by, text=text, changes=changes)
    pipelines.touch()


def _name(pipeline: Pipeline) -> str:
    return f"商机组“{pipeline.name}”"


def _locked(pipeline: Pipeline) -> Pipeline:
    found = Pipeline.objects.select_for_update().filter(pk=pipeline.pk).first()
    if found is None:
        raise ValidationError(f"“{pipeline.name}”刚被删除了。")
    return found


def _locked_stage(stage: Stage) -> Stage:
    """The stage as it is now, its pipeline locked before it."""
    _locked(stage.pipeline)
    found = Stage.objects.select_for_update(of=("self",)).select_related("pipeline").filter(pk=stage.pk).first()
    if found is None:
        raise ValidationError(f"“{stage.name}”刚被删除了。")
    return found


def _check_days(pipeline: Pipeline) -> None:
    if pipeline.idle_days and pipeline.close_days and pipeline.close_days < pipeline.idle_days:
        raise ValidationError({"close_days": "自动输单的天数不能少于停滞的天数"})


# Pipelines ------------------------------------------------------------------------------------------------------------
@transaction.atomic
def create_pipeline(values: dict, *, by) -> Pipeline:
    """A new enabled pipeline at the end, with one stage to begin with. `values` has PIPELINE_FIELDS and `departments`."""
    last = Pipeline.objects.aggregate(last=Max("order"))["last"] or 0
    pipeline = Pipeline(order=last + 10, **{name: values[name] for name in PIPELINE_FIELDS})
    _check_days(pipeline)
    pipeline.full_clean()
    pipeline.save()
    pipeline.departments.set(values["departments"])
    Stage.objects.create(pipeline=pipeline, name="初步接洽", probability=10, order=10)
    _record(_name(pipeline), "pipeline.created", by=by, text="新建商机组")
    return pipeline


@transaction.atomic
def update_pipeline(pipeline: Pipeline, values: dict, *, version: int, by) -> Pipeline:
    """Store what the form says (see create_pipeline). Stale where `version` is not the present one."""
    pipeline = _locked(pipeline)
    if pipeline.version != version:
        raise Stale
    before, name = described(pipeline), _name(pipeline)
    for key in PIPELINE_FIELDS:
        setattr(pipeline, key, values[key])
    pipeline.version += 1
    _check_days(pipeline)
    pipeline.full_clean()
    pipeline.save()
    pipeline.departments.set(values["departments"])
    changes = _changes(before, described(pipeline))
    if changes:
        _record(name, "pipeline.updated", by=by, text="修改商机组", changes=changes)
    return pipeline


def _changes(before, after) -> list[dict]:
    return oplog.differences((label, old, new) for (label, old), (_, new) in zip(before, after, strict=True))


@transaction.atomic
def set_enabled(pipeline: Pipeline, enabled: bool, *, by) -> None:
    """启用 or 停用: nothing new begins in a disabled one; what stands in it goes on. The default one stays enabled."""
    pipeline = _locked(pipeline)
    if pipeline.enabled == enabled:
        return
    if not enabled and pipeline.is_default:
        raise ValidationError(f"“{pipeline.name}”是默认商机组，不能停用。请先把另一个设为默认。")
    Pipeline.objects.filter(pk=pipeline.pk).update(enabled=enabled, version=models.F("version") + 1)
    text = "启用" if enabled else "停用"
    _record(_name(pipeline), f"pipeline.{'enabled' if enabled else 'disabled'}", by=by, text=text)


@transaction.atomic
def make_default(pipeline: Pipeline, *, by) -> None:
    """It becomes the default pipeline in place of the present one; it must be enabled and have a stage."""
    rows = {one.pk: one for one in Pipeline.objects.select_for_update().order_by("pk")}
    pipeline = rows.get(pipeline.pk)
    if pipeline is None or not pipeline.enabled:
        raise ValidationError("停用的商机组不能设为默认，请先启用。")
    if pipeline.is_default:
        return
    old = next((one for one in rows.values() if one.is_default), None)
    Pipeline.objects.filter(is_default=True).update(is_default=False, version=models.F("version") + 1)
    Pipeline.objects.filter(pk=pipeline.pk).update(is_default=True, version=models.F("version") + 1)
    changes = oplog.differences([("默认商机组", old.name if old else "", pipeline.name)])
    _record(_name(pipeline), "pipeline.default", by=by, text="设为默认", changes=changes)


@transaction.atomic
def shift_pipeline(pipeline: Pipeline, step: int, *, by) -> None:
    """One place up (-1) or down (1)."""
    if _swap(list(Pipeline.objects.select_for_update()), pipeline.pk, step):
        _record(_name(pipeline), "pipeline.moved", by=by, text="上移" if step < 0 else "下移")


def _swap(rows: list, pk: int, step: int) -> bool:
    place = next((n for n, row in enumerate(rows) if row.pk == pk), None)
    if place is None or not 0 <= place + step < len(rows):
        return False
    rows[place], rows[place + step] = rows[place + step], rows[place]
    for n, row in enumerate(rows, 1):
        row.order = n * 10
    type(rows[0]).objects.bulk_update(rows, ["order"])
    return True


def why_not_deleted(pipeline: Pipeline) -> str:
    """Why a pipeline cannot be deleted; "" where it can."""
    if pipeline.is_default:
        return f"“{pipeline.name}”是默认商机组，不能删除。请先把另一个设为默认。"
    count = Opportunity.objects.filter(pipeline=pipeline.pk).count()
    if count:
        return f"“{pipeline.name}”里有 {count:,} 个商机（含已关闭的和回收站里的），不能删除。可以停用它，新商机就不能再选它。"
    return ""


@transaction.atomic
def delete_pipeline(pipeline: Pipeline, *, by) -> None:
    """Delete a pipeline no opportunity was ever in, with its stages."""
    pipeline = _locked(pipeline)
    if reason := why_not_deleted(pipeline):
        raise ValidationError(reason)
    pipeline.delete()
    _record(_name(pipeline), "pipeline.deleted", by=by, text="删除商机组")


# Stages ---------------------------------------------------------------------------------------------------------------
def _stage_name(stage: Stage) -> str:
    return f"商机组“{stage.pipeline.name}”的阶段“{stage.name}”"


def _fit(stage: Stage, values: dict) -> None:
    for key in STAGE_FIELDS:
        setattr(stage, key, values[key])
    allowed = dict(demandable())
    stage.required = [key for key in stage.required if key in allowed]
    stage.full_clean()


@transaction.atomic
def create_stage(pipeline: Pipeline, values: dict, *, by) -> Stage:
    """A new stage at the end. `values` has STAGE_FIELDS."""
    pipeline = _locked(pipeline)
    if pipeline.stages.count() >= MOST_STAGES:
        raise ValidationError(f"一个商机组最多 {MOST_STAGES} 个阶段。")
    last = pipeline.stages.aggregate(last=Max("order"))["last"] or 0
    stage = Stage(pipeline=pipeline, order=last + 10)
    _fit(stage, values)
    stage.save()
    _bump(pipeline)
    _record(_stage_name(stage), "stage.created", by=by, text="新建阶段")
    return stage


@transaction.atomic
def update_stage(stage: Stage, values: dict, *, by) -> Stage:
    """Store what the form says; a renamed stage keeps its name of then in the history of opportunities."""
    stage = _locked_stage(stage)
    before, name = described_stage(stage), _stage_name(stage)
    _fit(stage, values)
    stage.save()
    _bump(stage.pipeline)
    if changes := _changes(before, described_stage(stage)):
        _record(name, "stage.updated", by=by, text="修改阶段", changes=changes)
    return stage


def _bump(pipeline: Pipeline) -> None:
    Pipeline.objects.filter(pk=pipeline.pk).update(version=models.F("version") + 1)


@transaction.atomic
def shift_stage(stage: Stage, step: int, *, by) -> None:
    """One place towards the beginning (-1) or the end (1) of its pipeline."""
    stage = _locked_stage(stage)
    if _swap(list(Stage.objects.filter(pipeline=stage.pipeline_id)), stage.pk, step):
        _record(_stage_name(stage), "stage.moved", by=by, text="上移" if step < 0 else "下移")


def held(stage: Stage) -> int:
    """How many opportunities stand in the stage, closed and deleted ones too."""
    return Opportunity.objects.filter(stage=stage.pk).count()


@transaction.atomic
def delete_stage(stage: Stage, to: Stage | None, *, by) -> int:
    """Delete a stage; what stands in it goes to `to` (needed where there is something), with entries and log. Of two
    administrators at once the second is told. Returns how many moved."""
    stage = _locked_stage(stage)
    if stage.pipeline.stages.count() < 2:
        raise ValidationError("商机组至少要有一个阶段，不能删除最后一个。")
    if to is not None:
        # Without the key: whoever moves a card there meanwhile points at it, and waits for nothing.
        there = Stage.objects.select_for_update(of=("self",), no_key=True)
        to = there.select_related("pipeline").filter(pk=to.pk).first()
    if held(stage) and (to is None or to.pk == stage.pk):
        raise ValidationError({"to": ["请选择这些商机移到哪个阶段"]})
    moved, text = 0, f"阶段“{stage.name}”被删除"
    while ids := list(Opportunity.objects.filter(stage=stage.pk).order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        moved += len(ids)
        with entries.unnoted(modules.get("opportunity"), by=by):
            live = [one for one in stages.hold(ids) if one.state == State.OPEN]
            stages.shift(live, to, by=by, text=text)
        rest = Opportunity.objects.filter(pk__any=ids, stage=stage.pk)
        names = [(pk, f"{text}，改记为“{to.name}”", []) for pk in rest.values_list("pk", flat=True)]
        rest.update(stage=to, pipeline=to.pipeline, version=models.F("version") + 1, updated_at=timezone.now())
        services.write_log(Opportunity, names, code="opportunity.moved", by=by)
    name = _stage_name(stage)
    stage.delete()
    _bump(stage.pipeline)
    words = f"删除阶段，{moved:,} 个商机移到“{to.name}”" if moved else "删除阶段"
    _record(name, "stage.deleted", by=by, text=words)
    return moved
