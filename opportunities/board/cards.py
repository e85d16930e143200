"""A card of the board: what of an opportunity the person may read, in the words of a card."""

from datetime import timedelta

from django.utils import timezone

from crm.records import formatting

from .. import idle
from ..models import Opportunity, State
from .lanes import key_of

SOON = timedelta(days=7)


def _day(value, today) -> str:
    return f"{value:%m-%d}" if value.year == today.year else formatting.day(value)


def _money(value) -> str:
    return formatting.money(value).removesuffix(".00")


def card(opportunity: Opportunity, fields, *, movable: bool) -> dict:
    """The context of one card; fields the person may not read in clear are absent."""
    today, still = timezone.localdate(), opportunity.state == State.OPEN
    key = "expected_on" if still else "closed_at"
    day = getattr(opportunity, key) if fields.readable(key) else None
    expected = timezone.localdate(day) if day and not still else day
    planned = opportunity.next_contact_at if fields.readable("next_contact_at") and still else None
    tint = ""
    if expected and still:
        tint = "k-danger-text" if expected < today else "k-warning-text" if expected <= today + SOON else ""
    return {
        "pk": opportunity.pk,
        "version": opportunity.version,
        "lane": key_of(opportunity),
        "name": opportunity.name,
        "url": f"/opportunities/{opportunity.pk}/",
        "customer": fields.shown(opportunity, "customer"),
        "amount": (_money(opportunity.amount) or "–") if fields.readable("amount") else "",
        "expected": expected and _day(expected, today),
        "expected_title": expected and f"{'预计成交' if still else '关闭于'} {formatting.day(expected)}",
        "tint": tint or "k-muted",
        "overdue": tint == "k-danger-text",
        "idle": idle.shown(opportunity, fields),
        "contact": formatting.near(planned),
        "contact_title": planned and f"下次联系 {formatting.moment(planned)}",
        "owner": opportunity.owner,
        "movable": movable and still,
    }
