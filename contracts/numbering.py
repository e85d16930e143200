"""How contracts and invoices are numbered."""

from django.contrib.auth import get_user_model

from crm.records import numbering
from crm.records.models import DictionaryItem
from customers.models import Customer

from .models import Contract, Invoice

numbering.declare(
    "contract",
    "合同编号",
    "HT-{yyyy}{mm}-{seq:4}",
    fields=(("kind", "合同类型"), ("department", "负责人部门"), ("customer", "客户名称")),
    taken=numbering.borne(Contract),
)
numbering.declare(
    "invoice",
    "开票申请编号",
    "KP-{yyyy}{mm}-{seq:4}",
    fields=(("kind", "发票类型"), ("department", "负责人部门"), ("customer", "客户名称")),
    taken=numbering.borne(Invoice),
)


def values(record) -> dict:
    """What a numbering rule may read of a contract or an invoice."""
    owner = record.owner
    return {
        "kind": record.kind.label if record.kind_id else "",
        "department": owner.department.name if owner is not None and owner.department_id else "",
        "customer": record.customer.name,
    }


def values_of(key: str, rows: list[tuple[int | None, int | None, int]]) -> list[dict]:
    """The same of documents that are about to be written: their (kind, owner, customer) by id, in a few statements."""
    if not numbering.rule_of(key).keys:
        return [{}] * len(rows)
    kinds, owners, customers = (sorted({one for one in column if one}) for column in zip(*rows, strict=True))
    labels = dict(DictionaryItem.objects.filter(pk__in=kinds).values_list("pk", "label"))
    people = get_user_model().objects.filter(pk__any=owners)
    departments = dict(people.values_list("pk", "department__name"))
    names = dict(Customer.objects.filter(pk__any=customers).values_list("pk", "name"))
    return [
        {"kind": labels.get(kind, ""), "department": departments.get(owner) or "", "customer": names.get(customer, "")}
        for kind, owner, customer in rows
    ]
