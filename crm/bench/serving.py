"""P17: the list page under load, served as in production."""

import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command

from customers.models import Customer
from orgs.models import Employee, Role

from . import NotMeasured, Options, Result, need_customers, target

THREADS, CLIENTS, SECONDS, ROUNDS = 4, 8, 6, 5
MOST_BYTES = 60 * 1024
# A process of its own, so that asking does not share the interpreter with anything: CLIENTS connections kept open.
ASK = """
import http.client, json, sys, threading, time
port, cookie, clients, seconds = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
times, bad, end = [], [], time.perf_counter() + seconds
def ask():
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while time.perf_counter() < end:
        start = time.perf_counter()
        connection.request("GET", "/customers/", headers={"Cookie": cookie})
        answer = connection.getresponse(); answer.read()
        (times if answer.status == 200 else bad).append(time.perf_counter() - start)
threads = [threading.Thread(target=ask) for _ in range(clients)]
start = time.perf_counter()
[thread.start() for thread in threads]; [thread.join() for thread in threads]
print(json.dumps({"rate": len(times) / (time.perf_counter() - start), "times": times, "bad": len(bad)}))
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextmanager
def session_of(employee: Employee):
    """A signed-in session with 本部门及下属部门 for a seller; ended afterwards."""
    role = Role.objects.create(
        name=f"bench {os.getpid()}",
        reach=Role.Reach.DEPARTMENT_BELOW,
        permissions=Role.objects.get(code="seller").permissions,
    )
    held = list(employee.roles.all())
    store = SessionStore()
    try:
        employee.roles.set([role])
        store.update(
            {
                SESSION_KEY: str(employee.pk),
                BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[-1],
                HASH_SESSION_KEY: employee.get_session_auth_hash(),
            }
        )
        store.create()
        yield f"{settings.SESSION_COOKIE_NAME}={store.session_key}"
    finally:
        store.delete()
        employee.roles.set(held)
        role.delete()


@contextmanager
def web_server(port: int):
    """granian as script/server starts it: one process, four threads, on the present database."""
    if not (settings.STATIC_ROOT / "staticfiles.json").exists():
        call_command("collectstatic", interactive=False, verbosity=0)
    environment = {
        **os.environ,
        "PORT": str(port),
        "WEB_THREADS": str(THREADS),
        "SECRET_KEY": settings.SECRET_KEY,
        "DATA_DIR": str(settings.DATA_DIR),
        "LOG_LEVEL": "ERROR",
    }
    for name in ("TESTING", "DEBUG"):
        environment.pop(name, None)
    with tempfile.TemporaryFile() as noise:
        server = subprocess.Popen(
            [sys.executable, "-m", "crm.processes", "web"],
            cwd=settings.BASE_DIR,
            env=environment,
            stdout=noise,
            stderr=noise,
        )
        try:
            end = time.monotonic() + 30
            while True:
                try:
                    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
                    connection.request("GET", "/healthz")
                    if connection.getresponse().status == 200:
                        break
                except OSError:
                    pass
                if server.poll() is not None or time.monotonic() > end:
                    noise.seek(0)
                    raise NotMeasured(f"the web server did not start: {noise.read()[-300:].decode(errors='replace')}")
                time.sleep(0.1)
            yield
        finally:
            server.terminate()
            server.wait(20)


def page_bytes(port: int, cookie: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/customers/", headers={"Cookie": cookie})
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise NotMeasured(f"/customers/ answered {answer.status}")
    return len(body)


@target("P17")
def p17(options: Options) -> Result:
    need_customers(options, 100_000)
    seconds = SECONDS if not options.rows else 0.5
    seller = Employee.objects.filter(roles__code="seller", is_active=True).order_by("pk").first()
    if seller is None:
        raise NotMeasured("nobody holds the role 客户经理")
    port = free_port()
    with session_of(seller) as cookie, web_server(port):
        size = page_bytes(port, cookie)
        runs = []
        for _ in range(ROUNDS if not options.rows else 1):
            asked = subprocess.run(
                [sys.executable, "-c", ASK, str(port), cookie, str(CLIENTS), str(seconds)],
                capture_output=True,
                text=True,
                check=True,
            )
            runs.append(json.loads(asked.stdout))
    rate = statistics.median(run["rate"] for run in runs)
    times = [spent for run in runs for spent in run["times"]]
    bad = sum(run["bad"] for run in runs)
    return Result(
        "P17",
        rate,
        ">= 30",
        "requests/s",
        f"GET /customers/, default columns, a seller with 本部门及下属部门, {Customer.objects.count():,} customers; granian, {THREADS} threads, {CLIENTS} connections kept open, "
        f"median of {len(runs)} runs of {seconds} s, the asking process on the same {os.cpu_count()} cores; p50 {statistics.median(times) * 1000:.0f} ms; HTML {size / 1024:.1f} KB (at most 60 KB); "
        f"{bad} failed",
        also=size <= MOST_BYTES and not bad,
    )
