"""A company that sells, for the tests of product lines."""

from itertools import count
from types import SimpleNamespace

from crm.records import services
from crm.records.models import DictionaryItem
from customers.models import Customer
from opportunities.models import Opportunity, Pipeline
from opportunities.services import create_opportunity
from orgs.tests.factories import department, employee
from products.lines.services import Row
from products.models import Product

_codes = count(1)


def product(by, name="离心泵", price="100.00", **values) -> Product:
    unit = DictionaryItem.objects.get(dictionary="product.unit", label="台")
    return services.create(Product(name=name, code=f"LN-{next(_codes)}", price=price, unit=unit, **values), by=by)


def shelve(*products, by) -> None:
    """Take products off the shelf."""
    rows = Product.objects.filter(pk__in=[one.pk for one in products])
    services.set_flag(rows, "on_shelf", False, by=by, code="off_shelf", text="下架")


def company() -> SimpleNamespace:
    """A seller with an opportunity, their manager, a stranger, a keeper of everything, two products."""
    east, south = department("华东"), department("华南")
    keeper = employee("超管", ["super"])
    manager = employee("华东经理", ["sales_manager"], east)
    seller = employee("甲", ["seller"], east, supervisor=manager)
    customer = services.create(Customer(name="云澜公司", owner=seller), by=seller)
    at = SimpleNamespace(
        east=east,
        keeper=keeper,
        manager=manager,
        seller=seller,
        stranger=employee("丙", ["seller"], south),
        customer=customer,
        pump=product(keeper),
        valve=product(keeper, "阀门", "33.33"),
    )
    at.deal = opportunity(at, "水处理项目")
    return at


def opportunity(at, name: str) -> Opportunity:
    """An opportunity of the seller over 50 yuan."""
    pipeline = Pipeline.objects.get()
    deal = Opportunity(name=name, customer=at.customer, owner=at.seller, pipeline=pipeline, amount="50.00")
    deal.stage = pipeline.stages.first()
    return create_opportunity(deal, by=at.seller)


def row(one, price="100.00", quantity="1", **more) -> Row:
    """A row as a browser would send it."""
    return Row(one.pk, price, quantity, more.pop("remark", ""), **more)


def posted(version, *rows, discount="0", **more) -> dict:
    """The POST body of the editor: rows = dicts with product, price, quantity and so on."""
    data = {"version": version, "discount": discount, "row": [f"n{place}" for place in range(len(rows))], **more}
    for place, one in enumerate(rows):
        data |= {f"n{place}-{name}": value for name, value in {"quantity": "1", **one}.items()}
    return data
