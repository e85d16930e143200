"""Runs the site on one machine: web, worker and beat as child processes of one foreground process.

    python -m crm.supervisor            supervise until SIGTERM or Ctrl-C
    python -m crm.supervisor --check    only say whether it could start (address free, folder writable and free)

Standard library only, no Django: it starts at once, stays small, and `--check` runs before anything is installed.
What the children are stands in crm/processes.py.
"""

import contextlib
import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHILDREN = ("web", "worker", "beat")
TICK = 0.2  # seconds between two looks at the children
FIRST_DELAY, LONGEST_DELAY = 0.25, 3.0  # seconds before a dead child is started again
STABLE_AFTER = 10.0  # a child that lived this long starts again without delay
HEAD_START = 2.0  # seconds
FAILED_STARTS = 5  # deaths of the web process before it ever answered: the set-up is broken, stop


class Refused(Exception):
    """The site cannot start here; the message says why and what to do."""


def data_dir() -> Path:
    """DATA_DIR as crm.settings reads it."""
    return Path(os.environ.get("DATA_DIR") or ROOT / "var").resolve()


def address() -> tuple[str, int]:
    """HOST and PORT to listen on; Refused when PORT is no port number."""
    host, port = os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "8000"
    if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise Refused(f"PORT={port} is not a port number: choose one between 1024 and 65535.")
    return host, int(port)


def take_lock(folder: Path):
    """Holds DATA_DIR for this process; the kernel frees it however the process ends. Refused when it is taken."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / "supervisor.lock").open("a+")
    except OSError as error:
        raise Refused(
            f"DATA_DIR {folder} cannot be written ({error.strerror}): "
            "give this user the right to write there, or set DATA_DIR to a folder that is writable."
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.seek(0)
        holder = handle.read().strip() or "unknown"
        handle.close()
        raise Refused(
            f"Another script/server is running on DATA_DIR {folder} ({holder}): "
            "stop it first, or give this one its own DATA_DIR and PORT."
        ) from None
    return handle


def check_port(host: str, port: int) -> None:
    """Refused when nothing can listen on host:port."""
    try:
        family, kind, proto, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, proto) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(target)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = f"Port {port} is in use: choose another one, for example PORT={port + 1} script/server"
        elif error.errno == errno.EACCES:
            reason = f"Port {port} needs administrator rights: choose one above 1023, for example PORT=8000."
        else:
            reason = (
                f"Cannot listen on HOST={host} ({error}): 127.0.0.1 is this machine only, 0.0.0.0 all its addresses."
            )
        raise Refused(reason) from error


class Child:
    """One supervised process with its back-off."""

    def __init__(self, name: str, command: list[str]):
        self.name = name
        self.command = command
        self.process: subprocess.Popen | None = None
        self.started = self.due = 0.0
        self.deaths = 0  # in a row, each before STABLE_AFTER

    def start(self) -> None:
        env = {**os.environ, "KAIHAI_PARENT": str(os.getpid()), "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(self.command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL)
        self.started = time.monotonic()

    def look_after(self) -> None:
        """Notices a death and starts the child again when its delay is over."""
        now = time.monotonic()
        if self.process is not None:
            code = self.process.poll()
            if code is None:
                return
            self.deaths = 1 if now - self.started >= STABLE_AFTER else self.deaths + 1
            delay = 0 if self.deaths == 1 else min(FIRST_DELAY * 2 ** (self.deaths - 2), LONGEST_DELAY)
            self.process, self.due = None, now + delay
            how = f"signal {-code}" if code < 0 else f"code {code}"
            say(f"{self.name} ended ({how}); starting it again")
        if now >= self.due:
            self.start()

    def send(self, number: int) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Keeps the children running until it is told to stop."""

    def __init__(self, commands: dict[str, list[str]], *, stop_timeout: float, head_start: float = 0):
        self.children = [Child(name, command) for name, command in commands.items()]
        self.stop_timeout = stop_timeout  # seconds a child gets to finish
        self.head_start = head_start  # seconds web may have the machine for itself, until it answers
        self.signals = 0
        self.wake = threading.Event()
        self.answered = threading.Event()

    def on_signal(self, number, frame) -> None:
        self.signals += 1
        self.wake.set()

    def run(self) -> int:
        """Exit code: 0 after a wished stop, 1 when the web process never came up."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self.on_signal)
        begun = time.monotonic()
        while not self.signals:
            others = self.answered.is_set() or time.monotonic() - begun >= self.head_start
            for child in self.children:
                if others or child.name == "web":
                    child.look_after()
                if child.name == "web" and child.deaths >= FAILED_STARTS and not self.answered.is_set():
                    say("The web process does not start; the reason stands in the lines above.")
                    self.stop()
                    return 1
            self.wake.wait(TICK)
        self.stop()
        return 0

    def stop(self) -> None:
        """SIGTERM to all: web stops accepting, a job stops after its chunk. What is left is killed: jobs resume."""
        say("stopping")
        for child in self.children:
            child.send(signal.SIGTERM)
        deadline, signals = time.monotonic() + self.stop_timeout, self.signals
        while any(child.alive() for child in self.children):
            if time.monotonic() > deadline or self.signals > signals:
                for child in self.children:
                    if child.alive():
                        say(f"{child.name} did not stop in time and is killed")
                        child.send(signal.SIGKILL)
                        child.process.wait()
                break
            time.sleep(0.05)
        say("stopped")


def announce(answered: threading.Event, host: str, port: int) -> None:
    """Prints the address once the web process answers."""
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (compared, not bound)
    shown = f"[{target}]" if ":" in target else target
    while not answered.is_set():
        try:
            with socket.create_connection((target, port), timeout=2) as connection:
                connection.sendall(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
                if connection.recv(5) == b"HTTP/":
                    answered.set()
                    public = os.environ.get("PUBLIC_URL")
                    say(f"开海 CRM is ready: {public or f'http://{shown}:{port}/'}   (Ctrl-C stops it)")
                    return
        except OSError:
            time.sleep(0.1)


def say(text: str) -> None:
    """One line for the person at the terminal; a closed terminal must not stop the site."""
    with contextlib.suppress(OSError, ValueError):
        print(f"[server] {text}", flush=True)


def main(arguments: list[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        folder, (host, port) = data_dir(), address()
        lock = take_lock(folder)
        check_port(host, port)
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 1
    if arguments == ["--check"]:
        return 0
    # The last worker's sign of life (crm/health.py) must not make a site ready whose own worker has not started.
    (folder / "worker-heartbeat").unlink(missing_ok=True)
    lock.truncate(0)
    lock.write(f"process {os.getpid()}, http://{host}:{port}/")
    lock.flush()
    commands = {name: [sys.executable, "-m", "crm.processes", name] for name in CHILDREN}
    supervisor = Supervisor(commands, stop_timeout=float(os.environ.get("STOP_TIMEOUT") or 20), head_start=HEAD_START)
    threading.Thread(target=announce, args=(supervisor.answered, host, port), daemon=True).start()
    return supervisor.run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
