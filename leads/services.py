"""Verbs of leads beyond those every record has."""

from django.db import transaction

from crm.records import numbering, services

from .models import Lead


@transaction.atomic
def create_lead(lead: Lead, *, by) -> Lead:
    """Save a lead with its number; without a name of its own it bears that of the company."""
    lead.name = lead.name or lead.company
    lead.number = numbering.take("lead")[0]
    return services.create(lead, by=by)
