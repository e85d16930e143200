"""The 开发计划 tab of a lead, the view 待执行计划 and the side card with what comes next."""

from django.utils import timezone

from crm.records import modules, scope
from crm.records.modules import Tab

from ..models import PlanItem, Status

AT_MOST = 200


def to_be_done(rows, user):
    """Leads that are followed and have an item that is due and without a result."""
    due = PlanItem.objects.filter(result="", day__lte=timezone.localdate())
    return scope.within(rows.filter(status=Status.FOLLOWING), due.values("lead_id"))


def row_of(item: PlanItem, today) -> dict:
    """An item with what is up with it: done, due (overdue) or to come."""
    late = not item.result and item.day < today
    state, dot = (
        ("已执行", "k-dot-success")
        if item.result
        else ("逾期", "k-dot-danger")
        if late
        else ("今天", "k-dot-warning")
        if item.day == today
        else ("未到", "")
    )
    return {"item": item, "late": late, "state": state, "dot": dot}


def build(request, lead, rights) -> dict:
    today = timezone.localdate()
    items = list(lead.plan.select_related("created_by").order_by("day", "pk")[:AT_MOST])
    may = "edit" in rights and lead.status == Status.FOLLOWING
    url = modules.get("lead").url("plan/new", lead.pk)
    return {
        "rows": [row_of(item, today) for item in items],
        "may": may,
        "add_url": url if may else None,
        "why": "" if may or "edit" not in rights else "指派或写下第一条跟进之后可以制定开发计划。",
    }


def card(lead, user) -> list[dict]:
    """Side card: the next item that is to be done; absent where there is none."""
    if lead.status != Status.FOLLOWING:
        return []
    item = lead.plan.filter(result="").order_by("day", "pk").first()
    if item is None:
        return []
    row = row_of(item, timezone.localdate())
    url = f"/leads/{lead.pk}/?tab=plan"
    return [{"title": "下一步计划", "template": "leads/plan_card.html", "row": row, "url": url, "url_label": "全部"}]


TAB = Tab("plan", "开发计划", "leads/plan_tab.html", build, lambda lead, user: lead.plan.count(), order=15)
CARD = card
