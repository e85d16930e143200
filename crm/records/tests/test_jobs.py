"""Jobs: announced after the commit, claimed once, exactly once whatever happens to the worker."""

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from crm.notices.models import Message
from crm.records import jobs, periodic
from crm.records.models import DictionaryItem, ImportDraft, Job, PeriodicRun, Selection
from orgs.models import SignInLog
from orgs.services import disable_employee
from orgs.tests.factories import client_for, employee

pytestmark = pytest.mark.django_db
STEPS = 4


@pytest.fixture
def writer(monkeypatch):
    """A kind of job that writes one dictionary value a step."""

    def run(run):
        while run.job.done < STEPS:
            with run.step() as job:
                DictionaryItem.objects.create(dictionary="test.steps", label=f"第 {job.done} 步")
                job.done += 1
                job.checkpoint["next"] = job.done
                writer_hooks.get(job.done, lambda run: None)(run)

    writer_hooks = {}
    monkeypatch.setitem(jobs.KINDS, "test", jobs.Kind("test", "测试", run, lambda result: []))
    return writer_hooks


def new_job(user, **kw):
    return jobs.start("test", user=user, label="测试任务", params={}, total=STEPS, send=False, **kw)


def written() -> list[str]:
    return list(DictionaryItem.objects.filter(dictionary="test.steps").order_by("pk").values_list("label", flat=True))


def silent(job):
    Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - timedelta(minutes=2))


ALL = [f"第 {n} 步" for n in range(STEPS)]


def test_a_job_is_announced_only_after_the_commit(monkeypatch, django_capture_on_commit_callbacks):
    sent = []
    monkeypatch.setattr(jobs, "announce", sent.append)
    with django_capture_on_commit_callbacks(execute=True):
        job = jobs.start("test", user=employee(), label="测试", params={})
        assert sent == []
    assert sent == [job.pk]


def test_a_broker_that_is_away_loses_no_job(monkeypatch):
    from crm.records.tasks import run_job

    def away(*args):
        raise OSError("no broker")

    monkeypatch.setattr(run_job, "delay", away)
    job = new_job(employee())
    jobs.announce(job.pk)
    job.refresh_from_db()
    assert job.state == "queued"


def test_a_job_runs_to_its_end_and_tells_its_owner(writer):
    person = employee()
    job = new_job(person)
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert (job.state, job.done, written()) == ("done", STEPS, ALL)
    assert Message.objects.get(recipient=person).url == f"/jobs/{job.pk}/"


def test_only_one_worker_gets_a_job(writer):
    job = new_job(employee())
    assert jobs.claim(job.pk) is not None
    assert jobs.claim(job.pk) is None
    assert jobs.execute(job.pk) is None


def test_a_step_that_fails_leaves_neither_rows_nor_progress(writer):
    def crash(run):
        raise RuntimeError("boom")

    job = new_job(employee())
    writer[3] = crash
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert (job.state, job.done, job.checkpoint, written()) == ("queued", 2, {"next": 2}, ALL[:2])


def test_a_worker_that_was_declared_dead_can_commit_nothing_more(writer):
    """The sweeper takes the job while the first worker is in the middle of a step; a second one finishes it."""
    job = new_job(employee())
    runs = []

    def overtaken(run):
        if not runs:
            runs.append(run)
            Job.objects.filter(pk=job.pk).update(
                state="queued", claim=""
            )  # what the sweeper does, as other workers see it

    writer[2] = overtaken
    jobs.execute(job.pk)
    # The first worker's second step was undone together with what happened inside it, so the row is still its own here.
    assert written() == ALL[:1]
    Job.objects.filter(pk=job.pk).update(state="queued", claim="")
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert (job.state, written()) == ("done", ALL)


def test_a_silent_worker_loses_its_job_and_another_goes_on_from_the_checkpoint(writer, monkeypatch):
    announced = []
    monkeypatch.setattr(jobs, "announce", announced.append)
    job = new_job(employee())
    first = jobs.claim(job.pk)
    with first.step() as state:
        DictionaryItem.objects.create(dictionary="test.steps", label=ALL[0])
        state.done = 1
    assert jobs.sweep() == 0
    silent(job)
    assert jobs.sweep() == 1 and announced == [job.pk]
    with pytest.raises(jobs.Lost), first.step():
        DictionaryItem.objects.create(dictionary="test.steps", label="doppelt")
    jobs.execute(job.pk)
    assert written() == ALL


def test_a_lost_claim_found_at_the_commit_undoes_the_step(writer):
    job = new_job(employee())
    run = jobs.claim(job.pk)
    with pytest.raises(jobs.Lost), run.step():
        DictionaryItem.objects.create(dictionary="test.steps", label="doppelt")
        run.token = "someone.else"
    assert written() == []


def test_a_worker_of_this_machine_that_is_gone_is_noticed_at_once(writer, monkeypatch):
    monkeypatch.setattr(jobs, "announce", lambda pk: None)
    job = new_job(employee())
    jobs.claim(job.pk)
    Job.objects.filter(pk=job.pk).update(claim=f"{jobs._host()}.4194999.abc")  # above the largest process id
    assert jobs.sweep() == 1


def test_queued_jobs_nobody_took_are_announced_again(writer, monkeypatch):
    announced = []
    monkeypatch.setattr(jobs, "announce", announced.append)
    job = new_job(employee())
    assert jobs.sweep() == 0
    assert jobs.sweep(started=True) == 1
    assert jobs.sweep(now=timezone.now() + timedelta(minutes=1)) == 1
    assert announced == [job.pk, job.pk]


def test_a_job_that_never_gets_anywhere_is_given_up(writer):
    def crash(run):
        raise RuntimeError("boom")

    writer[1] = crash
    job = new_job(employee())
    for _ in range(jobs.ATTEMPTS + 2):
        jobs.execute(job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("failed", jobs.ATTEMPTS) and "请联系管理员" in job.error


def test_a_job_whose_worker_always_dies_is_given_up(writer):
    job = new_job(employee())
    for _ in range(jobs.ATTEMPTS):
        assert jobs.claim(job.pk)
        Job.objects.filter(pk=job.pk).update(state="queued", claim="")
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert job.state == "failed" and "中断" in job.error and written() == []


def test_progress_starts_the_count_of_attempts_anew(writer):
    job = new_job(employee())
    Job.objects.filter(pk=job.pk).update(attempts=jobs.ATTEMPTS - 1)
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("done", 1)


def test_a_stop_signal_ends_the_run_after_its_step_and_the_next_worker_goes_on(writer, monkeypatch):
    writer[2] = lambda run: jobs.STOPPING.set()
    job = new_job(employee())
    jobs.execute(job.pk)
    jobs.STOPPING.clear()
    job.refresh_from_db()
    assert (job.state, job.done, job.attempts, written()) == ("queued", 2, 0, ALL[:2])
    jobs.execute(job.pk)
    assert written() == ALL


def test_cancelling_a_running_job_keeps_what_was_done_and_retry_goes_on(writer):
    job = new_job(employee())
    writer[2] = lambda run: jobs.cancel(run.job)
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert (job.state, job.done) == ("cancelled", 2)
    writer.clear()
    assert jobs.retry(job) and not jobs.retry(job)
    jobs.execute(job.pk)
    assert written() == ALL


def test_a_waiting_job_is_cancelled_at_once(writer):
    job = new_job(employee())
    assert jobs.cancel(job)
    job.refresh_from_db()
    assert job.state == "cancelled" and not jobs.cancel(job)
    assert jobs.execute(job.pk) is None


def test_a_disabled_person_has_no_jobs_done(writer):
    boss, person = employee(roles=("super",)), employee()
    job = new_job(person)
    disable_employee(person, by=boss)
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert (job.state, written()) == ("failed", []) and "停用" in job.error


def test_a_periodic_job_runs_once_in_its_period(monkeypatch):
    ran = []
    job = periodic.Periodic("test_daily", "测试", "每天", lambda now: ran.append(now) or "好")
    monkeypatch.setitem(periodic.ALL, "test_daily", job)
    now = timezone.now()
    assert periodic.run("test_daily", now=now).result == "好"
    assert periodic.run("test_daily", now=now) is None
    assert periodic.run("test_daily", now=now + timedelta(days=1)).result == "好"
    assert periodic.run("test_daily", by_hand=True, now=now).result == "好"
    assert len(ran) == 3


def test_a_periodic_run_that_was_killed_is_taken_up_after_an_hour(monkeypatch):
    monkeypatch.setitem(periodic.ALL, "test_daily", periodic.Periodic("test_daily", "测试", "每天", lambda now: "好"))
    now = timezone.now()
    row = PeriodicRun.objects.create(name="test_daily", period=timezone.localtime(now).strftime("%Y-%m-%d"))
    assert periodic.run("test_daily", now=now) is None
    PeriodicRun.objects.filter(pk=row.pk).update(started_at=now - timedelta(hours=2))
    assert periodic.run("test_daily", now=now).result == "好"


def test_clean_up_drops_what_has_expired_and_nothing_else(settings, tmp_path):
    person, now = employee(), timezone.now()
    kept, gone = (default_storage.save(f"exports/9999/{name}.csv", ContentFile(b"x")) for name in ("kept", "gone"))
    orphan = default_storage.save("imports/zz/orphan", ContentFile(b"x"))
    fresh = jobs.start("export", user=person, label="新", params={}, send=False)
    old = jobs.start("export", user=person, label="旧", params={}, send=False)
    Job.objects.filter(pk=fresh.pk).update(state="done", output=kept, expires_at=now + timedelta(days=1))
    Job.objects.filter(pk=old.pk).update(state="done", output=gone, expires_at=now - timedelta(seconds=1))
    draft = ImportDraft.objects.create(user=person, module="customer", name="a.csv", source="")
    ImportDraft.objects.filter(pk=draft.pk).update(created_at=now - timedelta(days=2))
    selection = Selection.objects.create(user=person, module="customer", action="delete")
    Selection.objects.filter(pk=selection.pk).update(created_at=now - timedelta(days=2))
    log = SignInLog.objects.create(username="x", result="ok")
    SignInLog.objects.filter(pk=log.pk).update(created_at=now - timedelta(days=400))
    SignInLog.objects.create(username="y", result="ok")
    periodic.run("clean_up", by_hand=True, now=now)
    assert default_storage.exists(kept) and not default_storage.exists(gone)
    assert default_storage.exists(orphan)  # young: may be in the making
    old.refresh_from_db()
    assert old.output == "" and not ImportDraft.objects.exists() and not Selection.objects.exists()
    assert list(SignInLog.objects.values_list("username", flat=True)) == ["y"]
    periodic.run("clean_up", by_hand=True, now=now + timedelta(days=3))
    assert not default_storage.exists(orphan)


def test_jobs_are_seen_by_their_owner_and_by_administrators_only(writer):
    mine, other, admin = employee(), employee(), employee(roles=("admin",))
    job = new_job(mine)
    for path in ("", "progress/", "cancel/"):
        assert client_for(mine).get(f"/jobs/{job.pk}/{path}").status_code == 200
        assert client_for(admin).get(f"/jobs/{job.pk}/{path}").status_code == 200
        assert client_for(other).get(f"/jobs/{job.pk}/{path}").status_code == 404
    assert client_for(other).post(f"/jobs/{job.pk}/cancel/").status_code == 404
    assert "测试任务" in client_for(mine).get("/jobs/").content.decode()
    assert "测试任务" not in client_for(other).get("/jobs/").content.decode()
    assert client_for(mine).post(f"/jobs/{job.pk}/cancel/").status_code == 302
    job.refresh_from_db()
    assert job.state == "cancelled"


def test_a_file_is_its_requesters_alone_and_expires(writer):
    mine, admin = employee(), employee(roles=("super",))
    job = jobs.start("export", user=mine, label="导出", params={}, module="customer", send=False)
    name = default_storage.save("exports/9998/file.csv", ContentFile(b"x"))
    Job.objects.filter(pk=job.pk).update(
        state="done", output=name, output_name="客户.csv", expires_at=timezone.now() + timedelta(days=1)
    )
    response = client_for(mine).get(f"/jobs/{job.pk}/file/")
    assert response.status_code == 200 and "attachment" in response["Content-Disposition"]
    assert client_for(admin).get(f"/jobs/{job.pk}/file/").status_code == 404
    Job.objects.filter(pk=job.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client_for(mine).get(f"/jobs/{job.pk}/file/").status_code == 404
    default_storage.delete(name)


def test_only_administrators_start_periodic_jobs(django_capture_on_commit_callbacks):
    assert client_for(employee()).post("/jobs/periodic/clean_up/run/").status_code == 403
    response = client_for(employee(roles=("admin",))).post("/jobs/periodic/clean_up/run/")
    assert response.status_code == 302
    job = Job.objects.get(kind="periodic")
    jobs.execute(job.pk)
    job.refresh_from_db()
    assert job.state == "done" and "删除文件" in job.result["text"]


def test_a_rolled_back_request_leaves_no_job(writer):
    with pytest.raises(RuntimeError), transaction.atomic():
        new_job(employee())
        raise RuntimeError
    assert not Job.objects.exists()
