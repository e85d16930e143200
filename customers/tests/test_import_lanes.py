"""Chunks written side by side on PostgreSQL are committed in order and decide duplicates as if written one by one."""

import io
import threading

import pytest
from django.db import connections

from crm.records import jobs, modules
from crm.records.importing import job as importing
from crm.records.importing import lanes, upload
from crm.records.models import DictionaryItem, ImportFailure, OperationLog
from customers.models import Customer
from orgs.tests.factories import employee

pytestmark = [pytest.mark.pg, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(importing, "CHUNK", 10)


def started(user, lines, **options):
    text = "客户名称,客户行业\n" + "".join(f"{name},{industry}\n" for name, industry in lines)
    draft = upload.accept(io.BytesIO(text.encode()), "a.csv", user=user, module=modules.get("customer"))
    draft.options = {"mapping": {"name": 0, "industry": 1}, "unknown": "create", **options}
    return importing.begin(draft, user=user, send=False)


def figures(job) -> tuple:
    job.refresh_from_db()
    return job.state, *(job.result.get(key) for key in ("created", "skipped", "failed"))


def test_names_repeated_in_the_next_chunk_are_found_while_the_first_is_still_being_written(monkeypatch):
    seen = set()
    write = lanes.load.run

    def spy(chunk, job):
        seen.add(threading.current_thread().name)
        return write(chunk, job)

    monkeypatch.setattr(lanes.load, "run", spy)
    lines = [(f"公司{n // 3}", f"行业{n % 40}") for n in range(300)]
    job = started(employee(), [*lines, ("", "")])
    jobs.execute(job.pk)
    assert figures(job) == ("done", 100, 200, 0) and len(seen) == lanes.LANES
    assert Customer.objects.count() == OperationLog.objects.count() == 100
    assert DictionaryItem.objects.filter(label__startswith="行业").count() == 40


def test_under_create_the_repetition_fails_wherever_it_stands():
    job = started(employee(), [(f"公司{n % 50}", "") for n in range(200)], on_duplicate="create")
    jobs.execute(job.pk)
    assert figures(job) == ("done", 50, 0, 150)
    assert list(ImportFailure.objects.order_by("number").values_list("number", flat=True)) == list(range(52, 202))


def test_when_a_chunk_fails_nothing_behind_it_is_committed_and_the_next_run_goes_on(monkeypatch):
    write, calls = lanes.load.run, []

    def dies(chunk, job):
        counts = write(chunk, job)
        calls.append(chunk.numbers[0])
        if len(calls) in (4, 9):
            raise RuntimeError("killed after the rows, before the commit")
        return counts

    monkeypatch.setattr(lanes.load, "run", dies)
    job = started(employee(), [(f"公司{n}", "") for n in range(200)])
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert job.state == "queued" and job.done == Customer.objects.count() < 200
    for _ in range(3):
        jobs.execute(job.pk)
    assert figures(job) == ("done", 200, 0, 0) and Customer.objects.count() == 200


def test_cancelling_ends_behind_what_was_begun():
    job = started(employee(), [(f"公司{n}", "") for n in range(400)])
    jobs.execute(job.pk, on_step=lambda run: jobs.cancel(run.job))
    job.refresh_from_db()
    assert job.state == "cancelled" and 0 < job.done < 400 and Customer.objects.count() == job.done


def test_a_run_that_lost_its_claim_commits_nothing_more():
    job = started(employee(), [(f"公司{n}", "") for n in range(400)])

    def overtaken(run):
        run.token = "someone.else"

    jobs.execute(job.pk, on_step=overtaken)
    job.refresh_from_db()
    assert job.state == "running" and job.done == Customer.objects.count() == 10


def test_two_imports_of_the_same_names_at_once_create_each_name_once():
    lines = [(f"公司{n}", f"行业{n % 7}") for n in range(300)]
    both = [started(employee(), lines), started(employee(), lines)]

    def work(job):
        jobs.execute(job.pk)
        connections.close_all()

    threads = [threading.Thread(target=work, args=(job,)) for job in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [figures(job) for job in both]
    assert {state for state, *_ in found} == {"done"} and all(sum(counts) == 300 for _, *counts in found)
    assert sum(created for _, created, _, _ in found) == Customer.objects.count() == 300
