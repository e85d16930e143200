"""Quotations into a file, as a job: rows and rights are the requester's when it runs."""

import tempfile
from array import array
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.http import QueryDict
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from crm.records import formatting, jobs, modules, params
from crm.records.exporting import files
from crm.records.exporting.job import ranges
from crm.records.models import ExportLedger
from crm.records.views.base import deny
from crm.records.views.io import delivered, export_dialog

from . import queries

FORMATS = ("xlsx", "csv")
BLOCK = 500
PAGE = {"label": "报价单", "list_url": "/quotations/", "export_url": "/quotations/export/", "nav_active": "quotations"}


def select(user, query: str):
    """The quotations `user` may export now under the list's conditions."""
    if not modules.get("opportunity").may(user, "export"):
        raise jobs.Refused("您没有“商机”的导出权限。")
    return queries.listed(user, queries.Asked.of(QueryDict(query)), "export")


def columns(seen: queries.Sight) -> list[tuple[str, str, object]]:
    """[(label, kind, value of a quotation)] as far as the person may read them."""
    today = timezone.localdate()
    found = [
        ("编号", "text", lambda one: one.number),
        ("版本", "text", lambda one: f"V{one.current.number}"),
        ("标题", "text", lambda one: one.current.title),
        ("商机", "text", lambda one: one.opportunity.name),
    ]
    if seen.customer:
        found.append(("客户", "text", lambda one: one.current.customer_name))
    found += [
        ("联系人", "text", lambda one: one.current.contact_name),
        ("状态", "text", lambda one: queries.LABELS[one.state_on(today)]),
        ("审批", "text", lambda one: one.current.get_approval_display()),
    ]
    if seen.discount:
        found.append(("整单折扣（%）", "text", lambda one: f"{one.current.discount.normalize():f}"))
    if seen.money:
        found.append(("报价总额", "money", lambda one: one.current.total))
    return [
        *found,
        ("有效期至", "date", lambda one: one.current.valid_until),
        ("答复日期", "date", lambda one: one.decided_on),
        ("负责人", "text", lambda one: one.opportunity.owner.name if one.opportunity.owner else ""),
        ("创建人", "text", lambda one: one.created_by.name),
        ("创建时间", "datetime", lambda one: timezone.localtime(one.created_at).replace(tzinfo=None, microsecond=0)),
    ]


def begin(*, user, kind: str, query: str):
    """Ask for an export of what the list shows under `query`. jobs.Refused where it cannot be done."""
    if kind not in FORMATS:
        raise jobs.Refused("只能导出为 .xlsx 或 .csv。")
    total = select(user, query).count()
    if not total:
        raise jobs.Refused("没有可导出的报价单。")
    wanted = {"format": kind, "query": query}
    return jobs.start("quotations", user=user, label="导出报价单", total=total, params=wanted, send=False)


@jobs.kind("quotations", "导出报价单", rows=lambda result: [("行数", result.get("rows", 0))])
def run(run: jobs.Run) -> None:
    """Write the file anew; a run that was cut off leaves nothing behind but a file nobody names."""
    job, user = run.job, run.user
    kind, query = job.params["format"], job.params["query"]
    rows, shown, ids = select(user, query), columns(queries.sight(user)), array("q")
    total, run.reading, job.done = rows.count(), True, 0

    def lines():
        for one in rows.iterator(chunk_size=BLOCK):
            if not len(ids) % BLOCK:
                run.look()
            ids.append(one.pk)
            job.done = len(ids)
            yield tuple(value(one) for _, _, value in shown)

    folder = settings.DATA_DIR / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="export-", dir=folder) as scratch:
        place = Path(scratch) / f"file.{kind}"
        labels = [(label, what) for label, what, _ in shown]
        files.write(kind, str(place), labels, lines(), total=total, title=PAGE["label"])
        with place.open("rb") as file:
            output = default_storage.save(f"exports/{job.pk}/{place.name}", File(file))
    with run.step() as job:
        ExportLedger.objects.create(
            user=user,
            module="quotation",
            words=queries.Asked.of(QueryDict(query)).words,
            fields=[label for label, _ in labels],
            count=len(ids),
            ids=ranges(ids),
            job=job,
        )
        job.done = job.total = len(ids)
        job.result = {"rows": len(ids)}
        job.output, job.output_name = output, f"{PAGE['label']}-{formatting.day(timezone.now())}.{kind}"
        job.expires_at = timezone.now() + timedelta(days=params.get("export_days"))


@require_http_methods(["GET", "HEAD", "POST"])
def page(request):
    """/quotations/export/: the dialog, then the file or the job that makes it."""
    opportunities = modules.get("opportunity")
    for action in ("view", "export"):
        if not opportunities.may(request.user, action):
            deny(opportunities, action)
    posted = request.method == "POST"
    query = request.POST.get("query", "") if posted else request.GET.urlencode()
    kind, error = request.POST.get("format", "") if posted else "xlsx", ""
    if posted:
        try:
            return delivered(request, begin(user=request.user, kind=kind, query=query), PAGE)
        except jobs.Refused as refusal:
            error = str(refusal)
    count = select(request.user, query).count()
    return export_dialog(request, PAGE, count=count, query=query, error=error, formats=FORMATS, chosen=kind)
