"""Verbs of payment plans."""

from datetime import date
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max

from approvals.models import Status
from contracts.models import Contract
from crm.records import services
from crm.records.formatting import money

from .. import figures
from ..figures import ZERO
from ..models import PaymentAllocation, PaymentPlan
from .holding import check_plans, hold, planned, reads

MOST = 120  # plans of one contract


def _next_period(contract_id: int) -> int:
    """Periods are never used again, so that a plan can come back from the recycle bin."""
    last = PaymentPlan.objects.filter(contract=contract_id).aggregate(last=Max("period"))["last"] or 0
    if PaymentPlan.objects.live().filter(contract=contract_id).count() >= MOST or last >= 30_000:
        raise ValidationError(f"一份合同最多 {MOST} 期计划。")
    return last + 1


@transaction.atomic
def create_plan(plan: PaymentPlan, *, by, complete: bool = True) -> PaymentPlan:
    """Save a plan as the next 期 of its contract; the owner is the contract's unless given. ValidationError where the contract
    is not open or the plans pass its amount (company option)."""
    if plan.contract_id is None:
        raise ValidationError({"contract": "请选择合同"})
    contract = hold(plan.contract_id)
    plan.contract, plan.customer_id = contract, contract.customer_id
    plan.owner_id = plan.owner_id or contract.owner_id
    plan.period = _next_period(contract.pk)
    check_plans(contract, planned(contract), plan.amount or ZERO, by=by)
    services.create(plan, by=by, complete=complete)
    figures.rewrite([contract.pk])
    return plan


@transaction.atomic
def update_plan(plan: PaymentPlan, values: dict, *, version: int, by) -> PaymentPlan:
    """Save changed fields of a plan: its amount not below what is paid or waits, and within the contract."""
    contract = hold(plan.contract_id)
    values.pop("contract", None)
    current = PaymentPlan.objects.live().filter(pk=plan.pk).select_for_update(of=("self",)).first()
    if current is None:
        raise ValidationError("回款计划已被删除。")
    amount = values.get("amount")
    if amount is not None and amount != current.amount and version == current.version:
        sums = figures.of_plans([plan.pk]).get(plan.pk, figures.Sums())
        if amount < sums.taken:
            if not reads(by, "payment_plan", "received", "pending"):
                raise ValidationError({"amount": "计划金额不能低于已分配的回款。"})
            waiting = f"，待审批 {money(sums.coming)}" if sums.coming else ""
            raise ValidationError(
                {"amount": f"已回 {money(sums.received)}{waiting}，计划金额不能低于 {money(sums.taken)}。"}
            )
        others = planned(contract, without=plan.pk)
        check_plans(contract, others, amount if amount > current.amount else ZERO, by=by)
    saved = services.update(plan, values, version=version, by=by)
    if saved.due_on != current.due_on and saved.reminded_at is not None:
        PaymentPlan.objects.filter(pk=plan.pk).update(reminded_at=None)
    figures.rewrite([contract.pk])
    return saved


def _blocked(ids: list[int]) -> dict[int, str]:
    """{plan: why it may not go}: payments are allotted to it."""
    rows = PaymentAllocation.objects.filter(plan_id__any=ids, payment__deleted_at=None)
    rows = rows.exclude(payment__status=Status.VOID).order_by("payment_id")
    found: dict[int, str] = {}
    for plan, number, status in rows.values_list("plan_id", "payment__number", "payment__status"):
        found.setdefault(plan, f"已分配给回款 {number or '（未提交）'}（{Status(status).label}），不能删除")
    return found


@transaction.atomic
def delete_plans(rows, *, by, now=None, along: str = ""):
    """Move plans to the recycle bin, but for those payments are allotted to. Returns how many, with [(title, reason)] of the
    others; what goes along with its customer (`along`) goes wholly or raises."""
    touched = set(rows.order_by().values_list("contract_id", flat=True))
    open_ = {one.pk: one for one in Contract.objects.filter(pk__any=figures.lock(touched))}
    found = list(PaymentPlan.objects.filter(pk__in=rows.order_by().values("pk")).order_by("pk"))
    blocked = _blocked([plan.pk for plan in found])
    for plan in found if not along else ():
        if open_[plan.contract_id].execution in figures.ENDED:
            blocked.setdefault(plan.pk, "合同已完成或已关闭，不能删除")
    failures = [(str(plan), blocked[plan.pk]) for plan in found if plan.pk in blocked]
    if failures and along:
        raise ValidationError("；".join(f"{title}{reason}" for title, reason in failures[:5]))
    goes = [plan.pk for plan in found if plan.pk not in blocked]
    moved = services.delete(PaymentPlan.objects.filter(pk__any=goes), by=by, now=now, along=along) if goes else 0
    figures.rewrite(open_)
    return (moved, failures) if failures else moved


@transaction.atomic
def restore_plans(rows, *, by) -> int:
    """Take plans out of the recycle bin; their contract must be open and have room for them."""
    found = list(rows.order_by("contract_id", "pk"))
    for pk in sorted({plan.contract_id for plan in found}):
        contract = hold(pk)
        check_plans(contract, planned(contract), sum((p.amount for p in found if p.contract_id == pk), ZERO), by=by)
    moved = services.restore(rows, by=by)
    figures.rewrite({plan.contract_id for plan in found})
    return moved


@transaction.atomic
def generate(contract_id: int, parts: list[tuple[Decimal, date]], *, by, more: dict) -> list[PaymentPlan]:
    """Make a plan of each (amount, day), all with the fields of `more` (method, remind_days, remark)."""
    contract = hold(contract_id)
    check_plans(contract, planned(contract), sum((amount for amount, _ in parts), ZERO), by=by)
    first, made = _next_period(contract.pk), []
    if len(parts) + PaymentPlan.objects.live().filter(contract=contract.pk).count() > MOST:
        raise ValidationError(f"一份合同最多 {MOST} 期计划。")
    for place, (amount, day) in enumerate(parts):
        plan = PaymentPlan(contract=contract, customer_id=contract.customer_id, owner_id=contract.owner_id, **more)
        plan.period, plan.amount, plan.due_on = first + place, amount, day
        made.append(services.create(plan, by=by))
    figures.rewrite([contract.pk])
    return made


def shares(total: Decimal, weights: list[Decimal]) -> list[Decimal]:
    """A total in parts of these weights, to the cent; the last one takes the rest. ValidationError where a part is nothing."""
    whole = sum(weights, Decimal(0))
    cent, found = Decimal("0.01"), []
    for weight in weights[:-1]:
        found.append((total * weight / whole).quantize(cent))
    found.append(total - sum(found, ZERO))
    if any(part <= 0 for part in found):
        raise ValidationError("金额太小，不能分成这么多期。")
    return found
