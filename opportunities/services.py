"""Verbs of opportunities beyond those every record has."""

from django.db import transaction

from crm.records import services

from .models import Opportunity, StageEntry


@transaction.atomic
def create_opportunity(opportunity: Opportunity, *, by) -> Opportunity:
    """Save an opportunity; its first stay in a stage begins."""
    services.create(opportunity, by=by)
    StageEntry.objects.create(
        opportunity=opportunity,
        stage=opportunity.stage,
        stage_name=opportunity.stage.name,
        entered_at=opportunity.stage_since,
        by=by,
    )
    return opportunity


@transaction.atomic
def update_opportunity(opportunity: Opportunity, values: dict, *, version: int, by) -> Opportunity:
    """Save changed fields of an opportunity."""
    return services.update(opportunity, values, version=version, by=by)
