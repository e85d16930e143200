"""Contracts as documents with product lines."""

from crm.records.modules import Bulk
from products.lines import documents
from products.lines.tab import tab_of
from products.pricing import buyer_of

from ..models import ContractLine

DOCUMENT = documents.register(
    documents.Document(
        module="contract",
        line=ContractLine,
        buyer=buyer_of,
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
