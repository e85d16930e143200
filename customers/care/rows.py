"""A care task as a row of the page and of the customer's tab."""

from datetime import date

from crm.records import formatting

from ..models import CareKind, CareTask, Customer
from . import queries

ICONS = {
    CareKind.BIRTHDAY: "star",
    CareKind.HOLIDAY: "calendar",
    CareKind.RENEWAL: "contract",
    CareKind.CONTACT: "phone",
}


def rows_of(tasks: list[CareTask], user, today: date, *, may_close: bool | None = None) -> list[dict]:
    """What the templates show; `may_close` = whether the person may close them all, None asks the gate for each customer in
    one statement."""
    names = queries.contact_names(tasks, user)
    follow = _followed(tasks, user) if may_close is None else set()
    return [
        {
            "task": task,
            "kind": task.get_kind_display(),
            "icon": ICONS[task.kind],
            "contact": names.get(task.contact_id, ""),
            "contact_url": f"/contacts/{task.contact_id}/" if task.contact_id in names else "",
            "owner": task.owner or task.customer.owner,
            "due": formatting.near(task.due_on),
            "late": task.state == CareTask.State.OPEN and task.due_on < today,
            "open": task.state == CareTask.State.OPEN,
            "acts": task.state == CareTask.State.OPEN and (may_close or task.customer_id in follow),
        }
        for task in tasks
    ]


def _followed(tasks: list[CareTask], user) -> set[int]:
    """Customers of these tasks the person may follow up."""
    ids = {task.customer_id for task in tasks if task.state == CareTask.State.OPEN}
    if not ids:
        return set()
    rows = Customer.objects.allowed(user, "follow").filter(pk__any=list(ids))
    return set(rows.order_by().values_list("pk", flat=True))
