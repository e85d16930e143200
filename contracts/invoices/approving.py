"""What the approval engine knows of applications for invoices."""

from approvals import documents
from approvals.documents import Document, Fact
from crm.records.models import DictionaryItem

from ..models import Invoice
from . import services


def kinds() -> list[tuple]:
    return list(DictionaryItem.objects.filter(dictionary="invoice.kind").values_list("pk", "label"))


FACTS = [Fact("amount", "开票金额", "money"), Fact("kind", "发票类型", "choice", kinds)]


def values(invoice: Invoice, payload: dict) -> dict:
    return {"amount": invoice.amount, "kind": invoice.kind_id}


def title(invoice: Invoice) -> str:
    """Without the amount: titles stand where no field right hides it."""
    return f"{invoice.number} {invoice.title}".strip()[:150]


documents.register(
    Document(
        key="invoice",
        label="开票申请",
        model=Invoice,
        facts=lambda: FACTS,
        values=values,
        title=title,
        settle=services.settle,
        amount=lambda invoice, payload: invoice.amount,
    )
)
