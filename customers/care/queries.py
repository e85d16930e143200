"""Which care tasks a person sees: those of the customers they see. Pools have no cares, for their customers have no owner."""

from datetime import date, timedelta

from django.db.models import Count, Q
from django.db.models.functions import Coalesce

from crm.records import fieldset, modules

from ..models import CareKind, CareTask, ChurnState, Contact, Customer

WEEK = 7
OPEN = Q(state=CareTask.State.OPEN) & ~Q(customer__churn_state=ChurnState.LOST)
TABS = (("today", "今天"), ("overdue", "逾期"), ("week", "未来 7 天"), ("done", "已完成"))


def visible(user):
    """Tasks of the customers the person may view; those that would give away a birthday they may not read are left out."""
    rows = CareTask.objects.filter(customer_id__in=Customer.objects.allowed(user, "view").order_by().values("pk"))
    rows = rows.filter(Q(contact=None) | Q(contact__deleted_at=None))
    contacts = modules.get("contact")
    if not contacts.may(user, "view") or not fieldset.of(contacts, user).readable("birthday"):
        rows = rows.exclude(kind=CareKind.BIRTHDAY)
    return rows


def of_people(rows, people):
    """Those that these employees are to do (the task's own person, else the customer's owner) or have done."""
    people = list(people)
    theirs = Q(owner_id__any=people) | Q(owner=None, customer__owner_id__any=people)
    return rows.filter(
        Q(state=CareTask.State.OPEN) & theirs | ~Q(state=CareTask.State.OPEN) & Q(done_by_id__any=people)
    )


def in_tab(tab: str, today: date) -> Q:
    """The condition of a tab: due today, overdue, in the WEEK days after today, closed."""
    return {
        "today": OPEN & Q(due_on=today),
        "overdue": OPEN & Q(due_on__lt=today),
        "week": OPEN & Q(due_on__gt=today, due_on__lte=today + timedelta(days=WEEK)),
        "done": ~Q(state=CareTask.State.OPEN),
    }[tab]


def counts(rows, today: date) -> dict[str, int]:
    """{tab: tasks}, in one statement."""
    return rows.order_by().aggregate(**{tab: Count("pk", filter=in_tab(tab, today)) for tab, _ in TABS})


def contact_names(tasks, user) -> dict[int, str]:
    """{contact: name} of those on these tasks that the person may see."""
    ids = {task.contact_id for task in tasks if task.contact_id}
    if not ids or not user.has_function("contact.view"):
        return {}
    rows = Contact.objects.allowed(user, "view").filter(pk__any=list(ids))
    return dict(rows.order_by().values_list("pk", "name"))


def due_by_person(today: date) -> list[tuple[int, int, int]]:
    """(employee, due today, overdue) of everybody who has something to do."""
    rows = CareTask.objects.filter(OPEN, due_on__lte=today, customer__deleted_at=None, customer__owner__isnull=False)
    rows = rows.filter(Q(contact=None) | Q(contact__deleted_at=None))
    rows = rows.annotate(person=Coalesce("owner_id", "customer__owner_id")).order_by("person")
    figures = rows.values("person").annotate(n=Count("pk"), late=Count("pk", filter=Q(due_on__lt=today)))
    return [(row["person"], row["n"] - row["late"], row["late"]) for row in figures]
