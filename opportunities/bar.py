"""The advance bar of an opportunity: its stages with the days in each, the ends, the suggested actions of the present one."""

from django.utils import timezone

from crm.records import modules

from . import pipelines
from .models import Opportunity, StageEntry, State, Tick

MADE_OF = ("pipeline", "stage", "state")  # who may not read one of these is shown neither bar nor history
ENDS = ((State.WON, "check"), (State.LOST, "flag"), (State.VOID, "x"))


def days_between(start, end) -> int:
    """Whole local days from one moment to another."""
    return (timezone.localtime(end).date() - timezone.localtime(start).date()).days


def days_in_stages(entries: list[StageEntry], now) -> dict[int, int]:
    """{stage: days} over all stays of one opportunity."""
    found: dict[int, int] = {}
    for entry in entries:
        if entry.stage_id:
            stay = days_between(entry.entered_at, entry.left_at or now)
            found[entry.stage_id] = found.get(entry.stage_id, 0) + stay
    return found


def build(opportunity: Opportunity, rights, fields) -> dict:
    """What opportunities/bar.html shows to somebody with these rights on the record and its fields; two statements."""
    module, pipeline = modules.get("opportunity"), pipelines.get(opportunity.pipeline_id)
    now, is_open = timezone.now(), opportunity.state == State.OPEN
    stays = days_in_stages(list(opportunity.entries.all()), now)
    stages = list(pipeline.stages) if pipeline else []
    place = next((n for n, one in enumerate(stages) if one.pk == opportunity.stage_id), 0)
    may = is_open and "edit" in rights
    here = days_between(opportunity.stage_since, now) if is_open else None
    present = stages[place] if stages else None
    late = bool(is_open and present and present.max_days is not None and here > present.max_days)
    done = set()
    if present and present.checklist:
        ticks = Tick.objects.filter(opportunity=opportunity, stage=present.pk)
        done = set(ticks.values_list("text", flat=True))
    return {
        "pipeline": pipeline.name if pipeline else "",
        "may": may,
        "may_move": may and fields.editable("stage"),
        "move_url": module.url("move", opportunity.pk),
        "tick_url": module.url("tick", opportunity.pk),
        "version": opportunity.version,
        "stages": [
            {
                "pk": one.pk,
                "name": one.name,
                "days": stays.get(one.pk),
                "done": n < place or opportunity.state == State.WON,
                "now": is_open and n == place,
                "stopped": opportunity.state in (State.LOST, State.VOID) and n == place,
                "late": late and n == place,
                "title": _title(one, stays.get(one.pk)),
            }
            for n, one in enumerate(stages)
        ],
        "ends": [
            {
                "state": state.value,
                "label": state.label,
                "icon": icon,
                "url": f"{module.bulk_url}{state.value}/?ids={opportunity.pk}",
                "now": opportunity.state == state,
            }
            for state, icon in ENDS
        ],
        "probability": present.probability if is_open and present else None,
        "here": here,
        "late_days": here - present.max_days if late else None,
        "max_days": present.max_days if present else None,
        "checklist": [{"text": text, "done": text in done} for text in present.checklist] if present else [],
        "done": sum(text in done for text in present.checklist) if present else 0,
        "reopen_url": f"{module.bulk_url}reopen/?ids={opportunity.pk}" if not is_open and "reopen" in rights else None,
        "closed_at": opportunity.closed_at if fields.readable("closed_at") else None,
        "close_note": fields.shown(opportunity, "close_note"),
    }


def _title(stage, days: int | None) -> str:
    parts = [stage.name, f"赢率 {stage.probability}%"]
    parts += [f"共停留 {days} 天"] if days is not None else []
    parts += [f"最长 {stage.max_days} 天"] if stage.max_days is not None else []
    return "，".join(parts)
