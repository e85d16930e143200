"""The 关怀 tab of a customer: its contact plan, what is to be done, what was, what was decided about its churn. No figure in
its label: the page has its fill of statements."""

from django.utils import timezone

from crm.records import fieldset, modules
from crm.records.modules import Tab

from ..models import CareTask, ContactPlan
from . import queries
from .rows import rows_of

HISTORY = 50


def _tasks(customer, user):
    return queries.visible(user).filter(customer=customer)


def _churn(customer, user) -> list:
    """What was decided about its churn, newest first; none where the person may not read the state."""
    if customer.churn_since is None or not fieldset.of(modules.get("customer"), user).readable("churn_state"):
        return []
    return list(customer.churn_records.select_related("reason", "by")[:HISTORY])


def build(request, customer, rights) -> dict:
    user, today = request.user, timezone.localdate()
    plan = ContactPlan.objects.filter(customer=customer, active=True).select_related("type", "owner", "rule").first()
    tasks = list(
        _tasks(customer, user)
        .exclude(state=CareTask.State.OPEN, customer__churn_state="lost")
        .select_related("done_by", "owner", "customer__owner")
        .order_by("done_at", "due_on", "-pk")[:HISTORY]
    )
    open_tasks = [task for task in tasks if task.state == CareTask.State.OPEN]
    closed = sorted((task for task in tasks if task.state != CareTask.State.OPEN), key=lambda task: task.done_at)
    url = modules.get("customer").url("plan", customer.pk)
    return {
        "customer": customer,
        "plan": plan,
        "plan_late": bool(plan and plan.next_on < today),
        "plan_url": url if "edit" in rights else None,
        "stop_url": f"{url}stop/" if plan and "edit" in rights else None,
        "churn": _churn(customer, user),
        "rows": rows_of([*open_tasks, *reversed(closed)], user, today, may_close="follow" in rights),
    }


TAB = Tab("care", "关怀", "customers/care_tab.html", build, order=60)
