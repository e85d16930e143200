"""How payments are numbered."""

from crm.records import numbering

from .models import Payment

numbering.declare(
    "payment",
    "回款编号",
    "HK-{yyyy}{mm}-{seq:4}",
    fields=(("department", "负责人部门"), ("customer", "客户名称")),
    taken=numbering.borne(Payment),
)


def values(payment: Payment) -> dict:
    """What a numbering rule may read of a payment."""
    owner = payment.owner
    return {
        "department": owner.department.name if owner is not None and owner.department_id else "",
        "customer": payment.customer.name,
    }
