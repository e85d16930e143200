"""Corners of the engine: nobody left to stand in, agreements taken back, resubmission by another person, lone surrogates."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from approvals import leaving, services
from approvals.models import Approval, Assignment
from approvals.requests import services as requests
from approvals.services import handing
from approvals.tests import asking, factories
from contracts import services as contracts
from crm.notices.models import Message
from orgs.services import employees, fields
from orgs.tests.factories import client_for, department, employee

pytestmark = pytest.mark.django_db


@pytest.fixture
def small(db):
    """A company of four: the super administrator decides everything, with a deputy."""
    east = department("华东")
    boss = employee("王总", ["super"], east)
    deputy = employee("赵经理", ["sales_manager"], east, supervisor=boss)
    seller = employee("小李", ["seller"], east, supervisor=deputy)
    return boss, deputy, seller


def steps_of(approval):
    return list(approval.steps.order_by("order").values_list("name", "state"))


def state(approval):
    return Approval.objects.get(pk=approval.pk).state


@pytest.mark.parametrize("mode", ["all", "sequence", "any"])
@pytest.mark.parametrize("said_before", [False, True])
def test_a_step_is_not_stuck_when_the_disabled_person_has_nobody_to_stand_in(small, mode, said_before):
    boss, deputy, seller = small
    order = (boss, deputy) if said_before else (deputy, boss)
    factories.flow(boss, factories.step(*order, mode=mode))
    _, approval = factories.submitted(seller)
    if said_before and mode != "any":
        services.approve(factories.todo(approval, boss), by=boss)
    employees.disable_employee(deputy, by=boss)
    if not (said_before and mode != "any"):
        services.approve(factories.todo(approval, boss), by=boss)
    assert state(approval) == "approved"


def test_a_step_to_come_is_not_stuck_when_the_disabled_person_has_nobody_to_stand_in(small):
    boss, deputy, seller = small
    factories.flow(boss, factories.step(boss), factories.step(deputy, boss, mode="sequence"))
    _, approval = factories.submitted(seller)
    employees.disable_employee(deputy, by=boss)
    services.approve(factories.todo(approval, boss), by=boss)
    services.approve(factories.todo(approval, boss), by=boss)
    assert state(approval) == "approved"


def test_a_handover_to_somebody_of_the_same_sequence_lets_the_next_one_decide(small):
    boss, deputy, seller = small
    factories.flow(boss, factories.step(deputy, boss, mode="sequence"))
    _, approval = factories.submitted(seller)
    found = list(leaving.rows(deputy))
    chosen = leaving.choose(found, [boss.pk], None)
    for row in found:
        Assignment.objects.filter(pk=row.pk).update(employee=chosen[row.pk])
    leaving.written(found, "employee", {}, boss, "赵经理离职交接")
    services.approve(factories.todo(approval, boss), by=boss)
    assert state(approval) == "approved"


def test_who_took_their_agreement_back_is_asked_in_the_next_step_again(people):
    factories.flow(
        people.admin,
        factories.step(people.boss),
        factories.step(people.boss, people.finance, mode="all", skip_approved=True),
    )
    _, approval = factories.submitted(people.seller)
    said = factories.todo(approval, people.boss)
    services.approve(said, by=people.boss)
    assert factories.waiting(approval) == ["钱会计"]
    services.take_back(said, by=people.boss)
    services.hand_over(said, to=people.deputy, by=people.boss)
    services.approve(factories.todo(approval, people.deputy), by=people.deputy)
    assert factories.waiting(approval) == ["王总", "钱会计"]


def test_a_step_skipped_for_an_agreement_is_laid_out_again_when_sent_back(people):
    factories.flow(
        people.admin,
        factories.step(people.boss),
        factories.step(people.boss, skip_approved=True),
        factories.step(people.finance),
    )
    _, approval = factories.submitted(people.seller)
    services.approve(factories.todo(approval, people.boss), by=people.boss)
    first = approval.steps.order_by("order").first()
    services.send_back(factories.todo(approval, people.finance), to=first.pk, by=people.finance, comment="再看看")
    services.hand_over(factories.todo(approval, people.boss), to=people.deputy, by=people.boss)
    services.approve(factories.todo(approval, people.deputy), by=people.deputy)
    assert factories.waiting(approval) == ["王总"]


def test_another_person_resubmitting_does_not_skip_everybody(people):
    factories.flow(
        people.admin,
        factories.step(people.finance),
        factories.step(people.boss, skip_self=True),
        resume="rejecting",
    )
    made, approval = factories.submitted(people.seller)
    services.approve(factories.todo(approval, people.finance), by=people.finance)
    services.reject(factories.todo(approval, people.boss), by=people.boss, comment="改")
    contracts.submit(type(made).objects.get(pk=made.pk), by=people.boss)
    again = Approval.objects.filter(object_id=made.pk).order_by("-pk").first()
    assert again.state == "pending"
    assert factories.waiting(again) == ["钱会计"]


def test_somebody_who_agreed_in_the_step_cannot_be_handed_the_place_of_another(people):
    factories.flow(people.admin, factories.step(people.boss, people.finance, mode="all"))
    _, approval = factories.submitted(people.seller)
    services.approve(factories.todo(approval, people.boss), by=people.boss)
    with pytest.raises(ValidationError):
        services.hand_over(factories.todo(approval, people.finance), to=people.boss, by=people.finance)


def test_who_is_handed_a_late_decision_is_not_passed_over_at_once(people):
    factories.flow(people.admin, factories.step(people.boss, hours=1, late="remind"))
    _, approval = factories.submitted(people.seller)
    later = timezone.now() + timedelta(hours=2)
    assert handing.overdue(approval.pk, later) == 1
    services.hand_over(factories.todo(approval, people.boss), to=people.deputy, by=people.boss)
    assert handing.overdue(approval.pk, later) == 0


def custom(kind: str, label: str, by, **more) -> str:
    return f"f{fields.create_field('contract', {'type': kind, 'label': label, **more}, by=by).pk}"


def test_a_custom_field_is_set_as_it_is_kept(people):
    options = [{"id": 1, "label": "甲"}, {"id": 2, "label": "乙"}]
    keys = {
        "number": custom("number", "件数", people.admin),
        "choices": custom("choices", "分档", people.admin, options=options),
        "check": custom("check", "归档", people.admin),
        "mobile": custom("mobile", "经办手机", people.admin),
    }
    acts = [
        (keys["number"], "1,200.5"),
        (keys["choices"], 2),
        (keys["check"], "yes"),
        (keys["mobile"], "12"),
        ("remark", ""),
    ]
    factories.flow(
        people.admin,
        factories.step(people.boss),
        after=[{"kind": "set", "field": key, "value": value} for key, value in acts],
    )
    made, approval = factories.submitted(people.seller, remark="旧的备注")
    services.approve(factories.todo(approval, people.boss), by=people.boss)
    made.refresh_from_db()
    assert made.extra == {keys["number"]: 1200.5, keys["choices"]: [2], keys["check"]: True}
    assert made.remark == ""
    assert approval.events.filter(code="set", text__contains="没有设置“经办手机”").count() == 1
    assert client_for(people.seller).get(f"/contracts/{made.pk}/").status_code == 200


def test_the_owner_does_not_approve_what_a_colleague_submitted_for_them(people):
    """A manager who has a subordinate send off the manager's own claim decides no more of it than of one they sent themselves."""
    asking.flow(people.admin, factories.step(people.boss))
    request = asking.draft(people.boss)
    requests.submit_request(request, by=people.seller)
    approval = Approval.objects.get(object_id=request.pk, state="pending")
    assert factories.waiting(approval) == ["管理员"]
    assert approval.steps.get().note == "王总是单据的负责人，由管理员代为审批"
    with pytest.raises(ValidationError, match="不能交给负责人"):
        services.hand_over(factories.todo(approval, people.admin), to=people.boss, by=people.admin)


def test_a_comment_is_not_sent_to_who_commented_before_and_sees_nothing_any_more(people):
    made, approval = (factories.flow(people.admin, factories.step(people.boss)), *factories.submitted(people.seller))[
        1:
    ]
    services.comment(approval.pk, by=people.deputy, text="第一次")
    people.deputy.roles.clear()
    services.comment(approval.pk, by=people.seller, text="底价是八折")
    assert not Message.objects.filter(recipient=people.deputy, body__contains="底价").exists()
    assert Message.objects.filter(recipient=people.boss, body__contains="底价").exists()
