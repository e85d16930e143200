"""What plans and payments may add up to, and what contracts say of it."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from approvals.models import Status
from contracts.models import Contract, Execution
from crm.records import params
from crm.records import services as records
from crm.records.models import OperationLog
from payments import services
from payments.models import Payment, PaymentAllocation, PaymentPlan

from .factories import ago, approved, fresh, paid, payment, plan, refund

D = Decimal


def figures(contract) -> tuple:
    one = fresh(contract)
    return one.planned, one.received, one.pending, one.overdue


def words(error) -> str:
    return "；".join(error.value.messages)


def test_three_times_ten_cents_pay_thirty_cents_exactly(staff):
    contract = approved(staff.ann, amount="0.30")
    for _ in range(3):
        paid(contract, "0.10")
    assert fresh(contract).received == D("0.30") == fresh(contract).amount
    with pytest.raises(ValidationError) as error:
        paid(contract, "0.01")
    assert words(error) == "合同金额 ¥0.30，已回 ¥0.30；最多还能登记 ¥0.00。"


def test_one_cent_too_much_is_refused_with_the_figures_and_leaves_nothing(staff):
    contract = approved(staff.ann, amount="120000")
    paid(contract, "72000")
    draft = payment(contract, "48000.01")
    with pytest.raises(ValidationError) as error:
        services.submit(draft, by=staff.ann)
    assert words(error) == "合同金额 ¥120,000.00，已回 ¥72,000.00；最多还能登记 ¥48,000.00。"
    assert (fresh(draft).status, fresh(draft).number) == (Status.DRAFT, "")
    services.update_payment(draft, {"amount": D("48000")}, version=draft.version, by=staff.ann)
    services.submit(draft, by=staff.ann)
    assert figures(contract)[1] == D("120000")


def test_who_holds_the_permission_may_pass_the_contract(staff):
    contract = approved(staff.ann, amount="100")
    paid(contract, "150", by=staff.manager)
    assert fresh(contract).received == 150


def test_waiting_payments_reserve_their_room_and_waiting_refunds_give_none_back(staff, waiting):
    contract = approved(staff.ann, amount="100")
    Contract.objects.update(status="approved", execution="running")
    one = paid(contract, "60")
    assert figures(contract) == (0, 0, 60, 0)
    with pytest.raises(ValidationError):
        paid(contract, "60")
    services.settle(one.pk, "approved", approval=None, by=staff.boss)
    back = refund(contract, "50")
    assert figures(contract) == (0, 60, -50, 0)
    with pytest.raises(ValidationError) as error:
        paid(contract, "50")
    assert "最多还能登记 ¥40.00" in words(error)
    with pytest.raises(ValidationError) as error:
        refund(contract, "10.01")
    assert words(error) == "已回 ¥60.00，待审批退款 ¥50.00；最多还能退款 ¥10.00。"
    services.settle(back.pk, "rejected", approval=None, by=staff.boss)
    assert figures(contract) == (0, 60, 0, 0)


def test_plans_stay_within_the_contract_unless_the_company_only_warns(staff):
    contract = approved(staff.ann, amount="100")
    plan(contract, "60")
    with pytest.raises(ValidationError) as error:
        plan(contract, "40.01")
    assert words(error) == "计划合计 ¥100.01，超过合同金额 ¥100.00；最多还能计划 ¥40.00。"
    params.store("plan_limit", "warn")
    plan(contract, "40.01")
    assert fresh(contract).planned == D("100.01")


def test_receipts_go_to_the_oldest_plans_and_refunds_come_out_of_the_latest(staff):
    contract = approved(staff.ann, amount="300")
    late, early = plan(contract, "100", ago(-60)), plan(contract, "100", ago(10))
    first = paid(contract, "150")
    assert dict(first.allocations.values_list("plan_id", "amount")) == {early.pk: 100, late.pk: 50}
    assert [fresh(one).received for one in (early, late)] == [100, 50]
    back = refund(contract, "70")
    assert dict(back.allocations.values_list("plan_id", "amount")) == {late.pk: 50, early.pk: 20}
    assert figures(contract) == (200, 80, 0, 20)


def test_a_receipt_is_split_as_chosen_and_not_beyond_what_a_plan_lacks(staff):
    contract = approved(staff.ann, amount="300")
    one, two = plan(contract, "100"), plan(contract, "100")
    paid(contract, "90", parts={two.pk: D(90)})
    assert [fresh(each).received for each in (one, two)] == [0, 90]
    with pytest.raises(ValidationError) as error:
        paid(contract, "30", parts={two.pk: D(11)})
    assert words(error) == "第 2 期还差 ¥10.00，不能分配 ¥11.00。"
    with pytest.raises(ValidationError):
        payment(contract, "30", parts={one.pk: D(20), two.pk: D("10.01")})
    other = plan(approved(staff.ann, amount="5"), "5")
    with pytest.raises(ValidationError):
        payment(contract, "30", parts={other.pk: D(5)})


def test_only_open_approved_contracts_take_plans_and_payments(staff):
    contract = approved(staff.ann, amount="100")
    draft = payment(contract, "10")
    for values in (
        {"status": Status.DRAFT},
        {"status": Status.PENDING},
        {"status": Status.VOID},
        {"status": Status.APPROVED, "execution": Execution.SHUT},
        {"status": Status.APPROVED, "execution": Execution.FINISHED},
    ):
        Contract.objects.filter(pk=contract.pk).update(**values)
        for act in (
            lambda: plan(contract, "10"),
            lambda: payment(contract, "10"),
            lambda: services.submit(draft, by=staff.ann),
            lambda: services.update_payment(draft, {"remark": "x"}, version=1, by=staff.ann),
        ):
            with pytest.raises(ValidationError):
                act()
    assert fresh(draft).version == 1


def test_a_plan_with_payments_is_neither_deleted_nor_cut_below_them(staff, waiting):
    contract = approved(staff.ann, amount="100")
    Contract.objects.update(status="approved", execution="running")
    one, two = plan(contract, "50"), plan(contract, "50")
    services.settle(paid(contract, "20").pk, "approved", approval=None, by=staff.boss)
    paid(contract, "10")
    with pytest.raises(ValidationError) as error:
        services.update_plan(one, {"amount": D("29.99")}, version=one.version, by=staff.ann)
    assert words(error) == "已回 ¥20.00，待审批 ¥10.00，计划金额不能低于 ¥30.00。"
    services.update_plan(one, {"amount": D("30")}, version=one.version, by=staff.ann)
    moved, failures = services.delete_plans(PaymentPlan.objects.filter(contract=contract), by=staff.ann)
    assert (moved, [title for title, _ in failures]) == (1, ["第 1 期"])
    assert fresh(contract).planned == 30
    services.restore_plans(PaymentPlan.objects.trashed(), by=staff.ann)
    assert (fresh(contract).planned, fresh(two).deleted_at) == (80, None)


def test_two_people_saving_the_same_plan_the_second_is_told(staff):
    contract = approved(staff.ann, amount="100")
    one = plan(contract, "50")
    services.update_plan(one, {"amount": D(60)}, version=1, by=staff.ann)
    with pytest.raises(records.Stale):
        services.update_plan(one, {"amount": D(40)}, version=1, by=staff.manager)
    assert (fresh(one).amount, fresh(contract).planned) == (60, 60)


def test_a_payment_gets_its_number_once_and_none_is_lost(staff, waiting):
    contract = approved(staff.ann, amount="100")
    Contract.objects.update(status="approved", execution="running")
    one = payment(contract, "10")
    assert one.number == "" and str(one) == "未提交的回款"
    sent = services.submit(one, by=staff.ann)
    assert sent.number.startswith("HK-") and sent.number.endswith("-0001")
    services.settle(sent.pk, "withdrawn", approval=None, by=staff.ann)
    assert services.submit(fresh(one), by=staff.ann).number == sent.number
    assert paid(contract, "10").number.endswith("-0002")
    with pytest.raises(ValidationError):
        services.submit(fresh(one), by=staff.ann)


def test_voiding_takes_a_payment_out_and_refuses_what_would_leave_less_than_was_refunded(staff):
    contract = approved(staff.ann, amount="100")
    one = plan(contract, "100")
    receipt = paid(contract, "80")
    back = refund(contract, "30")
    rows = Payment.objects.filter(pk=receipt.pk)
    done, failures = services.void(rows, by=staff.manager, reason="录错")
    assert done == 0 and "请先作废退款" in failures[0][1]
    assert services.void(Payment.objects.filter(pk=back.pk), by=staff.manager, reason="退款取消") == (1, [])
    assert services.void(rows, by=staff.manager, reason="录错") == (1, [])
    assert figures(contract) == (100, 0, 0, 0) and fresh(one).received == 0
    assert (fresh(receipt).status, fresh(receipt).void_reason) == (Status.VOID, "录错")
    assert OperationLog.objects.filter(code="payment.voided").count() == 2
    with pytest.raises(ValidationError):
        services.void(rows, by=staff.manager, reason=" ")


def test_commission_is_marked_on_approved_payments_only_and_holds_them(staff):
    contract = approved(staff.ann, amount="100")
    good, draft = paid(contract, "50"), payment(contract, "10")
    rows = Payment.objects.filter(pk__in=[good.pk, draft.pk])
    done, failures = services.set_settled(rows, by=staff.manager, settled=True)
    assert (done, len(failures)) == (1, 1) and fresh(good).settled_at is not None
    done, failures = services.void(Payment.objects.filter(pk=good.pk), by=staff.manager, reason="错")
    assert (done, failures[0][1]) == (0, "已结算提成，请先取消结算")
    services.set_settled(rows, by=staff.manager, settled=False)
    assert fresh(good).settled_at is None


def test_overdue_leaves_out_what_waits_and_the_night_moves_it_along(staff, waiting):
    from payments import figures as sums

    contract = approved(staff.ann, amount="300")
    Contract.objects.update(status="approved", execution="running")
    plan(contract, "100", ago(5)), plan(contract, "100", ago(-5))
    paid(contract, "40")
    assert figures(contract) == (200, 0, 40, 60)
    assert sums.recheck(ago(-10)) == 1
    assert fresh(contract).overdue == 160
    Contract.objects.update(execution=Execution.SHUT)
    assert sums.recheck() == 1 and fresh(contract).overdue == 0
    PaymentAllocation.objects.update(amount=1)
    Contract.objects.update(received=77)
    assert sums.recheck() == 2 and fresh(contract).received == 0


def test_plans_are_generated_to_the_cent_and_the_last_takes_the_rest(staff):
    contract = approved(staff.ann, amount="100.01")
    parts = services.plans.shares(D("100.01"), [D(30), D(40), D(30)])
    assert parts == [D("30.00"), D("40.00"), D("30.01")]
    days = [ago(0), ago(-30), ago(-60)]
    made = services.generate(contract.pk, list(zip(parts, days, strict=True)), by=staff.ann, more={})
    assert [one.period for one in made] == [1, 2, 3] and fresh(contract).planned == D("100.01")
    with pytest.raises(ValidationError):
        services.generate(contract.pk, [(D("0.01"), ago(0))], by=staff.ann, more={})
    assert sum(services.plans.shares(D("100"), [D(1)] * 7)) == 100


def test_contracts_with_money_are_not_voided_deleted_or_finished(staff, waiting):
    from contracts import hooks

    contract = approved(staff.ann, amount="100")
    Contract.objects.update(status="approved", execution="running")
    assert hooks.blocked([contract.pk], "void") == {}
    one = paid(contract, "10")
    for action in ("void", "finish", "delete"):
        assert contract.pk in hooks.blocked([contract.pk], action), action
    services.settle(one.pk, "approved", approval=None, by=staff.boss)
    assert hooks.blocked([contract.pk], "finish") == {}
    sentence = hooks.blocked([contract.pk], "void")[contract.pk]
    assert "有已通过的回款" in sentence and "10" not in sentence  # whoever voids may not be allowed the figure


@pytest.mark.parametrize("amount", ["0", "-1", "0.001", "NaN", "1e30", "Infinity"])
def test_odd_amounts_are_refused_by_the_services(staff, amount):
    contract = approved(staff.ann, amount="100")
    with pytest.raises((ValidationError, ArithmeticError)):
        payment(contract, amount)
    with pytest.raises((ValidationError, ArithmeticError)):
        plan(contract, amount)
    assert not Payment.objects.exists() and not PaymentPlan.objects.exists()
