"""Team memberships with a last day."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.notices.models import Message
from crm.records import kinds, periodic, services, teams  # noqa: F401 (kinds registers the periodic jobs)
from crm.records.models import OperationLog, PeriodicRun
from customers.models import Contact, ContactGrant, Customer, CustomerGrant
from orgs.tests.factories import employee


@pytest.fixture
def three(db):
    return employee("甲", ["seller"]), employee("乙", ["seller"]), employee("丙", ["seller"])


def make(owner, name):
    return services.create(Customer(name=name, owner=owner), by=owner)


def end(model, record, person, days):
    model.objects.filter(content_object=record, user=person).update(until=timezone.localdate() + timedelta(days=days))


def test_ended_memberships_go_with_a_log_row_each_and_one_message_a_person(three):
    owner, first, second = three
    one, two = make(owner, "一号公司"), make(owner, '"><img src=x onerror=1>')
    contact = services.create(Contact(name="许一诺", customer=one, owner=owner), by=owner)
    teams.add([one, two], [first, second], write=True, by=owner)
    teams.add([contact], [first], write=False, by=owner)
    end(CustomerGrant, one, first, -1)
    end(CustomerGrant, two, first, -5)
    end(ContactGrant, contact, first, -1)
    end(CustomerGrant, one, second, 0)  # today is still a day of the team
    Message.objects.all().delete()
    assert periodic.run("team_expiry").result == "到期 3 个"
    assert set(CustomerGrant.objects.values_list("content_object", "user")) == {
        (one.pk, second.pk),
        (two.pk, second.pk),
    }
    assert not ContactGrant.objects.exists()
    logs = OperationLog.objects.filter(code__endswith=".team_expired")
    assert sorted(logs.values_list("object_id", "code")) == sorted(
        [(one.pk, "customer.team_expired"), (two.pk, "customer.team_expired"), (contact.pk, "contact.team_expired")]
    )
    assert all("团队成员 乙 到期" in log.text and log.actor is None for log in logs)
    message = Message.objects.get()
    assert message.recipient == first and message.kind == "team_end" and "3 条记录" in message.title
    assert all(name in message.body for name in ("一号公司", "onerror", "许一诺"))


def test_the_nightly_run_happens_once_a_day_and_finds_nothing_the_second_time(three):
    owner, first, _ = three
    record = make(owner, "一号公司")
    teams.add([record], [first], write=False, by=owner)
    end(CustomerGrant, record, first, -1)
    assert periodic.run("team_expiry").result == "到期 1 个"
    assert periodic.run("team_expiry") is None
    assert PeriodicRun.objects.filter(name="team_expiry").count() == 1
    assert teams.expire(timezone.localdate()) == 0


def test_disabled_people_get_no_message_and_the_batch_size_does_not_cost_statements(three):
    owner, first, second = three
    counts = []
    for size in (2, 2, 30):
        records = [make(owner, f"公司{size}-{n}-{len(counts)}") for n in range(size)]
        teams.add(records, [first], write=False, by=owner)
        CustomerGrant.objects.update(until=timezone.localdate() - timedelta(days=1))
        with CaptureQueriesContext(connection) as queries:
            assert teams.expire(timezone.localdate()) == size
        counts.append(len(queries))
    assert counts[1] == counts[2]
    second.is_active = False
    second.save()
    record = make(owner, "最后一家")
    CustomerGrant.objects.create(
        user=second,
        content_object=record,
        permission=teams.permission_for(Customer, False),
        until=timezone.localdate() - timedelta(days=1),
    )
    assert teams.expire(timezone.localdate()) == 1
    assert not Message.objects.filter(recipient=second, kind="team_end").exists()
