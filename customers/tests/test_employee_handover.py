"""离职交接 over customers and contacts: nothing is lost, everything is logged, everything comes back."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.notices.models import Message
from crm.records import jobs, modules, services, teams, uploads
from crm.records.followups import services as followups
from crm.records.models import Attachment, FollowUp, OperationLog, TagLink, Undo, UndoRecord
from crm.records.tagging import services as tagging
from crm.testing.followups import values
from customers.models import CareTask, Contact, ContactPlan, Customer, OwnerCap
from orgs import services as organisation
from orgs.handover import moves
from orgs.handover import services as handovers
from orgs.handover.models import Handover, HandoverLine
from orgs.models import Department, Employee
from orgs.tests.factories import department, employee

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin():
    return employee("系统管理员", ["admin"])


@pytest.fixture
def leaver():
    return employee("顾临川")


@pytest.fixture
def heir():
    return employee("周亦辰")


def customers(owner, number: int, contacts: int = 0, *, name: str = "公司") -> list[Customer]:
    """Customers with their search lines left out: a handover does not read them."""
    made = Customer.objects.bulk_create(
        [Customer(name=f"{name}{n}", name_key=f"{name}{n}", owner=owner, created_by=owner) for n in range(number)]
    )
    Contact.objects.bulk_create(
        [
            Contact(name=f"人{n}", customer=one, owner=owner, created_by=owner, is_primary=n == 0)
            for one in made
            for n in range(contacts)
        ],
        batch_size=2000,
    )
    return made


def give(leaver, *receivers, by, own=None, along=("contact",), **wishes) -> Handover:
    """Ask for a handover and let its job run to the end."""
    plan = {
        "all": [person.pk for person in receivers],
        "own": {key: [one.pk for one in some] for key, some in (own or {}).items()},
        "along": list(along),
    }
    found = handovers.ask(leaver, by=by, plan=plan, **wishes)
    found.refresh_from_db()
    if found.job_id:
        jobs.execute(found.job_id)
        found.refresh_from_db()
    return found


def back(handover, *, by, enable=True) -> Handover:
    jobs.execute(handovers.take_back(handover, enable=enable, by=by).pk)
    handover.refresh_from_db()
    return handover


def test_a_customer_with_everything_on_it_goes_and_comes_back(admin, leaver, heir):
    customer = services.create(Customer(name="云澜智造", owner=leaver, remark="=1+1 😀"), by=leaver)
    for n in range(30):
        services.create(Contact(name=f"联系人{n}", customer=customer, owner=leaver), by=leaver)
    for n in range(50):
        followups.write(customer, values(f"第 {n} 次跟进"), by=leaver)
    uploads.attach(customer, [SimpleUploadedFile("报价.txt", b"x"), SimpleUploadedFile("合同.txt", b"y")], by=leaver)
    tagging.put(customer, ["重点", "华东"], by=leaver)
    customer.refresh_from_db()
    received, before = customer.received_at, list(Customer.objects.values("name", "remark", "extra", "created_by_id"))
    counted = [FollowUp.objects.count(), Attachment.objects.count(), TagLink.objects.count()]

    found = give(leaver, heir, by=admin)

    assert found.state == "done", list(found.pieces.values_list("reason", flat=True))
    assert set(Customer.objects.values_list("owner_id", flat=True)) == {heir.pk}
    assert set(Contact.objects.values_list("owner_id", flat=True)) == {heir.pk} and Contact.objects.count() == 30
    assert list(Customer.objects.values("name", "remark", "extra", "created_by_id")) == before
    assert [FollowUp.objects.count(), Attachment.objects.count(), TagLink.objects.count()] == counted
    assert Customer.objects.get().received_at > received
    for code, number in (("customer.transferred", 1), ("contact.transferred", 30)):
        rows = OperationLog.objects.filter(code=code)
        assert rows.count() == rows.values("object_id").distinct().count() == number
        assert {row.text for row in rows} == {"交接给周亦辰（离职交接）"} and {row.actor_id for row in rows} == {
            admin.pk
        }
        assert {(row.changes[0]["old"], row.changes[0]["new"]) for row in rows} == {("顾临川", "周亦辰")}
    assert not Employee.objects.get(pk=leaver.pk).is_active and found.disabled
    assert found.pieces.get(key="customer").along == {"contact": {str(heir.pk): 30}}
    told = Message.objects.filter(kind="handover")
    assert sorted(told.values_list("recipient_id", flat=True)) == sorted([heir.pk, admin.pk])
    assert told.get(recipient=heir).title == "顾临川的工作已交接给您：客户 1 个、联系人 30 个"

    back(found, by=admin)

    assert found.state == "undone"
    assert set(Customer.objects.values_list("owner_id", flat=True)) == {leaver.pk}
    assert set(Contact.objects.values_list("owner_id", flat=True)) == {leaver.pk}
    assert Customer.objects.get().received_at == received
    assert Employee.objects.get(pk=leaver.pk).is_active
    assert OperationLog.objects.filter(code="contact.handover_undone").count() == 30
    assert sum(piece.refused_count for piece in found.pieces.all()) == 0


def test_what_changed_since_stays_and_is_listed(admin, leaver, heir):
    first, second = customers(leaver, 2)
    found = give(leaver, heir, by=admin)
    changed = Customer.objects.get(pk=first.pk)
    services.update(changed, {"remark": "新的主人写的"}, version=changed.version, by=heir)
    back(found, by=admin, enable=False)
    assert Customer.objects.get(pk=first.pk).owner == heir and Customer.objects.get(pk=second.pk).owner == leaver
    piece = found.pieces.get(key="customer")
    assert (piece.restored, piece.refused_count) == (1, 1) and piece.refused[0][1] == "之后被修改过"
    assert not Employee.objects.get(pk=leaver.pk).is_active
    with pytest.raises(ValidationError, match="已经撤销过"):
        handovers.take_back(found, enable=False, by=admin)


def test_several_receivers_take_turns_in_id_order(admin, leaver):
    people = [employee() for _ in range(3)]
    made = customers(leaver, 10, 2)
    found = give(leaver, *reversed(people), by=admin)
    owners = [Customer.objects.get(pk=one.pk).owner_id for one in made]
    assert owners == [people[n % 3].pk for n in range(10)]
    assert found.pieces.get(key="customer").moved == {str(one.pk): n for one, n in zip(people, (4, 3, 3), strict=True)}
    for contact in Contact.objects.select_related("customer"):
        assert contact.owner_id == contact.customer.owner_id


def test_contacts_of_other_peoples_customers_go_to_their_own_receiver(admin, leaver, heir):
    other, third = employee(), employee()
    (mine,), (theirs,) = customers(leaver, 1, 1), customers(other, 1, name="别家")
    loose = Contact.objects.create(name="散", customer=theirs, owner=leaver)
    foreign = Contact.objects.create(name="外", customer=mine, owner=other)
    give(leaver, heir, by=admin, own={"contact": [third]})
    assert Contact.objects.get(customer=mine, name="人0").owner == heir
    assert Contact.objects.get(pk=loose.pk).owner == third and Contact.objects.get(pk=foreign.pk).owner == other
    assert Customer.objects.get(pk=theirs.pk).owner == other


def test_what_does_not_go_along_goes_to_its_own_receiver(admin, leaver, heir):
    third = employee()
    customers(leaver, 1, 3)
    give(leaver, heir, by=admin, own={"contact": [third]}, along=())
    assert set(Contact.objects.values_list("owner_id", flat=True)) == {third.pk}


def test_killed_in_the_middle_each_record_goes_exactly_once(admin, leaver, heir, monkeypatch):
    monkeypatch.setattr(moves, "AT_ONCE", 4)
    customers(leaver, 10, 3)
    found = handovers.ask(leaver, by=admin, plan={"all": [heir.pk], "along": ["contact"]})
    found.refresh_from_db()
    kills = []

    def die(run):
        kills.append(run.job.done)
        if len(kills) in (2, 4):
            jobs.Job.objects.filter(pk=run.job.pk).update(claim="anderer", state="queued")

    for _ in range(4):
        jobs.execute(found.job_id, on_step=die)
    found.refresh_from_db()
    assert found.state == "done" and len(kills) > 4
    assert set(Customer.objects.values_list("owner_id", flat=True)) == {heir.pk}
    for code, number in (("customer.transferred", 10), ("contact.transferred", 30)):
        rows = OperationLog.objects.filter(code=code)
        assert rows.count() == rows.values("object_id").distinct().count() == number
    assert UndoRecord.objects.filter(undo__action="handover").count() == 40
    assert found.pieces.get(key="customer").moved == {str(heir.pk): 10}
    assert Undo.objects.get(action="handover").count == 10
    assert Message.objects.filter(recipient=heir, kind="handover").count() == 1


def test_a_step_that_fails_leaves_nothing_half_done(admin, leaver, heir, monkeypatch):
    customers(leaver, 3)
    found = handovers.ask(leaver, by=admin, plan={"all": [heir.pk]})
    found.refresh_from_db()
    real, calls = services.write_log, []

    def once(*args, **kwargs):
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("the log cannot be written")
        return real(*args, **kwargs)

    monkeypatch.setattr(services, "write_log", once)
    jobs.execute(found.job_id)
    assert set(Customer.objects.values_list("owner_id", flat=True)) == {leaver.pk}
    assert Employee.objects.get(pk=leaver.pk).is_active
    jobs.execute(found.job_id)
    assert set(Customer.objects.values_list("owner_id", flat=True)) == {heir.pk}
    assert OperationLog.objects.filter(code="customer.transferred").count() == 3


def test_a_receiver_disabled_meanwhile_fails_that_piece_and_nothing_is_lost(admin, leaver, heir):
    third = employee("江予安")
    customers(leaver, 3)
    (theirs,) = customers(heir, 1, name="别家")
    Contact.objects.create(name="散", customer=theirs, owner=leaver)
    found = handovers.ask(leaver, by=admin, plan={"all": [heir.pk], "own": {"contact": [third.pk]}, "along": []})
    organisation.disable_employee(third, by=admin)
    found.refresh_from_db()
    jobs.execute(found.job_id)
    found.refresh_from_db()
    assert found.state == "partly"
    assert found.pieces.get(key="contact").reason == "江予安已停用，不能接手，剩下的没有交接。"
    assert Customer.objects.filter(owner=heir).count() == 4 and Contact.objects.get().owner == leaver
    again = give(leaver, heir, by=admin)  # what is left goes to somebody else
    assert again.state == "done" and Contact.objects.get().owner == heir


def test_the_owner_cap_stops_it_unless_the_administrator_lets_it_pass(admin, leaver, heir):
    OwnerCap.objects.create(limit=5)
    customers(leaver, 4)
    customers(heir, 3, name="别家")
    found = give(leaver, heir, by=admin, account="keep")
    assert found.state == "partly" and "最多拥有 5 个客户" in found.pieces.get(key="customer").reason
    assert Customer.objects.filter(owner=leaver).count() == 4
    found = give(leaver, heir, by=admin, account="keep", over_cap=True)
    assert found.state == "done" and Customer.objects.filter(owner=heir).count() == 7


def test_teams_end_or_go_on_with_the_receiver_and_come_back(admin, leaver, heir):
    other = employee()
    first, second, third = customers(other, 3)
    until = timezone.localdate() + timedelta(days=9)
    teams.add([first, second], [leaver], write=True, until=until, by=other)
    teams.add([second, third], [heir], write=False, by=other)
    customers(leaver, 1, name="别家")
    grants = modules.get("customer").grant_model.objects
    before = list(grants.order_by("content_object_id", "user_id").values_list("content_object_id", "user_id", "until"))
    found = give(leaver, heir, by=admin, teams="give")
    assert not grants.filter(user=leaver).exists()
    mine = dict(grants.filter(user=heir).values_list("content_object_id", "until"))
    assert mine == {first.pk: until, second.pk: None, third.pk: None}
    assert OperationLog.objects.filter(code="customer.team_removed", object_id__in=[first.pk, second.pk]).count() == 2
    back(found, by=admin)
    after = list(grants.order_by("content_object_id", "user_id").values_list("content_object_id", "user_id", "until"))
    assert after == before


def test_departments_and_reports_go_to_the_receiver_without_a_ring(admin, heir):
    chief = employee("上级")
    leaver = employee("顾临川", supervisor=chief)
    east = department("华东", manager=leaver)
    middle = employee("中间", supervisor=leaver)
    report = employee("下属", supervisor=leaver)
    Employee.objects.filter(pk=heir.pk).update(supervisor=middle)
    customers(leaver, 1)
    found = give(leaver, heir, by=admin)
    up = dict(Employee.objects.values_list("pk", "supervisor_id"))
    assert Department.objects.get(pk=east.pk).manager == heir
    assert (up[report.pk], up[middle.pk], up[heir.pk]) == (heir.pk, chief.pk, middle.pk)
    back(found, by=admin)
    up = dict(Employee.objects.values_list("pk", "supervisor_id"))
    assert Department.objects.get(pk=east.pk).manager == leaver
    assert (up[report.pk], up[middle.pk]) == (leaver.pk, leaver.pk)


def test_reports_go_to_the_superior_where_that_is_wanted(admin, heir):
    chief = employee("上级")
    leaver = employee("顾临川", supervisor=chief)
    report = employee("下属", supervisor=leaver)
    give(leaver, heir, by=admin, reports="superior")
    assert Employee.objects.get(pk=report.pk).supervisor == chief


def test_statements_of_a_chunk_do_not_grow_with_its_rows(admin, leaver, heir, monkeypatch):
    monkeypatch.setattr(moves, "AT_ONCE", 500)
    customers(leaver, 10_000, name="大")
    found = handovers.ask(leaver, by=admin, plan={"all": [heir.pk], "along": ["contact"]})
    found.refresh_from_db()
    counts, log = [], CaptureQueriesContext(connection)

    def note(run):
        counts.append((run.job.done, len(connection.queries_log)))
        connection.queries_log.clear()

    with log:
        jobs.execute(found.job_id, on_step=note)
    per_chunk = [
        number for (before, _), (done, number) in zip(counts, counts[1:], strict=False) if done - before == 500
    ]
    assert len(per_chunk) == 20 and max(per_chunk) - min(per_chunk) <= 2 and max(per_chunk) < 120
    assert Customer.objects.filter(owner=heir).count() == 10_000
    assert OperationLog.objects.filter(code="customer.transferred").count() == 10_000


def test_refused_plans(admin, leaver, heir):
    customers(leaver, 1)
    gone = employee("离开的")
    organisation.disable_employee(gone, by=admin)
    for plan, reason in (
        ({"all": [leaver.pk]}, "交给本人"),
        ({"all": [heir.pk], "own": {"contact": [leaver.pk]}}, "交给本人"),
        ({"all": [gone.pk]}, "已停用，不能接手"),
        ({"all": []}, "请选择接手人"),
        ({"all": [employee().pk for _ in range(6)]}, "最多交给 5 个人"),
        ({"all": [999_999]}, "不存在"),
    ):
        with pytest.raises(ValidationError, match=reason):
            handovers.ask(leaver, by=admin, plan=plan)
    with pytest.raises(ValidationError, match="超级管理员"):
        handovers.ask(employee("超管", ["super"]), by=admin, plan={"all": [heir.pk]})
    with pytest.raises(ValidationError, match="在现在之后"):
        handovers.ask(leaver, by=admin, plan={"all": [heir.pk]}, starts_at=timezone.now() - timedelta(minutes=1))
    with pytest.raises(ValidationError, match="没有可以交接"):
        handovers.ask(heir, by=admin, plan={"all": [leaver.pk]})
    assert not Handover.objects.exists()


def test_a_scheduled_one_waits_is_changed_and_starts_once(admin, leaver, heir):
    customers(leaver, 1)
    third, soon = employee(), timezone.now() + timedelta(hours=2)
    found = give(leaver, heir, by=admin, starts_at=soon)
    assert found.state == "scheduled" and handovers.begin_due() == 0 and Customer.objects.get().owner == leaver
    assert give(leaver, third, by=admin, starts_at=soon).pk == found.pk and Handover.objects.count() == 1
    Handover.objects.update(starts_at=timezone.now() - timedelta(seconds=1))
    assert handovers.begin_due() == 1 and handovers.begin_due() == 0
    found.refresh_from_db()
    with pytest.raises(ValidationError, match="已经开始"):
        handovers.cancel(found, by=admin)
    with pytest.raises(ValidationError, match="请等它结束"):
        give(leaver, heir, by=admin)
    jobs.execute(found.job_id)
    assert Customer.objects.get().owner == third


def test_two_people_do_not_pass_records_back_and_forth(admin, leaver, heir):
    customers(leaver, 3)
    customers(heir, 2, name="别家")
    soon = timezone.now() + timedelta(hours=1)
    first = give(leaver, heir, by=admin, account="keep", starts_at=soon)
    second = give(heir, leaver, by=admin, account="keep", starts_at=soon)
    Handover.objects.update(starts_at=timezone.now() - timedelta(seconds=1))
    for found, owner, number in ((first, heir, 5), (second, leaver, 5)):
        assert handovers.begin_due() == 1
        found.refresh_from_db()
        jobs.execute(found.job_id)
        assert Customer.objects.filter(owner=owner).count() == number
    assert handovers.begin_due() == 0


def test_a_cancelled_one_never_starts(admin, leaver, heir):
    customers(leaver, 1)
    found = give(leaver, heir, by=admin, starts_at=timezone.now() + timedelta(hours=2))
    handovers.cancel(found, by=admin)
    assert handovers.begin_due(timezone.now() + timedelta(days=1)) == 0 and Customer.objects.get().owner == leaver


def test_a_job_stopped_on_the_way_can_go_on_or_be_taken_back(admin, leaver, heir, monkeypatch):
    monkeypatch.setattr(moves, "AT_ONCE", 2)
    customers(leaver, 6)
    found = handovers.ask(leaver, by=admin, plan={"all": [heir.pk]})
    found.refresh_from_db()
    jobs.execute(found.job_id, on_step=lambda run: run.job.done >= 2 and jobs.cancel(run.job))
    assert handovers.settle() == 1
    found.refresh_from_db()
    assert found.state == "stopped" and 0 < Customer.objects.filter(owner=heir).count() < 6
    jobs.retry(jobs.Job.objects.get(pk=found.job_id))
    jobs.execute(found.job_id)
    found.refresh_from_db()
    assert found.state == "done" and Customer.objects.filter(owner=heir).count() == 6
    back(found, by=admin)
    assert Customer.objects.filter(owner=leaver).count() == 6


def test_the_way_back_ends_after_its_days(admin, leaver, heir):
    customers(leaver, 1)
    found = give(leaver, heir, by=admin)
    past = timezone.now() - timedelta(days=8)
    Handover.objects.update(started_at=past)
    Undo.objects.update(created_at=past)
    found.refresh_from_db()
    with pytest.raises(ValidationError, match="已超过 7 天"):
        handovers.take_back(found, enable=True, by=admin)
    from crm.records.undoing import services as undoing

    assert undoing.state_of(Undo.objects.get()) == "已过期" and undoing.forget(timezone.now()) == 1
    assert handovers.forget(timezone.now()) == 0 and not HandoverLine.objects.exists()
    assert Customer.objects.get().owner == heir


def test_plans_and_cares_that_name_the_leaver_go_to_the_receiver(admin, leaver, heir):
    (one,) = customers(leaver, 1)
    plan = ContactPlan.objects.create(customer=one, period=7, next_on=timezone.localdate(), owner=leaver)
    day = timezone.localdate()
    care = CareTask.objects.create(customer=one, kind="contact", text="联系", occurs_on=day, due_on=day, owner=leaver)
    done = CareTask.objects.create(
        customer=one, kind="birthday", text="生日", occurs_on=day, due_on=day, owner=leaver, state="done"
    )
    give(leaver, heir, by=admin)
    for row, owner in ((plan, heir), (care, heir), (done, leaver)):
        row.refresh_from_db()
        assert row.owner == owner
    assert OperationLog.objects.filter(code="customer.care_handed", object_id=one.pk).count() == 2
