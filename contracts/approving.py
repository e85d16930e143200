"""What the approval engine knows of contracts."""

from approvals import documents
from approvals.documents import Document, Fact

from . import services
from .models import Contract

FACTS = [
    Fact("amount", "合同金额", "money"),
    Fact("discount", "整单折扣（%）", "percent"),
]


def values(contract: Contract, payload: dict) -> dict:
    return {"amount": contract.amount, "discount": contract.discount}


documents.register(
    Document(
        key="contract",
        label="合同",
        model=Contract,
        facts=lambda: FACTS,
        values=values,
        title=lambda contract: f"{contract.number} {contract.name}".strip(),
        settle=services.settle,
        amount=lambda contract, payload: contract.amount,
    )
)
