"""The export as a job: rows, columns and rights are those of the requester when it runs, not when it was asked for."""

import tempfile
from array import array
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.http import QueryDict
from django.utils import timezone

from .. import fieldset, formatting, jobs, modules, params, saved
from ..listquery import ListQuery, chosen_columns
from ..models import ExportLedger
from . import files, values

DEFAULT = "mine"


def begin(
    module,
    *,
    user,
    kind: str,
    query: str | None = None,
    ids: list[int] | None = None,
    columns: str = DEFAULT,
    send: bool = True,
):
    """Ask for an export of the rows a list query shows, or of the given ids. `columns`: "mine" or "all". Raises
    jobs.Refused where it cannot be done."""
    if kind not in files.TYPES:
        raise jobs.Refused("只能导出为 .xlsx、.csv 或 .xls。")
    rows = select(module, user=user, query=query, ids=ids)
    total = rows.order_by().count()
    _fits(kind, total)
    job = jobs.start(
        "export",
        user=user,
        label=f"导出{module.label}",
        module=module.name,
        total=total,
        params={
            "format": kind,
            "query": query,
            "ids": ids,
            "columns": "all" if columns == "all" else "mine",
            "place": module.place,
        },
        send=send,
    )
    return job


def _fits(kind: str, total: int) -> None:
    try:
        files.check(kind, total)
    except files.TooManyRows as refusal:
        raise jobs.Refused(str(refusal)) from None


def select(module, *, user, query: str | None = None, ids: list[int] | None = None):
    """The rows `user` may export now, in list order; unknown conditions refuse."""
    if not module.may(user, "export"):
        raise jobs.Refused(f"您没有导出{module.label}的权限。")
    rows = module.rows(user, "export")
    state = ListQuery(module, user, QueryDict(query or ""), rows=rows)
    if state.problems:
        raise jobs.Refused("；".join(state.problems).replace("已忽略", "无法识别，没有导出"))
    rows = state.rows if ids is None else rows.filter(pk__any=ids)
    return state.ordered(rows)


def said(module, user, query: str | None) -> list[list[str]]:
    """The saved view and the advanced conditions of a list query in words, as they read at the time of the export."""
    state = ListQuery(module, user, QueryDict(query or ""), rows=module.model.objects.none())
    found = [["视图", state.saved.name]] if state.saved is not None else []
    return found + ([["高级筛选", "；".join(state.where.words)]] if state.where.words else [])


def columns_for(module, user, which: str, query: str = "") -> list:
    """The columns of the file: the person's own choice (or that of the saved view they look at) or all they may see."""
    if which == "all":
        return fieldset.of(module, user).columns
    views = saved.Views(module, user)
    view = views.find(QueryDict(query or "").get("view", ""))
    return chosen_columns(module, user, view.columns if view and view.columns else views.columns)


@jobs.kind(
    "export",
    "导出",
    rows=lambda result: (
        [("行数", result.get("rows", 0))] + ([("不可导出", result["left_out"])] if result.get("left_out") else [])
    ),
)
def run(run: jobs.Run) -> None:
    """Write the file anew; a run that was cut off leaves nothing behind but a file nobody names."""
    job, user = run.job, run.user
    wanted = job.params
    try:
        module = modules.located(job.module, wanted.get("place", ""), user)
    except LookupError:
        raise jobs.Refused("您已不能查看那里的记录，没有导出。") from None
    rows = select(module, user=user, query=wanted["query"], ids=wanted["ids"])
    columns = columns_for(module, user, wanted["columns"], wanted["query"])
    total = rows.order_by().count()
    _fits(wanted["format"], total)
    ids = array("q")
    run.reading, job.done = True, 0

    def counted():
        for pks, block in values.blocks(rows, columns):
            run.look()
            ids.extend(pks)
            job.done = len(ids)
            yield from block

    folder = settings.DATA_DIR / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="export-", dir=folder) as scratch:
        path = Path(scratch) / f"file.{wanted['format']}"
        heads = [(column.label, values.kind_of(column)) for column in columns]
        files.write(wanted["format"], str(path), heads, counted(), total=total, title=module.label)
        with path.open("rb") as file:
            output = default_storage.save(f"exports/{job.pk}/{path.name}", File(file))
    with run.step() as job:
        ExportLedger.objects.create(
            user=user,
            module=module.name,
            filter=wanted["query"] or "",
            words=said(module, user, wanted["query"]) if wanted["ids"] is None else [],
            fields=[column.key for column in columns],
            count=len(ids),
            ids=ranges(ids),
            job=job,
        )
        job.done, job.total = len(ids), max(total, len(ids))
        job.result = {
            "rows": len(ids),
            "left_out": len(set(wanted["ids"])) - len(ids) if wanted["ids"] is not None else 0,
        }
        job.output, job.output_name = output, f"{module.label}-{formatting.day(timezone.now())}.{wanted['format']}"
        job.expires_at = timezone.now() + timedelta(days=params.get("export_days"))


def ranges(ids) -> str:
    """Ids in short: 1-3,7."""
    parts, first, last = [], None, None
    for pk in sorted(ids):
        if last is not None and pk == last + 1:
            last = pk
            continue
        if first is not None:
            parts.append(str(first) if first == last else f"{first}-{last}")
        first = last = pk
    if first is not None:
        parts.append(str(first) if first == last else f"{first}-{last}")
    return ",".join(parts)
