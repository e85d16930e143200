"""Verbs of customers and contacts beyond those every record has."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from crm.records import modules, services
from crm.records.undoing import entries

from .models import Contact, Customer
from .pools import kinds as pools
from .pools.making import note_placed, place


@transaction.atomic
def create_customer(customer: Customer, *, by, contact: dict | None = None, pool=None) -> Customer:
    """Save a customer and, if given ({field: value}), its primary contact, owned alike. With `pool` (its facts) it has no
    owner and lies there."""
    if pool is not None:
        place(pools.get("customer"), customer, pool)
    services.create(customer, by=by, keep_check=pool is None)
    if pool is not None:
        note_placed(pools.get("customer"), customer, by=by)
    if contact:
        services.create(
            Contact(customer=customer, owner=customer.owner, is_primary=True, **contact),
            by=by,
            keep_check=False,
            complete=False,
        )
    return customer


@transaction.atomic
def create_contact(contact: Contact, *, by) -> Contact:
    """Save a contact; the first one of a customer becomes its primary contact."""
    _open(contact.customer_id)
    contact.is_primary = not Contact.objects.live().filter(customer_id=contact.customer_id, is_primary=True).exists()
    return services.create(contact, by=by)


@transaction.atomic
def update_contact(contact: Contact, values: dict, *, version: int, by) -> Contact:
    """Save a contact; one that moves to another customer is no longer a primary one."""
    customer = values.get("customer")
    if customer is not None and customer.pk != contact.customer_id:
        _open(customer.pk)
        values = {**values, "is_primary": False}
    return services.update(contact, values, version=version, by=by)


@transaction.atomic
def make_primary(contact: Contact, *, by) -> None:
    """Make this the customer's primary contact; the former one stays a contact."""
    former = (
        Contact.objects.live()
        .filter(customer_id=contact.customer_id, is_primary=True)
        .exclude(pk=contact.pk)
        .select_for_update()
    )
    for other in former:
        Contact.objects.filter(pk=other.pk).update(
            is_primary=False, version=F("version") + 1, updated_at=timezone.now()
        )
        services.log(other, code="contact.not_primary", by=by, text="不再是首要联系人")
    Contact.objects.filter(pk=contact.pk).update(is_primary=True, version=F("version") + 1, updated_at=timezone.now())
    services.log(contact, code="contact.primary", by=by, text="设为首要联系人")


def _locked(rows) -> list[int]:
    """The ids of these customers, locked in their order."""
    locked = Customer.objects.filter(pk__in=rows.order_by().values("pk")).select_for_update().order_by("pk")
    return list(locked.values_list("pk", flat=True))


def _open(customer_id: int) -> None:
    """Lock the customer a contact goes to; ValidationError where it went to the recycle bin meanwhile."""
    if not _locked(Customer.objects.live().filter(pk=customer_id)):
        raise ValidationError({"customer": "该客户已被删除或合并，请重新选择"})


@transaction.atomic
def delete_customers(rows, *, by) -> int:
    """Move customers to the recycle bin, their live children (contacts, opportunities, ...) with them (same moment), each by
    the verb of its module, which may refuse. Returns how many customers."""
    # the customers before their children, as everything else locks them
    ids, now, module = _locked(rows), timezone.now(), modules.get("customer")
    with entries.entry(module, "delete", by=by, label=f"删除{module.label}"):
        for child in module.children:
            rows = child.model.objects.live().filter(customer_id__any=ids)
            if rows.exists():
                child.verb("delete")(rows, by=by, now=now, along="customer_id")
        return services.delete(Customer.objects.filter(pk__any=ids), by=by, now=now)


@transaction.atomic
def restore_customers(rows, *, by) -> int:
    """Take customers out of the recycle bin together with the children that went there with them. A merged one comes back only
    by undoing the merge: what belonged to it is the other customer's now."""
    if merged := rows.filter(merged_into__isnull=False).select_related("merged_into").first():
        raise ValidationError(
            f"“{merged.name}”已合并到“{merged.merged_into.name}”，不能单独还原，请在“我的操作”中撤销合并。"
        )
    gone = dict(rows.values_list("pk", "deleted_at"))
    moved = services.restore(rows, by=by)
    for child in modules.get("customer").children:
        along = child.model.objects.trashed().filter(customer_id__any=gone, deleted_at__in=set(gone.values()))
        if along.exists():
            child.verb("restore")(along, by=by)
    return moved


def check_customers_live(rows) -> None:
    """ValidationError where the customer of one of these children is in the recycle bin or merged away."""
    orphan = rows.filter(customer__deleted_at__isnull=False).select_related("customer__merged_into").first()
    if orphan and orphan.customer.merged_into_id:
        into = orphan.customer.merged_into.name
        raise ValidationError(f"“{orphan.name}”所属的客户已合并到“{into}”，请在“我的操作”中撤销合并。")
    if orphan:
        raise ValidationError(f"“{orphan.name}”所属的客户“{orphan.customer.name}”在回收站中，请先还原客户。")


@transaction.atomic
def restore_contacts(rows, *, by) -> int:
    """Take contacts out of the recycle bin; their customer must be live."""
    check_customers_live(rows)
    return services.restore(rows, by=by)


@transaction.atomic
def purge_customers(rows, *, by) -> int:
    """Delete customers of the recycle bin for good, with their children there; a live child refuses it."""
    ids = _locked(rows)
    for child in reversed(modules.get("customer").children):  # what points to contacts before the contacts
        along = child.model.objects.trashed().filter(customer_id__any=ids)
        if along.exists():
            child.verb("purge")(along, by=by)
    return services.purge(rows, by=by)


def switch_name_rule(rule: str) -> None:
    """Apply 客户重名 = forbid or warn to every customer: keys are filled or emptied. ValidationError lists collisions."""
    from crm.records.fields import name_key

    if rule == "warn":
        Customer.objects.exclude(name_key=None).update(name_key=None)
        return
    seen: dict[str, str] = {}
    clashes, rows = [], []
    for pk, name, deleted in Customer.objects.values_list("pk", "name", "deleted_at").iterator(chunk_size=5000):
        key = name_key(name)
        if not deleted and key in seen:
            clashes.append(name)
        seen.setdefault(key, name) if not deleted else None
        rows.append(Customer(pk=pk, name_key=key))
    if clashes:
        raise ValidationError(
            f"还有 {len(clashes)} 个重名客户，请先处理：{'、'.join(clashes[:20])}{' 等' if len(clashes) > 20 else ''}"
        )
    Customer.objects.bulk_update(rows, ["name_key"], batch_size=1000)
