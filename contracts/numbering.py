"""How contracts and invoices are numbered."""

from crm.records import numbering

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
