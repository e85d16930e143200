"""Small helpers of the tests of merging: customers with everything on them, and the state of every table."""

from django.contrib.contenttypes.models import ContentType
from django.core.files.uploadedfile import SimpleUploadedFile

from crm.records import services, stars, teams, uploads
from crm.records.followups import services as followups
from crm.records.models import Attachment, FollowUp, FollowUpLink, SearchRow, Star, TagLink, UniqueValue
from crm.records.tagging import services as tagging
from crm.testing.followups import values
from customers.merging import services as merging
from customers.models import (
    Contact,
    ContactCustomer,
    ContactGrant,
    Customer,
    CustomerGrant,
    CustomerRelation,
    TransferRequest,
)
from customers.relations import services as relations

TABLES = (
    Customer,
    Contact,
    FollowUp,
    FollowUpLink,
    Attachment,
    TagLink,
    Star,
    CustomerGrant,
    ContactGrant,
    CustomerRelation,
    ContactCustomer,
    TransferRequest,
)


def everything() -> dict:
    """Every row of every table a merge may touch, but versions; search lines and unique values by what they say."""
    found = {}
    for model in TABLES:
        rows = model.objects.order_by("pk").values()
        found[model._meta.label] = [{key: value for key, value in row.items() if key != "version"} for row in rows]
    lines = SearchRow.objects.values_list("content_type", "object_id", "key", "text")
    found["search"] = sorted(lines)
    found["unique"] = sorted(UniqueValue.objects.values_list("field", "digest", "object_id"))
    return found


def customer(owner, name: str, **more) -> Customer:
    return services.create(Customer(name=name, owner=owner, **more), by=owner)


def contact(record: Customer, name: str, **more) -> Contact:
    from customers.services import create_contact

    return create_contact(Contact(name=name, customer=record, owner=record.owner, **more), by=record.owner)


def file(record, name: str, by):
    return uploads.attach(record, [SimpleUploadedFile(name, b"text")], by=by)[0]


def furnish(record: Customer, by, other: Customer, *, label: str, contacts: int = 3, talks: int = 5) -> None:
    """Contacts, follow-ups (at the customer and at a contact), files, tags, a star, a team and relations."""
    made = [contact(record, f"{label}联系人{n}", mobile=f"138{record.pk % 100:02d}{n:06d}") for n in range(contacts)]
    for n in range(talks):
        followups.write(made[n % contacts] if n % 3 == 0 else record, values(f"{label}跟进{n}"), by=by)
    file(record, f"{label}.txt", by)
    tagging.put(record, [label, "共同"], by=by)
    stars.toggle(record, user=by)
    relations.relate(record, other, kind("合作"), note=f"{label}说明", by=by)


def kind(label: str):
    from crm.records.models import DictionaryItem

    return DictionaryItem.objects.get(dictionary="customer.link", label=label)


def versions(*records) -> dict[int, int]:
    return dict(Customer.objects.filter(pk__in=[one.pk for one in records]).values_list("pk", "version"))


def merge(survivor: Customer, *others: Customer, by, picks=None):
    """Merge as a page just opened would."""
    ids = [survivor.pk, *(one.pk for one in others)]
    return merging.merge(ids, survivor.pk, picks or {}, versions=versions(survivor, *others), by=by)


def at(model, record):
    """Satellites of a record."""
    return model.objects.filter(content_type=ContentType.objects.get_for_model(type(record)), object_id=record.pk)


def team(record) -> dict[str, tuple[bool, object]]:
    """{name: (may write, until)}."""
    return {
        grant.user.name: (grant.permission.codename.startswith("change_"), grant.until)
        for grant in teams.members(record)
    }
