"""What 线索转化 adds: the bulk action, the cards on both sides, the page of its settings, the job and the way back."""

import opportunities.module  # noqa: F401  its page gets a card
from crm.records import modules
from crm.records.modules import Bulk
from customers.merging import carrying
from orgs import pages

from ..models import Lead, Status
from . import job, undo  # noqa: F401  register the job and the handler

URL, SETTINGS = "/leads/convert/", "/settings/conversion/"
FROM, SHOWN = "来源线索", 6
CONVERT = Bulk(
    "convert",
    "转化为客户",
    "customer",
    "convert",
    None,
    "",
    "",
    page=URL,
    one="转化为客户",
    shown=lambda lead: lead.status in (Status.NEW, Status.FOLLOWING),
)
pages.PAGES.insert(
    next(place for place, page in enumerate(pages.PAGES) if page.function == "admin.settings"),
    pages.Page("admin.sales", "线索转化", SETTINGS, "lead", "线索的字段转化后到客户、联系人、商机的哪里"),
)

carrying.register(
    "来源线索",
    "条",
    move=lambda journal, source, target: journal.move(Lead.objects.filter(customer=source), customer_id=target),
    count=lambda ids: Lead.objects.filter(customer__in=list(ids)).count(),
)
carrying.on_fold(
    named=lambda contacts: set(Lead.objects.filter(contact__in=contacts).values_list("contact", flat=True)),
    move=lambda journal, source, target: journal.move(Lead.objects.filter(contact=source), contact_id=target),
)


def became(lead, user) -> list[dict]:
    """Side card of a converted lead: what it became, as far as the person may see it."""
    if lead.status != Status.CONVERTED:
        return []
    rows = []
    for name in ("customer", "contact", "opportunity"):
        module, pk = modules.get(name), getattr(lead, f"{name}_id")
        if pk and (found := module.model.objects.allowed(user, "view").filter(pk=pk).first()):
            rows.append({"label": module.label, "title": module.title_of(found), "url": module.url(pk=pk)})
    return [{"title": "转化结果", "template": "leads/converted_card.html", "rows": rows, "lead": lead}]


def leads_of(record, user) -> list[dict]:
    """The leads a customer or an opportunity came from, as far as the person may see them."""
    module, field = modules.get("lead"), modules.of_model(type(record)).name
    leads = Lead.objects.allowed(user, "view").filter(**{field: record.pk}).order_by("-ended_at", "-pk")[:SHOWN]
    return [{"label": one.number, "title": one.name, "url": module.url(pk=one.pk)} for one in leads]


def came_from(opportunity, user) -> list[dict]:
    """Side card 来源线索 of an opportunity."""
    rows = leads_of(opportunity, user) if modules.get("lead").may(user, "view") else []
    return [{"title": FROM, "template": "leads/converted_card.html", "rows": rows}] if rows else []


def came_from_later(customer, user) -> list[dict]:
    """The same of a customer, whose page has its fill of statements: it asks for itself once the page stands."""
    if not modules.get("lead").may(user, "view"):
        return []
    url = f"/customers/{customer.pk}/leads/"
    return [{"title": FROM, "template": "customers/related_card.html", "load_url": url}]


for _name, _card in (("customer", came_from_later), ("opportunity", came_from)):
    modules.get(_name).side = (*modules.get(_name).side, _card)
