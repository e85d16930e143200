"""The rows an import refused, as a workbook to be mended and uploaded again: the columns of the file and the reason last."""

import tempfile
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage

from ..exporting import xlsx
from ..models import ImportFailure
from . import upload

REASON = "失败原因"


def save(job) -> str:
    """Write the workbook of a job's refused rows into the private storage; returns its name there, "" without any."""
    total = ImportFailure.objects.filter(job=job).count()
    if not total:
        return ""
    headers = [header or f"第 {place} 列" for place, header in enumerate(job.params["headers"], 1)]
    folder = settings.DATA_DIR / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="failed-", dir=folder) as scratch:
        path = Path(scratch) / "failed.xlsx"
        columns = [(header, "text") for header in [*headers, REASON]]
        xlsx.write(str(path), columns, rows(job, len(headers)), total=total, title="失败的行")
        with path.open("rb") as file:
            return default_storage.save(f"exports/{job.pk}/failed.xlsx", File(file))


def rows(job, width: int):
    """(cells ..., reason) of every refused row in file order."""
    failures = (
        ImportFailure.objects.filter(job=job)
        .order_by("number")
        .values_list("number", "reasons")
        .iterator(chunk_size=2000)
    )
    wanted = next(failures, None)
    for number, cells, _ in upload.lines(job.source):
        if wanted is None:
            return
        if number == wanted[0]:
            reason = "；".join(f"{label}：{sentence}" for label, sentence in wanted[1])
            cells = [upload.readable(cell)[: xlsx.MAX_CELL] for cell in cells[:width]]
            yield (*cells, *[""] * (width - len(cells)), reason[: xlsx.MAX_CELL])
            wanted = next(failures, None)
