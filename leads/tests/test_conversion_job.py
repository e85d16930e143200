"""Thousands of leads in the background: each exactly once, whatever happens to the worker; measured by hand with LEADS."""

import os
import signal
import time

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.records import jobs
from crm.records.custom import definitions
from crm.records.importing import write
from crm.records.importing.write import Same
from crm.records.models import DictionaryItem, FieldDefinition, FollowUp, FollowUpLink, Job, OperationLog, Undo
from crm.records.undoing import services as undoing
from customers.models import Contact, Customer
from customers.tests.test_import_killed import worker
from leads.conversion import job as conversion
from leads.conversion import services
from leads.conversion.services import Options
from leads.models import ConversionMapping, Lead, Status
from opportunities.models import Opportunity, StageEntry
from orgs.tests.factories import employee

from .conversion import lead
from .conversion import opportunity as wanted

LEADS = int(os.environ.get("LEADS", "2000"))


def field(module: str) -> str:
    made = FieldDefinition.objects.create(module=module, type="line", label="渠道")
    definitions.touch()
    return made.key


def many(owner, number: int) -> tuple[str, str]:
    """Leads with a custom value, every third with a follow-up, every tenth of a company that another one has; (key of the lead's
    field, key of the customer's)."""
    source, target = field("lead"), field("customer")
    ConversionMapping.objects.update(targets={source: f"customer.{target}"})
    pks = write.take_ids(Lead, number)
    names = [f"公司{n - 1 if n % 10 == 9 else n}科技" for n in range(number)]
    columns = {
        "id": pks,
        "name": [f"线索{n}" for n in range(number)],
        "company": names,
        "contact_name": [f"人{n}" for n in range(number)],
        "mobile": [f"138{n:08d}" for n in range(number)],
        "number": [f"T-{n:06d}" for n in range(number)],
        "owner_id": Same(owner.pk),
        "created_by_id": Same(owner.pk),
        "extra": [{source: f"渠道{n}"} for n in range(number)],
    }
    write.insert(Lead, columns, number)
    kind = ContentType.objects.get_for_model(Lead)
    phone = DictionaryItem.objects.get(dictionary="followup.method", label="电话")
    said = FollowUp.objects.bulk_create(
        [FollowUp(content_type=kind, object_id=pk, method=phone, content=f"跟进{pk}", author=owner) for pk in pks[::3]],
        batch_size=1000,
    )
    FollowUpLink.objects.bulk_create(
        [FollowUpLink(followup=one, content_type=kind, object_id=one.object_id, kind=0) for one in said],
        batch_size=1000,
    )
    return source, target


def begun(owner, **options) -> Job:
    rows = [list(pair) for pair in Lead.objects.filter(owner=owner).order_by("pk").values_list("pk", "version")]
    return conversion.begin(rows, Options(**options), by=owner)


def complete(owner, number: int, target: str) -> None:
    """Everything is there once."""
    doubles = number // 10
    assert Lead.objects.filter(status=Status.CONVERTED).count() == number
    assert Customer.objects.count() == number - doubles and Contact.objects.count() == number
    assert OperationLog.objects.filter(code="lead.converted").count() == number
    assert OperationLog.objects.filter(code="customer.created").count() == number - doubles
    kind = ContentType.objects.get_for_model(Customer)
    said = FollowUp.objects.filter(content_type=kind).count()
    assert said == len(range(0, number, 3)) == FollowUpLink.objects.filter(content_type=kind).count()
    values = set(Customer.objects.values_list(f"extra__{target}", flat=True))
    assert values == {f"渠道{n}" for n in range(number) if n % 10 != 9}
    assert not Lead.objects.filter(customer=None).exists() and not Contact.objects.filter(customer=None).exists()
    assert Undo.objects.get().count == number


@pytest.mark.django_db
def test_a_worker_that_dies_inside_a_chunk_repeats_and_loses_nothing(monkeypatch):
    monkeypatch.setattr(jobs, "announce", lambda pk: None)
    monkeypatch.setattr(services, "CHUNK", 20)
    owner = employee("甲")
    _, target = many(owner, 60)
    job, deaths, real = begun(owner, opportunity=wanted()), [], services._Run.close

    def dying(run):
        real(run)
        if len(deaths) < 2 and Lead.objects.filter(status=Status.CONVERTED).count() in (40, 60):
            deaths.append(1)
            raise KeyboardInterrupt  # the process goes, its transaction with it

    monkeypatch.setattr(services._Run, "close", dying)
    for _ in range(3):
        try:
            jobs.execute(job.pk)
        except KeyboardInterrupt:
            Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - timezone.timedelta(minutes=2))
            jobs.sweep()
    job.refresh_from_db()
    assert len(deaths) == 2 and job.state == "done", job.error
    assert (job.result["made"], job.result["into"], job.result["refused"]) == (54, 6, 0)
    complete(owner, 60, target)
    assert Opportunity.objects.count() == StageEntry.objects.count() == 60


@pytest.mark.django_db
def test_one_bad_lead_keeps_no_other_back_and_is_listed_with_the_reason(monkeypatch):
    monkeypatch.setattr(jobs, "announce", lambda pk: None)
    owner, far = employee("甲"), employee("丙", ["seller"])
    services.convert(lead(far, "占用公司"), by=far, options=Options())
    many(owner, 30)
    FieldDefinition.objects.filter(module="customer").update(unique=True)
    definitions.touch()
    Lead.objects.filter(name__in=["线索3", "线索4"]).update(extra=Lead.objects.get(name="线索5").extra)
    Lead.objects.filter(name="线索7").update(company="占用公司")
    Lead.objects.filter(name="线索12").update(status=Status.DEAD, ended_at=timezone.now())
    job = begun(owner)
    Lead.objects.filter(name="线索13").update(version=5)
    jobs.execute(job.pk)
    job.refresh_from_db()
    named = dict(job.result["named"])
    assert job.state == "done" and job.result["refused"] == len(named) == 5
    assert named["线索7"] == "同名客户已存在，负责人：丙" and named["线索12"] == "已失效的线索不能转化"
    assert named["线索13"] == "选择之后被修改过，没有处理"
    assert sum("已被使用" in reason or "与其他记录重复" in reason for reason in named.values()) == 2
    assert Lead.objects.filter(owner=owner, status=Status.CONVERTED).count() == 25


@pytest.mark.django_db
def test_the_whole_job_is_taken_back_by_one_entry(monkeypatch):
    monkeypatch.setattr(jobs, "announce", lambda pk: None)
    owner = employee("甲")
    many(owner, 45)
    jobs.execute(begun(owner, found="new", opportunity=wanted()).pk)
    # doubles of one name are refused under the unique name; they stay as they are
    assert Lead.objects.filter(status=Status.CONVERTED).count() == 41
    done, failures = undoing.undo(Undo.objects.get(), by=owner)
    assert (done, failures) == (41, [])
    assert not Customer.objects.exists() and not Contact.objects.exists() and not Opportunity.objects.exists()
    assert set(FollowUp.objects.values_list("content_type__model", flat=True)) == {"lead"}
    assert FollowUpLink.objects.count() == FollowUp.objects.count()
    assert set(Lead.objects.values_list("status", flat=True)) == {Status.NEW}


@pytest.mark.django_db
def test_a_chunk_takes_as_many_statements_for_fifty_leads_as_for_five():
    owner, counts = employee("甲"), []
    many(owner, 0)
    for n in (5, 50):
        rows = [lead(owner, f"企业{n}之{m}集团公司", mobile=f"139{n:04d}{m:04d}") for m in range(n)]
        with CaptureQueriesContext(connection) as seen:
            outcome = services.convert_many([one.pk for one in rows], by=owner, options=Options())
        assert len(outcome.done) == n
        counts.append(len(seen))
    # SQLite takes no more than a thousand values in one INSERT
    assert counts[0] <= counts[1] <= counts[0] + 5 <= 60, counts


@pytest.mark.slow
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_thousands_of_leads_survive_kill_9_again_and_again(monkeypatch):
    monkeypatch.setattr(jobs, "announce", lambda pk: None)
    owner = employee("甲")
    _, target = many(owner, LEADS)
    job, kills, began = begun(owner), 0, time.monotonic()
    for _ in range(30):
        before = Job.objects.get(pk=job.pk).done
        process = worker(job.pk)
        while kills < 3 and process.poll() is None and Job.objects.get(pk=job.pk).done <= before:
            time.sleep(0.02)
        if kills < 3 and process.poll() is None:
            time.sleep(0.05)  # somewhere inside the next chunk
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait(1200)
        if not Job.objects.get(pk=job.pk).is_active:
            break
        assert jobs.sweep() == 1
    job.refresh_from_db()
    print(f"{LEADS} leads in {time.monotonic() - began:.1f} s")
    assert kills == 3 and job.state == "done" and job.done == LEADS, job.error
    complete(owner, LEADS, target)
