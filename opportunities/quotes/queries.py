"""Which quotations a person sees, and what of them: the rows and the field rights of the opportunity."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Q
from django.utils import timezone

from crm.records import fieldset, modules
from crm.records.fields import tidy
from orgs.views.base import number

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


def address(share, user) -> str:
    """To whom a letter went, as far as the person may read the e-mail of contacts: "" for a link, 邮件 where it is hidden."""
    if not share.address:
        return ""
    fields = fieldset.of(modules.get("contact"), user)
    if not user.has_function("contact.view") or fields.level("email") == fieldset.HIDDEN:
        return "邮件"
    return share.address if fields.readable("email") else fieldset.mask(share.address)


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


@dataclass(frozen=True)
class Asked:
    """What a list of quotations was asked for: a state ("" = all), a text, an opportunity."""

    state: str
    text: str
    about: int | None

    @classmethod
    def of(cls, data) -> "Asked":
        """Out of the address; what is not understood is left out."""
        state = data.get("state", "")
        return cls(
            state if state in LABELS else "", tidy(data.get("q", ""))[:50].strip(), number(data.get("opportunity"))
        )

    def address(self, **more) -> str:
        found = {"q": self.text, "state": self.state, "opportunity": self.about} | more
        return urlencode({name: value for name, value in found.items() if value})

    @property
    def words(self) -> list[tuple[str, str]]:
        """[(label, value)] for the ledger of exports."""
        pairs = (("状态", LABELS[self.state] if self.state else ""), ("搜索", self.text), ("商机", self.about or ""))
        return [(label, str(value)) for label, value in pairs if value]


def listed(user, asked: Asked, action: str = "view"):
    """The quotations of a list, newest first: by number, title and, where the person may read it, customer."""
    rows = visible(user, action)
    if asked.about:
        rows = rows.filter(opportunity_id=asked.about)
    if asked.text:
        found = Q(number__icontains=asked.text) | Q(current__title__icontains=asked.text)
        if sight(user).customer:
            found |= Q(current__customer_name__icontains=asked.text)
        rows = rows.filter(found)
    return rows.filter(in_state(asked.state)).select_related("current", "opportunity__owner", "created_by")


def chip(quotation: Quotation) -> dict:
    """{label, css} of the state it shows today."""
    state = quotation.state_on(timezone.localdate())
    return {"label": LABELS[state], "css": CHIPS.get(state, "")}
