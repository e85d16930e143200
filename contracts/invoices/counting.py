"""What a contract's invoices come to: 已开票 (approved) and 待审批开票 (pending). Every door that changes one of them calls
`recount` under the contract's lock; `recheck` looks over all of them at night."""

from collections.abc import Iterable
from decimal import Decimal

from django.db import transaction

from approvals.models import Status

from ..models import Contract, Invoice

CHUNK = 2000
COUNTED = (Status.APPROVED, Status.PENDING)


def lock(contracts: Iterable[int]) -> dict[int, Contract]:
    """These contracts, locked in their order, {id: contract}."""
    rows = Contract.objects.filter(pk__any=sorted(set(contracts))).select_for_update(of=("self",)).order_by("pk")
    return {contract.pk: contract for contract in rows}


def sums(contracts: Iterable[int]) -> dict[int, tuple[Decimal, Decimal]]:
    """{contract id: (approved, pending)} of live invoices; added up here, for SQLite adds floats."""
    found = dict.fromkeys(contracts, (Decimal(0), Decimal(0)))
    rows = Invoice.objects.live().filter(contract__any=list(found), status__in=COUNTED).order_by()
    for pk, status, amount in rows.values_list("contract_id", "status", "amount"):
        approved, pending = found[pk]
        found[pk] = (approved + amount, pending) if status == Status.APPROVED else (approved, pending + amount)
    return found


def left(contract: Contract) -> Decimal:
    """What may still be invoiced on a locked contract; below nothing where an import went beyond."""
    return contract.amount - sum(sums([contract.pk])[contract.pk])


def recount(contracts: Iterable[int]) -> None:
    """Set the figures of these contracts (ids) to what there is; no new version, for nobody typed it."""
    for pk, (approved, pending) in sums(sorted(set(contracts))).items():
        Contract.objects.filter(pk=pk).update(invoiced=approved, invoicing=pending)


def recheck() -> int:
    """Correct every contract whose figures are not what there is; returns how many."""
    wrong, place = 0, 0
    while rows := list(
        Contract.objects.filter(pk__gt=place).order_by("pk").values_list("pk", "invoiced", "invoicing")[:CHUNK]
    ):
        place = rows[-1][0]
        real = sums(pk for pk, _, _ in rows)
        differ = [pk for pk, approved, pending in rows if real[pk] != (approved, pending)]
        if differ:
            with transaction.atomic():
                lock(differ)
                recount(differ)
        wrong += len(differ)
    return wrong
