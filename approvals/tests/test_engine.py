"""The way of an approval: modes, rejection, sending back, taking back, withdrawing."""

import pytest
from django.core.exceptions import ValidationError

from approvals import flows, services
from approvals.models import Approval, Assignment, Event, Step
from approvals.tests.factories import change, flow, status, step, submitted, todo, waiting
from contracts import services as contracts
from contracts.models import Contract
from crm.notices.models import Message
from crm.records.models import OperationLog

pytestmark = pytest.mark.django_db


def refused(sentence: str):
    return pytest.raises(ValidationError, match=sentence)


def test_two_steps_one_after_the_other_and_the_contract_is_approved(people):
    flow(people.admin, step(people.boss), step(people.finance))
    contract, approval = submitted(people.seller)
    assert (status(contract), waiting(approval)) == ("pending", ["王总"])
    services.approve(todo(approval, people.boss), by=people.boss, comment="可以")
    assert (status(contract), waiting(approval)) == ("pending", ["钱会计"])
    services.approve(todo(approval, people.finance), by=people.finance)
    approval.refresh_from_db()
    assert (status(contract), approval.state, waiting(approval)) == ("approved", "approved", [])
    log = OperationLog.objects.filter(object_id=contract.pk, content_type__model="contract").order_by("pk")
    codes = list(log.values_list("code", flat=True))
    assert codes[-4:] == ["approval.submitted", "approval.approved", "approval.approved", "contract.approved"]
    assert list(Message.objects.filter(recipient=people.seller).values_list("kind", flat=True)) == ["approval_done"]
    assert list(Message.objects.filter(recipient=people.finance).values_list("kind", flat=True)) == ["approval"]


def test_all_of_a_step_must_agree_and_one_is_enough_where_the_mode_says_so(people):
    flow(people.admin, step(people.boss, people.finance, mode="all"), step(people.boss, people.deputy, mode="any"))
    _, approval = submitted(people.seller)
    assert waiting(approval) == ["王总", "钱会计"]
    services.approve(todo(approval, people.finance), by=people.finance)
    assert waiting(approval) == ["王总"]
    services.approve(todo(approval, people.boss), by=people.boss)
    assert waiting(approval) == ["王总", "赵经理"]
    services.approve(todo(approval, people.deputy), by=people.deputy)
    assert Approval.objects.get(pk=approval.pk).state == "approved"
    assert Assignment.objects.get(step__order=20, employee=people.boss).state == "moot"


def test_a_sequence_asks_one_after_the_other(people):
    flow(people.admin, step(people.finance, people.boss, people.deputy, mode="sequence"))
    _, approval = submitted(people.seller)
    for person in (people.finance, people.boss, people.deputy):
        assert waiting(approval) == [person.name]
        services.approve(todo(approval, person), by=person)
    assert Approval.objects.get(pk=approval.pk).state == "approved"


@pytest.mark.parametrize("mode", ["all", "any", "sequence"])
def test_one_rejection_ends_it_in_every_mode(people, mode):
    flow(people.admin, step(people.boss, people.finance, mode=mode), step(people.deputy))
    contract, approval = submitted(people.seller)
    mine = todo(approval, people.boss)
    with refused("请填写拒绝的理由"):
        services.reject(mine, by=people.boss, comment="  ")
    services.reject(mine, by=people.boss, comment="价格太低")
    approval.refresh_from_db()
    assert (approval.state, status(contract)) == ("rejected", "rejected")
    assert list(approval.steps.values_list("state", flat=True)) == ["rejected", "ended"]
    other = Assignment.objects.get(step__approval=approval, employee=people.finance)
    assert other.state == "moot"
    with refused("已经被拒绝"):
        services.approve(other.pk, by=people.finance)


def test_nobody_decides_twice_or_for_somebody_else(people):
    flow(people.admin, step(people.boss, people.finance, mode="all"), step(people.boss))
    _, approval = submitted(people.seller)
    mine = todo(approval, people.boss)
    with refused("已经不由您处理"):
        services.approve(mine, by=people.finance)
    services.approve(mine, by=people.boss)
    with refused("您已经同意过了"):
        services.approve(mine, by=people.boss)
    services.approve(todo(approval, people.finance), by=people.finance)
    with refused("您已经同意过了"):  # a second click does not decide the next step, which is theirs too
        services.approve(mine, by=people.boss)
    assert waiting(approval) == ["王总"]
    for wrong in (10**30, 0, -1):
        with refused("已不存在"):
            services.approve(wrong, by=people.boss)


def test_after_a_withdrawal_nobody_decides_and_only_the_submitter_withdraws(people):
    flow(people.admin, step(people.boss))
    contract, approval = submitted(people.seller)
    mine = todo(approval, people.boss)
    with refused("只有发起人可以撤回"):
        services.withdraw(approval.pk, by=people.boss)
    services.withdraw(approval.pk, by=people.seller)
    assert status(contract) == "withdrawn"
    with refused("发起人已经撤回"):
        services.approve(mine, by=people.boss)
    with refused("发起人已经撤回"):
        services.withdraw(approval.pk, by=people.seller)
    contracts.submit(Contract.objects.get(pk=contract.pk), by=people.seller)
    assert Approval.objects.filter(object_id=contract.pk, state="pending").count() == 1


def test_a_submission_sends_back_to_an_earlier_step_and_goes_the_way_again(people):
    flow(people.admin, step(people.boss), step(people.deputy), step(people.finance), step(people.admin))
    contract, approval = submitted(people.seller)
    first = todo(approval, people.boss)
    with refused("前面没有可以退回的步骤"):
        services.send_back(first, to=approval.steps.first().pk, by=people.boss, comment="再看看")
    services.approve(first, by=people.boss)
    services.approve(todo(approval, people.deputy), by=people.deputy)
    one = approval.steps.get(key="s1")
    mine = todo(approval, people.finance)
    for wrong in (approval.steps.get(key="s4").pk, 10**30, "x"):
        with refused("请选择前面已通过的步骤"):
            services.send_back(mine, to=wrong, by=people.finance, comment="再看看")
    services.send_back(mine, to=one.pk, by=people.finance, comment="再看看")
    assert waiting(approval) == ["王总"]
    assert [(s.key, s.state) for s in approval.steps.all()] == [
        ("s1", "passed"),
        ("s2", "passed"),
        ("s3", "ended"),
        ("s1", "open"),
        ("s2", "waiting"),
        ("s3", "waiting"),
        ("s4", "waiting"),
    ]
    for person in (people.boss, people.deputy):
        services.approve(todo(approval, person), by=person)
    course = services.Course(Approval.objects.get(pk=approval.pk))
    assert [s.key for s in course.returnable()] == ["s1", "s2"]
    services.send_back(todo(approval, people.finance), to=course.returnable()[1].pk, by=people.finance, comment="又")
    for person in (people.deputy, people.finance, people.admin):
        assert waiting(approval) == [person.name]
        services.approve(todo(approval, person), by=person)
    assert status(contract) == "approved"


def test_an_approver_takes_back_until_the_next_step_has_acted(people):
    flow(people.admin, step(people.boss, people.deputy, mode="any"), step(people.finance))
    contract, approval = submitted(people.seller)
    mine = todo(approval, people.boss)
    services.approve(mine, by=people.boss)
    assert "take_back" in services.actions_for(approval, people.boss)
    services.take_back(mine, by=people.boss)
    assert waiting(approval) == ["王总", "赵经理"]
    services.approve(mine, by=people.boss)
    services.approve(todo(approval, people.finance), by=people.finance)
    assert status(contract) == "approved"
    with refused("审批已经通过"):
        services.take_back(mine, by=people.boss)


def test_nothing_is_taken_back_behind_a_decision(people):
    flow(people.admin, step(people.boss), step(people.finance, people.deputy, mode="all"))
    _, approval = submitted(people.seller)
    mine = todo(approval, people.boss)
    services.approve(mine, by=people.boss)
    theirs = todo(approval, people.finance)
    services.approve(theirs, by=people.finance)
    with refused("后面的审批人已经处理"):
        services.take_back(mine, by=people.boss)
    services.take_back(theirs, by=people.finance)
    assert waiting(approval) == ["钱会计", "赵经理"]
    with refused("没有可以收回的同意"):
        services.take_back(theirs, by=people.deputy)


def test_in_a_sequence_nothing_is_taken_back_behind_the_next_one(people):
    flow(people.admin, step(people.boss, people.finance, people.deputy, mode="sequence"))
    _, approval = submitted(people.seller)
    mine = todo(approval, people.boss)
    services.approve(mine, by=people.boss)
    services.take_back(mine, by=people.boss)
    assert waiting(approval) == ["王总"]
    services.approve(mine, by=people.boss)
    services.approve(todo(approval, people.finance), by=people.finance)
    with refused("后面的审批人已经处理"):
        services.take_back(mine, by=people.boss)


def test_after_a_rejection_it_begins_anew_or_where_it_was_rejected(people):
    used = flow(people.admin, step(people.boss), step(people.finance), step(people.deputy))
    contract, approval = submitted(people.seller)
    services.approve(todo(approval, people.boss), by=people.boss)
    services.reject(todo(approval, people.finance), by=people.finance, comment="税率不对")
    contracts.submit(Contract.objects.get(pk=contract.pk), by=people.seller)
    second = Approval.objects.get(object_id=contract.pk, state="pending")
    assert waiting(second) == ["王总"]
    services.approve(todo(second, people.boss), by=people.boss)
    services.reject(todo(second, people.finance), by=people.finance, comment="还是不对")
    change(used, people.admin, resume="rejecting")
    contracts.submit(Contract.objects.get(pk=contract.pk), by=people.seller)
    third = Approval.objects.get(object_id=contract.pk, state="pending")
    assert waiting(third) == ["钱会计"]
    assert third.steps.first().state == "skipped"
    assert "从被拒绝的步骤继续" in third.steps.first().note


def test_an_edited_or_disabled_flow_leaves_what_runs_alone(people):
    used = flow(people.admin, step(people.boss), step(people.finance))
    _, approval = submitted(people.seller)
    change(used, people.admin, steps=[step(people.deputy, key="x", name="新")])
    used.refresh_from_db()
    flows.disable(used, by=people.admin)
    services.approve(todo(approval, people.boss), by=people.boss)
    services.approve(todo(approval, people.finance), by=people.finance)
    assert Approval.objects.get(pk=approval.pk).flow_version.number == 1
    assert submitted(people.seller, name="另一份")[1] is None


def test_everything_said_stands_in_the_events(people):
    flow(people.admin, step(people.boss))
    _, approval = submitted(people.seller)
    services.comment(approval.pk, by=people.boss, text="请补充附件")
    services.approve(todo(approval, people.boss), by=people.boss, comment="好")
    found = list(Event.objects.filter(approval=approval).values_list("code", "by__name", "text"))
    assert found == [
        ("submitted", "小李", ""),
        ("commented", "王总", "请补充附件"),
        ("approved", "王总", "好"),
        ("ended", "王总", "已通过"),
    ]
    assert Step.objects.filter(approval=approval, state="open").count() == 0
