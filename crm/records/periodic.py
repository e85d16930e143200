"""Periodic jobs: registered by name, run at most once per (name, period), also by hand. The schedule is crm/celery.py."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from .models import PeriodicRun

logger = logging.getLogger(__name__)
ABANDONED = timedelta(hours=1)  # an unfinished run older than this was killed and may be taken up again


@dataclass(frozen=True)
class Periodic:
    """`run(now)` does the work and answers a sentence; `schedule` says when, for the page; `period` names the period a
    moment belongs to (strftime)."""

    name: str
    label: str
    schedule: str
    run: Callable
    period: str = "%Y-%m-%d"


ALL: dict[str, Periodic] = {}


def periodic(name: str, label: str, *, schedule: str, period: str = "%Y-%m-%d"):
    """Register a periodic function."""

    def register(function):
        ALL[name] = Periodic(name, label, schedule, function, period)
        return function

    return register


def run(name: str, *, by_hand: bool = False, now=None) -> PeriodicRun | None:
    """Do the work of this period (KeyError for an unknown name); None when it was done already or is being done."""
    job, now = ALL[name], now or timezone.now()
    period = timezone.localtime(now).strftime("手动 %Y-%m-%d %H:%M:%S.%f" if by_hand else job.period)
    try:
        with transaction.atomic():
            row = PeriodicRun.objects.create(name=name, period=period)
    except IntegrityError:
        left = PeriodicRun.objects.filter(name=name, period=period, finished_at=None, started_at__lt=now - ABANDONED)
        if not left.update(started_at=now):
            return None
        row = PeriodicRun.objects.get(name=name, period=period)
    try:
        row.result = str(job.run(now) or "完成")[:300]
    except Exception:
        logger.exception("periodic job %s failed", name)
        row.result = "出错，请查看日志"
    row.finished_at = timezone.now()
    row.save(update_fields=["result", "finished_at"])
    return row


def last_runs() -> list[tuple[Periodic, PeriodicRun | None]]:
    """Every periodic job with its latest run."""
    found = {}
    for row in PeriodicRun.objects.filter(name__in=ALL).order_by("pk"):
        found[row.name] = row
    return [(job, found.get(job.name)) for job in ALL.values()]
