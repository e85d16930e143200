"""Opportunities, their pipelines and what belongs to them."""

from .opportunity import Opportunity, OpportunityGrant, OpportunityLine, StageEntry, State
from .pipeline import Pipeline, Stage

__all__ = [
    "Opportunity",
    "OpportunityGrant",
    "OpportunityLine",
    "Pipeline",
    "Stage",
    "StageEntry",
    "State",
]
