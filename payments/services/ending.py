"""What happens to approved payments: voided, and 提成结算."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from approvals import states
from approvals.models import Status
from contracts.models import Contract
from crm.records import services
from crm.records.formatting import money

from .. import figures
from ..figures import Sums
from ..models import Payment, PaymentPlan
from .holding import OVER, reads

Failures = list[tuple[str, str]]


def _why_not(payment: Payment, contract: Contract, *, by) -> str:
    """Why an approved payment of a locked contract may not be taken out again, "" where it may."""
    if not states.allows(payment.status, "void"):
        return states.SENTENCES[payment.status]
    if payment.settled_at is not None:
        return "已结算提成，请先取消结算"
    if contract.execution in figures.ENDED:
        return f"合同{contract.get_execution_display()}，不能作废"
    if contract.status != Status.APPROVED:
        return "合同已作废，不能再作废它的回款和退款"
    tells = reads(by, "contract", "amount", "received", "pending") and reads(by, "payment_plan", "amount", "received")
    sums = figures.of_contracts([contract.pk], without=[payment.pk]).get(contract.pk, Sums())
    plans = {plan.pk: plan for plan in PaymentPlan.objects.filter(allocations__payment=payment)}
    allotted = figures.of_plans(plans, without=[payment.pk])
    if payment.type == Payment.Type.RECEIPT:
        if sums.left < 0:
            figure = f" {money(sums.received)}" if tells else ""
            return f"作废后已回{figure}，少于已登记的退款；请先作废退款"
        if any(one.left < 0 for one in allotted.values()):
            return "它所在的期次已有退款；请先作废退款"
        return ""
    if sums.taken > contract.amount and not by.has_function(OVER):
        if not tells:
            return "作废后已回与待审批超过合同金额"
        return f"作废后已回与待审批 {money(sums.taken)}，超过合同金额 {money(contract.amount)}"
    for pk, one in allotted.items():
        if one.taken > plans[pk].amount:
            told = f" {money(one.taken)} 超过计划 {money(plans[pk].amount)}" if tells else "超过计划金额"
            return f"作废后{plans[pk]}的回款{told}"
    return ""


@transaction.atomic
def void(rows, *, by, reason: str) -> tuple[int, Failures]:
    """Take approved payments out again (作废): they stay to be seen and count no more. Returns how many, and (title, reason) of
    those that stay as they are."""
    if not reason.strip():
        raise ValidationError({"reason": "请填写作废原因"})
    contracts = figures.lock(rows.order_by().values_list("contract_id", flat=True))
    known = Contract.objects.in_bulk(contracts)
    # refunds first: a receipt may be held by one of them
    found = sorted(services.hold(rows), key=lambda one: (one.type == Payment.Type.RECEIPT, one.pk))
    done, failures, now = 0, [], timezone.now()
    for payment in found:
        if why := _why_not(payment, known[payment.contract_id], by=by):
            failures.append((str(payment), why))
            continue
        Payment.objects.filter(pk=payment.pk).update(
            status=Status.VOID, voided_at=now, void_reason=reason, updated_at=now, version=F("version") + 1
        )
        services.log(payment, code="payment.voided", by=by, text=f"作废：{reason}"[:500])
        done += 1
    figures.rewrite(contracts)
    return done, failures


@transaction.atomic
def set_settled(rows, *, by, settled: bool) -> tuple[int, Failures]:
    """Mark approved payments as 提成已结算, or take the mark off. Returns how many, and (title, reason) of the others."""
    found, now, goes, failures = services.hold(rows), timezone.now(), [], []
    for payment in found:
        if not states.allows(payment.status, "settle"):
            failures.append((str(payment), states.SENTENCES[payment.status]))
        elif (payment.settled_at is not None) != settled:
            goes.append(payment)
    Payment.objects.filter(pk__any=[one.pk for one in goes]).update(
        settled_at=now if settled else None, updated_at=now, version=F("version") + 1
    )
    code, text = ("settled", "标记提成已结算") if settled else ("unsettled", "取消提成结算")
    services.write_log(Payment, ((one.pk, text, []) for one in goes), code=f"payment.{code}", by=by)
    return len(goes), failures
