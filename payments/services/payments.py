"""Verbs of payments: from the draft to the end of its approval."""

from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from approvals import services as approvals
from approvals import states
from approvals.models import Status
from contracts.models import Contract
from crm.records import modules, numbering, search, services

from .. import figures
from .. import numbering as numbers
from ..figures import Sums
from ..models import Payment
from . import allotting
from .holding import check_receipt, check_refund, hold


def locked(pk: int) -> Payment:
    """The live payment, locked (ValidationError where it is gone); its contract is to be held by then."""
    found = Payment.objects.live().select_for_update(of=("self",)).filter(pk=pk).first()
    if found is None:
        raise ValidationError("回款已被删除。")
    return found


@transaction.atomic
def create_payment(payment: Payment, *, by, complete: bool = True, parts: dict[int, Decimal] | None = None) -> Payment:
    """Save a payment as a draft; the owner is the contract's unless given. `parts` = {plan id: amount} where the person chose,
    else it is allotted when it is submitted."""
    if payment.contract_id is None:
        raise ValidationError({"contract": "请选择合同"})
    contract = hold(payment.contract_id)
    payment.contract, payment.customer_id = contract, contract.customer_id
    payment.owner_id = payment.owner_id or contract.owner_id
    services.create(payment, by=by, complete=complete)
    if parts:
        _allot(payment, parts, by=by)
    return payment


def _allot(payment: Payment, parts: dict[int, Decimal], *, by) -> None:
    plans = allotting.plans_of(payment.contract_id)
    allotting.check_chosen(plans, parts, payment.amount)
    allotting.keep(payment, parts)
    text = f"分配到{allotting.words(plans, parts)}" if parts else "不指定期次，提交时自动分配"
    services.log(payment, code="payment.allotted", by=by, text=text, changes=allotting.changes(plans, parts))


@transaction.atomic
def update_payment(payment: Payment, values: dict, *, version: int, by) -> Payment:
    """Save changed fields of a draft, a rejected or a withdrawn payment; `values["parts"]` = what is allotted to which plan."""
    hold(payment.contract_id)
    parts = values.pop("parts", None)
    values.pop("contract", None)
    current = locked(payment.pk)
    if not states.allows(current.status, "edit"):
        raise ValidationError(states.SENTENCES[current.status] + "。")
    saved = services.update(payment, values, version=version, by=by)
    stored = dict(saved.allocations.values_list("plan_id", "amount"))
    if parts is None and (sum(stored.values()) > saved.amount or saved.type != current.type):
        parts = {}  # what was chosen does not fit the new amount
    if parts is not None and parts != stored:
        _allot(saved, parts, by=by)
    return saved


@transaction.atomic
def submit(payment: Payment, *, by, chosen: dict | None = None, note: str = "") -> Payment:
    """Send a payment into approval; it gets its number the first time and is allotted to plans. ValidationError with the
    figures where the contract or a plan has no room for it."""
    contract = hold(payment.contract_id)
    plans = allotting.plans_of(contract.pk, locked=True)
    current = locked(payment.pk)
    if not states.allows(current.status, "submit"):
        raise ValidationError("只有草稿、已拒绝和已撤回的回款可以提交。")
    sums = figures.of_contracts([contract.pk], without=[current.pk]).get(contract.pk, Sums())
    if current.type == Payment.Type.RECEIPT:
        check_receipt(contract, sums, current.amount, by=by)
    else:
        check_refund(sums, current.amount, by=by)
    free = allotting.rooms(plans, current.type, without=[current.pk])
    parts = dict(current.allocations.values_list("plan_id", "amount"))
    if parts:
        allotting.check_chosen(plans, parts, current.amount)
        allotting.check_rooms(plans, parts, free, current.type, by=by)
    else:
        parts = allotting.automatic(plans, current.amount, free, current.type)
        allotting.keep(current, parts)
    number, now = current.number or numbering.take("payment", values=numbers.values(current))[0], timezone.now()
    Payment.objects.filter(pk=current.pk).update(
        status=Status.PENDING, number=number, submitted_at=now, updated_at=now, version=F("version") + 1
    )
    current.refresh_from_db()
    text = f"提交审批，编号 {number}" + (f"，{allotting.words(plans, parts)}" if parts else "")
    services.log(current, code="payment.submitted", by=by, text=text, changes=allotting.changes(plans, parts))
    _reindex(current)
    figures.rewrite([contract.pk])
    approvals.submit(current, document="payment", by=by, chosen=chosen, note=note)
    current.refresh_from_db()
    return current


def _reindex(payment: Payment) -> None:
    search.index(modules.get("payment"), [payment])


@transaction.atomic
def settle(pk: int, outcome: str, *, approval, by) -> None:
    """Carry out how the approval of a payment ended."""
    contract_id = Payment.objects.values_list("contract_id", flat=True).get(pk=pk)
    figures.lock([contract_id])
    current, now = locked(pk), timezone.now()
    if current.status != Status.PENDING:
        raise ValidationError("这笔回款不在审批中。")
    status = {"approved": Status.APPROVED, "withdrawn": Status.WITHDRAWN}.get(outcome, Status.REJECTED)
    values = {"status": status, "updated_at": now, "version": F("version") + 1}
    if status == Status.APPROVED:
        values["approved_at"] = now
    Payment.objects.filter(pk=pk).update(**values)
    figures.rewrite([contract_id])
    services.log(current, code=f"payment.{outcome}", by=by, text=f"审批{Status(status).label[1:]}")


@transaction.atomic
def delete_payments(rows, *, by, now=None, along: str = ""):
    """Move drafts, rejected and withdrawn payments to the recycle bin (and, for the undo of an import, approved ones nobody
    touched since). Returns how many, with [(title, reason)] of the others; what goes along with its customer goes wholly or
    raises."""
    contracts = figures.lock(rows.order_by().values_list("contract_id", flat=True))
    found = list(Payment.objects.filter(pk__in=rows.order_by().values("pk")).order_by("pk"))
    failures, goes = [], []
    brought = [one for one in found if one.status == Status.APPROVED and one.version == 1 and not along]
    left = figures.of_contracts(contracts, without=[one.pk for one in brought])
    for payment in found:
        if states.allows(payment.status, "delete"):
            goes.append(payment.pk)
        elif payment in brought and left.get(payment.contract_id, Sums()).left >= 0:
            goes.append(payment.pk)
        else:
            failures.append((str(payment), states.SENTENCES[payment.status]))
    if failures and along:
        raise ValidationError("；".join(f"{title}：{reason}" for title, reason in failures[:5]))
    moved = services.delete(Payment.objects.filter(pk__any=goes), by=by, now=now, along=along) if goes else 0
    figures.rewrite(contracts)
    return (moved, failures) if failures else moved


@transaction.atomic
def restore_payments(rows, *, by) -> int:
    """Take payments out of the recycle bin; their contract must still be open. Approved ones (of an import that was undone) must
    still have room and are allotted to the plans there are now."""
    found = list(rows.order_by("contract_id", "pk"))
    moved = 0
    for pk in sorted({payment.contract_id for payment in found}):
        contract = hold(pk)
        for payment in (one for one in found if one.contract_id == pk):
            if payment.status in figures.COUNTS:
                _make_room(contract, payment, by=by)
            moved += services.restore(Payment.objects.filter(pk=payment.pk), by=by)
    figures.rewrite({payment.contract_id for payment in found})
    return moved


def _make_room(contract: Contract, payment: Payment, *, by) -> None:
    """ValidationError where a payment in the recycle bin fits its locked contract no more; else it gets the plans it can have."""
    sums = figures.of_contracts([contract.pk]).get(contract.pk, Sums())
    if payment.type == Payment.Type.RECEIPT:
        check_receipt(contract, sums, payment.amount, by=by)
    else:
        check_refund(sums, payment.amount, by=by)
    plans = allotting.plans_of(contract.pk, locked=True)
    free = allotting.rooms(plans, payment.type)
    parts = dict(payment.allocations.values_list("plan_id", "amount"))
    if any(part > free.get(pk, figures.ZERO) for pk, part in parts.items()):
        allotting.keep(payment, allotting.automatic(plans, payment.amount, free, payment.type))
