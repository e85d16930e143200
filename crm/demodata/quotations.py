"""Quotations of the demo company: one of every state, two with several versions, one with a link."""

from datetime import date, timedelta
from decimal import Decimal
from random import Random

from django.utils import timezone

from opportunities.models import Opportunity, OpportunityLine, Quotation, QuotationVersion
from opportunities.quotes import services, sharing
from products import arithmetic
from products.models import Product

TERMS = (
    "1. 付款：合同签订后 7 天内付 30%，到货验收后付 60%，质保期满付 10%。\n"
    "2. 交货：收到首款后 20 个工作日内发货，运费由我方承担。\n"
    "3. 质保：硬件质保一年，软件提供一年免费升级。\n"
    "4. 以上价格含 13% 增值税。"
)
STATES = ("draft", "sent", "accepted", "rejected", "expired", "void", "revised", "sent")


def make(opportunities: list[Opportunity], pick: Random) -> list[Quotation]:
    """Quotations of these open opportunities (their owners write them), the states of STATES in turn; opportunities without
    lines get some first."""
    goods = list(Product.objects.live().filter(on_shelf=True).select_related("unit").order_by("pk"))
    return [_one(found, state, goods, pick) for found, state in zip(opportunities, STATES, strict=False)]


def _one(found: Opportunity, state: str, goods: list[Product], pick: Random) -> Quotation:
    by, today = found.owner, timezone.localdate()
    if not found.lines.exists():
        _give_lines(found, pick.sample(goods, pick.randint(3, 6)), pick)
    contact = found.customer.contacts.filter(deleted_at=None).order_by("-is_primary", "pk").first()
    values = {
        "title": f"{found.name[:40]}报价",
        "contact": contact,
        "valid_until": today + timedelta(days=30),
        "terms": TERMS,
        "note": "",
    }
    made = services.create_quotation(found, values, by=by)
    if state in ("revised", "accepted"):
        _cheaper(found)
        changed = values | {"note": "客户要求控制在预算内，经理已口头同意。"}
        services.revise(made, changed, version=made.version, by=by)
        made.refresh_from_db()
    if state in ("sent", "expired"):
        sharing.share(made, made.current.number, expires_on=made.current.valid_until, by=by)
    if state in ("accepted", "rejected"):
        words = "" if state == "accepted" else "预算推迟到明年"
        services.decide(made, state == "accepted", on=today, number=made.current.number, words=words, by=by)
    if state == "void":
        services.void(made, "报错了型号", by=by)
    if state == "expired":
        _age(made, today)
    made.refresh_from_db()
    return made


def _give_lines(found: Opportunity, goods: list[Product], pick: Random) -> None:
    for order, product in enumerate(goods):
        off, quantity = Decimal(pick.choice(["0", "0", "5", "10"])), Decimal(pick.choice([1, 2, 5, 12]))
        price = arithmetic.discounted(product.price, off)
        OpportunityLine.objects.create(
            opportunity=found,
            product=product,
            name=product.name,
            code=product.code,
            unit=product.unit.label if product.unit else "",
            list_price=product.price,
            price=price,
            quantity=quantity,
            discount=arithmetic.discount_of(product.price, price),
            subtotal=arithmetic.subtotal(price, quantity),
            order=order,
        )
    _total(found)


def _cheaper(found: Opportunity) -> None:
    """The customer wanted one line less and the dearest one at a discount."""
    lines = sorted(found.lines.all(), key=lambda line: line.subtotal)
    if len(lines) > 2:
        lines[0].delete()
    dear = lines[-1]
    dear.price = arithmetic.discounted(dear.list_price, Decimal(12))
    dear.discount = arithmetic.discount_of(dear.list_price, dear.price)
    dear.subtotal = arithmetic.subtotal(dear.price, dear.quantity)
    dear.save()
    _total(found)


def _total(found: Opportunity) -> None:
    sums = found.lines.values_list("subtotal", flat=True)
    Opportunity.objects.filter(pk=found.pk).update(amount=arithmetic.total(sums, found.discount))


def _age(made: Quotation, today: date) -> None:
    """It was made six weeks ago and ran out."""
    at = timezone.now() - timedelta(days=42)
    Quotation.objects.filter(pk=made.pk).update(created_at=at, updated_at=at, sent_at=at)
    QuotationVersion.objects.filter(quotation=made).update(created_at=at, valid_until=today - timedelta(days=12))
