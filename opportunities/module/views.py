"""The built-in views of opportunities that are their own."""

import calendar

from django.utils import timezone

from .. import idle as idling
from ..models import State


def idle(rows, user):
    """停滞: nothing happened for as long as the pipeline says."""
    return rows.filter(idling.condition(timezone.localdate()))


def due_this_month(rows, user):
    """本月预计成交."""
    today = timezone.localdate()
    last = today.replace(day=calendar.monthrange(today.year, today.month)[1])
    return rows.filter(state=State.OPEN, expected_on__range=(today.replace(day=1), last))


def overdue(rows, user):
    """逾期未成交: open behind the day it was expected."""
    return rows.filter(state=State.OPEN, expected_on__lt=timezone.localdate())
