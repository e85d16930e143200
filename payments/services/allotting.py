"""To which plans a payment belongs: as the person chose, or the oldest plans first."""

from decimal import Decimal

from django.core.exceptions import ValidationError

from crm.records.formatting import money

from .. import figures
from ..figures import ZERO
from ..models import Payment, PaymentAllocation, PaymentPlan
from .holding import reads


def plans_of(contract_id: int, *, locked: bool = False) -> list[PaymentPlan]:
    """The live plans of a contract, the oldest first."""
    rows = PaymentPlan.objects.live().filter(contract=contract_id).order_by("due_on", "period")
    if locked:
        list(rows.order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True))
    return list(rows)


def rooms(plans: list[PaymentPlan], type_: str, *, without=()) -> dict[int, Decimal]:
    """{plan: how much a payment of this type may still be allotted to it}; `without` = payments left out."""
    sums = figures.of_plans([plan.pk for plan in plans], without=without)
    found = {}
    for plan in plans:
        one = sums.get(plan.pk, figures.Sums())
        found[plan.pk] = max(plan.amount - one.taken if type_ == Payment.Type.RECEIPT else one.left, ZERO)
    return found


def automatic(plans: list[PaymentPlan], amount: Decimal, free: dict[int, Decimal], type_: str) -> dict[int, Decimal]:
    """{plan: part}: receipts go to the oldest plans first, refunds come out of the latest."""
    found, left = {}, amount
    for plan in plans if type_ == Payment.Type.RECEIPT else reversed(plans):
        part = min(left, free[plan.pk])
        if part > 0:
            found[plan.pk] = part
            left -= part
    return found


def check_chosen(plans: list[PaymentPlan], parts: dict[int, Decimal], amount: Decimal) -> None:
    """ValidationError where parts are no amounts of plans of this contract, or more than the payment."""
    known = {plan.pk for plan in plans}
    if any(pk not in known for pk in parts):
        raise ValidationError("所选的回款计划已被删除或不属于这份合同，请重新分配。")
    if any(part <= 0 for part in parts.values()):
        raise ValidationError("分配到计划的金额应大于 0。")
    if (total := sum(parts.values(), ZERO)) > amount:
        raise ValidationError(f"分配到计划的金额合计 {money(total)}，超过本次金额 {money(amount)}。")


def check_rooms(plans, parts: dict[int, Decimal], free: dict[int, Decimal], type_: str, *, by) -> None:
    """ValidationError where a plan lacks less than its part."""
    tells = reads(by, "payment_plan", "amount", "received", "pending")
    for plan in plans:
        part = parts.get(plan.pk, ZERO)
        if part > free[plan.pk]:
            if not tells:
                raise ValidationError(f"分配到{plan}的金额超过了它还差或可退的金额。")
            verb = "还差" if type_ == Payment.Type.RECEIPT else "可退"
            raise ValidationError(f"{plan}{verb} {money(free[plan.pk])}，不能分配 {money(part)}。")


def keep(payment: Payment, parts: dict[int, Decimal]) -> None:
    """Make these the allocations of a locked payment."""
    stored = dict(payment.allocations.values_list("plan_id", "amount"))
    if stored == parts:
        return
    payment.allocations.all().delete()
    rows = [PaymentAllocation(payment=payment, plan_id=pk, amount=part) for pk, part in sorted(parts.items())]
    PaymentAllocation.objects.bulk_create(rows)


def words(plans: list[PaymentPlan], parts: dict[int, Decimal]) -> str:
    """ "第 1 期、第 2 期"."""
    return "、".join(str(plan) for plan in plans if plan.pk in parts)


def changes(plans: list[PaymentPlan], parts: dict[int, Decimal]) -> list[dict]:
    """The same with the amounts, as the log keeps them: whoever may not read the amount does not read these."""
    new = "、".join(f"{plan} {money(parts[plan.pk])}" for plan in plans if plan.pk in parts)
    return [{"key": "amount", "label": "分配", "old": "", "new": new}] if new else []
