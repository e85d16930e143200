"""The 报价单 tab of an opportunity."""

from crm.records.modules import Tab

from . import approval, queries

ROWS = 50


def rows_of(quotations, user) -> list[dict]:
    """Quotations (with `current` read) as a list shows them."""
    seen = queries.sight(user)
    return [
        {
            "quotation": one,
            "current": one.current,
            "url": f"/quotations/{one.pk}/",
            "chip": queries.chip(one),
            "approval": approval.chip(one.current.approval),
            "total": one.current.total if seen.money else None,
            "customer": one.current.customer_name if seen.customer else "",
        }
        for one in quotations
    ]


def build(request, opportunity, rights) -> dict:
    found = list(opportunity.quotations.select_related("current", "created_by")[: ROWS + 1])
    return {
        "rows": rows_of(found[:ROWS], request.user),
        "money": queries.sight(request.user).money,
        "add_url": f"/opportunities/{opportunity.pk}/quotations/new/" if "edit" in rights else "",
        "more_url": f"/quotations/?opportunity={opportunity.pk}" if len(found) > ROWS else "",
    }


TAB = Tab(
    "quotations", "报价单", "quotes/tab.html", build, lambda opportunity, user: opportunity.quotations.count(), order=25
)
