"""Reading 关联客户 as far as a person may see the customers: the others are counted, never named."""

from dataclasses import dataclass, field

from django.db.models import Exists, OuterRef, Q

from crm.records import fieldset, modules

from ..models import Contact, ContactCustomer, Customer, CustomerRelation
from ..models.links import PARENT, SUBSIDIARY
from .services import seen_from

LEVELS = 10  # of a group that are drawn
SHOWN = 200  # customers of a group, relations of a customer
NAMED = 50  # linked contacts on the tab


@dataclass
class Related:
    """Relations of a customer to those the person may see, and how many customers more there are."""

    rows: list[tuple[CustomerRelation, Customer, str]] = field(default_factory=list)
    hidden: int = 0


def visible(ids, user) -> dict[int, Customer]:
    """{id: customer} of those the person may view, with their owners."""
    if not ids or not user.has_function("customer.view"):
        return {}
    rows = Customer.objects.allowed(user, "view").filter(pk__any=list(ids)).select_related("owner__department")
    return {one.pk: one for one in rows}


def relations_of(customer: Customer, user):
    """Relations of the customer to customers the person may see."""
    seen = Customer.objects.allowed(user, "view").order_by()
    ends = Q(customer=customer) & Q(Exists(seen.filter(pk__at=OuterRef("other"))))
    ends |= Q(other=customer) & Q(Exists(seen.filter(pk__at=OuterRef("customer"))))
    return CustomerRelation.objects.filter(ends)


def related(customer: Customer, user) -> Related:
    """Parents first, then subsidiaries, then the rest; read once a page."""
    if not hasattr(customer, "_related"):
        rows = CustomerRelation.objects.filter(
            Q(customer=customer, other__deleted_at=None) | Q(other=customer, customer__deleted_at=None)
        )
        found = list(rows.select_related("kind").order_by("pk")[:SHOWN])
        far = {one.pk: one.other_id if one.customer_id == customer.pk else one.customer_id for one in found}
        seen = visible(set(far.values()), user)
        named = [(one, seen[far[one.pk]], seen_from(one, customer.pk)) for one in found if far[one.pk] in seen]
        order = {PARENT: 0, SUBSIDIARY: 1}
        named.sort(key=lambda row: (order.get(row[2], 2), row[0].pk))
        customer._related = Related(named, len(set(far.values()) - seen.keys()))
    return customer._related


def group(customer: Customer, user) -> list[tuple[int, Customer, bool]]:
    """The group the customer belongs to as [(depth, customer, whether it is this one)], from the topmost parent in sight;
    empty without parent and subsidiary. One walk up, one down: two statements a level, whatever its breadth."""
    known, pairs = {customer.pk: customer}, {}
    tops = _walk({customer.pk}, "other", known, pairs, user)
    _walk({customer.pk} | tops, "customer", known, pairs, user)
    if not pairs:
        return []
    children: dict[int, list[int]] = {}
    for above, below in sorted(pairs.values()):
        children.setdefault(above, []).append(below)
    below = {one for _, one in pairs.values()}
    found, done = [], set()

    def draw(pk: int, depth: int) -> None:
        found.append((depth, known[pk], pk == customer.pk))
        if pk not in done:  # a subsidiary of two parents stands below both, its own only once
            done.add(pk)
            for child in sorted(children.get(pk, ()), key=lambda one: known[one].name):
                draw(child, depth + 1)

    for pk in sorted(known.keys() - below):
        draw(pk, 0)
    return found[:SHOWN]


def _walk(level: set[int], end: str, known: dict, pairs: dict, user) -> set[int]:
    """Follow the pairs from `end` of them to the other, level by level, through visible customers only; answers the last ones
    reached."""
    far, reached = ("customer_id", "other_id")[end == "customer"], set()
    for _ in range(LEVELS):
        rows = CustomerRelation.objects.filter(directed=True, **{f"{end}__any": level}).order_by("pk")[:SHOWN]
        found = list(rows.values("pk", "customer_id", "other_id"))
        new = {row[far] for row in found} - known.keys()
        known |= visible(new, user)
        pairs |= {
            row["pk"]: (row["customer_id"], row["other_id"])
            for row in found
            if row["customer_id"] in known and row["other_id"] in known
        }
        level = {pk for pk in new if pk in known}
        reached |= level
        if not level or len(known) > SHOWN:
            break
    return reached


# Contacts -------------------------------------------------------------------------------------------------------------
def links_of(customer: Customer):
    """Contacts that work for this customer as well (兼任)."""
    rows = ContactCustomer.objects.filter(customer=customer, contact__deleted_at=None)
    return rows.exclude(contact__customer=customer)  # it moved here since


def linked_contacts(customer: Customer, user, *, may_edit: bool) -> list[dict]:
    """What the 联系人 tab shows of them: name, position and number by the sight of this customer and the field rights of the
    person (docs/architecture.md names this exception), the rest only to whoever sees the contact itself."""
    rows = links_of(customer).select_related("contact__customer").order_by("pk")[:NAMED]
    links = list(rows)
    ids = [link.contact_id for link in links]
    own = set(Contact.objects.allowed(user, "view").filter(pk__any=ids).values_list("pk", flat=True)) if ids else set()
    mains = visible({link.contact.customer_id for link in links}, user)
    fields = fieldset.of(modules.get("contact"), user)
    return [
        {
            "name": link.contact.name,
            "url": f"/contacts/{link.contact_id}/" if link.contact_id in own else "",
            "position": link.position or fields.shown(link.contact, "position"),
            "tel": fields.shown(link.contact, "tel"),
            "call": (link.contact.mobile or link.contact.phone)
            if fields.readable("mobile") and fields.readable("phone")
            else "",
            "main": mains.get(link.contact.customer_id),
            "remove_url": f"/customers/contact-links/{link.pk}/remove/" if may_edit else "",
        }
        for link in links
    ]


def customers_card(contact: Contact, user) -> list[dict]:
    """Side card of a contact that works for several customers: those the person may see, the others as a number."""
    rows = ContactCustomer.objects.filter(contact=contact, customer__deleted_at=None)
    links = list(rows.exclude(customer=contact.customer_id).order_by("pk"))
    if not links:
        return []
    seen = visible({contact.customer_id, *(link.customer_id for link in links)}, user)
    main = seen.get(contact.customer_id)
    shown = [(main, "所属客户", fieldset.of(modules.get("contact"), user).shown(contact, "position"))] if main else []
    shown += [(seen[link.customer_id], "兼任", link.position) for link in links if link.customer_id in seen]
    hidden = len(links) + 1 - len(shown)
    return [{"title": "任职的客户", "template": "customers/employers.html", "shown": shown, "hidden": hidden}]
