"""Which quotations a person sees, and what of them: the rows and the field rights of the opportunity."""

from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone

from crm.records import fieldset, modules

from ..models import EXPIRED, Opportunity, Quotation, QuotationState

STATES = (
    ("", "全部"),
    (QuotationState.DRAFT, "草稿"),
    (QuotationState.SENT, "已发出"),
    (EXPIRED, "已过期"),
    (QuotationState.ACCEPTED, "已接受"),
    (QuotationState.REJECTED, "已拒绝"),
    (QuotationState.VOID, "已作废"),
)
LABELS = dict(STATES)
CHIPS = {
    QuotationState.SENT: "k-chip-info",
    EXPIRED: "k-chip-warning",
    QuotationState.ACCEPTED: "k-chip-success",
    QuotationState.REJECTED: "k-chip-danger",
}


@dataclass(frozen=True)
class Sight:
    """What a person may read of a quotation: `money` = any price or sum, `list_price` = what the product costs by itself,
    `discount`, `customer` = whose it is."""

    money: bool
    list_price: bool
    discount: bool
    customer: bool


def sight(user) -> Sight:
    """By the field rights of the opportunity (预计成交金额, 整单折扣, 客户) and of the product (标准价)."""
    fields, products = fieldset.of(modules.get("opportunity"), user), fieldset.of(modules.get("product"), user)
    money = fields.readable("amount")
    return Sight(
        money=money,
        list_price=money and products.readable("price"),
        discount=money and fields.readable("discount"),
        customer=fields.readable("customer"),
    )


def visible(user, action: str = "view"):
    """Quotations of the opportunities on which the person may do `action`."""
    opportunities = Opportunity.objects.allowed(user, action).order_by().values("pk")
    return Quotation.objects.filter(opportunity_id__in=opportunities)


def in_state(state: str) -> Q:
    """The condition of a state as it shows today: a sent one is 已发出 or 已过期."""
    today = timezone.localdate()
    if state == EXPIRED:
        return Q(state=QuotationState.SENT, current__valid_until__lt=today)
    if state == QuotationState.SENT:
        return Q(state=QuotationState.SENT, current__valid_until__gte=today)
    return Q(state=state) if state else Q()


def chip(quotation: Quotation) -> dict:
    """{label, css} of the state it shows today."""
    state = quotation.state_on(timezone.localdate())
    return {"label": LABELS[state], "css": CHIPS.get(state, "")}
