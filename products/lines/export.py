"""Product lines as a file: one row a line, with the document it stands on. Rows, columns and rights are the requester's when
the file is written."""

import tempfile
from array import array
from datetime import timedelta
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.utils import timezone

from crm.records import fieldset, formatting, jobs, modules, params
from crm.records.exporting import files
from crm.records.exporting import job as exporting
from crm.records.models import ExportLedger
from crm.records.views.io import ExportView

from . import documents
from .tab import Sight

BLOCK = 1000


class LinesExportView(ExportView):
    """/<document>s/lines/export/: the dialog of the list's bar and of a record."""

    @property
    def more(self) -> dict:
        label = f"{self.module.label}的产品明细"
        return {"own_columns": True, "label": label, "export_url": self.module.url("lines/export")}

    def wanted(self, data):
        if data.get("filter"):  # all that the list shows, whatever stands on the page
            data = {name: data[name] for name in ("format", "all", "filter") if data.get(name)}
        return super().wanted(data)

    def begin(self, data, query, ids):
        return begin(self.module, user=self.user, kind=data["format"], query=query, ids=ids)


def _lines(document, user, query: str | None, ids: list[int] | None):
    """The lines of the documents the person may export now."""
    rows = exporting.select(modules.get(document.module), user=user, query=query, ids=ids)
    lines = document.line.objects.filter(**{f"{document.parent}__in": rows.order_by().values("pk")})
    return lines.order_by(f"-{document.parent}", "order", "pk")


def begin(module, *, user, kind: str, query: str | None = None, ids: list[int] | None = None):
    """Ask for the lines of the documents a list query shows, or of the given ones. Raises jobs.Refused where it cannot be."""
    if kind not in files.TYPES:
        raise jobs.Refused("只能导出为 .xlsx、.csv 或 .xls。")
    total = _lines(documents.ALL[module.name], user, query, ids).count()
    if not total:
        raise jobs.Refused(f"这些{module.label}没有产品明细。")
    try:
        files.check(kind, total)
    except files.TooManyRows as refusal:
        raise jobs.Refused(str(refusal)) from None
    wanted = {"format": kind, "query": query, "ids": ids}
    label = f"导出{module.label}产品明细"
    return jobs.start(
        "product_lines", user=user, label=label, module=module.name, total=total, params=wanted, send=False
    )


def columns_of(document, user) -> list[tuple]:
    """[(label, kind, value of (line, document))] of what the person may see."""
    module, sight = modules.get(document.module), Sight(document, user)
    fields = fieldset.of(module, user)
    found = [(module.label, "text", lambda line, record: module.title_of(record))]
    for key in document.shows:
        if column := fields.by_key.get(key):
            found.append((column.label, "text", lambda line, record, one=column: one.text(one.value(record))))
    found += [
        ("产品名称", "text", lambda line, record: line.name),
        ("产品编码", "text", lambda line, record: line.code),
        ("单位", "text", lambda line, record: line.unit),
    ]
    if sight.prices:
        found += [
            ("单价", "money", lambda line, record: line.list_price),
            ("折扣（%）", "text", lambda line, record: f"{line.discount.normalize():f}"),
        ]
    if sight.money:
        found.append(("售价", "money", lambda line, record: line.price))
    found.append(("数量", "text", lambda line, record: f"{line.quantity.normalize():f}"))
    if sight.money:
        found.append(("小计", "money", lambda line, record: line.subtotal))
    if sight.percent:
        found.append(("整单折扣（%）", "text", lambda line, record: f"{record.discount.normalize():f}"))
    if sight.money:
        found.append((fields.label(document.total), "money", lambda line, record: record.lines_total))
    return [*found, ("备注", "text", lambda line, record: line.remark)]


@jobs.kind("product_lines", "导出产品明细", rows=lambda result: [("行数", result.get("rows", 0))])
def run(run: jobs.Run) -> None:
    """Write the file anew; a run that was cut off leaves nothing behind but a file nobody names."""
    job, user = run.job, run.user
    document, wanted = documents.ALL[job.module], job.params
    module = modules.get(job.module)
    lines, columns = _lines(document, user, wanted["query"], wanted["ids"]), columns_of(document, user)
    joins = {join for key in document.shows for join in module.by_key[key].joins}
    lines = lines.select_related(document.parent, *(f"{document.parent}__{join}" for join in joins))
    total, seen = lines.count(), array("q")
    run.reading, job.done = True, 0

    def rows():
        stream = lines.iterator(chunk_size=BLOCK)
        while block := list(islice(stream, BLOCK)):
            run.look()
            for line in block:
                record = getattr(line, document.parent)
                seen.append(record.pk)
                yield tuple(value(line, record) for _, _, value in columns)
            job.done = len(seen)

    folder = settings.DATA_DIR / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="export-", dir=folder) as scratch:
        path = Path(scratch) / f"file.{wanted['format']}"
        heads = [(label, kind) for label, kind, _ in columns]
        files.write(wanted["format"], str(path), heads, rows(), total=total, title="产品明细")
        with path.open("rb") as file:
            output = default_storage.save(f"exports/{job.pk}/{path.name}", File(file))
    with run.step() as job:
        ExportLedger.objects.create(
            user=user,
            module=f"{module.name}_lines",
            filter=wanted["query"] or "",
            words=exporting.said(module, user, wanted["query"]) if wanted["ids"] is None else [],
            fields=[label for label, _, _ in columns],
            count=len(seen),
            ids=exporting.ranges(set(seen)),
            job=job,
        )
        job.done, job.total = len(seen), max(total, len(seen))
        job.result = {"rows": len(seen)}
        job.output = output
        job.output_name = f"{module.label}产品明细-{formatting.day(timezone.now())}.{wanted['format']}"
        job.expires_at = timezone.now() + timedelta(days=params.get("export_days"))
