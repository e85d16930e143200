"""Leads and what belongs to them."""

from .conversion import ConversionMapping
from .lead import Lead, LeadGrant, PlanItem, Status
from .rules import AssignmentRule, LeadGift, LeadIntake
from .webforms import WebForm

__all__ = [
    "AssignmentRule",
    "ConversionMapping",
    "Lead",
    "LeadGift",
    "LeadGrant",
    "LeadIntake",
    "PlanItem",
    "Status",
    "WebForm",
]
