"""Follow-ups into a file, as a job: rows and rights are the requester's when it runs."""

import tempfile
from array import array
from datetime import timedelta
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.files import File
from django.core.files.storage import default_storage
from django.http import QueryDict
from django.utils import timezone

from .. import formatting, jobs, modules, params
from ..exporting import files
from ..exporting.job import ranges
from ..models import ExportLedger
from . import queries

FORMATS = ("xlsx", "csv")
COLUMNS = (
    ("跟进时间", "datetime"),
    ("跟进人", "text"),
    ("部门", "text"),
    ("模块", "text"),
    ("名称", "text"),
    ("跟进方式", "text"),
    ("主题分类", "text"),
    ("标题", "text"),
    ("跟进内容", "text"),
    ("地点", "text"),
    ("目的", "text"),
    ("结果", "text"),
    ("下次联系时间", "datetime"),
    ("评论数", "int"),
)
BLOCK = 500
PAGE = {
    "label": "跟进记录",
    "list_url": "/follow-ups/",
    "export_url": "/follow-ups/export/",
}  # for the shared templates


def select(user, query: str):
    """The follow-ups `user` may export now under the list's conditions: of modules whose 导出 they hold. Unknown
    conditions refuse."""
    from .forms import ListFilter
    from .pages import narrowed

    may = queries.followed_modules(user, "export")
    if not may:
        raise jobs.Refused("您没有导出权限。")
    asked = ListFilter(QueryDict(query), user=user)
    ignored = [text for text in asked.problems if "已忽略" in text]
    if ignored:
        raise jobs.Refused("；".join(ignored).replace("已忽略", "无法识别，没有导出"))
    return narrowed(queries.allowed(user, "export"), asked.conditions()).order_by("-pk")


def begin(*, user, kind: str, query: str):
    """Ask for an export of what the list shows under `query`. Raises jobs.Refused where it cannot be done."""
    if kind not in FORMATS:
        raise jobs.Refused("只能导出为 .xlsx 或 .csv。")
    total = select(user, query).count()
    if not total:
        raise jobs.Refused("没有可导出的跟进记录。")
    wanted = {"format": kind, "query": query}
    return jobs.start("followups", user=user, label="导出跟进记录", total=total, params=wanted, send=False)


@jobs.kind("followups", "导出跟进记录", rows=lambda result: [("行数", result.get("rows", 0))])
def run(run: jobs.Run) -> None:
    """Write the file anew; a run that was cut off leaves nothing behind but a file nobody names."""
    job, user = run.job, run.user
    kind, rows = job.params["format"], select(user, job.params["query"])
    total, ids = rows.count(), array("q")
    run.reading, job.done = True, 0

    def lines():
        stream = queries.for_reading(rows).iterator(chunk_size=BLOCK)
        while block := list(islice(stream, BLOCK)):
            run.look()
            records = queries.fetch({(f.content_type_id, f.object_id) for f in block})
            ids.extend(f.pk for f in block)
            job.done = len(ids)
            for followup in block:
                yield _line(followup, records.get((followup.content_type_id, followup.object_id)))

    folder = settings.DATA_DIR / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="export-", dir=folder) as scratch:
        place = Path(scratch) / f"file.{kind}"
        files.write(kind, str(place), list(COLUMNS), lines(), total=total, title=PAGE["label"])
        with place.open("rb") as file:
            output = default_storage.save(f"exports/{job.pk}/{place.name}", File(file))
    with run.step() as job:
        ExportLedger.objects.create(
            user=user,
            module="followup",
            filter=job.params["query"],
            fields=[label for label, _ in COLUMNS],
            count=len(ids),
            ids=ranges(ids),
            job=job,
        )
        job.done = job.total = len(ids)
        job.result = {"rows": len(ids)}
        job.output, job.output_name = output, f"{PAGE['label']}-{formatting.day(timezone.now())}.{kind}"
        job.expires_at = timezone.now() + timedelta(days=params.get("export_days"))


def _line(followup, record) -> tuple:
    module = modules.of_content_type(ContentType.objects.get_for_id(followup.content_type_id))
    return (
        _local(followup.created_at),
        followup.author.name,
        followup.author.department.name,
        module.label,
        module.title_of(record) if record else "",
        followup.method.label,
        followup.topic.label if followup.topic_id else "",
        followup.title,
        followup.content,
        followup.place,
        followup.purpose,
        followup.result,
        _local(followup.next_contact_at),
        followup.comment_count,
    )


def _local(value):
    return value and timezone.localtime(value).replace(tzinfo=None, microsecond=0)
