"""Doors for background work: ids in, a service is called."""

from celery import shared_task

from . import resets


@shared_task
def send_reset(username: str) -> None:
    """Mail a reset link; the page that asked has long answered, so its time says nothing about the account."""
    resets.send(username)
