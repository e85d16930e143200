"""What the import tests share."""

import io

from crm.records import jobs, modules
from crm.records.importing import job as importing
from crm.records.importing import targets, upload
from crm.records.tests.workbooks import xlsx

FIGURES = ("created", "updated", "skipped", "failed")
HEAD = ("客户名称", "电话", "备注", "省")


def run(user, *rows, module="customer", mapping=None, **options):
    """Import these rows (the first is the header) as `user`; returns the finished job."""
    module = modules.get(module)
    draft = upload.accept(io.BytesIO(xlsx(*rows)), "名单.xlsx", user=user, module=module)
    offered = targets.importer_of(module).allowed_targets(user)
    draft.options = {"mapping": mapping or targets.guess(draft.meta["headers"], offered), **options}
    job = importing.begin(draft, user=user, send=False)
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert job.state in ("done", "cancelled"), job.error
    return job


def figures(job) -> tuple:
    assert sum(job.result[key] for key in FIGURES) == job.total
    return tuple(job.result[key] for key in FIGURES)


def faults(job) -> list:
    return [tuple(fault) for fault in job.result["errors"]]


def companies(count: int) -> bytes:
    places, trades = ["深圳", "北京", "内蒙", "上海"], ["银行", "全国地产", "软件服务"]
    rows = [(f"{n:06}", f"上市公司{n}", places[n % 4], trades[n % 3], "1991-04-03") for n in range(count)]
    return xlsx(("代码", "公司名称", "所在地区", "所属行业", "上市日期"), *rows)
