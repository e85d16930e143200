"""When nothing happens with an opportunity: no move, no follow-up, no edit for as many days as its pipeline says."""

from datetime import date, datetime

from django.db.models import Q
from django.utils import timezone

from . import pipelines
from .models import Opportunity, State


def quiet_since(moment: datetime) -> Q:
    """Open, and untouched since before this moment."""
    followed = Q(last_followed_at=None) | Q(last_followed_at__lt=moment)
    return Q(state=State.OPEN, moved_at__lt=moment, updated_at__lt=moment) & followed


def condition(day: date) -> Q:
    """The idle ones on a local day."""
    found, some = Q(), False
    for one in pipelines.every():
        if one.idle_days is not None:
            found |= Q(pipeline=one.pk) & quiet_since(pipelines.days_ago(one.idle_days - 1, day))
            some = True
    return found if some else Q(pk__in=())


def touched(opportunity: Opportunity) -> datetime:
    """When something happened last."""
    moments = (opportunity.moved_at, opportunity.updated_at, opportunity.last_followed_at)
    return max(moment for moment in moments if moment is not None)


def idle_for(opportunity: Opportunity, day: date | None = None) -> int | None:
    """For how many days an open opportunity is idle, None where it is not (the same answer as `condition`)."""
    pipeline = pipelines.get(opportunity.pipeline_id)
    if opportunity.state != State.OPEN or pipeline is None or pipeline.idle_days is None:
        return None
    quiet = ((day or timezone.localdate()) - timezone.localtime(touched(opportunity)).date()).days
    return quiet if quiet >= pipeline.idle_days else None


def shown(opportunity: Opportunity, fields) -> int | None:
    """The same as far as the person may read what it is made of."""
    return idle_for(opportunity) if fields.readable("moved_at") and fields.readable("last_followed_at") else None
