"""Health for monitoring: /healthz says that the process answers, /readyz that it can work."""

import threading
import time

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

HEARTBEAT_EVERY = 5  # seconds
HEARTBEAT_STALE = 30  # seconds
HEARTBEAT_KEY = "worker-heartbeat"
CONNECT_TIMEOUT = 2  # seconds


@login_not_required
@never_cache
@require_safe
def healthz(request):
    """200 while the web process answers; touches neither database nor broker."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@never_cache
@require_safe
def readyz(request):
    """200 when database, migrations, broker and worker are there, else 503; names the parts, never the reasons."""
    parts = {name: _holds(check) for name, check in CHECKS.items()}
    ready = all(parts.values())
    body = {"ready": ready, **{name: "ok" if good else "failed" for name, good in parts.items()}}
    return JsonResponse(body, status=200 if ready else 503)


def _holds(check) -> bool:
    try:
        return bool(check())
    except Exception:  # whatever is wrong with a part, the answer is that it does not work
        return False


def database_answers() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return cursor.fetchone() == (1,)


def migrations_applied() -> bool:
    """Every migration of the code stands in the database."""
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def broker_answers() -> bool:
    """Redis answers; embedded, the queue folder takes messages."""
    if settings.REDIS_URL:
        import redis

        limits = {"socket_connect_timeout": CONNECT_TIMEOUT, "socket_timeout": CONNECT_TIMEOUT}
        with redis.Redis.from_url(settings.REDIS_URL, **limits) as client:
            return client.ping()
    probe = settings.QUEUE_DIR / "messages" / ".probe"
    probe.touch()
    probe.unlink(missing_ok=True)
    return True


def worker_alive() -> bool:
    """A worker has reported within HEARTBEAT_STALE seconds."""
    if settings.REDIS_URL:
        beat = cache.get(HEARTBEAT_KEY)
    else:
        beat = (settings.DATA_DIR / HEARTBEAT_KEY).stat().st_mtime
    return beat is not None and time.time() - beat < HEARTBEAT_STALE


CHECKS = {
    "database": database_answers,
    "migrations": migrations_applied,
    "broker": broker_answers,
    "worker": worker_alive,
}


def report_heartbeat() -> None:
    """Notes that a worker lives: in Redis where several machines share one, else as a file's time."""
    if settings.REDIS_URL:
        cache.set(HEARTBEAT_KEY, time.time(), HEARTBEAT_STALE)
    else:
        (settings.DATA_DIR / HEARTBEAT_KEY).touch()


def start_heartbeat() -> None:
    """Reports every HEARTBEAT_EVERY seconds for as long as this worker process lives."""

    def report():
        while True:
            _holds(lambda: report_heartbeat() or True)  # a broker that is away for a moment is no reason to stop
            time.sleep(HEARTBEAT_EVERY)

    threading.Thread(target=report, name="heartbeat", daemon=True).start()
