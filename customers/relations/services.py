"""Verbs of 关联客户 and of contacts with several customers. Names of the other side never stand in a log: who reads it may
not see that customer."""

from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q

from crm.records import services
from crm.records.models import DictionaryItem

from ..models import Contact, ContactCustomer, Customer, CustomerRelation
from ..models.links import LINK, PARENT, SUBSIDIARY

DEEP = 50  # levels of a group; more than any company has


def lock_groups() -> DictionaryItem | None:
    """Let one change of the parent/subsidiary pairs at a time check for circles: two of them, each fine alone, could close
    one. Taken before any customer is locked."""
    return DictionaryItem.objects.select_for_update().filter(dictionary=LINK, label=SUBSIDIARY).first()


def chain(top: int, bottom: int) -> list[int]:
    """Ids from `top` down to `bottom` by parent/subsidiary pairs, both included; empty where none leads there."""
    above: dict[int, int] = {}
    level = [top]
    for _ in range(DEEP):
        pairs = CustomerRelation.objects.filter(directed=True, customer__any=level).order_by("pk")
        level = []
        for parent, child in pairs.values_list("customer_id", "other_id"):
            if child not in above:
                above[child] = parent
                level.append(child)
        if bottom in above or not level:
            break
    if bottom not in above:
        return []
    path = [bottom]
    while path[0] != top or len(path) == 1:
        path.insert(0, above[path[0]])
    return path


def in_words(ids: Iterable[int], by) -> str:
    """“甲” → “乙”, those out of sight by number."""
    names = dict(Customer.objects.allowed(by, "view").filter(pk__any=list(ids)).values_list("pk", "name"))
    return " → ".join(f"“{names[pk]}”" if pk in names else f"编号 {pk}" for pk in ids)


def _locked(*ids: int) -> dict[int, Customer]:
    """The live customers of these ids, locked in the order of their ids; ValidationError where one is gone."""
    found = {one.pk: one for one in Customer.objects.live().filter(pk__any=ids).select_for_update().order_by("pk")}
    if len(found) != len(set(ids)):
        raise ValidationError("客户已被删除或合并，请刷新后再试。")
    return found


@transaction.atomic
def relate(customer: Customer, other: Customer, kind: DictionaryItem, *, note: str = "", by) -> CustomerRelation:
    """Say that `other` is the `kind` (母公司, 子公司, ...) of `customer`. ValidationError for itself, a pair that has this
    relation already, and a circle of parents and subsidiaries."""
    if customer.pk == other.pk:
        raise ValidationError({"other": "不能和自己关联，请选择另一个客户"})
    directed = kind.label in (PARENT, SUBSIDIARY)
    stored = kind
    if directed:
        stored = lock_groups() or kind
    _locked(customer.pk, other.pk)
    above, below = customer, other
    if kind.label == PARENT or (not directed and other.pk < customer.pk):
        above, below = other, customer
    if directed and (found := chain(below.pk, above.pk)):
        raise ValidationError(
            {"other": f"不能这样关联：{in_words(found, by)} 已经是母公司到子公司的关系，再加上会绕成一圈"}
        )
    relation = CustomerRelation(customer=above, other=below, kind=stored, directed=directed, note=note, created_by=by)
    relation.full_clean()
    try:
        with transaction.atomic():
            relation.save(force_insert=True)
    except IntegrityError:
        raise ValidationError("这两个客户已有这种关系") from None
    for one in (above, below):
        text = f"添加关联客户：{seen_from(relation, one.pk)}（编号 {_far(relation, one.pk)}）"
        changes = [{"label": "关联说明", "old": "", "new": relation.note}] if relation.note else []
        services.log(one, code="customer.relation_added", by=by, text=text, changes=changes)
    return relation


@transaction.atomic
def unrelate(relation: CustomerRelation, *, by) -> bool:
    """End a relation; answers whether it still stood."""
    ends = list(Customer.objects.filter(pk__in=[relation.customer_id, relation.other_id]))
    gone, _ = CustomerRelation.objects.filter(pk=relation.pk).delete()
    for one in ends if gone else ():
        text = f"移除关联客户：{seen_from(relation, one.pk)}（编号 {_far(relation, one.pk)}）"
        services.log(one, code="customer.relation_removed", by=by, text=text)
    return bool(gone)


def _far(relation: CustomerRelation, pk: int) -> int:
    return relation.other_id if relation.customer_id == pk else relation.customer_id


def seen_from(relation: CustomerRelation, pk: int) -> str:
    """What the other end is to the customer `pk`: from a subsidiary's side its parent."""
    return PARENT if relation.directed and relation.other_id == pk else relation.kind.label


# Contacts of several customers ----------------------------------------------------------------------------------------
@transaction.atomic
def link_contact(contact: Contact, customer: Customer, *, position: str = "", by) -> ContactCustomer:
    """Let an existing contact work for a further customer."""
    _locked(customer.pk)
    contact = Contact.objects.live().filter(pk=contact.pk).first()
    if contact is None:
        raise ValidationError({"contact": "该联系人已被删除"})
    if contact.customer_id == customer.pk:
        raise ValidationError({"contact": "该联系人已在这个客户下"})
    link = ContactCustomer(contact=contact, customer=customer, position=position, created_by=by)
    link.full_clean()
    try:
        with transaction.atomic():
            link.save(force_insert=True)
    except IntegrityError:
        raise ValidationError({"contact": "该联系人已在这个客户下"}) from None
    changes = [{"label": "在该客户的职位", "old": "", "new": link.position}] if link.position else []
    services.log(customer, code="customer.contact_linked", by=by, text=f"关联兼任联系人“{contact.name}”")
    text = f"兼任于另一个客户（编号 {customer.pk}）"
    services.log(contact, code="contact.contact_linked", by=by, text=text, changes=changes)
    return link


@transaction.atomic
def unlink_contact(link: ContactCustomer, *, by) -> bool:
    """End it; the contact and its main customer stay. Answers whether it still stood."""
    customer, contact = link.customer, link.contact
    gone, _ = ContactCustomer.objects.filter(pk=link.pk).delete()
    if gone:
        services.log(customer, code="customer.contact_unlinked", by=by, text=f"移除兼任联系人“{contact.name}”")
        text = f"不再兼任于另一个客户（编号 {customer.pk}）"
        services.log(contact, code="contact.contact_unlinked", by=by, text=text)
    return bool(gone)


# With a merge ---------------------------------------------------------------------------------------------------------
def carry_relations(journal, source: int, target: int, *, by) -> None:
    """Relations of a merged customer become the survivor's; those between the two and those it has already end. A circle
    refuses the merge in words. The caller holds `lock_groups`."""
    for one in CustomerRelation.objects.filter(Q(customer=source) | Q(other=source)).order_by("pk"):
        a, b = (target if end == source else end for end in (one.customer_id, one.other_id))
        if not one.directed:
            a, b = sorted((a, b))
        rows = CustomerRelation.objects.filter(pk=one.pk)
        there = CustomerRelation.objects.filter(customer=a, other=b, kind=one.kind_id).exclude(pk=one.pk)
        if a == b or there.exists():
            if one.note:
                journal.move(there.filter(note=""), note=one.note)
            journal.drop(rows)
        else:
            journal.move(rows, customer_id=a, other_id=b)
    if found := chain(target, target):
        raise ValidationError(f"合并后母公司和子公司会绕成一圈：{in_words(found, by)}，请先移除其中一条关系。")


def carry_links(journal, source: int, target: int) -> None:
    """Contacts that worked for the merged customer as well work for the survivor, unless they are its own already."""
    own = ContactCustomer.objects.filter(customer=target, contact__customer=target)
    journal.drop(own)
    came = ContactCustomer.objects.filter(customer=source)
    there = dict(ContactCustomer.objects.filter(customer=target).values_list("contact_id", "position"))
    for link in came.filter(contact__any=list(there)).exclude(position=""):
        if not there[link.contact_id]:
            journal.move(
                ContactCustomer.objects.filter(customer=target, contact=link.contact_id), position=link.position
            )
    journal.drop(came.filter(Q(contact__any=list(there)) | Q(contact__customer=target)))
    journal.move(came, customer_id=target)


def working_elsewhere(contacts) -> set[int]:
    """Those of these contacts that work for further customers."""
    rows = ContactCustomer.objects.filter(contact__any=list(contacts))
    return set(rows.values_list("contact_id", flat=True))


def carry_contact(journal, source: int, target: int, main: int) -> None:
    """The further customers of a double become those of the kept contact, whose main customer is `main`."""
    came = ContactCustomer.objects.filter(contact=source)
    there = ContactCustomer.objects.filter(contact=target).values_list("customer_id", flat=True)
    journal.drop(came.filter(customer__any=[*there, main]))
    journal.move(came, contact_id=target)
