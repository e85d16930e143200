"""A version as it stands on paper. Whatever may not show is not in it: a page made from a sheet has nothing to hide."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from crm.records import formatting
from crm.records.fields import readable_phone
from products.capitals import in_capitals

from ..models import QuotationVersion
from .queries import Sight


def quantity(value: Decimal) -> str:
    """1,234.5 without trailing zeros."""
    return f"{value.normalize():,f}"


def percent(value: Decimal) -> str:
    return f"{value.normalize():f}%"


@dataclass(frozen=True)
class Row:
    """One line; sums are "" where prices do not show, `list_price` and `discount` where nothing was taken off."""

    place: int
    name: str
    code: str
    unit: str
    quantity: str
    remark: str
    list_price: str = ""
    discount: str = ""
    price: str = ""
    subtotal: str = ""


@dataclass
class Sheet:
    """`prices`: the sums are there; `list_prices`: some line shows what it would cost by itself; `unapproved`: the paper must say
    that its approval is missing."""

    number: str
    version: int
    title: str
    company: str
    customer: str
    contact: str
    seller: str
    phone: str
    email: str
    made_on: str
    valid_until: date
    terms: str
    prices: bool
    rows: list[Row] = field(default_factory=list)
    list_prices: bool = False
    subtotal: str = ""
    discount: str = ""
    total: str = ""
    capitals: str = ""
    unapproved: bool = False


def sheet(
    version: QuotationVersion, *, prices: bool, list_prices: bool, discount: bool = True, customer: bool = True
) -> Sheet:
    """The paper of a version: one statement, for its lines. Without `prices` no sum is read into it."""
    quotation = version.quotation
    lines = list(version.lines.all())
    listed = prices and list_prices and any(line.discount > 0 for line in lines)
    made = Sheet(
        number=quotation.number,
        version=version.number,
        title=version.title,
        company=version.company,
        customer=version.customer_name if customer else "",
        contact=version.contact_name,
        seller=version.seller_name,
        phone=readable_phone(version.seller_phone),
        email=version.seller_email,
        made_on=formatting.day(version.created_at),
        valid_until=version.valid_until,
        terms=version.terms,
        prices=prices,
        list_prices=listed,
    )
    for place, line in enumerate(lines, 1):
        off = listed and line.discount > 0
        made.rows.append(
            Row(
                place,
                line.name,
                line.code,
                line.unit,
                quantity(line.quantity),
                line.remark,
                list_price=formatting.money(line.list_price) if off else "",
                discount=f"-{percent(line.discount)}" if off else "",
                price=formatting.money(line.price) if prices else "",
                subtotal=formatting.money(line.subtotal) if prices else "",
            )
        )
    if prices:
        made.total, made.capitals = formatting.money(version.total), in_capitals(version.total)
        if version.discount and discount:
            made.subtotal, made.discount = formatting.money(version.subtotal), f"-{percent(version.discount)}"
    return made


def for_person(version: QuotationVersion, seen: Sight) -> Sheet:
    """The paper of a version as far as a colleague may read it."""
    return sheet(
        version, prices=seen.money, list_prices=seen.list_price, discount=seen.discount, customer=seen.customer
    )
