"""P1 to P4: import and export of 100,000 rows with 20 columns, in a database of their own that is dropped afterwards."""

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from crm.records import jobs, kinds, modules  # noqa: F401  kinds registers the jobs
from crm.records.exporting import job as exporting
from crm.records.exporting import values, xlsx
from crm.records.importing import job as importing
from crm.records.importing import targets, upload
from crm.records.models import DictionaryItem, SavedView
from crm.seeding.names import Firms
from customers.models import Customer
from orgs.models import Department, Employee, Role

from . import Options, Result, medians, ms, target, timed
from .baselines import import_export_loop, openpyxl_file, read_and_copy
from .databases import need_postgresql, on_database

ROWS, LOOP_ROWS, ROUNDS = 100_000, 5_000, 5
PHONE = "19999999999"
# The twenty columns of the file.
KINDS = [
    "type",
    "level",
    "status",
    "intent",
    "relation",
    "industry",
    "source",
    "nature",
    "annual_turnover",
    "region",
    "employees",
]
PLAIN = ["name", "phone", "website", "province", "city", "address", "postcode", "rating", "remark"]
COLUMNS = [*PLAIN, *KINDS]


@contextmanager
def own_database():
    """A fresh company of one person on the same server."""
    need_postgresql()
    name = f"{connection.settings_dict['NAME']}_files_{os.getpid()}"
    quoted = connection.ops.quote_name(name)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {quoted} WITH (FORCE)")
        cursor.execute(f"CREATE DATABASE {quoted}")
    try:
        with on_database(name):
            call_command("migrate", verbosity=0)
            person = Employee(phone=PHONE, name="测量员", department=Department.objects.get(parent=None))
            person.set_unusable_password()
            person.save()
            person.roles.add(Role.objects.get(code=Role.SUPER))
            SavedView.objects.create(user=person, module="customer", columns=COLUMNS)
            yield person
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {quoted} WITH (FORCE)")


def dictionary() -> dict[str, dict[str, int]]:
    """{field: {label: id}}."""
    found: dict[str, dict[str, int]] = {kind: {} for kind in KINDS}
    for code, label, pk in DictionaryItem.objects.filter(dictionary__startswith="customer.").values_list(
        "dictionary", "label", "pk"
    ):
        found.get(code.split(".")[1], {})[label] = pk
    return found


def cells(number: int) -> list[tuple]:
    """Rows of the file in the order of COLUMNS."""
    pick, words = random.Random(7), dictionary()
    firms, values = Firms(pick).next(number), [list(words[kind]) for kind in KINDS]
    return [
        (
            name,
            f"0512-{60_000_000 + place}",
            f"http://www.{place}.example.com",
            province,
            city,
            f"人民路 {place % 999 + 1} 号",
            f"{200_000 + place % 600_000}",
            str(pick.randint(1, 3)),
            "年度采购计划在三月定",
            *(pick.choice(labels) for labels in values),
        )
        for place, (name, province, city) in enumerate(firms)
    ]


def write_file(path: Path, rows: list[tuple]) -> None:
    labels = [str(Customer._meta.get_field(name).verbose_name) for name in COLUMNS]
    xlsx.write(str(path), [(label, "text") for label in labels], rows, total=len(rows), title="客户")


def run_import(path: str, user) -> int:
    """Import a file as the command and the page do; returns how many rows were created."""
    module = modules.get("customer")
    draft = upload.accept_path(path, user=user, module=module)
    importer = targets.importer_of(module)
    draft.options = {
        "mapping": targets.guess(draft.meta["headers"], importer.allowed_targets(user)),
        "on_duplicate": "skip",
        "unknown": "reject",
    }
    job = importing.begin(draft, user=user, send=False)
    jobs.execute(job.pk, quiet=True)
    job.refresh_from_db()
    if job.state != job.State.DONE:
        raise RuntimeError(f"import {job.state}: {job.error}")
    return job.result["created"]


def run_export(user) -> int:
    """Export every customer to .xlsx with the columns of the person's list; returns how many."""
    job = exporting.begin(modules.get("customer"), user=user, kind="xlsx", query="", columns="mine", send=False)
    jobs.execute(job.pk, quiet=True)
    job.refresh_from_db()
    if job.state != job.State.DONE:
        raise RuntimeError(f"export {job.state}: {job.error}")
    return job.result["rows"]


def empty() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE customers_customer, records_searchrow, records_operationlog CASCADE")


def in_turn(sides: list, rounds: int) -> list[float]:
    """Median seconds of each side, in turn, each on empty tables."""
    found: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for side, times in zip(sides, found, strict=True):
            empty()
            times.append(timed(side))
    return [statistics.median(times) for times in found]


def memory_of(*arguments: str) -> dict:
    """What crm.bench.memory reports of a run in a process of its own, on the present database."""
    address = connection.settings_dict
    url = f"postgres://{address['USER']}:{address['PASSWORD']}@{address['HOST'] or 'localhost'}:{address['PORT'] or 5432}/{address['NAME']}"
    environment = {**os.environ, "DATABASE_URL": url, "DATA_DIR": str(settings.DATA_DIR)}
    done = subprocess.run(
        [sys.executable, "-m", "crm.bench.memory", *arguments],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


@cache
def measured(options: Options) -> dict:
    """P1 to P3 from the same imports of the same file."""
    number, few = options.wanted(ROWS), min(options.wanted(ROWS), LOOP_ROWS)
    rounds = ROUNDS if not options.rows else 1
    with own_database() as user, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "customers.xlsx"
        rows, words = cells(number), dictionary()
        write_file(path, rows)
        ids = [(f"{name}_id" if name in KINDS else name, words.get(name)) for name in COLUMNS]
        now = timezone.now()
        constants = {
            "owner_id": user.pk,
            "created_by_id": user.pk,
            "created_at": now,
            "updated_at": now,
            "version": 1,
            "extra": "{}",
            "deal_status": 0,
            "locked": False,
        }
        loop = [
            tuple(words[name][cell] if name in KINDS else cell for name, cell in zip(COLUMNS, row, strict=True))
            for row in rows[:few]
        ]
        run_import(str(path), user)
        ours, copy, slow = in_turn(
            [
                lambda: run_import(str(path), user),
                lambda: read_and_copy(str(path), ids, constants),
                lambda: import_export_loop(COLUMNS, loop),
            ],
            rounds,
        )
        empty()
        memory = memory_of("import", str(path), PHONE)
    return {"rows": number, "few": few, "ours": ours, "copy": copy, "loop": slow, "memory": memory}


@target("P1")
def p1(options: Options) -> Result:
    found = measured(options)
    return Result(
        "P1",
        found["copy"] / found["ours"],
        ">= 0.5",
        "×",
        f"import of {found['rows']:,} rows × {len(COLUMNS)} columns with checks, duplicates, log and search lines {ms(found['ours'])} "
        f"({found['rows'] / found['ours']:,.0f} rows/s) against reading the file and plain COPY into the same table with its indexes {ms(found['copy'])}",
    )


@target("P2")
def p2(options: Options) -> Result:
    found = measured(options)
    ours, loop = found["rows"] / found["ours"], found["few"] / found["loop"]
    return Result(
        "P2",
        ours / loop,
        ">= 15",
        "×",
        f"{ours:,.0f} rows/s of the {found['rows']:,}-row file against {loop:,.0f} rows/s of django-import-export's default on its first {found['few']:,} rows",
    )


@target("P3")
def p3(options: Options) -> Result:
    memory = measured(options)["memory"]
    return Result(
        "P3",
        max(memory["added"], memory["child"]),
        "<= 300",
        "MiB",
        f"import of {memory['rows']:,} rows: {memory['added']:.0f} MiB above the idle worker ({memory['idle']:.0f} MiB); the child process that reads the file holds "
        f"{memory['child']:.0f} MiB at its peak, before the worker begins; the larger of both counts",
    )


@target("P4")
def p4(options: Options) -> Result:
    number = options.wanted(ROWS)
    with own_database() as user, tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "customers.xlsx", str(Path(folder) / "out.xlsx")
        write_file(path, cells(number))
        run_import(str(path), user)
        module = modules.get("customer")
        columns = exporting.columns_for(module, user, "mine")
        rows = [
            row for _, block in values.blocks(exporting.select(module, user=user, query=""), columns) for row in block
        ]
        ours, other = medians(
            lambda: run_export(user),
            lambda: openpyxl_file(out, [column.label for column in columns], rows),
            rounds=ROUNDS if not options.rows else 1,
        )
        memory = memory_of("export", PHONE)
    return Result(
        "P4",
        other / ours,
        ">= 5",
        "×",
        f"export job (query and file) of {number:,} rows × {len(columns)} columns {ms(ours)} ({number / ours:,.0f} rows/s) against openpyxl write_only of the same rows in memory {ms(other)} "
        f"({number / other:,.0f} rows/s); {memory['added']:.0f} MiB above the idle worker (at most 50)",
        also=memory["added"] <= 50,
    )
