"""The supervisor: starts the processes again, stops all of them, never leaves one behind, never runs twice."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from crm import supervisor
from crm.health import HEARTBEAT_KEY

ROOT = supervisor.ROOT
FAKE = """
import json, sys
from crm.supervisor import Supervisor
sys.exit(Supervisor(json.loads(sys.argv[1]), stop_timeout=1).run())
"""
IGNORES_TERM = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"
)


def wait_for(condition, *, seconds: float, what: str):
    """The first true value of `condition`, looked at until `seconds` have passed."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.05)
    pytest.fail(f"{what}: not within {seconds} s")


def running() -> dict[int, tuple[int, str]]:
    """Process id -> (parent id, command line) of everything that runs; zombies do not."""
    if not Path("/proc/self/stat").exists():
        rows = subprocess.run(["ps", "-Ao", "pid=,ppid=,args="], capture_output=True, text=True).stdout.splitlines()
        return {int(pid): (int(ppid), args) for pid, ppid, args in (row.split(None, 2) for row in rows)}
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if state != "Z":
                    found[int(folder.name)] = (int(parent), command)
    return found


def below(pid: int) -> dict[int, str]:
    """Every descendant of `pid` with its command line."""
    everything, found, parents = running(), {}, {pid}
    while parents:
        level = {
            child: args for child, (parent, args) in everything.items() if parent in parents and child not in found
        }
        found |= level
        parents = set(level)
    return found


def child(pid: int, name: str) -> int | None:
    """The supervised process `name` of the supervisor `pid`."""
    ids = (
        key for key, (up, args) in running().items() if up == pid and args.rstrip().endswith(f"crm.processes {name}")
    )
    return next(ids, None)


@contextlib.contextmanager
def started(command: list[str], **options):
    """A process that is gone when the block ends, with everything below it."""
    process = subprocess.Popen(command, cwd=ROOT, **options)
    family = {}
    try:
        yield process
    finally:
        family = below(process.pid)
        process.kill()
        process.wait()
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def fake_site(**commands):
    import json

    return started([sys.executable, "-c", FAKE, json.dumps(commands)], stdout=subprocess.PIPE, text=True)


def test_a_killed_child_is_started_again_at_once():
    with fake_site(worker=["sleep", "60"]) as site:
        first = wait_for(lambda: below(site.pid), seconds=5, what="the child runs")
        os.kill(*first, signal.SIGKILL)
        second = wait_for(lambda: below(site.pid).keys() - first.keys(), seconds=5, what="the child runs again")
        assert second


def test_a_stop_signal_ends_all_children_and_the_supervisor():
    with fake_site(web=["sleep", "60"], worker=["sleep", "61"]) as site:
        children = wait_for(lambda: len(below(site.pid)) == 2 and below(site.pid), seconds=5, what="both run")
        site.send_signal(signal.SIGTERM)
        assert site.wait(5) == 0
        assert not children.keys() & running().keys()


def test_a_child_that_does_not_stop_is_killed_after_the_timeout():
    with fake_site(worker=[sys.executable, "-c", IGNORES_TERM]) as site:
        assert site.stdout.readline() == "on\n"
        children = below(site.pid)
        site.send_signal(signal.SIGTERM)
        assert site.wait(5) == 0
        assert "worker did not stop in time" in site.stdout.read()
        assert not children.keys() & running().keys()


def test_a_web_process_that_never_starts_ends_the_supervisor_with_an_error():
    with fake_site(web=["false"], worker=["sleep", "60"]) as site:
        assert site.wait(10) == 1
        assert "The web process does not start" in site.stdout.read()


def test_back_off_grows_to_three_seconds_and_is_forgotten_after_a_good_run(monkeypatch):
    now = 0.0
    one = supervisor.Child("worker", ["unused"])

    class Ended:
        def poll(self):
            return 1

    def start():
        one.process, one.started = Ended(), now

    monkeypatch.setattr(supervisor.time, "monotonic", lambda: now)
    monkeypatch.setattr(one, "start", start)
    start()
    delays = []
    for _ in range(7):
        one.look_after()
        delays.append(max(0.0, one.due - now))
        now = one.due
        one.look_after() if one.process is None else None
    assert delays == [0, 0.25, 0.5, 1, 2, 3, 3]
    now += supervisor.STABLE_AFTER
    one.look_after()
    assert one.due == now, "a child that ran well for a while starts again without delay"


def test_a_second_supervisor_on_one_folder_is_refused_with_the_first_ones_address(tmp_path):
    with supervisor.take_lock(tmp_path) as lock:
        lock.write("process 1, http://127.0.0.1:8000/")
        lock.flush()
        with pytest.raises(supervisor.Refused, match=r"Another script/server.*http://127.0.0.1:8000/"):
            supervisor.take_lock(tmp_path)
    supervisor.take_lock(tmp_path).close()


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(supervisor.Refused, match="cannot be written"):
        supervisor.take_lock(tmp_path / "file" / "var")


def test_a_port_in_use_is_refused_and_another_one_proposed():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(supervisor.Refused, match=f"Port {port} is in use.*PORT={port + 1}"):
            supervisor.check_port("127.0.0.1", port)


@pytest.mark.parametrize("port", ["80a", "0", "70000", "-1"])
def test_a_port_that_is_none_is_refused(monkeypatch, port):
    monkeypatch.setenv("PORT", port)
    with pytest.raises(supervisor.Refused, match="is not a port number"):
        supervisor.address()


# The real processes -----------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def answer(port: int, path: str) -> int | None:
    """HTTP status of the page, None when nothing answers."""
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Environment of an embedded site with its database made."""
    folder = tmp_path_factory.mktemp("site")
    env = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "REDIS_URL")}
    env |= {"DATA_DIR": str(folder), "PORT": str(free_port())}
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=ROOT, env=env, check=True)
    return env


@contextlib.contextmanager
def real_site(env: dict):
    with started([sys.executable, "-I", "crm/supervisor.py"], env=env) as site:
        wait_for(lambda: answer(int(env["PORT"]), "/healthz") == 200, seconds=20, what="/healthz answers")
        yield site


@pytest.mark.slow
@pytest.mark.sqlite_only
def test_the_site_becomes_ready_survives_kills_and_stops_without_rest(place):
    port = int(place["PORT"])
    with real_site(place) as site:
        wait_for(lambda: answer(port, "/readyz") == 200, seconds=20, what="/readyz answers")
        for name in ("web", "worker", "beat"):
            before = wait_for(lambda name=name: child(site.pid, name), seconds=5, what=f"{name} runs")
            os.kill(before, signal.SIGKILL)
            again = lambda name=name, before=before: (child(site.pid, name) or before) != before  # noqa: E731
            wait_for(again, seconds=5, what=f"{name} runs again")
        wait_for(lambda: answer(port, "/readyz") == 200, seconds=10, what="/readyz answers after the kills")
        family = below(site.pid)
        assert sum(args.rstrip().endswith("crm.processes beat") for args in family.values()) == 1
        second = subprocess.run(
            [sys.executable, "-I", "crm/supervisor.py"], cwd=ROOT, env=place, capture_output=True, text=True
        )
        assert second.returncode == 1
        assert "Another script/server is running" in second.stderr
        site.send_signal(signal.SIGTERM)
        assert site.wait(20) == 0
        assert not family.keys() & running().keys()


@pytest.mark.slow
@pytest.mark.sqlite_only
def test_no_process_outlives_a_supervisor_killed_by_force(place):
    heartbeat = Path(place["DATA_DIR"]) / HEARTBEAT_KEY
    heartbeat.touch()
    with real_site(place) as site:
        wait_for(lambda: answer(int(place["PORT"]), "/readyz") == 200, seconds=20, what="/readyz answers")
        family = below(site.pid)
        assert any(args.rstrip().endswith("crm.processes worker") for args in family.values()), "ready without a worker"
        wait_for(lambda: child(site.pid, "beat"), seconds=5, what="beat runs")
        family = below(site.pid)
        assert len(family) >= 4
        site.kill()
        site.wait()
        wait_for(lambda: not family.keys() & running().keys(), seconds=8, what="all its processes end")
    with real_site(place):
        assert answer(int(place["PORT"]), "/healthz") == 200
