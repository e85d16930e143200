"""Opportunities, their pipelines and what belongs to them."""

from .opportunity import Opportunity, OpportunityGrant, OpportunityLine, StageEntry, State
from .people import Competitor, Stakeholder, Tick
from .pipeline import Pipeline, Stage
from .quotation import (
    EXPIRED,
    Quotation,
    QuotationLine,
    QuotationMail,
    QuotationShare,
    QuotationState,
    QuotationVersion,
)

__all__ = [
    "Competitor",
    "EXPIRED",
    "Opportunity",
    "OpportunityGrant",
    "OpportunityLine",
    "Pipeline",
    "Quotation",
    "QuotationLine",
    "QuotationMail",
    "QuotationShare",
    "QuotationState",
    "QuotationVersion",
    "Stage",
    "StageEntry",
    "Stakeholder",
    "State",
    "Tick",
]
