"""What approved contracts mean for others: their customer has dealt, its last deal and the end of its contracts are known to the
rules of the pool, the opportunity behind a contract is won. Registered with contracts.hooks; `recheck` looks over all of them at
night."""

from collections.abc import Iterable
from datetime import date, datetime, time

from django.db import transaction
from django.db.models import Count, F, Max, Q
from django.utils import timezone

from approvals.models import Status
from crm.records import params, services
from crm.records.importing import write
from crm.records.params import Param
from customers.churn import services as churn
from customers.models import Customer
from opportunities import stages
from opportunities.counting import lock
from opportunities.models import Opportunity, State

from . import hooks
from .models import Contract, Execution

CHUNK = 5000
OPEN, DEALT = Customer.DealStatus.OPEN, Customer.DealStatus.DEALT

params.declare(
    Param(
        "contract_deals",
        "合同通过后客户变为已成交",
        True,
        "第一份合同通过审批时，客户的成交状态变为已成交。",
        kind="bool",
    ),
    Param(
        "contract_wins",
        "合同通过后商机变为赢单",
        True,
        "合同通过审批时，它的商机如果还在进行中，就变为赢单。",
        kind="bool",
    ),
)


def moment_of(day: date | None) -> datetime | None:
    """A deal counts from the first moment of its day, local time."""
    return timezone.make_aware(datetime.combine(day, time.min)) if day else None


def _figures(customers: Iterable[int]) -> dict[int, tuple]:
    """{customer: (approved contracts, last signing, last end)} of those that have any."""
    going = ~Q(execution__in=(Execution.FINISHED, Execution.SHUT))
    rows = Contract.objects.live().filter(customer_id__any=list(customers), status=Status.APPROVED).order_by()
    found = rows.values("customer_id").annotate(n=Count("pk"), last=Max("signed_on"), ends=Max("ends_on", filter=going))
    return {row["customer_id"]: (row["n"], moment_of(row["last"]), row["ends"]) for row in found}


def recount(customers: Iterable[int], *, by=None, deal: bool = False) -> int:
    """Set 最近成交时间 and 合同到期日 of these customers (ids, locked) to what their approved contracts say; no new version, for
    nobody typed it. `deal`: 成交状态 follows as well where the company wants it, with a version and a log row, for it stands on
    the customer's form. Returns how many were wrong."""
    ids = sorted(set(customers))
    if not ids:
        return 0
    figures, changed, moved = _figures(ids), [], {DEALT: [], OPEN: []}
    deal = deal and params.get("contract_deals")
    for customer in Customer.objects.filter(pk__any=ids).only(
        "pk", "deal_status", "last_deal_at", "contract_ends_on", "version", "deleted_at"
    ):
        count, last, ends = figures.get(customer.pk, (0, None, None))
        if (customer.last_deal_at, customer.contract_ends_on) != (last, ends):
            customer.last_deal_at, customer.contract_ends_on = last, ends
            changed.append(customer)
        status = DEALT if count else OPEN
        if deal and customer.deal_status != status:
            moved[status].append(customer.pk)
    write.update(changed, {"last_deal_at", "contract_ends_on"})
    for status, pks in moved.items():
        _set_deal(pks, status, by=by)
    return len(changed)


def _set_deal(pks: list[int], status, *, by) -> None:
    if not pks:
        return
    rows = Customer.objects.filter(pk__any=pks)
    rows.update(deal_status=status, version=F("version") + 1, updated_at=timezone.now())
    other = OPEN if status == DEALT else DEALT
    changes = [{"key": "deal_status", "label": "成交状态", "old": other.label, "new": status.label}]
    text = "合同通过审批，客户已成交" if status == DEALT else "没有已通过的合同，客户恢复未成交"
    services.write_log(Customer, ((pk, text, changes) for pk in pks), code="customer.deal", by=by)


def _win(contracts: list[Contract], *, by) -> None:
    """The opportunities of these contracts are won, where they are still open."""
    if not params.get("contract_wins"):
        return
    for contract in contracts:
        if contract.opportunity_id:
            rows = Opportunity.objects.live().filter(pk=contract.opportunity_id, state=State.OPEN)
            note = f"合同 {contract.number} 已通过审批"
            stages.close_many(rows, State.WON, by=by, note=note, text="合同通过审批，自动赢单")


def _after(ids: list[int], what: str, *, by) -> None:
    """The customers of these contracts (held: services.hold) are counted anew; an approved contract does more."""
    contracts = list(Contract.objects.filter(pk__any=list(ids)))
    customers = {contract.customer_id for contract in contracts}
    recount(customers, by=by, deal=True)
    if what == "approved":
        churn.clear(customers, by=by)
        _win(contracts, by=by)


hooks.AFTER.append(_after)


def recheck() -> int:
    """Correct every customer whose dates are not what its contracts say, chunk by chunk; returns how many. 成交状态 is not
    touched: people set it too."""
    wrong, place = 0, 0
    while True:
        rows = Customer.objects.filter(pk__gt=place).order_by("pk")
        found = list(rows.values_list("pk", "last_deal_at", "contract_ends_on")[:CHUNK])
        if not found:
            return wrong
        place = found[-1][0]
        figures = _figures([pk for pk, _, _ in found])
        stale = [pk for pk, *dates in found if dates != list(figures.get(pk, (0, None, None))[1:])]
        with transaction.atomic():
            lock(stale)
            wrong += recount(stale)
