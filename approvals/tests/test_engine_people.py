"""Who decides: rules of the flow, substitutes, and that nobody decides what they submitted."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from approvals import flows, services
from approvals.models import Approval, Assignment, Flow
from approvals.tests.factories import flow, status, step, submitted, todo, waiting
from contracts.models import Contract, ContractGrant
from crm.notices.models import Message
from crm.records import jobs, periodic
from orgs import services as organisation
from orgs.handover import services as handovers
from orgs.handover.models import Handover
from orgs.models import OrgLog
from orgs.tests.factories import client_for, department, employee, role, top

pytestmark = pytest.mark.django_db


def refused(sentence: str):
    return pytest.raises(ValidationError, match=sentence)


def who(kind: str, **more) -> list[dict]:
    return [{"kind": kind, **more}]


def disable(person) -> None:
    organisation.disable_employee(person, by=None)


# Nobody decides what they submitted -------------------------------------------------------------------------------------
def test_the_submitter_never_decides_whoever_names_them(people):
    flow(people.admin, step(people.seller, people.finance, mode="all"), step(people.boss))
    _, approval = submitted(people.seller)
    assert waiting(approval) == ["王总", "钱会计"]  # the superior in their place
    mine = todo(approval, people.finance)
    with refused("不能交给发起人"):
        services.hand_over(mine, to=people.seller, by=people.finance)
    for where in ("before", "after"):
        with refused("不能交给发起人"):
            services.add_approver(mine, people=[people.seller.pk], where=where, by=people.finance)
    assert not {"approve", "reject", "force"} & services.actions_for(approval, people.seller)


def test_the_submitter_who_takes_over_somebodys_work_still_does_not_decide(people):
    flow(people.admin, step(people.boss))
    _, approval = submitted(people.seller)
    plan = {"all": [people.seller.pk], "own": {}, "along": []}
    root = employee("超管", ["super"])
    handovers.ask(people.boss, by=root, plan=plan, account=Handover.Account.DISABLE)
    _run_handover(people.boss)
    assert waiting(approval) == ["管理员"]
    rows = Assignment.objects.filter(step__approval=approval, employee=people.seller)
    assert not rows.exists()


def _run_handover(person) -> None:
    jobs.execute(Handover.objects.get(employee=person).job_id)


def test_an_assignment_that_came_to_the_submitter_is_refused_all_the_same(people):
    flow(people.admin, step(people.boss))
    contract, approval = submitted(people.seller)
    mine = Assignment.objects.get(step__approval=approval)
    Assignment.objects.filter(pk=mine.pk).update(employee=people.seller)
    with refused("不能审批自己提交的单据"):
        services.approve(mine.pk, by=people.seller)
    done, failed = services.decide_many([mine.pk], by=people.seller)
    assert (done, [reason for _, reason in failed]) == (0, ["不能审批自己提交的单据。"])
    assert status(contract) == "pending"


def test_no_administrator_forces_their_own_through_unless_the_flow_lets_them(people):
    root = employee("超管", ["super", "seller"], people.east)
    flow(people.admin, step(people.boss))
    contract, approval = submitted(root)
    with refused("不能强制通过自己提交的单据"):
        services.force(approval.pk, by=root, reason="急")
    with refused("没有强制通过"):
        services.force(approval.pk, by=people.boss, reason="急")
    with refused("请填写强制通过的理由"):
        services.force(approval.pk, by=people.admin, reason="")
    services.force(approval.pk, by=people.admin, reason="客户催得急")
    assert status(contract) == "approved"
    assert list(approval.steps.values_list("state", flat=True)) == ["ended"]
    with refused("审批已经通过"):
        services.stop(approval.pk, by=people.admin, reason="晚了")


def test_an_administrator_stops_with_a_reason(people):
    flow(people.admin, step(people.boss))
    contract, approval = submitted(people.seller)
    services.stop(approval.pk, by=people.admin, reason="重复提交")
    assert (status(contract), Approval.objects.get(pk=approval.pk).state) == ("rejected", "stopped")
    assert Message.objects.filter(recipient=people.boss, title__contains="终止审批").count() == 1


def test_where_the_flow_says_so_submitters_decide_their_own(people):
    flow(people.admin, step(who=who("submitter")), own=True)
    contract, approval = submitted(people.seller)
    services.approve(todo(approval, people.seller), by=people.seller)
    assert status(contract) == "approved"


# Rules ------------------------------------------------------------------------------------------------------------------
def test_superiors_and_heads_of_each_level(people):
    chief = employee("总经理")
    people.boss.supervisor = chief
    people.boss.save()
    head = employee("部长", department=people.east)
    people.east.manager = head
    people.east.save()
    above = top()
    above.manager = chief
    above.save()
    flow(
        people.admin,
        step(who=who("supervisor", level=1)),
        step(who=who("supervisor", level=2)),
        step(who=who("head", level=0)),
        step(who=who("head", level=1)),
        step(who=who("supervisor", level=3)),
        step(who=who("head", level=5)),
    )
    _, approval = submitted(people.seller)
    names = [[a.employee.name for a in s.assignments.all()] for s in approval.steps.all()]
    assert names == [["王总"], ["总经理"], ["部长"], ["总经理"], ["管理员"], ["管理员"]]
    assert "没有找到审批人" in approval.steps.last().note


def test_nobody_found_passes_by_itself_where_the_step_says_so(people):
    flow(people.admin, step(who=who("head", level=0), nobody="approve"), step(people.boss))
    _, approval = submitted(people.seller)
    assert waiting(approval) == ["王总"]
    assert approval.steps.first().state == "skipped"
    assert "自动通过" in approval.steps.first().note
    flow(people.admin, step(who=who("head", level=0), nobody="approve"), name="另一个")
    people_flow = Approval.objects.get(pk=approval.pk).flow_version.flow
    flows.disable(people_flow, by=people.admin)
    contract, second = submitted(people.seller, name="二号")
    assert (second.state, status(contract)) == ("approved", "approved")


def test_a_role_names_its_active_holders(people):
    gone = employee("离职会计", ["finance"])
    disable(gone)
    flow(people.admin, step(who=who("role", ids=[role("finance").pk]), mode="any"))
    _, approval = submitted(people.seller)
    assert waiting(approval) == ["钱会计"]


def test_the_submitter_chooses_where_the_flow_asks_them_to(people):
    flow(people.admin, step(who=who("chosen"), key="pick", name="业务负责人"), step(people.finance))
    asked = services.preview("contract", submitter=people.seller, values={"amount": 1})
    assert [one.key for one in asked.choices] == ["pick"]
    for wrong in ({}, {"pick": []}, {"pick": [10**30]}, {"pick": ["x\x00"]}, {"pick": [None, {}]}):
        with pytest.raises(ValidationError) as error:
            submitted(people.seller, chosen=wrong)
        assert error.value.message_dict == {"pick": ["请选择“业务负责人”的审批人"]}
    with refused("不能选自己"):
        submitted(people.seller, chosen={"pick": [people.seller.pk]})
    assert not Approval.objects.exists()
    _, approval = submitted(people.seller, chosen={"pick": [str(people.deputy.pk)]})
    assert waiting(approval) == ["赵经理"]


def test_a_step_is_skipped_for_its_submitter_and_for_who_agreed_before(people):
    flow(
        people.admin,
        step(people.boss, skip_self=True),
        step(people.finance, people.deputy, mode="all"),
        step(people.deputy, people.admin, mode="any", skip_approved=True),
        step(people.finance, people.admin, mode="all", skip_approved=True),
    )
    _, approval = submitted(people.boss)
    assert approval.steps.first().note == "审批人是发起人，已跳过"
    services.approve(todo(approval, people.deputy), by=people.deputy)
    services.approve(todo(approval, people.finance), by=people.finance)
    assert [one.state for one in approval.steps.all()] == ["skipped", "passed", "skipped", "open"]
    assert waiting(approval) == ["管理员"]
    services.take_back(Assignment.objects.get(step__order=20, employee=people.finance).pk, by=people.finance)
    assert [one.state for one in approval.steps.all()] == ["skipped", "open", "waiting", "waiting"]
    services.approve(todo(approval, people.finance), by=people.finance)
    services.approve(todo(approval, people.admin), by=people.admin)
    assert Approval.objects.get(pk=approval.pk).state == "approved"


def test_where_all_steps_would_be_skipped_for_the_submitter_the_administrator_decides(people):
    flow(people.admin, step(people.boss, skip_self=True), step(people.boss, skip_self=True))
    contract, approval = submitted(people.boss)
    assert (waiting(approval), status(contract)) == (["管理员"], "pending")


def test_an_administrator_who_submits_is_replaced_too(people):
    root = employee("超管", ["super"])
    boss = employee("行政经理", ["sales_manager"])
    lone = employee("行政", ["seller"], supervisor=boss)
    flow(lone, step(who=who("head", level=0)))
    _, approval = submitted(lone)
    assert waiting(approval) == ["行政经理"]
    disable(boss)
    assert waiting(approval) == [root.name]


# People who are not there -------------------------------------------------------------------------------------------------
def test_a_disabled_approver_is_replaced_by_handover_superior_or_administrator(people):
    above = employee("副总")
    gone = employee("离职经理", department=people.east, supervisor=above)
    lone = employee("离职专员", department=people.east)
    disable(gone)
    flow_ = flow
    with refused("离职经理已停用"):
        flow_(people.admin, step(gone))
    organisation.enable_employee(gone, by=None)
    used = flow_(people.admin, step(gone), step(lone))
    disable(gone)
    disable(lone)
    _, approval = submitted(people.seller)
    assert waiting(approval) == ["副总"]
    assert approval.steps.first().note == "离职经理已停用，由副总代为审批"
    services.approve(todo(approval, above), by=above)
    assert waiting(approval) == ["管理员"]
    Handover.objects.create(
        employee=gone,
        created_by=people.admin,
        starts_at=timezone.now(),
        state=Handover.State.DONE,
        plan={"all": [people.deputy.pk], "own": {}, "along": []},
    )
    _, second = submitted(people.seller, name="二号")
    assert waiting(second) == ["赵经理"]
    assert used.pk


def test_what_waits_for_somebody_passes_on_in_the_moment_they_are_disabled(people):
    above = employee("副总")
    people.deputy.supervisor = above
    people.deputy.save()
    flow(people.admin, step(people.boss), step(people.deputy, above, mode="sequence"))
    _, approval = submitted(people.seller)
    services.approve(todo(approval, people.boss), by=people.boss)
    mine = todo(approval, people.deputy)
    disable(people.deputy)
    assert waiting(approval) == ["管理员"]  # the superior decides the step anyway
    with refused("账号已停用"):
        services.approve(mine, by=people.deputy)
    assert Message.objects.filter(recipient=people.admin, kind="approval").count() == 1
    services.approve(todo(approval, people.admin), by=people.admin)
    assert waiting(approval) == ["副总"]


def test_a_disabled_person_who_slipped_in_is_found_by_the_periodic_job(people):
    flow(people.admin, step(people.deputy))
    _, approval = submitted(people.seller)
    type(people.deputy).objects.filter(pk=people.deputy.pk).update(is_active=False)
    periodic.run("approval_limits", by_hand=True)
    assert waiting(approval) == ["管理员"]


def test_a_handover_takes_open_assignments_along_and_back(people):
    flow(people.admin, step(people.boss, people.deputy, mode="all"))
    contract, approval = submitted(people.seller)
    root = employee("超管", ["super"])
    plan = {"all": [people.deputy.pk, people.finance.pk], "own": {}, "along": []}
    handovers.ask(people.boss, by=root, plan=plan, account=Handover.Account.KEEP)
    _run_handover(people.boss)
    assert sorted(waiting(approval)) == ["赵经理", "钱会计"]
    assert ContractGrant.objects.filter(user=people.finance, source="approval").exists()
    handovers.take_back(Handover.objects.get(), enable=False, by=root)
    jobs.execute(Handover.objects.get().undo_job_id)
    assert sorted(waiting(approval)) == ["王总", "赵经理"]
    for person in (people.boss, people.deputy):
        services.approve(todo(approval, person), by=person)
    assert status(contract) == "approved"


# Passing on -------------------------------------------------------------------------------------------------------------
def test_handing_over_and_adding_before_and_after(people):
    flow(people.admin, step(people.boss), step(people.admin))
    contract, approval = submitted(people.seller)
    mine = todo(approval, people.boss)
    services.hand_over(mine, to=people.deputy, by=people.boss, comment="出差")
    with refused("您已经转交"):
        services.approve(mine, by=people.boss)
    theirs = todo(approval, people.deputy)
    services.add_approver(theirs, people=[people.finance], where="before", by=people.deputy)
    assert waiting(approval) == ["钱会计"]
    with refused("还没有轮到您"):
        services.approve(theirs, by=people.deputy)
    services.approve(todo(approval, people.finance), by=people.finance)
    assert waiting(approval) == ["赵经理"]
    services.add_approver(theirs, people=[people.boss, people.finance], where="after", by=people.deputy)
    services.approve(theirs, by=people.deputy)
    assert waiting(approval) == ["王总", "钱会计"]
    for person in (people.boss, people.finance, people.admin):
        services.approve(todo(approval, person), by=person)
    assert status(contract) == "approved"


def test_a_step_may_forbid_handing_over_and_refuses_nonsense(people):
    flow(people.admin, step(people.boss, people.finance, changeable=False, mode="all"), step(people.boss))
    _, approval = submitted(people.seller)
    mine = todo(approval, people.boss)
    with refused("不允许转交和加签"):
        services.hand_over(mine, to=people.deputy, by=people.boss)
    for person in (people.finance, people.boss):
        services.approve(todo(approval, person), by=person)
    mine = todo(approval, people.boss)
    disable(people.deputy)
    for target in (people.boss, people.deputy, 10**30, None):
        with pytest.raises(ValidationError) as error:
            services.hand_over(mine, to=target, by=people.boss)
        assert "to" in error.value.message_dict
    with refused("最多 500 个字"):
        services.hand_over(mine, to=people.finance, by=people.boss, comment="长" * 501)
    with refused("请选择加签的人"):
        services.add_approver(mine, people=[], where="after", by=people.boss)
    with refused("请选择加在前面还是后面"):
        services.add_approver(mine, people=[people.finance], where="<b>", by=people.boss)
    assert waiting(approval) == ["王总"]


# Time limits, urging, looking ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("late", "names"), [("remind", ["赵经理"]), ("transfer", ["副总"])])
def test_who_is_late_is_reminded_or_replaced_once(people, late, names):
    people.deputy.supervisor = employee("副总")
    people.deputy.save()
    flow(people.admin, step(people.deputy, hours=48, late=late))
    _, approval = submitted(people.seller)
    due = approval.steps.get().due_at
    assert timedelta(hours=47) < due - timezone.now() <= timedelta(hours=48)
    for _ in range(3):
        periodic.run("approval_limits", by_hand=True, now=due - timedelta(minutes=1))
    assert approval.events.filter(code="late").count() == 0
    for _ in range(3):
        periodic.run("approval_limits", by_hand=True, now=due + timedelta(minutes=1))
    assert waiting(approval) == names
    assert approval.events.filter(code="late").count() == 1


def test_urging_reaches_those_whose_turn_it_is_and_not_too_often(people):
    flow(people.admin, step(people.boss, people.deputy, mode="any"))
    _, approval = submitted(people.seller)
    with refused("只有发起人可以催办"):
        services.nudge(approval.pk, by=people.finance)
    assert services.nudge(approval.pk, by=people.seller) == 2
    with refused("请 30 分钟后再试|请 29 分钟后再试"):
        services.nudge(approval.pk, by=people.seller)
    assert Message.objects.filter(kind="approval_nudge").count() == 2


def test_approvers_and_copied_people_see_the_document_for_a_while_and_no_function_more(people):
    south = department("华南")
    judge, reader = employee("南经理", ["sales_manager"], south), employee("南销售", ["seller"], south)
    blind = employee("市场", ["marketing"], south)
    flow(people.admin, step(judge, blind, mode="all"), copies=who("employee", ids=[reader.pk]))
    contract, approval = submitted(people.seller)
    for person in (judge, reader):
        assert Contract.objects.allowed(person, "view").filter(pk=contract.pk).exists()
        assert not Contract.objects.allowed(person, "edit").filter(pk=contract.pk).exists()
        assert not Contract.objects.allowed(person, "transfer").filter(pk=contract.pk).exists()
    assert client_for(blind).get(f"/contracts/{contract.pk}/").status_code == 403
    assert not Contract.objects.allowed(employee("外人", ["seller"], south), "view").exists()
    assert services.mark_read([approval.pk], by=reader) == 1
    assert services.mark_read([approval.pk], by=judge) == 0
    for person in (judge, blind):
        services.approve(todo(approval, person), by=person)
    untils = set(ContractGrant.objects.values_list("until", flat=True))
    assert untils == {timezone.localdate() + timedelta(days=30)}
    periodic.run("approval_views", by_hand=True, now=timezone.now() + timedelta(days=31))
    assert not ContractGrant.objects.exists()


def test_several_at_once_tell_what_did_not_work_without_naming_what_is_not_theirs(people):
    flow(people.admin, step(people.boss))
    made = [submitted(people.seller, name=f"第{n}份")[1] for n in range(3)]
    ids = [todo(one, people.boss) for one in made]
    services.withdraw(made[1].pk, by=people.seller)
    done, failed = services.decide_many([*ids, ids[0], 10**30], by=people.boss)
    assert done == 2
    assert [reason for _, reason in failed] == ["这条待办已经不由您处理。", "发起人已经撤回，不能再处理。"]
    assert "第1份" in failed[1][0]
    done, failed = services.decide_many(ids, by=people.finance)
    assert done == 0
    assert not any("份" in title for title, _ in failed)
    with refused("请填写拒绝的理由"):
        services.decide_many(ids, by=people.boss, approve_them=False)


def test_everything_done_to_people_stands_in_the_logs(people):
    flow(people.admin, step(people.boss))
    submitted(people.seller)
    assert OrgLog.objects.filter(code="approval_flow.created").count() == 1
    assert OrgLog.objects.filter(code="approval_flow.enabled").count() == 1


def test_fifty_approvers_take_no_more_statements_than_five(people, django_assert_max_num_queries):
    counts = []
    for number in (3, 5, 50):  # the first one warms the caches
        some = [employee(f"审{number}{n}", ["sales_manager"], people.east) for n in range(number)]
        Flow.objects.update(enabled=False)
        flow(people.admin, step(*some, mode="all"), name=f"{number}人")
        with CaptureQueriesContext(connection) as sent:
            _, approval = submitted(people.seller, name=f"{number}人审")
        with CaptureQueriesContext(connection) as decided:
            services.approve(todo(approval, some[0]), by=some[0])
        with django_assert_max_num_queries(8):
            assert "approve" in services.actions_for(Approval.objects.get(pk=approval.pk), some[1])
        counts.append((len(sent), len(decided)))
    assert counts[1] == counts[2]
