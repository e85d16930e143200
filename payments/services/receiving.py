"""按客户收款: one receipt of a customer over several contracts and plans."""

import uuid
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import transaction

from contracts.models import Contract
from crm.records.formatting import money

from .. import figures
from ..figures import ZERO, Sums
from ..models import Payment, PaymentPlan
from .payments import create_payment, submit

MOST = 200  # contracts and plans of one receipt


@dataclass
class Slot:
    """A place money may go: a plan, or what no plan of the contract speaks for (`plan` None)."""

    contract: Contract
    plan: PaymentPlan | None
    lacks: Decimal

    @property
    def key(self) -> str:
        return f"p{self.plan.pk}" if self.plan else f"c{self.contract.pk}"


def slots(contracts: list[Contract]) -> list[Slot]:
    """Where a receipt over these contracts may go, in the order it is proposed: plans by their date, then the rest of the
    contracts."""
    contracts = [contract for contract in contracts if figures.is_open(contract)]
    known = {contract.pk: contract for contract in contracts}
    rows = PaymentPlan.objects.live().filter(contract_id__any=list(known))
    plans = list(rows.select_related("method").order_by("due_on", "contract_id", "period"))
    sums, allotted = figures.of_contracts(known), figures.of_plans([plan.pk for plan in plans])
    room = {pk: max(one.amount - sums.get(pk, Sums()).taken, ZERO) for pk, one in known.items()}
    found = []
    for plan in plans:
        lacks = min(max(plan.amount - allotted.get(plan.pk, Sums()).taken, ZERO), room[plan.contract_id])
        if lacks:
            room[plan.contract_id] -= lacks
            found.append(Slot(known[plan.contract_id], plan, lacks))
    rest = sorted((one for one in contracts if room[one.pk]), key=lambda one: (one.signed_on, one.pk))
    found += [Slot(one, None, room[one.pk]) for one in rest]
    return found[:MOST]


def propose(places: list[Slot], amount: Decimal) -> dict[str, Decimal]:
    """{key of a slot: part}, the oldest first."""
    found, left = {}, amount
    for slot in places:
        part = min(left, slot.lacks)
        if part > 0:
            found[slot.key] = part
            left -= part
    return found


@transaction.atomic
def receive(
    customer, contracts, parts: dict[str, Decimal], *, amount: Decimal, paid_on: date, by, method=None, remark: str = ""
) -> list[Payment]:
    """Register one receipt of `amount` as a payment a contract, submitted all together or not at all. `contracts` = ids the
    person may register payments at; `parts` = {key of a slot: amount}, which must add up to the receipt."""
    locked = figures.lock(contracts)
    rows = Contract.objects.live().filter(pk__any=locked, customer=customer).select_related("customer")
    places = {slot.key: slot for slot in slots(list(rows))}
    parts = {key: part for key, part in parts.items() if part}
    if not parts:
        raise ValidationError("请填写分到合同或计划的金额。")
    if any(key not in places for key in parts):
        raise ValidationError("有的合同或计划刚刚有了变化，请核对后再保存。")
    total = sum(parts.values(), ZERO)
    if total != amount:
        raise ValidationError(f"分配合计 {money(total)}，与收款金额 {money(amount)} 不一致。")
    by_contract: dict[int, list[tuple[Slot, Decimal]]] = {}
    for key, part in parts.items():
        slot = places[key]
        if part < 0 or part > slot.lacks:
            name = f"{slot.contract} {slot.plan}" if slot.plan else str(slot.contract)
            raise ValidationError(f"{name}还差 {money(slot.lacks)}，不能收 {money(part)}。")
        by_contract.setdefault(slot.contract.pk, []).append((slot, part))
    batch, made = uuid.uuid4().hex if len(by_contract) > 1 else "", []
    for pk, found in sorted(by_contract.items()):
        whole = sum((part for _, part in found), ZERO)
        payment = Payment(contract_id=pk, paid_on=paid_on, amount=whole, method=method, remark=remark, batch=batch)
        chosen = {slot.plan.pk: part for slot, part in found if slot.plan}
        create_payment(payment, by=by, parts=chosen)
        made.append(submit(payment, by=by))
    return made
