"""Price lists of the demo company, the year's price changes, and product lines for its opportunities."""

from datetime import timedelta
from decimal import Decimal
from random import Random

from django.utils import timezone

from crm.records import services
from crm.records.models import DictionaryItem
from orgs.models import Department
from products import arithmetic, pricing
from products.lines import save_lines
from products.lines.services import Row
from products.models import PriceList, Product
from products.prices import services as prices

# (name, levels, departments, days from today, share of the standard price, code prefixes)
LISTS = [
    ("华南渠道价", (), ("华南销售部",), None, "0.88", ("KH-GW", "KH-PDA", "KH-PRN", "KH-SCN", "KH-VIB")),
    ("重点客户价", ("A 重点",), (), None, "0.92", ("KH-MES", "KH-WMS", "KH-APS", "KH-QTS", "KH-SVC")),
    ("年末促销", (), (), (-20, 40), "0.95", ("KH-PAD", "KH-BAR", "KH-CLD", "KH-BAK")),
    ("春季活动", (), (), (-240, -150), "0.90", ("KH-GW", "KH-PDA")),
]
RAISED = {"KH-GW-02": "4880.00", "KH-MES-S": "136000.00", "KH-SVC-IMP": "2400.00"}
DISCOUNTED = 0.3  # how many of them get a discount on the whole


def make(people: dict) -> list[PriceList]:
    """The price lists with their prices, and a few changes of standard prices."""
    by, today, made = people["13800000003"], timezone.localdate(), []
    levels = {one.label: one for one in DictionaryItem.objects.filter(dictionary="customer.level")}
    departments = {one.name: one for one in Department.objects.all()}
    goods = list(Product.objects.live().order_by("pk"))
    for name, whom, where, days, share, prefixes in LISTS:
        start, end = (today + timedelta(days=one) for one in days) if days else (None, None)
        one = prices.keep(
            PriceList(name=name, starts_on=start, ends_on=end),
            levels=[levels[label] for label in whom],
            departments=[departments[label] for label in where],
            by=by,
        )
        chosen = [product for product in goods if product.code.startswith(prefixes)]
        wanted = {product.pk: (product.price * Decimal(share)).quantize(Decimal("1.00")) for product in chosen}
        prices.set_prices(one, wanted, by=by)
        made.append(one)
    for code, price in RAISED.items():
        product = Product.objects.get(code=code)
        services.update(product, {"price": Decimal(price)}, version=product.version, by=by)
    return made


def give_lines(opportunities, pick: Random) -> int:
    """Product lines for two of three of these open opportunities, saved by their owners; how many got some. Call it before
    opportunities are closed; it sets their amounts."""
    shelf, given = list(Product.objects.live().filter(on_shelf=True).order_by("pk")), 0
    for opportunity in opportunities:
        if pick.random() > 2 / 3:
            continue
        rows, offers = [], pricing.offers(shelf, pricing.buyer_of(opportunity))
        for product in pick.sample(shelf, pick.randint(1, 5)):
            off = pick.choice([0, 0, 0, 3, 5, 8])
            price = arithmetic.discounted(offers[product.pk].price, Decimal(off))
            large = product.price > 20_000
            remark = pick.choice(["", "", "", "含安装调试", "分两批交付"])
            rows.append(Row(product.pk, price, 1 if large else pick.randint(2, 20), remark))
        discount = pick.choice([2, 5]) if pick.random() < DISCOUNTED else 0
        save_lines(opportunity, rows, discount=discount, by=opportunity.owner, version=opportunity.version)
        opportunity.refresh_from_db()
        given += 1
    return given
