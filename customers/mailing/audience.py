"""Who gets a letter: chosen records -> contacts with an address, and why the others are left out."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import validate_email

from crm.records import fieldset, modules

from ..models import Contact, Customer, Mailing, MailingRecipient, MailOptOut
from ..models.mailing import address_key

REASONS = {
    "scope": "不在您可操作的范围内",
    "none": "没有邮箱",
    "invalid": "邮箱格式不正确",
    "optout": "已退订",
    "double": "邮箱重复，只发一封",
}
EXAMPLES = 5
GONE, MOVED, OPTED_OUT = "不在发送人的数据范围内，或已删除", "邮箱在确认之后改过", "对方已退订"


@dataclass(frozen=True)
class Person:
    """One address a letter goes to."""

    contact: int
    customer: int
    name: str
    address: str


@dataclass
class Audience:
    """`people` in the order they are written to; `excluded` = {reason: how many}, `names` = {reason: the first of them}."""

    people: list[Person] = field(default_factory=list)
    excluded: dict[str, int] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)

    def leave_out(self, reason: str, name: str = "", number: int = 1) -> None:
        self.excluded[reason] = self.excluded.get(reason, 0) + number
        kept = self.names.setdefault(reason, [])
        if name and len(kept) < EXAMPLES:
            kept.append(name)

    def explained(self) -> list[dict]:
        """[{label, count, names}] in the order of REASONS."""
        return [
            {"label": label, "count": self.excluded[key], "names": self.names.get(key, [])}
            for key, label in REASONS.items()
            if self.excluded.get(key)
        ]


def check_address_right(by) -> None:
    """PermissionDenied for whoever may not see contacts or their addresses in clear: a letter would tell them apart."""
    if not by.has_function("contact.view"):
        raise PermissionDenied("您的角色不能查看联系人，不能给他们发邮件。")
    if not fieldset.of(modules.get("contact"), by).readable("email"):
        raise PermissionDenied("您的角色看不到联系人的邮箱，不能发送邮件。")


def of(module: str, ids: Iterable[int], *, by, who: str = Mailing.Who.PRIMARY) -> Audience:
    """The people behind the chosen customers or contacts, as far as `by` may write to them. A fixed number of statements,
    whatever the number of records (one per 2,000 addresses for those who unsubscribed)."""
    check_address_right(by)
    ids, found = list(dict.fromkeys(ids)), Audience()
    rows = _of_customers(ids, by, who, found) if module == "customer" else _of_contacts(ids, by, found)
    optouts = opted_out(key for *_, key in rows)
    seen: set[str] = set()
    for person, key in rows:
        if not valid(person.address):
            found.leave_out("invalid", person.name)
        elif key in optouts:
            found.leave_out("optout", person.name)
        elif key in seen:
            found.leave_out("double", person.name)
        else:
            seen.add(key)
            found.people.append(person)
    return found


def _of_contacts(ids, by, found: Audience) -> list[tuple[Person, str]]:
    rows = Contact.objects.allowed(by, "mail").filter(pk__any=ids).order_by("pk")
    contacts = list(rows.values_list("pk", "customer_id", "name", "email"))
    if len(contacts) < len(ids):
        found.leave_out("scope", number=len(ids) - len(contacts))
    people = []
    for pk, customer, name, email in contacts:
        if email:
            people.append((Person(pk, customer, name, email.strip()), address_key(email)))
        else:
            found.leave_out("none", name)
    return people


def _of_customers(ids, by, who: str, found: Audience) -> list[tuple[Person, str]]:
    customers = dict(Customer.objects.allowed(by, "mail").filter(pk__any=ids).order_by().values_list("pk", "name"))
    if len(customers) < len(ids):
        found.leave_out("scope", number=len(ids) - len(customers))
    rows = Contact.objects.allowed(by, "view").filter(customer_id__any=customers).exclude(email="")
    if who == Mailing.Who.PRIMARY:
        rows = rows.filter(is_primary=True)
    people = [
        (Person(pk, customer, name, email.strip()), address_key(email))
        for pk, customer, name, email in rows.order_by("customer_id", "-is_primary", "pk").values_list(
            "pk", "customer_id", "name", "email"
        )
    ]
    reached = {person.customer for person, _ in people}
    for pk, name in sorted(customers.items()):
        if pk not in reached:
            found.leave_out("none", name)
    return people


def valid(address: str) -> bool:
    """Whether mail can be addressed to it; nothing that breaks a header passes."""
    try:
        validate_email(address)
    except ValidationError:
        return False
    return address.isprintable()


def opted_out(keys: Iterable[str]) -> set[str]:
    """Those of the address keys that want no letters."""
    keys, found = list(keys), set()
    for start in range(0, len(keys), 2000):
        rows = MailOptOut.objects.filter(address_key__any=keys[start : start + 2000])
        found |= set(rows.values_list("address_key", flat=True))
    return found


def lost(mailing: Mailing, recipients: list[MailingRecipient], *, by) -> dict[int, str]:
    """{recipient id: why no letter may go there any more}, by the rights and the data of this moment."""
    contacts = Contact.objects.allowed(by, "view" if mailing.module == "customer" else "mail")
    contacts = contacts.filter(pk__any=[one.contact_id for one in recipients if one.contact_id])
    if mailing.module == "customer":
        customers = Customer.objects.allowed(by, "mail").filter(
            pk__any={one.customer_id for one in recipients if one.customer_id}
        )
        mine = set(customers.order_by().values_list("pk", flat=True))
    there = {
        pk: (customer, email) for pk, customer, email in contacts.order_by().values_list("pk", "customer_id", "email")
    }
    optouts, found = opted_out(one.address_key for one in recipients), {}
    for one in recipients:
        customer, email = there.get(one.contact_id, (None, ""))
        if one.contact_id not in there or (mailing.module == "customer" and customer not in mine):
            found[one.pk] = GONE
        elif address_key(email) != one.address_key:
            found[one.pk] = MOVED
        elif one.address_key in optouts:
            found[one.pk] = OPTED_OUT
    return found
