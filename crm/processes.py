"""The three processes of the site: `python -m crm.processes web|worker|beat`.

script/server starts them through crm/supervisor.py; in production a service manager starts the same commands,
as many web and worker processes as needed and one beat.
"""

import ctypes
import fcntl
import functools
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
import warnings

PARENT_CHECK = 0.5  # seconds
ORPHAN_GRACE = 5.0  # seconds an orphan gets to finish before it is cut off
LONGEST_DRAIN = 0.3  # seconds
PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int) -> None:
    """Ends this process when `parent` is gone, even killed by SIGKILL: first as by SIGTERM, after 5 s at once.

    Linux tells us through a signal; the watching thread covers the other systems and a parent that died already.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    def watch():
        while os.getppid() == parent:
            time.sleep(PARENT_CHECK)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(ORPHAN_GRACE)
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


def load_wsgi(parent: int):
    """The WSGI application, loaded inside granian's own worker process, which ends with granian."""
    end_with_parent(parent)
    from crm.wsgi import application

    return application


def web() -> None:
    """granian: WEB_WORKERS processes of WEB_THREADS threads each on HOST:PORT."""
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    # spawned, not forked: this process has threads, and nothing of it may leak into the one that serves
    multiprocessing.set_start_method("spawn")
    server = Granian(
        "crm.wsgi:application",
        address=os.environ.get("HOST") or "127.0.0.1",
        port=int(os.environ.get("PORT") or 8000),
        interface=Interfaces.WSGI,
        workers=int(os.environ.get("WEB_WORKERS") or 1),
        blocking_threads=int(os.environ.get("WEB_THREADS") or 4),
        websockets=False,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        workers_kill_timeout=int(os.environ.get("WEB_STOP_TIMEOUT") or 15),
    )
    server.serve(target_loader=functools.partial(load_wsgi, os.getpid()), wrap_loader=False)


def look_often_for_the_stop_signal() -> None:
    """Celery sees a stop signal only between two waits for a message, of 2 s each; over files shorter ones do."""
    from kombu.transport.filesystem import Transport

    drain = Transport.drain_events

    def drain_shortly(self, connection, timeout=None):
        return drain(self, connection, timeout=timeout and min(timeout, LONGEST_DRAIN))

    Transport.drain_events = drain_shortly


def worker() -> None:
    """Celery worker with WORKER_THREADS threads; writes the heartbeat that /readyz reads."""
    import django
    from celery.signals import worker_ready
    from django.conf import settings

    from crm.celery import app

    django.setup()

    from crm import health

    logging.getLogger("kombu.connection").setLevel(logging.ERROR)  # warns that a folder has no host name
    warnings.filterwarnings("ignore", message="You're running the worker with superuser")
    worker_ready.connect(lambda **_: health.start_heartbeat(), weak=False)
    if not settings.REDIS_URL:
        # remote control over files leaves a queue behind for every start
        app.conf.worker_enable_remote_control = False
        look_often_for_the_stop_signal()
    threads = os.environ.get("WORKER_THREADS") or "4"
    # one message per thread: what is only waiting stays in the queue for another worker
    options = ["--pool=threads", f"--concurrency={threads}", "--prefetch-multiplier=1", "--loglevel=INFO"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", f"--hostname=worker{os.getpid()}@%h"]
    app.worker_main(["--quiet", "worker", *options, *quiet])


def beat() -> None:
    """Celery beat, never two on one DATA_DIR: a second one waits until the first is gone."""
    from django.conf import settings

    from crm.celery import app

    lock = (settings.DATA_DIR / "beat.lock").open("a")
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError:
            time.sleep(0.2)
    app.start(["--quiet", "beat", f"--schedule={settings.DATA_DIR / 'beat-schedule'}", "--loglevel=WARNING"])


def main(arguments: list[str]) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")
    jobs = {"web": web, "worker": worker, "beat": beat}
    if len(arguments) != 1 or arguments[0] not in jobs:
        sys.exit("usage: python -m crm.processes web|worker|beat")
    if parent := os.environ.get("KAIHAI_PARENT"):
        end_with_parent(int(parent))
    jobs[arguments[0]]()


if __name__ == "__main__":
    main(sys.argv[1:])
