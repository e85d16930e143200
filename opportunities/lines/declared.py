"""Opportunities as documents with product lines."""

from crm.records.modules import Bulk
from products.lines import documents
from products.lines.tab import tab_of
from products.pricing import Buyer

from ..models import Opportunity, OpportunityLine


def buyer(opportunity: Opportunity) -> Buyer:
    """The customer's level; the department of whoever owns the opportunity."""
    owner = opportunity.owner
    return Buyer(opportunity.customer.level_id, owner.department if owner is not None else None)


DOCUMENT = documents.register(
    documents.Document(
        module="opportunity",
        line=OpportunityLine,
        buyer=buyer,
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
