"""What approved contracts mean for their customer and opportunity."""

from datetime import date, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from approvals.models import Status
from contracts import execution, hooks, outcomes, services
from contracts.models import Contract, Execution
from contracts.tests.factories import approved, contract, day
from crm.notices.models import Message
from crm.records import params
from crm.records import services as records
from crm.records.models import OperationLog, Undo
from crm.records.undoing import services as undoing
from customers.merging import services as merging
from customers.models import ChurnState, Customer
from customers.services import delete_customers, purge_customers, restore_customers
from opportunities import stages
from opportunities.models import Opportunity, StageEntry
from opportunities.tests.factories import contact, customer, opportunity


def fresh(record):
    return type(record).objects.get(pk=record.pk)


def merged(kept, gone, *, by):
    pks = [kept.pk, gone.pk]
    return merging.merge(pks, kept.pk, {}, versions={one.pk: fresh(one).version for one in (kept, gone)}, by=by)


def deal(record) -> tuple:
    found = fresh(record)
    at = found.last_deal_at and timezone.localdate(found.last_deal_at)
    return found.deal_status, at, found.contract_ends_on


def test_an_approved_contract_makes_the_customer_dealt_and_wins_the_opportunity(staff):
    at = customer(staff.ann)
    sale = opportunity(staff.ann, at)
    draft = contract(staff.ann, at, opportunity=sale, signed_on=date(2026, 11, 3), ends_on=date(2027, 11, 2))
    assert deal(at) == (0, None, None)
    version = fresh(at).version
    made = services.submit(draft, by=staff.ann)
    assert deal(at) == (1, date(2026, 11, 3), date(2027, 11, 2))
    assert fresh(at).version == version + 1  # 成交状态 stands on its form
    log = OperationLog.objects.get(object_id=at.pk, code="customer.deal")
    assert log.changes == [{"key": "deal_status", "label": "成交状态", "old": "未成交", "new": "已成交"}]
    won = fresh(sale)
    assert (won.state, won.close_note) == ("won", f"合同 {made.number} 已通过审批")
    assert StageEntry.objects.filter(opportunity=sale, left_at=None).count() == 0
    assert fresh(at).open_opportunities == 0


def test_both_consequences_can_be_switched_off(staff):
    at = customer(staff.ann)
    sale = opportunity(staff.ann, at)
    params.store("contract_deals", False)
    params.store("contract_wins", False)
    services.submit(contract(staff.ann, at, opportunity=sale), by=staff.ann)
    assert deal(at)[:2] == (0, date(2026, 11, 1))
    assert fresh(sale).state == "open"


def test_the_latest_signing_and_the_latest_end_count_whatever_the_order(staff):
    at = customer(staff.ann)
    approved(staff.ann, at=at, signed_on=date(2026, 5, 1), ends_on=date(2028, 5, 1))
    approved(staff.ann, at=at, signed_on=date(2025, 5, 1), ends_on=date(2026, 5, 1))
    contract(staff.ann, at, signed_on=date(2026, 12, 1), ends_on=date(2030, 1, 1))  # a draft counts for nothing
    assert deal(at) == (1, date(2026, 5, 1), date(2028, 5, 1))


def test_an_opportunity_that_is_closed_already_stays_as_it_is(staff):
    at = customer(staff.ann)
    sale = opportunity(staff.ann, at)
    stages.close(sale, "won", by=staff.ann, note="口头确认")
    services.submit(contract(staff.ann, at, opportunity=sale), by=staff.ann)
    assert fresh(sale).close_note == "口头确认"


def test_a_lost_customer_is_normal_again_with_a_new_contract(staff):
    at = customer(staff.ann)
    made = contract(staff.ann, at)
    Customer.objects.filter(pk=at.pk).update(churn_state=ChurnState.LOST)
    services.submit(made, by=staff.boss)
    assert fresh(at).churn_state == ""
    assert OperationLog.objects.filter(object_id=at.pk, code="customer.churn_restored").exists()


def test_a_contract_that_counts_no_more_takes_its_consequences_along(staff):
    at = customer(staff.ann)
    first = approved(staff.ann, at=at, signed_on=date(2026, 5, 1), ends_on=day(400))
    second = approved(staff.ann, at=at, signed_on=date(2026, 6, 1), ends_on=day(800))
    for one, left in ((second, (1, date(2026, 5, 1), day(400))), (first, (0, None, None))):
        services.hold([one.pk])
        Contract.objects.filter(pk=one.pk).update(status=Status.VOID)
        hooks.tell([one.pk], "voided", by=staff.boss)
        assert deal(at) == left


def test_a_shut_contract_does_not_hold_the_end_date_and_a_resumed_one_does(staff):
    at = customer(staff.ann)
    made = approved(staff.ann, at=at, ends_on=day(100))
    rows = Contract.objects.filter(pk=made.pk)
    execution.shut(rows, by=staff.ann, reason="客户停产")
    assert deal(at) == (1, date(2026, 11, 1), None)
    execution.resume(rows, by=staff.ann)
    assert deal(at) == (1, date(2026, 11, 1), day(100))


def test_a_merge_carries_contracts_and_their_figures_and_its_undo_brings_them_back(staff):
    kept, gone = customer(staff.ann, "甲公司"), customer(staff.ann, "乙公司")
    made = approved(staff.ann, at=gone, signed_on=date(2026, 6, 1), ends_on=day(60))
    before = (deal(kept), deal(gone))
    merged(kept, gone, by=staff.boss)
    assert fresh(made).customer_id == kept.pk
    assert deal(kept) == (1, date(2026, 6, 1), day(60))
    undoing.undo(Undo.objects.latest("pk"), by=staff.boss)
    assert fresh(made).customer_id == gone.pk
    assert (deal(kept), deal(gone)) == before


def test_every_night_the_dates_of_customers_are_made_what_the_contracts_say(staff):
    right, wrong, none = (customer(staff.ann, name) for name in ("对的", "错的", "没有合同的"))
    for at in (right, wrong):
        approved(staff.ann, at=at, signed_on=date(2026, 6, 1), ends_on=day(60))
    Customer.objects.filter(pk=wrong.pk).update(last_deal_at=None, contract_ends_on=day(1), deal_status=0)
    Customer.objects.filter(pk=none.pk).update(last_deal_at=timezone.now())
    assert outcomes.recheck() == 2
    assert deal(wrong) == (0, date(2026, 6, 1), day(60))  # people set 成交状态 too, so the night leaves it
    assert deal(none) == (0, None, None)
    assert outcomes.recheck() == 0


# Execution ----------------------------------------------------------------------------------------------------------------
def test_finishing_and_shutting_need_an_approved_contract_and_are_logged(staff):
    draft, made = contract(staff.ann, name="草稿"), approved(staff.ann, name="执行的")
    rows = Contract.objects.filter(pk__in=[draft.pk, made.pk])
    assert execution.finish(rows, by=staff.ann) == (1, [("草稿", "只有已通过的合同可以完成或关闭。")])
    done = fresh(made)
    assert (done.execution, done.ended_at is not None, done.version) == ("finished", True, made.version + 1)
    assert execution.shut(rows, by=staff.ann, reason="重复")[1][1] == ("执行的", "合同已完成。")
    assert execution.resume(rows, by=staff.ann) == (1, [("草稿", "合同没有完成或关闭。")])
    again = fresh(made)
    assert (again.execution, again.ended_at, again.end_reason) == ("running", None, "")
    log = OperationLog.objects.filter(object_id=made.pk, content_type__model="contract").order_by("-pk")
    codes = list(log.values_list("code", flat=True)[:2])
    assert codes == ["contract.resumed", "contract.ended"]


def test_a_contract_under_change_is_neither_finished_nor_shut(staff):
    made = approved(staff.ann)
    Contract.objects.filter(pk=made.pk).update(changing="change")
    assert execution.finish(Contract.objects.filter(pk=made.pk), by=staff.ann)[1] == [
        (made.name, "合同变更审批中，请先处理完。")
    ]


def test_an_objection_from_above_keeps_a_contract_open(staff, monkeypatch):
    made = approved(staff.ann)
    monkeypatch.setattr(hooks, "BLOCKERS", [lambda ids, action: {made.pk: "还有待审批的回款。"}])
    assert execution.shut(Contract.objects.filter(pk=made.pk), by=staff.ann, reason="停产") == (
        0,
        [(made.name, "还有待审批的回款。")],
    )
    assert fresh(made).execution == "running"


def test_every_night_contracts_follow_their_dates_but_for_those_somebody_ended(staff):
    future = approved(staff.ann, name="未来", starts_on=day(1), ends_on=day(30))
    ends = approved(staff.ann, name="到期", starts_on=day(-30), ends_on=day(0))
    shut = approved(staff.ann, name="关闭", starts_on=day(-30), ends_on=day(0))
    plain = approved(staff.ann, name="没有日期")
    execution.shut(Contract.objects.filter(pk=shut.pk), by=staff.ann, reason="停产")
    assert [fresh(one).execution for one in (future, ends, plain)] == ["waiting", "running", "running"]
    tomorrow = timezone.now() + timedelta(days=1)
    versions = [fresh(one).version for one in (future, ends)]
    assert execution.follow_dates(tomorrow) == "更新 2 个合同"
    assert [fresh(one).execution for one in (future, ends, shut, plain)] == [
        "running",
        "expired",
        "shut",
        "running",
    ]
    assert [fresh(one).version for one in (future, ends)] == versions
    assert OperationLog.objects.filter(object_id=ends.pk, code="contract.followed_dates").get().text == "合同到期"
    assert execution.follow_dates(tomorrow) == "更新 0 个合同"
    assert execution.resume(Contract.objects.filter(pk=shut.pk), by=staff.ann) == (1, [])
    assert fresh(shut).execution == Execution.RUNNING


def test_owners_hear_once_of_a_contract_that_ends_and_again_of_another_end(staff):
    own = approved(staff.ann, name="自己的天数", ends_on=day(40), remind_days=45)
    approved(staff.ann, name="公司的天数", ends_on=day(29))
    approved(staff.ann, name="还早", ends_on=day(31))
    approved(staff.ann, name="不提醒", ends_on=day(2), remind_days=0)
    approved(staff.bob, at=customer(staff.bob), name="波的", ends_on=day(0))
    contract(staff.ann, name="草稿", ends_on=day(1))
    now = timezone.now()
    assert execution.remind(now) == "提醒 2 人，3 个合同"
    text = Message.objects.get(recipient=staff.ann, kind="contract").body
    assert "自己的天数" in text and "公司的天数" in text and "还早" not in text and "不提醒" not in text
    assert execution.remind(now) == "提醒 0 人，0 个合同"
    Contract.objects.filter(pk=own.pk).update(ends_on=day(41))
    assert execution.remind(now) == "提醒 1 人，1 个合同"


# Deleting ----------------------------------------------------------------------------------------------------------------
def test_a_contract_in_force_is_not_deleted_and_keeps_its_customer(staff):
    at = customer(staff.ann)
    made = approved(staff.ann, at=at)
    with pytest.raises(ValidationError, match="已通过，不能删除"):
        services.delete_contracts(Contract.objects.filter(pk=made.pk), by=staff.ann)
    with pytest.raises(ValidationError, match="已通过，不能随客户删除"):
        delete_customers(Customer.objects.filter(pk=at.pk), by=staff.ann)
    assert fresh(at).deleted_at is None and fresh(made).deleted_at is None


def test_drafts_go_along_with_their_customer_and_come_back_with_it(staff):
    at = customer(staff.ann)
    made = contract(staff.ann, at)
    rows = Customer.objects.filter(pk=at.pk)
    delete_customers(rows, by=staff.ann)
    assert fresh(made).deleted_at == fresh(at).deleted_at is not None
    with pytest.raises(ValidationError, match="在回收站中，请先还原客户"):
        services.restore_contracts(Contract.objects.filter(pk=made.pk), by=staff.ann)
    restore_customers(rows, by=staff.ann)
    assert fresh(made).deleted_at is None
    delete_customers(rows, by=staff.ann)
    purge_customers(rows, by=staff.admin)
    assert not Contract.objects.filter(pk=made.pk).exists()


def test_an_objection_from_above_keeps_a_contract_from_the_recycle_bin(staff, monkeypatch):
    made = contract(staff.ann)
    monkeypatch.setattr(hooks, "BLOCKERS", [lambda ids, action: dict.fromkeys(ids, f"有回款，不能{action}。")])
    with pytest.raises(ValidationError, match="有回款，不能delete"):
        services.delete_contracts(Contract.objects.filter(pk=made.pk), by=staff.ann)


def test_a_folded_contact_hands_its_signature_over(staff):
    kept, gone = customer(staff.ann, "甲公司"), customer(staff.ann, "乙公司")
    one, other = contact(kept, mobile="13812345678"), contact(gone, mobile="13812345678")
    made = contract(staff.ann, gone, customer_signer=other)
    merged(kept, gone, by=staff.boss)
    assert fresh(made).customer_signer_id == one.pk


def test_a_draft_that_goes_to_another_customer_needs_that_customers_opportunity(staff):
    made = contract(staff.ann, opportunity=opportunity(staff.ann))
    other = customer(staff.ann, "另一家")
    with pytest.raises(ValidationError, match="商机应是该客户的商机"):
        services.update_contract(made, {"customer": other}, version=made.version, by=staff.ann)
    values = {"customer": other, "opportunity": None}
    assert services.update_contract(made, values, version=made.version, by=staff.ann).customer_id == other.pk
    records.delete(Customer.objects.filter(pk=other.pk), by=staff.admin)
    with pytest.raises(ValidationError, match="还原客户"):
        services.submit(fresh(made), by=staff.ann)
    assert not Opportunity.objects.filter(state="won").exists()
