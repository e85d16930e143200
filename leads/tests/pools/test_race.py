"""Two people at once: a lead goes to one of them, and history, log and status say the same."""

import pytest

from crm.records.models import OperationLog
from customers.models import PoolEvent
from customers.pools import kinds, services
from customers.tests.pools.test_race import at_once
from leads import services as verbs
from leads.models import Lead, Status
from leads.tests.conftest import make, rows

pytestmark = [pytest.mark.pg, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def test_of_many_who_claim_a_lead_one_gets_it(team):
    lead = make("抢手", team.ann)
    services.release(rows(lead), team.facts, by=team.ann, reason="其他")
    people = [team.ann, team.bob, team.manager, team.boss]

    def claim(place):
        return services.claim(kinds.get("lead"), [lead.pk], by=people[place % 4])

    outcomes = at_once(claim, 8)
    assert sum(len(one.done) for one in outcomes) == 1
    assert PoolEvent.objects.filter(action="claimed").count() == 1
    assert Lead.objects.get().status == Status.FOLLOWING


def test_two_managers_who_assign_the_same_lead_leave_one_owner_and_two_log_rows(team):
    lead, to = make("两边指派", team.ann), [team.bob, team.manager]

    def assign(place):
        return verbs.assign(rows(lead), to[place], by=[team.manager, team.boss][place])

    assert at_once(assign, 2) == [1, 1]
    lead.refresh_from_db()
    last = OperationLog.objects.filter(code="lead.assigned").latest("pk")
    assert lead.version == 3 and last.changes[0]["new"] == lead.owner.name


def test_numbers_given_at_once_are_all_different(team):
    def create(place):
        return make(f"线索{place}", team.ann).number

    numbers = at_once(create, 8)
    assert len(set(numbers)) == 8 and sorted(numbers)[-1].endswith("0008")
