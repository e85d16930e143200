"""Converting many leads as a job: frozen ids, a chunk with its progress in one transaction, so each lead exactly once."""

from decimal import Decimal

from crm.records import jobs, modules
from crm.records.undoing import entries
from opportunities import pipelines
from opportunities.models import Stage

from ..models import Lead
from . import services
from .making import Wanted
from .services import CHANGED, Options

DIRECT = 50  # more leads than this are converted in the background
SHOWN = 2000  # leads that were not converted are named up to this number


def begin(rows: list, options: Options, *, by):
    """Ask for [[id, version]] of leads; those that somebody changes until it is their turn are left alone."""
    wanted = options.opportunity
    asked = {"found": options.found, "contact": options.contact}
    if wanted is not None:
        asked["opportunity"] = {
            "stage": wanted.stage.pk,
            "amount": None if wanted.amount is None else str(wanted.amount),
            "expected_on": wanted.expected_on.isoformat() if wanted.expected_on else None,
        }
    return jobs.start(
        "convert",
        user=by,
        label="转化线索",
        module="lead",
        total=len(rows),
        params={"rows": rows, "options": asked},
    )


def _options(asked: dict, by) -> Options:
    """What was asked for, as it may be done now."""
    wanted = asked.get("opportunity")
    if wanted is not None:
        offered = [pipeline.pk for pipeline in pipelines.open_to(by)]
        stage = Stage.objects.filter(pk=wanted["stage"], pipeline__in=offered).select_related("pipeline").first()
        if stage is None:
            raise jobs.Refused("所选的商机阶段已不存在或已停用。")
        field = modules.get("opportunity").model._meta.get_field("expected_on")
        amount = wanted["amount"]
        wanted = Wanted(
            stage.pipeline,
            stage,
            amount=None if amount is None else Decimal(amount),
            expected_on=field.to_python(wanted["expected_on"]),
        )
    return Options(asked["found"], contact=asked["contact"], opportunity=wanted)


@jobs.kind(
    "convert",
    "转化线索",
    rows=lambda result: [
        ("新建客户", result.get("made", 0)),
        ("并入已有客户", result.get("into", 0)),
        ("没有转化", result.get("refused", 0)),
    ],
)
def run(run: jobs.Run) -> None:
    """Go on from the checkpoint, with the rights the person has now."""
    options, frozen = _options(run.job.params["options"], run.user), run.job.params["rows"]
    while (start := run.job.checkpoint.get("place", 0)) < len(frozen):
        chunk = dict(frozen[start : start + services.CHUNK])
        begun = run.job.checkpoint.get("undo")
        label = f"转化线索（{len(frozen):,} 个）"
        with (
            run.step() as job,
            entries.entry(modules.get("lead"), "convert", by=run.user, label=label, pk=begun) as undo,
        ):
            outcome = _chunk(chunk, options, by=run.user, job=job)
            made = sum(one.made for one in outcome.done)
            job.done = start + len(chunk)
            job.checkpoint = {"place": job.done, "undo": undo.pk}
            named = job.result.get("named", []) + [[title, reason] for _, title, reason in outcome.failures]
            job.result = {
                "made": job.result.get("made", 0) + made,
                "into": job.result.get("into", 0) + len(outcome.done) - made,
                "refused": job.result.get("refused", 0) + len(outcome.failures),
                "named": named[:SHOWN],
            }


def _chunk(chunk: dict, options: Options, *, by, job) -> services.Outcome:
    seen = Lead.objects.allowed(by, "view").filter(pk__any=list(chunk))
    changed = {
        pk: title
        for pk, version, title in seen.values_list("pk", "version", "name")
        if chunk[pk] is not None and version != chunk[pk]
    }
    outcome = services.convert_chunk([pk for pk in chunk if pk not in changed], by=by, options=options, job=job)
    outcome.failures += [(pk, title, CHANGED) for pk, title in changed.items()]
    return outcome
