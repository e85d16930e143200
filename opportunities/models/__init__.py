"""Opportunities, their pipelines and what belongs to them."""

from .opportunity import Opportunity, OpportunityGrant, OpportunityLine, StageEntry, State
from .people import Competitor, Stakeholder, Tick
from .pipeline import Pipeline, Stage

__all__ = [
    "Competitor",
    "Opportunity",
    "OpportunityGrant",
    "OpportunityLine",
    "Pipeline",
    "Stage",
    "StageEntry",
    "Stakeholder",
    "State",
    "Tick",
]
