"""export_records MODULE FILE --as PHONE: the export of the pages from the command line."""

import shutil
from pathlib import Path

from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand, CommandError

from crm.records import jobs, kinds  # noqa: F401 (kinds registers the jobs)
from crm.records.exporting import files
from crm.records.exporting import job as exporting

from .import_records import find_module, find_user


class Command(BaseCommand):
    help = "Exports the rows an employee may export to FILE (.xlsx, .csv or .xls); last line: exported=.."

    def add_arguments(self, parser):
        parser.add_argument("module", help="customer(s), contact(s), product(s), ...")
        parser.add_argument("file")
        parser.add_argument("--as", dest="phone", required=True, metavar="PHONE")
        parser.add_argument(
            "--filter", default="", metavar="QUERYSTRING", help="as in the address of the list: view=mine&q=..."
        )
        parser.add_argument(
            "--columns", choices=["mine", "all"], default="all", help="the employee's own columns, or all they may see"
        )

    def handle(self, *, module, file, phone, filter, columns, **options):
        module, user, target = find_module(module), find_user(phone), Path(file)
        kind = target.suffix.lstrip(".").lower()
        if kind not in files.TYPES:
            raise CommandError("文件名应以 .xlsx、.csv 或 .xls 结尾。")
        try:
            job = exporting.begin(module, user=user, kind=kind, query=filter.lstrip("?"), columns=columns, send=False)
        except jobs.Refused as refusal:
            raise CommandError(str(refusal)) from None
        jobs.execute(job.pk, quiet=True)
        job.refresh_from_db()
        if job.state != job.State.DONE:
            raise CommandError(f"导出没有完成（{job.get_state_display()}）：{job.error}")
        with default_storage.open(job.output, "rb") as source, target.open("wb") as out:
            shutil.copyfileobj(source, out)
        self.stdout.write(f"exported={job.result['rows']}")
