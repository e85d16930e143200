"""What the tests of quotations share: an opportunity with lines, a quotation of it, a link."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import count

from django.utils import timezone

from crm.records import services as records
from customers.models import Contact, Customer
from opportunities.models import Opportunity, OpportunityLine, Pipeline, Quotation
from opportunities.quotes import services, sharing
from opportunities.services import create_opportunity
from products import arithmetic
from products.models import Product

_codes = count(1)


def day(days: int = 0) -> date:
    return timezone.localdate() + timedelta(days=days)


def product(name: str = "采集网关", price: str = "100") -> Product:
    made = Product(name=name, code=f"P-{next(_codes)}", price=Decimal(price), cost=Decimal("7.77"))
    made.full_clean()
    made.save()
    return made


def add_line(opportunity, item: Product, *, price=None, quantity="1", remark="") -> OpportunityLine:
    price, quantity = Decimal(price if price is not None else item.price), Decimal(quantity)
    return OpportunityLine.objects.create(
        opportunity=opportunity,
        product=item,
        name=item.name,
        code=item.code,
        unit="台",
        list_price=item.price,
        price=price,
        quantity=quantity,
        discount=arithmetic.discount_of(Decimal(item.price), price),
        subtotal=arithmetic.subtotal(price, quantity),
        remark=remark,
        order=opportunity.lines.count(),
    )


def opportunity(owner, name="数据中台", *, lines: int = 1, customer="云澜智造") -> Opportunity:
    """An opportunity of a customer with a contact, with that many lines of 100 yuan."""
    company = records.create(Customer(name=f"{customer}{next(_codes)}", owner=owner), by=owner)
    records.create(
        Contact(customer=company, owner=owner, name="李雷", email="li@example.com", is_primary=True), by=owner
    )
    pipeline = Pipeline.objects.get(is_default=True)
    made = Opportunity(name=name, customer=company, owner=owner, pipeline=pipeline, stage=pipeline.stages.first())
    create_opportunity(made, by=owner)
    for n in range(lines):
        add_line(made, product(f"采集网关{n}"))
    return made


def values(**more) -> dict:
    """What a version says."""
    return {"title": "一期报价", "contact": None, "valid_until": day(30), "terms": "", "note": ""} | more


def quote(found: Opportunity, *, by, **more) -> Quotation:
    return services.create_quotation(found, values(**more), by=by)


def quoted(found: Opportunity, item: Product, *, by):
    """A quotation with one line, and a link to it."""
    add_line(found, item)
    made = quote(found, by=by)
    link, _ = sharing.share(made, 1, expires_on=day(5), by=by)
    return made, link
