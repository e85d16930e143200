"""Where a plan stands, said the same by a query and of a row: 未回, 部分, 已回, 逾期, 已终止."""

from datetime import date

from django.db.models import F, Q
from django.utils import timezone

from approvals.models import Status
from contracts.models import Execution

from .figures import ENDED, is_open

CHOICES = (("open", "未回"), ("part", "部分"), ("paid", "已回"), ("overdue", "逾期"), ("stopped", "已终止"))
LABELS = dict(CHOICES)
DOTS = {"paid": "k-dot-success", "overdue": "k-dot-danger", "part": "k-dot-warning"}
# What a column needs to know of a plan.
PATHS = ("amount", "received", "due_on", "contract__status", "contract__execution")

UNPAID = Q(received__lt=F("amount"))
RUNNING = Q(contract__status=Status.APPROVED) & ~Q(contract__execution__in=ENDED)
DUE = UNPAID & RUNNING


def condition(state: str, today: date | None = None) -> Q:
    """The plans in a state on a local day."""
    today = today or timezone.localdate()
    return {
        "paid": ~UNPAID,
        "stopped": UNPAID & ~RUNNING,
        "overdue": DUE & Q(due_on__lt=today),
        "part": DUE & Q(due_on__gte=today, received__gt=0),
        "open": DUE & Q(due_on__gte=today, received__lte=0),
    }[state]


def of(plan, today: date | None = None) -> str:
    """The state of one plan."""
    return judge(plan.amount, plan.received, plan.due_on, is_open(plan.contract), today)


def judge(amount, received, due_on: date, running: bool, today: date | None = None) -> str:
    if received >= amount:
        return "paid"
    if not running:
        return "stopped"
    if due_on < (today or timezone.localdate()):
        return "overdue"
    return "part" if received > 0 else "open"


def words(amount, received, due_on, status, execution) -> str:
    """The state as people read it: 逾期 10 天."""
    if amount is None or due_on is None:
        return ""
    today = timezone.localdate()
    running = status == Status.APPROVED and execution not in (Execution.FINISHED, Execution.SHUT)
    state = judge(amount, received, due_on, running, today)
    return f"逾期 {(today - due_on).days} 天" if state == "overdue" else LABELS[state]
