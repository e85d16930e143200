"""P1 to P4: import and export of files."""

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection
from django.db.models import Max
from import_export import fields, resources, widgets

from crm.records import jobs, kinds, modules  # noqa: F401 (kinds registers the jobs)
from crm.records.exporting import job as exporting
from crm.records.exporting import values, xlsx
from crm.records.importing import job as importing
from crm.records.importing import targets, upload
from crm.records.models import DictionaryItem, Job, ListPreference, OperationLog, SearchRow
from customers.models import Customer
from orgs.models import Employee

from . import Options, Result, target, timed
from .databases import need_postgresql

ROWS = 100_000
ROUNDS = 5
SMALL = 5000  # rows of the django-import-export side
DICTIONARIES = ("type", "level", "status", "intent", "relation", "industry", "source", "nature", "annual_turnover", "employees", "region")
PLAIN = ("province", "city", "address", "postcode", "phone", "website", "remark")
HEADERS = ["客户名称", *[str(Customer._meta.get_field(name).verbose_name) for name in (*DICTIONARIES, "rating", *PLAIN)]]
PLACES = (("江苏省", "苏州市"), ("浙江省", "杭州市"), ("广东省", "深圳市"), ("四川省", "成都市"))


def importer() -> Employee:
    """A person who may import and export customers."""
    return next(person for person in Employee.objects.filter(is_active=True) if person.has_function("customer.import") and person.has_function("customer.export"))


def workbook(path: Path, rows: int, tag: str) -> None:
    """A workbook of 20 columns as a sales team has it."""
    labels = {name: list(DictionaryItem.objects.filter(dictionary=f"customer.{name}", active=True).values_list("label", flat=True)) for name in DICTIONARIES}

    def made():
        for n in range(rows):
            chosen = [labels[name][n % len(labels[name])] for name in DICTIONARIES]
            yield (f"{tag}精密机械{n}有限公司", *chosen, n % 3 + 1, *PLACES[n % 4], f"工业园区星湖街 {n % 900} 号 {n % 17} 幢", f"215{n % 1000:03}",
                   f"138{n % 10**8:08}", f"http://www.{tag}{n}.cn", f"展会名单第 {n} 条，已电话联系")

    xlsx.write(str(path), [(label, "int" if label == "评分" else "text") for label in HEADERS], made(), total=rows, title="客户")


@contextmanager
def undone():
    """Whatever the body writes is taken out again."""
    models = (Customer, OperationLog, SearchRow)
    last = {model: model.objects.aggregate(last=Max("pk"))["last"] or 0 for model in models}
    try:
        yield
    finally:
        for model in reversed(models):
            model.objects.filter(pk__gt=last[model])._raw_delete(model.objects.db)


def ours(path: Path, user) -> None:
    """The import as the page and the command do it."""
    module = modules.get("customer")
    draft = upload.accept_path(str(path), user=user, module=module)
    draft.options = {"mapping": targets.guess(draft.meta["headers"], targets.importer_of(module).allowed_targets(user))}
    job = importing.begin(draft, user=user, send=False)
    jobs.execute(job.pk, quiet=True)
    job.refresh_from_db()
    if job.result.get("created") != job.total:
        raise RuntimeError(f"the import of the bench went wrong: {job.state} {job.error} {job.result}")
    default_storage.delete(job.source)
    Job.objects.filter(pk=job.pk).delete()


def plain_copy(path: Path, user) -> None:
    """The file read and copied into the same table without any check."""
    import python_calamine

    ids = {(item.dictionary, item.label): item.pk for item in DictionaryItem.objects.all()}
    columns = ["name", *[f"{name}_id" for name in DICTIONARIES], "rating", *PLAIN]
    fixed = {"owner_id": user.pk, "created_by_id": user.pk, "created_at": "2026-01-01", "updated_at": "2026-01-01", "version": 1, "extra": "{}",
             "deal_status": 0, "locked": False}
    rows = python_calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).iter_rows()
    next(rows)
    tail = tuple(fixed.values())
    with connection.cursor() as cursor, cursor.copy(f"COPY customers_customer ({', '.join([*columns, 'name_key', *fixed])}) FROM STDIN") as copy:
        for name, *cells in rows:
            found = [ids[f"customer.{key}", cell] for key, cell in zip(DICTIONARIES, cells, strict=False)]
            copy.write_row((name, *found, int(cells[11]), *cells[12:], name, *tail))


class CustomerResource(resources.ModelResource):
    """django-import-export as it comes, on the same columns."""

    def __init__(self, user):
        super().__init__()
        self.user = user
        self.fields = {"name": fields.Field("name", "客户名称")}
        for key, header in zip((*DICTIONARIES, "rating", *PLAIN), HEADERS[1:], strict=True):
            widget = _Label(key) if key in DICTIONARIES else widgets.IntegerWidget() if key == "rating" else widgets.CharWidget()
            self.fields[key] = fields.Field(key, header, widget=widget)

    class Meta:
        model = Customer
        import_id_fields = ("name",)

    def before_save_instance(self, instance, row, **kwargs):
        instance.owner = instance.created_by = self.user


class _Label(widgets.ForeignKeyWidget):
    def __init__(self, key):
        self.key = key
        super().__init__(DictionaryItem, "label")

    def get_queryset(self, value, row, *args, **kwargs):
        return DictionaryItem.objects.filter(dictionary=f"customer.{self.key}")


@contextmanager
def scratch():
    folder = settings.DATA_DIR / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=folder) as name:
        yield Path(name)


@target("P1")
def import_against_copy(options: Options) -> Result:
    need_postgresql()
    rows, user = options.wanted(ROWS), importer()
    sides: dict[str, list[float]] = {"ours": [], "copy": []}
    with scratch() as folder:
        for number in range(ROUNDS):
            for side, work in (("copy", plain_copy), ("ours", ours)):
                path = folder / f"{side}.xlsx"
                workbook(path, rows, f"{side}{number}")
                with undone():
                    sides[side].append(timed(lambda path=path, work=work: work(path, user)))
    ratio = median(sides["copy"]) / median(sides["ours"])
    how = f"{rows:,} rows × 20 columns: file read and plain COPY {median(sides['copy']):.1f} s, import end to end {median(sides['ours']):.1f} s ({rows / median(sides['ours']):,.0f} rows/s)"
    return Result("P1", ratio, ">= 0.5", "×", how)


@target("P2")
def import_against_import_export(options: Options) -> Result:
    import tablib

    rows, small, user = options.wanted(ROWS), min(SMALL, options.wanted(ROWS)), importer()
    with scratch() as folder:
        path = folder / "ours.xlsx"
        workbook(path, rows, "甲")
        with undone():
            fast = timed(lambda: ours(path, user))
        workbook(path, small, "乙")
        import python_calamine

        cells = python_calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
        data = tablib.Dataset(*cells[1:], headers=cells[0])
        with undone():
            begun = time.perf_counter()
            outcome = CustomerResource(user).import_data(data, dry_run=False, raise_errors=True)
            slow = time.perf_counter() - begun
    if outcome.totals["new"] != small:
        raise RuntimeError(f"django-import-export took {outcome.totals}")
    return Result("P2", (rows / fast) / (small / slow), ">= 15", "×", f"{rows / fast:,.0f} rows/s on {rows:,} rows against {small / slow:,.0f} on {small:,}")


def _measured(work: str, *arguments: str) -> dict:
    """Run `work` of this module in a process of its own: memory above idle and of its children, in MiB."""
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "crm.settings"}
    code = "import sys, django; django.setup(); from crm.bench import files; files.report(*sys.argv[1:])"
    done = subprocess.run([sys.executable, "-c", code, work, *arguments], env=env, cwd=settings.BASE_DIR, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def report(work: str, *arguments: str) -> None:
    """In the measured process: print what the work took."""
    import resource

    user = importer()
    with undone():
        idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        ours(Path(arguments[0]), user) if work == "import" else exported(user, int(arguments[0]))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(json.dumps({"own": (peak - idle) / 1024, "child": child / 1024}))


@target("P3")
def import_memory(options: Options) -> Result:
    rows, found = options.wanted(ROWS), []
    with scratch() as folder:
        for count in (rows // 4, rows):
            path = folder / f"{count}.xlsx"
            workbook(path, count, f"丙{count}")
            found.append(_measured("import", str(path)))
    small, large = found
    flat = large["own"] <= small["own"] * 1.5 + 20
    how = (
        f"worker {small['own']:.0f} MiB above idle at {rows // 4:,} rows, {large['own']:.0f} at {rows:,} (flat: {'yes' if flat else 'no'}); "
        f"the reading process, gone before the worker begins: {small['child']:.0f} and {large['child']:.0f} MiB"
    )
    return Result("P3", large["own"], "<= 300", "MiB", how, also=flat)


def exported(user, rows: int) -> list:
    """The first `rows` customers through the export; returns its columns."""
    module = modules.get("customer")
    columns = _columns(user)
    ids = list(Customer.objects.allowed(user, "export").order_by("-created_at").values_list("pk", flat=True)[:rows])
    job = exporting.begin(module, user=user, kind="xlsx", ids=ids, send=False)
    jobs.execute(job.pk, quiet=True)
    job.refresh_from_db()
    if job.state != job.State.DONE:
        raise RuntimeError(f"the export of the bench went wrong: {job.error}")
    default_storage.delete(job.output)
    return columns


def _columns(user) -> list:
    """Make the person's list show 20 columns, and return them."""
    module = modules.get("customer")
    keys = [column.key for column in module.columns][:20]
    ListPreference.objects.update_or_create(user=user, module="customer", defaults={"columns": keys})
    return [module.by_key[key] for key in keys]


@target("P4")
def export_against_openpyxl(options: Options) -> Result:
    import openpyxl

    user, rows = importer(), options.wanted(ROWS)
    with scratch() as folder, undone():
        if Customer.objects.allowed(user, "export").count() < rows:
            workbook(folder / "in.xlsx", rows, "丁")
            ours(folder / "in.xlsx", user)
        kept = ListPreference.objects.filter(user=user, module="customer").first()
        columns = _columns(user)
        query = Customer.objects.allowed(user, "export").order_by("-created_at", "-pk")
        table = [row for _, block in values.blocks(query[:rows], columns) for row in block]

        def with_openpyxl():
            book = openpyxl.Workbook(write_only=True)
            sheet = book.create_sheet()
            sheet.append([column.label for column in columns])
            for row in table:
                sheet.append(row)
            book.save(folder / "out.xlsx")

        slow = median(timed(with_openpyxl) for _ in range(3))
        del table
        fast = median(timed(lambda: exported(user, rows)) for _ in range(3))
        memory = _measured("export", str(rows))["own"]
        ListPreference.objects.filter(user=user, module="customer").delete()
        if kept:
            kept.save(force_insert=True)
    how = f"{rows:,} rows × {len(columns)} columns: query and file {fast:.1f} s ({rows / fast:,.0f} rows/s), openpyxl {slow:.1f} s; {memory:.0f} MiB added (<= 50)"
    return Result("P4", slow / fast, ">= 5", "×", how, also=memory <= 50)
