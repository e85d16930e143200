"""Contracts as documents with product lines."""

from crm.records.modules import Bulk
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
EXPORT = Bulk(
    "lines_export",
    "导出产品明细",
    "download",
    "export",
    None,
    "",
    "",
    page="/contracts/lines/export/",
    one="导出产品明细",
    shown=lambda contract: contract.lines_total is not None,
)
