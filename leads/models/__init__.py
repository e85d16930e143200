"""Leads and what belongs to them."""

from .lead import Lead, LeadGrant, PlanItem, Status

__all__ = ["Lead", "LeadGrant", "PlanItem", "Status"]
