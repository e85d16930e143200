"""Importing this module registers every kind of job and periodic work of crm.records."""

from . import (
    cleaning,  # noqa: F401
    jobs,
    mailing,  # noqa: F401
    periodic,
)
from .bulkedit import job as edit_job  # noqa: F401
from .custom import indexes  # noqa: F401
from .exporting import job as export_job  # noqa: F401
from .followups import export as followup_export  # noqa: F401
from .importing import job as import_job  # noqa: F401
from .importing import undo  # noqa: F401
from .undoing import job as undo_job  # noqa: F401


@jobs.kind("periodic", "周期任务", rows=lambda result: [("结果", result["text"])] if result.get("text") else [])
def run_by_hand(run: jobs.Run) -> None:
    """A periodic job an administrator starts by hand."""
    row = periodic.run(run.job.params["name"], by_hand=True)
    with run.step(last=True) as job:
        job.result = {"text": row.result}
