"""The built-in views of contracts that are their own."""

import calendar
from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from approvals.models import Status
from crm.records.modules import View

from ..models import Execution

SOON = 30  # days
GOING = (Execution.NOT_STARTED, Execution.RUNNING)


def of_status(*statuses: str):
    return lambda rows, user: rows.filter(status__in=statuses)


def ending(rows, user):
    """即将到期: going on, and over within SOON days."""
    today = timezone.localdate()
    within = (today, today + timedelta(days=SOON))
    return rows.filter(status=Status.APPROVED, execution__in=GOING, ends_on__range=within)


def expired(rows, user):
    return rows.filter(status=Status.APPROVED, execution=Execution.EXPIRED)


def unpaid(rows, user):
    """未回清: approved, and less came in than it is about; what was shut is not waited for."""
    return rows.filter(status=Status.APPROVED, received__lt=F("amount")).exclude(execution=Execution.SHUT)


def overdue(rows, user):
    return rows.filter(status=Status.APPROVED, overdue__gt=0)


def signed_this_month(rows, user):
    today = timezone.localdate()
    last = today.replace(day=calendar.monthrange(today.year, today.month)[1])
    return rows.filter(status=Status.APPROVED, signed_on__range=(today.replace(day=1), last))


BY_STATUS = [
    View("draft", "草稿", of_status(Status.DRAFT), needs=("status",)),
    View("pending", "审批中", of_status(Status.PENDING), needs=("status",)),
    View("approved", "已通过", of_status(Status.APPROVED), needs=("status",)),
    View("returned", "被拒绝与撤回", of_status(Status.REJECTED, Status.WITHDRAWN), needs=("status",)),
    View("ending", "即将到期", ending, needs=("status", "execution", "ends_on")),
    View("expired", "已到期", expired, needs=("status", "execution")),
    View("unpaid", "未回清", unpaid, needs=("status", "execution", "amount", "received")),
    View("overdue", "有逾期", overdue, needs=("status", "overdue")),
    View("signed", "本月签约", signed_this_month, needs=("status", "signed_on")),
    View("void", "已作废", of_status(Status.VOID), needs=("status",)),
]
