"""What the approval engine knows of payments."""

from approvals import documents
from approvals.documents import Document, Fact
from crm.records import dictionaries
from crm.records.models import DictionaryItem

from . import services
from .models import Payment

METHODS = "payment.method"
dictionaries.declare(METHODS, "回款方式", "回款")


def _methods() -> list[tuple]:
    return list(DictionaryItem.objects.filter(dictionary=METHODS, active=True).values_list("pk", "label"))


def facts() -> list[Fact]:
    return [
        Fact("amount", "金额", "money"),
        Fact("type", "类型", "choice", lambda: list(Payment.Type.choices)),
        Fact("method", "回款方式", "choice", _methods),
        Fact("paid_on", "回款日期", "date"),
        Fact("contract_amount", "合同金额", "money"),
    ]


def values(payment: Payment, payload: dict) -> dict:
    return {
        "amount": payment.amount,
        "type": payment.type,
        "method": payment.method_id,
        "paid_on": payment.paid_on,
        "contract_amount": payment.contract.amount,
    }


def title(payment: Payment) -> str:
    """Without the amount: titles stand where no field right hides it."""
    number = f"{payment.number} " if payment.number else ""
    return f"{number}{payment.get_type_display()} {payment.contract.name}"[:200]


documents.register(
    Document(
        key="payment",
        label="回款",
        model=Payment,
        facts=facts,
        values=values,
        title=title,
        settle=services.settle,
        amount=lambda payment, payload: payment.amount,
    )
)
