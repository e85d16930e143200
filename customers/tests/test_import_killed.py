"""kill -9 in the middle of an import, on real processes: every row is there exactly once."""

import io
import os
import signal
import subprocess
import sys
import time

import pytest
from django.conf import settings
from django.db import connection

from crm.records import jobs, modules
from crm.records.importing import job as importing
from crm.records.importing import upload
from crm.records.models import ImportFailure, Job, OperationLog, SearchRow
from customers.models import Customer
from orgs.tests.factories import employee

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
ROWS = 20_000
WORKER = "import sys, django; django.setup(); from crm.records import jobs, kinds; jobs.execute(int(sys.argv[1]))"


def database_url() -> str:
    found = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{found['NAME']}"
    return f"postgres://{found['USER']}:{found['PASSWORD']}@{found['HOST']}:{found['PORT']}/{found['NAME']}"


def worker(pk: int) -> subprocess.Popen:
    env = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "crm.settings",
        "TESTING": "1",
        "DATA_DIR": str(settings.DATA_DIR),
    }
    return subprocess.Popen([sys.executable, "-c", WORKER, str(pk)], env=env, cwd=settings.BASE_DIR)


def test_a_worker_killed_again_and_again_leaves_every_row_exactly_once(monkeypatch):
    monkeypatch.setattr(jobs, "announce", lambda pk: None)
    person = employee()
    lines = "".join(f"公司{n if n % 500 else ''},第 {n} 条\n" if n % 1000 else f",第 {n} 条\n" for n in range(ROWS))
    draft = upload.accept(
        io.BytesIO(f"客户名称,备注\n{lines}".encode()), "a.csv", user=person, module=modules.get("customer")
    )
    draft.options = {"mapping": {"name": 0, "remark": 1}}
    job = importing.begin(draft, user=person, send=False)
    kills = 0
    for _ in range(30):
        before = Job.objects.get(pk=job.pk).done
        process = worker(job.pk)
        while kills < 3 and process.poll() is None and Job.objects.get(pk=job.pk).done <= before:
            time.sleep(0.02)
        if kills < 3 and process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait(120)
        if not Job.objects.get(pk=job.pk).is_active:
            break
        assert jobs.sweep() == 1  # at once: the process of the claim is gone
    job.refresh_from_db()
    assert kills == 3 and job.state == "done", job.error
    # 20 rows without a name fail, the 20 named just 公司 are one customer and 19 repetitions
    expected = {"created": ROWS - 20 - 19, "updated": 0, "skipped": 19, "failed": 20}
    assert {key: job.result[key] for key in expected} == expected
    assert (
        Customer.objects.count() == OperationLog.objects.filter(code="customer.created").count() == expected["created"]
    )
    assert SearchRow.objects.filter(key="name").count() == expected["created"] and ImportFailure.objects.count() == 20
    assert job.done == job.total == ROWS
