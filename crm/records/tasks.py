"""Doors of the worker: an id or a name comes in, a service is called."""

import threading

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down
from django.db import connections

from . import jobs, kinds, periodic  # noqa: F401 (kinds registers what the jobs do)


@shared_task
def run_job(pk: int) -> None:
    """Run one job if nobody else does."""
    jobs.execute(pk)


@shared_task
def sweep_jobs() -> None:
    """Take up jobs that were left."""
    jobs.sweep()


@shared_task
def run_periodic(name: str) -> None:
    """Run one periodic job of the present period."""
    periodic.run(name)


@worker_ready.connect
def take_up_left_jobs(**kwargs) -> None:
    """A worker that starts looks at once what its predecessor left."""

    def look():
        try:
            jobs.sweep(started=True)
        finally:
            connections.close_all()

    threading.Thread(target=look, name="first-sweep", daemon=True).start()


@worker_shutting_down.connect
def stop_after_the_step(**kwargs) -> None:
    """SIGTERM: running jobs end after their present step and go back to the queue."""
    jobs.STOPPING.set()
