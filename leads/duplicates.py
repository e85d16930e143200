"""Leads in 查重, and likely duplicates of what is typed into the form of a lead."""

from crm.records import search
from customers.duplicates import finding, sources
from customers.duplicates.sources import NAME, PART, PHONE, Source
from customers.pools import access, kinds

from .models import Lead


def match(kind: str, values, limit: int) -> list[tuple[str, int]]:
    """Leads by the stem of their name or company, a part of either, their numbers, or the domain of their mail."""
    if kind == NAME:
        found = [sources.by_column(Lead, column, values, limit) for column in ("name_stem", "company_stem")]
        return list(dict.fromkeys([*found[0], *found[1]]))
    if kind == PART:
        return [pair for value in values for pair in sources.by_part("lead", search.normal(value), limit)]
    if kind == PHONE:
        return sources.by_line(Lead, "phone", values, limit)
    return sources.by_column(Lead, "domain", values, limit)


def offered(leads, user) -> dict[int, dict]:
    """领取, where a lead lies in a pool of the person."""
    if not user.has_function("lead.claim"):
        return {}
    kind = kinds.get("lead")
    mine = {pool.pk for pool in access.pools_of(kind, user)}
    return {
        lead.pk: {
            "label": "领取",
            "url": f"/{kind.prefix}/{lead.pool_id}/bulk/claim/?ids={lead.pk}",
            "icon": "plus",
            "dialog": True,
        }
        for lead in leads
        if lead.pool_id in mine
    }


sources.register(
    Source(
        "lead",
        match,
        reads={PHONE: ("mobile", "phone"), sources.DOMAIN: ("email",), NAME: ("company",), PART: ("company",)},
        phones=("mobile", "phone"),
        names=("name", "company"),
        label=lambda lead: "线索" if lead.owner_id else "线索池",
        followed="last_followed_at",
        actions=offered,
        order=30,
    )
)


def hints(field: str, value: str, user, exclude: str = "") -> list[dict]:
    """Customers and leads that look like what is typed into the form of a lead."""
    return finding.hints_of(
        field, value, user, exclude, names=("name", "company"), phones=("mobile", "phone"), own="lead"
    )
