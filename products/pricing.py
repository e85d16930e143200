"""Which price list applies to whom, and what a product costs there."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Q
from django.utils import timezone

from .models import ListPrice, PriceList, Product


@dataclass(frozen=True)
class Buyer:
    """For whom a document is written: the customer's level (id) and the department that sells."""

    level_id: int | None = None
    department: object = None


def buyer_of(record) -> Buyer:
    """The level of the record's customer; the department of whoever owns the record."""
    owner = record.owner
    return Buyer(record.customer.level_id, owner.department if owner is not None else None)


@dataclass(frozen=True)
class Offer:
    """What a product costs a buyer; `price_list` = None where it is the standard price."""

    price: Decimal
    price_list: PriceList | None = None


def applying(buyer: Buyer, day: date | None = None) -> PriceList | None:
    """The first enabled price list, by order, that is for this buyer on this day (default: today); None = standard prices."""
    day = day or timezone.localdate()
    valid = PriceList.objects.filter(
        Q(starts_on=None) | Q(starts_on__lte=day), Q(ends_on=None) | Q(ends_on__gte=day), enabled=True
    )
    for one in valid.prefetch_related("levels", "departments").order_by("order", "pk"):
        if serves(one, buyer):
            return one
    return None


def serves(price_list: PriceList, buyer: Buyer) -> bool:
    """Whether its levels and departments (with those below them) include the buyer's; none named: everybody's."""
    levels = {one.level_id for one in price_list.levels.all()}
    if levels and buyer.level_id not in levels:
        return False
    if not price_list.by_department:
        return True
    path = buyer.department.path if buyer.department is not None else ""
    return any(f"/{one.pk}/" in path for one in price_list.departments.all())


def offers(products: Iterable[Product], buyer: Buyer) -> dict[int, Offer]:
    """{product id: Offer}: the price of the list that applies, else the standard price."""
    products = list(products)
    price_list = applying(buyer) if products else None
    own: dict[int, Decimal] = {}
    if price_list is not None:
        rows = ListPrice.objects.filter(price_list=price_list, product__in=products)
        own = dict(rows.values_list("product_id", "price"))
    return {one.pk: Offer(own[one.pk], price_list) if one.pk in own else Offer(one.price) for one in products}
