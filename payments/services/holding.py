"""The contract under lock, and what must hold between it and its plans and payments."""

from decimal import Decimal

from django.core.exceptions import ValidationError

from approvals import states
from contracts import services as contracts
from contracts.models import Contract
from crm.records import fieldset, modules, params
from crm.records.formatting import money

from .. import figures
from ..figures import ZERO
from ..models import PaymentPlan

OVER = "payment.over"


def reads(by, module: str, *keys: str) -> bool:
    """Whether a sentence to this person may tell these fields (`by` None: the system itself)."""
    return by is None or all(map(fieldset.of(modules.get(module), by).readable, keys))


def hold(pk: int) -> Contract:
    """The locked contract on which plans and payments may be written; ValidationError at the field where they may not."""
    contract = contracts.locked(pk)
    if not states.allows(contract.status, "pay"):
        raise ValidationError({"contract": "只有已通过审批的合同可以登记回款和计划。"})
    if contract.execution in figures.ENDED:
        raise ValidationError({"contract": f"合同{contract.get_execution_display()}，不能再登记回款和计划。"})
    return contract


def planned(contract: Contract, *, without: int | None = None) -> Decimal:
    """The sum of the live plans of a locked contract."""
    rows = PaymentPlan.objects.live().filter(contract=contract).exclude(pk=without)
    return sum(rows.values_list("amount", flat=True), ZERO)


def check_plans(contract: Contract, total: Decimal, more: Decimal, *, by) -> None:
    """ValidationError where plans of `total` and `more` pass the contract and the company forbids it, in figures as far as `by`
    may read them."""
    if more > 0 and total + more > contract.amount and params.get("plan_limit") == "forbid":
        if not (reads(by, "contract", "amount") and reads(by, "payment_plan", "amount")):
            raise ValidationError({"amount": "计划合计超过合同金额。"})
        raise ValidationError(
            {
                "amount": f"计划合计 {money(total + more)}，超过合同金额 {money(contract.amount)}；"
                f"最多还能计划 {money(max(contract.amount - total, ZERO))}。"
            }
        )


def check_receipt(contract: Contract, sums: figures.Sums, amount: Decimal, *, by) -> None:
    """ValidationError where a receipt passes what is still to be paid; who holds 超额回款 may."""
    if sums.taken + amount > contract.amount and not by.has_function(OVER):
        if not reads(by, "contract", "amount", "received", "pending"):
            raise ValidationError({"amount": "超过这份合同还能登记的回款。"})
        waiting = f"，待审批 {money(sums.coming)}" if sums.coming else ""
        raise ValidationError(
            {
                "amount": f"合同金额 {money(contract.amount)}，已回 {money(sums.received)}{waiting}；"
                f"最多还能登记 {money(max(contract.amount - sums.taken, ZERO))}。"
            }
        )


def check_refund(sums: figures.Sums, amount: Decimal, *, by) -> None:
    """ValidationError where more would go back than came in."""
    if amount > sums.left:
        if not reads(by, "contract", "received", "pending"):
            raise ValidationError({"amount": "超过这份合同可以退款的金额。"})
        waiting = f"，待审批退款 {money(sums.going)}" if sums.going else ""
        raise ValidationError(
            {"amount": f"已回 {money(sums.received)}{waiting}；最多还能退款 {money(max(sums.left, ZERO))}。"}
        )
