"""What plans and payments add up to, and the figures of contracts and plans that follow from it.

Every sum is made of Decimals in Python or by the exact aggregate, never by the database's own sum of floats. The figures are
written at every door that changes what they are made of, under the lock of the contract, and looked over every night.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from approvals.models import Status
from contracts.models import Contract, Execution

from .models import Payment, PaymentAllocation, PaymentPlan

ZERO = Decimal("0.00")
COUNTS = (Status.APPROVED, Status.PENDING)
ENDED = (Execution.FINISHED, Execution.SHUT)
CHUNK = 500
FIGURES = ("planned", "received", "pending", "overdue")


@dataclass
class Sums:
    """What came in and went back: approved and waiting, receipts and refunds apart."""

    receipts: Decimal = ZERO
    refunds: Decimal = ZERO
    coming: Decimal = ZERO
    going: Decimal = ZERO

    def add(self, type_: str, status: str, amount: Decimal) -> None:
        if status == Status.APPROVED:
            name = "receipts" if type_ == Payment.Type.RECEIPT else "refunds"
        elif status == Status.PENDING:
            name = "coming" if type_ == Payment.Type.RECEIPT else "going"
        else:
            return
        setattr(self, name, getattr(self, name) + amount)

    @property
    def received(self) -> Decimal:
        return self.receipts - self.refunds

    @property
    def pending(self) -> Decimal:
        return self.coming - self.going

    @property
    def taken(self) -> Decimal:
        """What is spoken for: a refund that still waits gives no room back."""
        return self.received + self.coming

    @property
    def left(self) -> Decimal:
        """What may still be refunded: receipts that still wait cannot be."""
        return self.received - self.going


def of_contracts(ids: Iterable[int], *, without: Iterable[int] = ()) -> dict[int, Sums]:
    """{contract: its sums}, of contracts that have payments that count; `without` = payments left out."""
    rows = Payment.objects.live().filter(contract_id__any=list(ids), status__in=COUNTS)
    if without := list(without):
        rows = rows.exclude(pk__any=without)
    found: dict[int, Sums] = {}
    for contract, type_, status, amount in rows.order_by().values_list("contract_id", "type", "status", "amount"):
        found.setdefault(contract, Sums()).add(type_, status, amount)
    return found


def of_plans(ids: Iterable[int], *, without: Iterable[int] = ()) -> dict[int, Sums]:
    """{plan: the sums of what is allotted to it}; `without` = payments left out."""
    rows = PaymentAllocation.objects.filter(
        plan_id__any=list(ids), payment__status__in=COUNTS, payment__deleted_at=None
    )
    if without := list(without):
        rows = rows.exclude(payment_id__any=without)
    found: dict[int, Sums] = {}
    for plan, type_, status, amount in rows.values_list("plan_id", "payment__type", "payment__status", "amount"):
        found.setdefault(plan, Sums()).add(type_, status, amount)
    return found


def lacking(amount: Decimal, received: Decimal, pending: Decimal) -> Decimal:
    """What nobody has paid or is about to."""
    return max(amount - received - max(pending, ZERO), ZERO)


def is_open(contract: Contract) -> bool:
    """Whether plans and payments may still be written at the contract."""
    return contract.status == Status.APPROVED and contract.execution not in ENDED


def compute(contracts: list[Contract], today: date) -> tuple[dict[int, dict], list[PaymentPlan]]:
    """({contract: its figures}, the live plans with what they ought to say; those that differ have `moved`)."""
    ids = [contract.pk for contract in contracts]
    known = {contract.pk: contract for contract in contracts}
    plans = list(PaymentPlan.objects.live().filter(contract_id__any=ids).order_by("pk"))
    sums, allotted = of_contracts(ids), of_plans([plan.pk for plan in plans])
    found = {}
    for pk in ids:
        one = sums.get(pk, Sums())
        found[pk] = {"planned": ZERO, "received": one.received, "pending": one.pending, "overdue": ZERO}
    for plan in plans:
        one, contract = allotted.get(plan.pk, Sums()), known[plan.contract_id]
        plan.moved = (plan.received, plan.pending) != (one.received, one.pending)
        plan.received, plan.pending = one.received, one.pending
        found[plan.contract_id]["planned"] += plan.amount
        if plan.due_on < today and is_open(contract):
            found[plan.contract_id]["overdue"] += lacking(plan.amount, plan.received, plan.pending)
    return found, plans


def rewrite(ids: Iterable[int], *, today: date | None = None) -> int:
    """Set the figures of these locked contracts and their plans to what there is; no new version, for nobody typed them.
    Returns how many contracts or plans said something else."""
    today, changed = today or timezone.localdate(), 0
    ids = sorted(set(ids))
    for start in range(0, len(ids), CHUNK):
        contracts = list(Contract.objects.filter(pk__any=ids[start : start + CHUNK]))
        found, plans = compute(contracts, today)
        if moved := [plan for plan in plans if plan.moved]:
            PaymentPlan.objects.bulk_update(moved, ["received", "pending"], batch_size=CHUNK)
        differ = []
        for contract in contracts:
            new = found[contract.pk]
            if any(getattr(contract, name) != new[name] for name in FIGURES):
                for name in FIGURES:
                    setattr(contract, name, new[name])
                differ.append(contract)
        if differ:
            Contract.objects.bulk_update(differ, FIGURES, batch_size=CHUNK)
        changed += len(differ) + len(moved)
    return changed


def lock(ids: Iterable[int]) -> list[int]:
    """Lock these contracts in the order everything else does; the ids that are there."""
    rows = Contract.objects.filter(pk__any=sorted(set(ids))).select_for_update(of=("self",)).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def recheck(today: date | None = None) -> int:
    """Look over every contract that has plans, payments or figures: the date moves 逾期 along. Returns how many figures were
    corrected."""
    plans = PaymentPlan.objects.filter(contract=OuterRef("pk"))
    payments = Payment.objects.filter(contract=OuterRef("pk"))
    said = ~Q(planned=0) | ~Q(received=0) | ~Q(pending=0) | ~Q(overdue=0)
    rows = Contract.objects.filter(said | Exists(plans) | Exists(payments)).order_by("pk")
    today, changed, place = today or timezone.localdate(), 0, 0
    while ids := list(rows.filter(pk__gt=place).values_list("pk", flat=True)[:CHUNK]):
        place = ids[-1]
        with transaction.atomic():
            changed += rewrite(lock(ids), today=today)
    return changed
