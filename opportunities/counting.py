"""What the pool's rules read of a customer's opportunities: how many are open, when the last one was made. Every door that
changes one of them calls `recount` in its transaction; `recheck` looks over all of them at night."""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Count, F, Max, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from customers.models import Customer

from .models import Opportunity, State

CHUNK = 5000


def lock(customers: Iterable[int]) -> None:
    """Lock these customers in the order everything else does: before their opportunities."""
    ids = sorted(set(customers))
    list(Customer.objects.filter(pk__any=ids).select_for_update().order_by("pk").values_list("pk", flat=True))


def _figures():
    theirs = Opportunity.objects.live().filter(customer=OuterRef("pk")).order_by().values("customer")
    open_ones = theirs.filter(state=State.OPEN).annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(open_ones), 0), Subquery(theirs.annotate(last=Max("created_at")).values("last"))


def recount(customers: Iterable[int]) -> None:
    """Set 进行中的商机 and 最近新建商机时间 of these customers (ids) to what there is; no new version, for nobody typed it."""
    ids = sorted(set(customers))
    if ids:
        open_ones, last = _figures()
        rows = Customer.objects.filter(pk__any=ids)
        rows.update(open_opportunities=open_ones, last_opportunity_at=last)


def recheck() -> int:
    """Correct every customer whose figures are not what there is, chunk by chunk; returns how many."""
    open_ones, last = _figures()
    differs = (
        Q(open_opportunities__lt=F("real"))
        | Q(open_opportunities__gt=F("real"))
        | Q(last_opportunity_at=None, newest__isnull=False)
        | Q(last_opportunity_at__isnull=False, newest=None)
        | Q(last_opportunity_at__lt=F("newest"))
        | Q(last_opportunity_at__gt=F("newest"))
    )
    wrong, place = 0, 0
    while True:
        ids = list(Customer.objects.filter(pk__gt=place).order_by("pk").values_list("pk", flat=True)[:CHUNK])
        if not ids:
            return wrong
        place = ids[-1]
        rows = Customer.objects.filter(pk__any=ids).annotate(real=open_ones, newest=last)
        found = list(rows.filter(differs).values_list("pk", flat=True))
        with transaction.atomic():
            lock(found)
            recount(found)
        wrong += len(found)
