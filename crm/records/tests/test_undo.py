"""撤销 beyond what the contract shows for every module: jobs, two at once, values that are taken or gone meanwhile."""

import threading
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connections
from django.utils import timezone

from crm.records import cleaning, jobs, modules, services
from crm.records.bulkedit import job as edit_job
from crm.records.bulkedit import services as bulkedit
from crm.records.models import DictionaryItem, Job, Undo, UndoRecord
from crm.records.undoing import job as undo_job
from crm.records.undoing import services as undoing
from customers.models import Contact, Customer
from customers.services import create_customer, delete_customers
from orgs.tests.factories import client_for, employee


@pytest.fixture
def seller(db):
    return employee("甲", ["seller"])


def make(owner, n):
    return [
        create_customer(Customer(name=f"{owner.name}公司{i}", owner=owner), by=owner, contact={"name": f"联系人{i}"})
        for i in range(n)
    ]


def test_a_job_edits_in_several_steps_into_one_entry_and_a_job_takes_it_back(seller, monkeypatch):
    monkeypatch.setattr(bulkedit, "CHUNK", 2)
    monkeypatch.setattr(undoing, "CHUNK", 2)
    monkeypatch.setattr(undo_job, "DIRECT", 3)
    made = make(seller, 5)
    rows = Customer.objects.allowed(seller, "edit")
    jobs.execute(edit_job.begin(modules.get("customer"), rows, {"remark": "回访"}, by=seller).pk)
    entry = Undo.objects.get()
    assert (entry.action, entry.count, entry.records.count()) == ("edit", 5, 5)
    services.update(made[3], {"remark": "别人改的"}, version=2, by=seller)
    client = client_for(seller)
    response = client.post(f"/undo/{entry.pk}/")
    job = Job.objects.get(kind="undo")
    assert response.headers["Location"] == f"/jobs/{job.pk}/"
    assert "已经撤销过" in client.post(f"/undo/{entry.pk}/").content.decode()
    assert jobs.execute(job.pk).state == Job.State.DONE
    job.refresh_from_db()
    assert (job.result["restored"], job.result["refused"]) == (4, 1)
    assert job.result["named"] == [["甲公司3", "之后被修改过"]]
    assert sorted(Customer.objects.values_list("remark", flat=True)) == ["", "", "", "", "别人改的"]
    entry.refresh_from_db()
    assert (entry.restored, entry.undone_by) == (4, seller)


def test_a_customer_whose_name_was_taken_stays_with_its_contacts_and_the_others_come_back(seller):
    made = make(seller, 3)
    delete_customers(Customer.objects.filter(pk__in=[one.pk for one in made]), by=seller)
    entry = Undo.objects.get()
    assert (entry.count, entry.records.count()) == (3, 6)
    create_customer(Customer(name="甲公司1", owner=seller), by=seller)
    done, failures = undoing.undo(entry, by=seller)
    assert done == 2
    assert sorted(failures) == [("甲公司1", "已有同名客户"), ("联系人1", "它所属的记录没有恢复")]
    assert Contact.objects.live().count() == 2
    assert UndoRecord.objects.filter(undo=entry, back=True).count() == 4


def test_a_contact_does_not_come_back_below_a_deleted_customer(seller):
    (customer,) = make(seller, 1)
    contact = Contact.objects.get()
    services.delete(Contact.objects.filter(pk=contact.pk), by=seller)
    entry = Undo.objects.get()
    services.delete(Customer.objects.filter(pk=customer.pk), by=seller)
    assert undoing.undo(entry, by=seller) == (0, [("联系人0", "所属的客户在回收站中")])


def test_former_values_that_no_longer_exist_and_owners_who_left_are_named(seller):
    first, second = make(seller, 2)
    level = DictionaryItem.objects.create(dictionary="customer.level", label="D 暂缓")
    services.update(first, {"level": level}, version=1, by=seller)
    bulkedit.edit_many(Customer.objects.filter(pk=first.pk), {"level": None}, by=seller)
    level.delete()
    assert undoing.undo(Undo.objects.latest("pk"), by=seller) == (0, [("甲公司0", "原来的客户级别已停用或不存在")])
    keeper, mate = employee("超管", ["super"]), employee("乙", ["seller"])
    services.transfer(Customer.objects.filter(pk=second.pk), mate, by=keeper)
    seller.is_active = False
    seller.save()
    assert undoing.undo(Undo.objects.latest("pk"), by=keeper) == (0, [("甲公司1", "原来的负责人已停用或不存在")])


def test_the_nightly_clean_up_removes_expired_entries_only(seller):
    made = make(seller, 2)
    services.delete(Contact.objects.filter(customer=made[0]), by=seller)
    old = Undo.objects.get()
    Undo.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=31))
    services.delete(Contact.objects.filter(customer=made[1]), by=seller)
    cleaning.clean_up(timezone.now())
    assert Undo.objects.get().pk != old.pk and UndoRecord.objects.count() == 1


def test_an_act_that_fails_or_changes_nothing_leaves_no_entry(seller):
    (customer,) = make(seller, 1)
    gone = employee("离职", ["seller"], is_active=False)
    with pytest.raises(ValidationError):
        services.transfer(Customer.objects.filter(pk=customer.pk), gone, by=seller)
    services.transfer(Customer.objects.filter(pk=customer.pk), seller, by=seller)
    bulkedit.edit_many(Customer.objects.filter(pk=customer.pk), {"remark": ""}, by=seller)
    assert not Undo.objects.exists()


@pytest.mark.pg
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_of_two_people_who_take_the_same_act_back_at_once_one_wins():
    seller = employee("甲", ["seller"])
    make(seller, 3)
    delete_customers(Customer.objects.all(), by=seller)
    pk, outcomes, start = Undo.objects.get().pk, [], threading.Barrier(2)

    def take_back():
        start.wait()
        try:
            outcomes.append(undoing.undo(Undo.objects.get(pk=pk), by=seller)[0])
        except ValidationError:
            outcomes.append("too late")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=take_back) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcomes)) == ["3", "too late"]
    assert Customer.objects.live().count() == 3 and Contact.objects.live().count() == 3
