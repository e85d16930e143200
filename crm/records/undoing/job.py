"""Taking back an act on many records, as a job."""

from .. import jobs, modules
from ..models import Undo
from . import services

DIRECT = 2000  # lines; more than this are taken back in the background
SHOWN = 200


def begin(entry, *, by):
    """Claim the entry and take it back in the background (ValidationError where it cannot be)."""
    services.claim(entry, by=by)
    return jobs.start(
        "undo",
        user=by,
        label=f"撤销：{entry.label}",
        module=entry.module,
        total=entry.records.count(),
        params={"undo": entry.pk},
    )


@jobs.kind(
    "undo", "撤销", rows=lambda result: [("已恢复", result.get("restored", 0)), ("没有恢复", result.get("refused", 0))]
)
def run(run: jobs.Run) -> None:
    """Go on from the checkpoint; the last step closes the entry."""
    entry = Undo.objects.filter(pk=run.job.params["undo"]).first()
    if entry is None or entry.module not in modules.ALL:
        raise jobs.Refused("这次操作已过期，不能撤销。")
    keys = services.lines_of(entry)
    while (start := run.job.checkpoint.get("place", 0)) < len(keys):
        chunk = keys[start : start + services.CHUNK]
        with run.step() as job:
            owners = dict(job.checkpoint.get("owners", {}))
            done, failures = services.put_back(entry, chunk, by=run.user, owners=owners)
            job.done = start + len(chunk)
            job.checkpoint = {"place": job.done, "owners": owners}
            named = job.result.get("named", []) + [list(pair) for pair in failures]
            job.result = {
                "restored": job.result.get("restored", 0) + done,
                "refused": job.result.get("refused", 0) + len(failures),
                "named": named[:SHOWN],
            }
            if job.done >= len(keys):
                services.finish(entry, job.result["restored"], by=run.user, owners=owners)
