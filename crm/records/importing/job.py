"""The import as a background job: chunk by chunk, each committed with its place in the file."""

import time
from datetime import timedelta

from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone

from .. import jobs, modules, params
from ..models import ImportDraft, ImportMapping
from . import failed, load
from .lanes import TRIES, Lanes
from .plan import Invalid, Plan, stretches

CHUNK = 5000  # rows on PostgreSQL
SMALL, LONGEST = 1000, 0.25  # rows and seconds of the writer's lock on SQLite
PAUSE = 0.02  # seconds between two locks, so that a page that waits gets its turn
FIGURES = {"created": "新建", "updated": "更新", "skipped": "跳过", "failed": "失败"}


def begin(draft: ImportDraft, *, user, send: bool = True):
    """Start the import of a draft as its options say; raises Invalid when it cannot run. The draft is used up."""
    module = modules.get(draft.module)
    Plan(module, user, draft.options)
    with transaction.atomic():
        headers = draft.meta["headers"]
        chosen = {column: key for key, column in draft.options["mapping"].items()}
        ImportMapping.objects.update_or_create(
            user=user,
            module=module.name,
            defaults={"columns": {header: chosen.get(place, "") for place, header in enumerate(headers) if header}},
        )
        job = jobs.start(
            "import",
            user=user,
            label=f"导入{module.label}：{draft.name}",
            module=module.name,
            source=draft.source,
            total=draft.meta["total"],
            params={"name": draft.name, "headers": headers, "options": draft.options},
            send=send,
        )
        draft.delete()
    return job


def rows_of(result: dict) -> list[tuple[str, int]]:
    """The figures of an import: its rows, then the companions that were written with them."""
    found = [(label, result.get(key, 0)) for key, label in FIGURES.items()]
    if result.get("doubtful"):
        found.append(("可能重复", result["doubtful"]))
    if label := result.get("companion"):
        found += [(f"新增{label}", result["companions_added"]), (f"更新{label}", result["companions_changed"])]
    return found


@jobs.kind("import", "导入", rows=rows_of)
def run(run: jobs.Run) -> None:
    """Import the rows behind the checkpoint."""
    job = run.job
    try:
        plan = Plan(modules.get(job.module), run.user, job.params["options"])
    except Invalid as refusal:
        raise jobs.Refused(str(refusal)) from None
    pace = Pace()
    try:
        parts = stretches(job.source, offset=job.checkpoint.get("offset", 0), size=lambda: pace.rows)
        if plan.independent and not pace.single and job.total - job.done > 2 * CHUNK and not in_transaction():
            _side_by_side(run, plan, parts)
        else:
            _one_by_one(run, plan, parts, pace)
    except FileNotFoundError:
        raise jobs.Refused("上传的文件已过期被清除，请重新上传。") from None
    except jobs.Cancelled:
        _close(run)
        raise
    _close(run)


def _finish(job, rows, chunk, counts) -> None:
    """Note a written chunk and its place in the file on the job."""
    load.note(chunk, job, counts)
    job.done += len(rows)
    job.checkpoint["offset"] = rows[-1][2]


def _one_by_one(run, plan, parts, pace) -> None:
    for rows in parts:
        _one(run, plan, rows, pace)


def _side_by_side(run, plan, parts) -> None:
    """Several chunks at a time, committed in order."""
    lanes = Lanes(run, plan, _finish)
    try:
        for rows in parts:
            run.check()
            lanes.feed(rows)
        lanes.close()
    except (jobs.Cancelled, jobs.Stopping):
        lanes.close()
        raise
    except BaseException:
        lanes.stop()
        run.job.refresh_from_db(fields=("done", "checkpoint", "result"))
        raise


def _one(run, plan, rows, pace) -> None:
    """One chunk. Another import or page that takes the same name at the same moment makes the whole chunk start over."""
    for attempt in range(1, TRIES + 1):
        chunk = plan.prepare(rows)
        begun = time.monotonic()
        try:
            with run.step() as job:
                begun = time.monotonic()
                _finish(job, rows, chunk, load.run(chunk, job))
            pace.took(time.monotonic() - begun, len(rows))
            return
        except (IntegrityError, OperationalError):
            if attempt == TRIES:
                raise
            time.sleep(0.05 * attempt)


def in_transaction() -> bool:
    """Whether the caller holds a transaction, which lanes of their own would not see."""
    return transaction.get_connection().in_atomic_block


class Pace:
    """How many rows a chunk has: fixed where writers do not wait for each other, else as many as fit into LONGEST."""

    def __init__(self):
        self.single = load.one_writer()
        self.rows = SMALL // 5 if self.single else CHUNK

    def took(self, seconds: float, rows: int) -> None:
        if self.single:
            wanted = int(rows * LONGEST / max(seconds, 0.001))
            self.rows = max(20, min(SMALL, wanted, self.rows * 2))
            time.sleep(PAUSE)


def _close(run) -> None:
    """Keep the refused rows as a file and the figures complete."""
    job = run.job
    name = failed.save(job)
    with run.step(last=True) as job:
        job.result = {**dict.fromkeys(FIGURES, 0), **job.result}
        job.output, job.output_name = name, f"失败的行-{job.params['name'].rsplit('.', 1)[0]}.xlsx" if name else ""
        job.expires_at = timezone.now() + timedelta(days=params.get("export_days"))
