"""Doors of the worker: ids come in, a service is called."""

from celery import shared_task
from django.core.cache import cache

from . import delivery


@shared_task
def deliver(pks: list[int]) -> None:
    """Send rows of the outbox that nobody else has."""
    delivery.deliver_some(pks)


@shared_task
def sweep_deliveries() -> None:
    """Take up what is due or was left; one sweep at a time."""
    if cache.add("sweep-deliveries", True, 120):
        try:
            delivery.sweep()
        finally:
            cache.delete("sweep-deliveries")
