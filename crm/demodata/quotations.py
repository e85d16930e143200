"""Quotations of the demo company: one of every state, two with several versions, one with a link."""

from datetime import date, timedelta
from decimal import Decimal

from django.utils import timezone

from opportunities.models import Opportunity, Quotation, QuotationVersion
from opportunities.quotes import services, sharing
from products import arithmetic
from products.lines import save_lines
from products.lines.services import Row

TERMS = (
    "1. 付款：合同签订后 7 天内付 30%，到货验收后付 60%，质保期满付 10%。\n"
    "2. 交货：收到首款后 20 个工作日内发货，运费由我方承担。\n"
    "3. 质保：硬件质保一年，软件提供一年免费升级。\n"
    "4. 以上价格含 13% 增值税。"
)
STATES = ("draft", "sent", "accepted", "rejected", "expired", "void", "revised", "sent")


def make(opportunities: list[Opportunity]) -> list[Quotation]:
    """Quotations of these open opportunities (their owners write them), the states of STATES in turn."""
    return [_one(found, state) for found, state in zip(opportunities, STATES, strict=False)]


def _said(found: Opportunity) -> dict:
    contact = found.customer.contacts.filter(deleted_at=None).order_by("-is_primary", "pk").first()
    return {
        "title": f"{found.name[:40]}报价",
        "contact": contact,
        "valid_until": timezone.localdate() + timedelta(days=30),
        "terms": TERMS,
        "note": "",
    }


def offer(found: Opportunity) -> Quotation:
    """A draft by the owner of an opportunity with lines."""
    return services.create_quotation(found, _said(found), by=found.owner)


def _one(found: Opportunity, state: str) -> Quotation:
    by, today, values = found.owner, timezone.localdate(), _said(found)
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


def _cheaper(found: Opportunity) -> None:
    """The customer wanted one line less and the dearest one at a discount."""
    found.refresh_from_db()
    lines = sorted(found.lines.all(), key=lambda line: line.subtotal)
    dear = lines[-1]
    dear.price = arithmetic.discounted(dear.list_price, Decimal(12))
    rows = [Row(line.product_id, line.price, line.quantity, line.remark, line.pk) for line in lines[len(lines) > 2 :]]
    save_lines(found, rows, discount=found.discount, by=found.owner, version=found.version)


def _age(made: Quotation, today: date) -> None:
    """It was made six weeks ago and ran out."""
    at = timezone.now() - timedelta(days=42)
    Quotation.objects.filter(pk=made.pk).update(created_at=at, updated_at=at, sent_at=at)
    QuotationVersion.objects.filter(quotation=made).update(created_at=at, valid_until=today - timedelta(days=12))
