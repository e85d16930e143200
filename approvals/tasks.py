"""Doors of the worker: an id comes in, a service is called."""

from celery import shared_task

from .services import after


@shared_task
def send_webhook(pk: int) -> None:
    """Call an address after an approval, if nobody has."""
    after.send(pk)
