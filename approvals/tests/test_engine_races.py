"""Two people at once, on PostgreSQL: each step advances exactly once, an approval ends exactly once."""

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from approvals import services
from approvals.models import Approval, Assignment, Event
from approvals.tests.factories import flow, status, step, submitted, todo, waiting
from contracts import services as contracts
from contracts.models import Contract
from contracts.tests import factories as papers
from opportunities.tests.test_races import at_once
from orgs import services as organisation

pytestmark = [pytest.mark.pg, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
ROUNDS = 6


def refusals(found) -> int:
    """How many were told a sentence; nothing else may go wrong."""
    wrong = [one for one in found if isinstance(one, type)]
    assert all(one is ValidationError for one in wrong), wrong
    return len(wrong)


def test_two_approvers_of_one_is_enough_advance_it_once(people):
    flow(people.admin, step(people.boss, people.deputy, mode="any"), step(people.finance))
    for n in range(ROUNDS):
        _, approval = submitted(people.seller, name=f"第{n}份")
        pairs = [(todo(approval, one), one) for one in (people.boss, people.deputy)]
        acts = [lambda pk=pk, one=one: services.approve(pk, by=one) for pk, one in pairs]
        assert refusals(at_once(*acts)) == 1
        assert waiting(approval) == ["钱会计"]
        assert [one.state for one in approval.steps.all()] == ["passed", "open"]
        assert Event.objects.filter(approval=approval, code="approved").count() == 1


def test_two_approvers_of_all_must_agree_advance_it_once_and_surely(people):
    flow(people.admin, step(people.boss, people.deputy, mode="all"), step(people.finance))
    for n in range(ROUNDS):
        _, approval = submitted(people.seller, name=f"第{n}份")
        pairs = [(todo(approval, one), one) for one in (people.boss, people.deputy)]
        acts = [lambda pk=pk, one=one: services.approve(pk, by=one) for pk, one in pairs]
        assert refusals(at_once(*acts)) == 0
        assert waiting(approval) == ["钱会计"]


def test_a_double_click_decides_once(people):
    flow(people.admin, step(people.boss), step(people.boss))
    _, approval = submitted(people.seller)
    pk = todo(approval, people.boss)
    assert refusals(at_once(*[lambda: services.approve(pk, by=people.boss)] * 4)) == 3
    assert [one.state for one in approval.steps.all()] == ["passed", "open"]


@pytest.mark.parametrize("other", ["withdraw", "reject", "hand_over", "force", "stop", "take_over"])
def test_of_approving_and_something_else_one_wins_and_all_agrees(people, other):
    flow(people.admin, step(people.boss, people.deputy, mode="any"))
    for n in range(ROUNDS):
        contract, approval = submitted(people.seller, name=f"第{n}份")
        mine, theirs = todo(approval, people.boss), todo(approval, people.deputy)
        acts = {
            "withdraw": lambda pk=approval.pk: services.withdraw(pk, by=people.seller),
            "reject": lambda pk=theirs: services.reject(pk, by=people.deputy, comment="不"),
            "hand_over": lambda pk=mine: services.hand_over(pk, to=people.finance, by=people.boss),
            "force": lambda pk=approval.pk: services.force(pk, by=people.admin, reason="急"),
            "stop": lambda pk=approval.pk: services.stop(pk, by=people.admin, reason="停"),
            "take_over": lambda pk=mine: services.hand_over(pk, to=people.admin, by=people.boss),
        }
        found = at_once(lambda pk=mine: services.approve(pk, by=people.boss), acts[other])
        assert refusals(found) == 1
        approval.refresh_from_db()
        expected = {"stopped": "rejected"}.get(approval.state, approval.state)
        assert status(contract) == expected
        live = Assignment.objects.filter(step__approval=approval, state__in=("waiting", "open")).count()
        assert (live > 0) == (approval.state == "pending")


def test_somebody_is_disabled_while_they_decide_and_while_somebody_submits(people):
    for n in range(3):
        organisation.enable_employee(people.deputy, by=None) if n else None
        flow(people.admin, step(people.deputy), name=f"流程{n}")
        from approvals.models import Flow

        Flow.objects.exclude(name=f"流程{n}").update(enabled=False)
        _, approval = submitted(people.seller, name=f"第{n}份")
        drafts = [papers.contract(people.seller, name=f"草稿{n}{m}") for m in range(3)]
        pk = todo(approval, people.deputy)
        found = at_once(
            lambda pk=pk: services.approve(pk, by=people.deputy).pk,
            lambda: organisation.disable_employee(type(people.deputy).objects.get(pk=people.deputy.pk), by=None),
            *[lambda one=one: contracts.submit(one, by=people.seller).pk for one in drafts],
        )
        refusals(found)
        from crm.records import periodic

        periodic.run("approval_limits", by_hand=True)
        assert not Assignment.objects.filter(employee=people.deputy, state="open").exists()
        assert Approval.objects.filter(object_id__in=[one.pk for one in drafts], state="pending").count() == 3
        people.deputy.refresh_from_db()


def test_the_same_contract_is_submitted_once(people):
    flow(people.admin, step(people.boss))
    draft = papers.contract(people.seller)
    found = at_once(*[lambda: contracts.submit(Contract.objects.get(pk=draft.pk), by=people.seller).pk] * 4)
    assert refusals(found) == 3
    assert Approval.objects.count() == 1


def test_a_handover_and_a_decision_at_once_leave_one_of_them(people):
    from crm.records import jobs
    from orgs.handover import services as handovers
    from orgs.handover.models import Handover
    from orgs.tests.factories import employee

    assert connection.vendor == "postgresql"
    root = employee("超管", ["super"])
    flow(people.admin, step(people.boss, people.deputy, mode="all"))
    made = [submitted(people.seller, name=f"第{n}份")[1] for n in range(ROUNDS)]
    ids = [todo(one, people.boss) for one in made]
    plan = {"all": [people.finance.pk], "own": {}, "along": []}
    handovers.ask(people.boss, by=root, plan=plan, account=Handover.Account.KEEP)
    job = Handover.objects.get().job_id
    found = at_once(lambda: jobs.execute(job), *[lambda pk=pk: services.approve(pk, by=people.boss).pk for pk in ids])
    refusals(found)
    for approval in made:
        states = dict(Assignment.objects.filter(step__approval=approval).values_list("employee__name", "state"))
        assert states in ({"王总": "approved", "赵经理": "open"}, {"钱会计": "open", "赵经理": "open"})
