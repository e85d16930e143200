"""Opportunities as documents with product lines."""

from crm.records.modules import Bulk
from products.lines import documents
from products.lines.tab import tab_of
from products.pricing import buyer_of

from ..models import OpportunityLine

DOCUMENT = documents.register(
    documents.Document(
        module="opportunity",
        line=OpportunityLine,
        buyer=buyer_of,
        joins=("customer", "owner__department"),
        shows=("customer", "stage", "state", "owner"),
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
    page="/opportunities/lines/export/",
    one="导出产品明细",
    shown=lambda opportunity: opportunity.lines_total is not None,
)
