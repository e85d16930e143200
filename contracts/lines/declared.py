"""Contracts as documents with product lines."""

from products.lines import documents
from products.lines.tab import tab_of
from products.pricing import Buyer

from ..models import Contract, ContractLine


def buyer(contract: Contract) -> Buyer:
    """The customer's level; the department of whoever owns the contract."""
    owner = contract.owner
    return Buyer(contract.customer.level_id, owner.department if owner is not None else None)


DOCUMENT = documents.register(
    documents.Document(
        module="contract",
        line=ContractLine,
        buyer=buyer,
        joins=("customer", "owner__department"),
        shows=("customer", "status", "owner"),
    )
)
TAB = tab_of(DOCUMENT)
