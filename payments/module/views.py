"""The built-in views of plans and payments that are their own."""

import calendar
from datetime import timedelta

from django.utils import timezone

from approvals.models import Status

from .. import states
from ..models import Payment

SOON = 7  # days


def _month():
    today = timezone.localdate()
    return today.replace(day=1), today.replace(day=calendar.monthrange(today.year, today.month)[1])


def unpaid(rows, user):
    """未回清."""
    return rows.filter(states.DUE)


def overdue(rows, user):
    """逾期."""
    return rows.filter(states.condition("overdue"))


def soon(rows, user):
    """7 天内到期, today included."""
    today = timezone.localdate()
    return rows.filter(states.DUE, due_on__range=(today, today + timedelta(days=SOON)))


def this_month_due(rows, user):
    """本月到期."""
    return rows.filter(states.DUE, due_on__range=_month())


def paid(rows, user):
    """已回."""
    return rows.filter(states.condition("paid"))


def of_status(*statuses: str):
    return lambda rows, user: rows.filter(status__in=statuses)


def received_this_month(rows, user):
    """本月回款: approved receipts of this month."""
    return rows.filter(status=Status.APPROVED, type=Payment.Type.RECEIPT, paid_on__range=_month())


def refunds(rows, user):
    """退款."""
    return rows.filter(type=Payment.Type.REFUND)


def unsettled(rows, user):
    """未结算提成: approved and without the mark."""
    return rows.filter(status=Status.APPROVED, settled_at=None)
