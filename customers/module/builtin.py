"""The built-in views of customers and contacts."""

from datetime import timedelta

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from crm.records import modules, scope
from crm.records.models import Star

from ..pools import kinds, reclaim, rules


def _since(days: int):
    start = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    return start - timedelta(days=days)


def today(rows, user):
    return rows.filter(created_at__gte=_since(0))


def this_week(rows, user):
    return rows.filter(created_at__gte=_since(timezone.localdate().weekday()))


def this_month(rows, user):
    return rows.filter(created_at__gte=_since(timezone.localdate().day - 1))


def recently(rows, user):
    return rows.filter(updated_at__gte=_since(30))


def mine(rows, user):
    return scope.of_owners(rows, [user.pk])


def of_subordinates(rows, user):
    return scope.of_owners(rows, sorted(user.subordinate_ids() - {user.pk}))


def starred(rows, user):
    stars = Star.objects.filter(user=user, content_type=ContentType.objects.get_for_model(rows.model))
    return scope.within(rows, stars.values("object_id"))


def in_team(rows, user):
    grants = modules.of_model(rows.model).grant_model
    return scope.within(rows, grants.objects.current().filter(user=user).values("content_object_id"))


def ending(rows, user):
    """Close to the pool: whatever a run within the next SOON days takes."""
    kind = kinds.get(modules.of_model(rows.model).name)
    return rows.filter(rules.due(kind, timezone.localdate() + timedelta(days=reclaim.SOON + 1)))
