"""Leads and what belongs to them."""

from .conversion import ConversionMapping
from .lead import Lead, LeadGrant, PlanItem, Status

__all__ = ["ConversionMapping", "Lead", "LeadGrant", "PlanItem", "Status"]
