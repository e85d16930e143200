"""Background work. The Job row is the truth; a message on the queue only says "look at this row".

A worker claims a job by a conditional update that leaves its claim token on the row. Every step of the work commits its
rows together with progress and checkpoint, and only while the token is still its own: whoever lost the claim (killed,
frozen, declared dead by the sweeper) loses the step as well. So a job may be started again at any moment and every row is
written exactly once.
"""

import hashlib
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.db import DatabaseError, connections, models, transaction
from django.db.models.functions import Coalesce
from django.utils import timezone

from crm.notices.services import notify

from .models import Job

logger = logging.getLogger(__name__)

BEAT = 2  # seconds between two signs of life
STALE = timedelta(seconds=30)  # a running job without one for so long is given to another worker
UNHEARD = timedelta(seconds=10)  # a queued job nobody took is announced again
ATTEMPTS = 4  # starts in a row that made no progress
STOPPING = threading.Event()  # set when this worker process was asked to end


class Ended(Exception):
    """Why a run ends before its work is done."""


class Lost(Ended):
    """Another worker holds the job now."""


class Cancelled(Ended):
    """The person cancelled it."""


class Stopping(Ended):
    """This worker is shutting down; the next one goes on from the checkpoint."""


class Refused(Exception):
    """The job cannot be done, and why in a sentence; it is not tried again."""


@dataclass(frozen=True)
class Kind:
    """`run(run)` does the work; `rows(result)` says a result as [(label, figure)]."""

    name: str
    label: str
    run: Callable
    rows: Callable = lambda result: []


KINDS: dict[str, Kind] = {}


def kind(name: str, label: str, *, rows: Callable = lambda result: []):
    """Register the function that does jobs of this kind."""

    def register(function):
        KINDS[name] = Kind(name, label, function, rows)
        return function

    return register


def start(
    name: str, *, user, label: str, params: dict, module: str = "", source: str = "", total: int = 0, send: bool = True
) -> Job:
    """Write the job in the caller's transaction and announce it to the workers once that is committed."""
    job = Job.objects.create(
        kind=name, user=user, label=label[:100], params=params, module=module, source=source, total=total
    )
    if send:
        transaction.on_commit(lambda: announce(job.pk))
    return job


def announce(pk: int) -> None:
    """Put the id on the queue. A broker that is away loses nothing: the sweeper announces the row again."""
    from .tasks import run_job

    try:
        run_job.delay(pk)
    except Exception:
        logger.warning("job %s could not be queued now; the sweeper will", pk, exc_info=True)


# Claims ---------------------------------------------------------------------------------------------------------------
def _host() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _token() -> str:
    return f"{_host()}.{os.getpid()}.{secrets.token_hex(8)}"[:32]


def _holder_is_gone(claim: str) -> bool:
    """Whether the claim belongs to a process of this machine that no longer exists."""
    host, _, rest = claim.partition(".")
    pid = rest.partition(".")[0]
    if host != _host() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def claim(pk: int) -> "Run | None":
    """Take a queued job; None when somebody else has it or it is over."""
    now, token = timezone.now(), _token()
    taken = Job.objects.filter(pk=pk, state=Job.State.QUEUED).update(
        state=Job.State.RUNNING,
        claim=token,
        heartbeat_at=now,
        started_at=Coalesce("started_at", now),
        attempts=models.F("attempts") + 1,
    )
    return Run(Job.objects.select_related("user").get(pk=pk), token) if taken else None


def sweep(*, started: bool = False, now=None) -> int:
    """Give back running jobs whose worker is silent or gone, and announce queued ones nobody took; returns how many.
    `started`: this worker has just come up, so messages of its predecessor may be lost."""
    now, announced = now or timezone.now(), []
    for job in Job.objects.filter(state=Job.State.RUNNING):
        silent = job.heartbeat_at is None or job.heartbeat_at < now - STALE
        if silent or _holder_is_gone(job.claim):
            same = Job.objects.filter(
                pk=job.pk, state=Job.State.RUNNING, claim=job.claim, heartbeat_at=job.heartbeat_at
            )
            if same.update(state=Job.State.QUEUED, claim="", heartbeat_at=now):
                logger.warning("job %s was left by its worker and is queued again", job.pk)
                announced.append(job.pk)
    waiting = Job.objects.filter(state=Job.State.QUEUED).exclude(pk__in=announced)
    for job in waiting:
        if started or (job.heartbeat_at or job.created_at) < now - UNHEARD:
            announced += (
                [job.pk] if Job.objects.filter(pk=job.pk, state=Job.State.QUEUED).update(heartbeat_at=now) else []
            )
    for pk in announced:
        announce(pk)
    return len(announced)


# One run --------------------------------------------------------------------------------------------------------------
class Run:
    """One worker's hold on one job. `job` carries progress, checkpoint and result as last committed."""

    def __init__(self, job: Job, token: str):
        self.job, self.token = job, token
        self.on_step: Callable = lambda run: None
        self.reading = False  # work without steps: the sign of life carries `done`, `look` says when to end
        self.quiet = False
        self._ended: type[Ended] | None = None

    @property
    def user(self):
        return self.job.user

    def _mine(self):
        return Job.objects.filter(pk=self.job.pk, state=Job.State.RUNNING, claim=self.token)

    def check(self) -> None:
        """Between two steps: raise Lost, Cancelled or Stopping when the work should end here."""
        cancelled = self._mine().values_list("cancel_requested", flat=True).first()
        if cancelled is None:
            raise Lost
        if cancelled:
            raise Cancelled
        if STOPPING.is_set():
            raise Stopping

    @contextmanager
    def step(self, *, last: bool = False):
        """One step: what the body writes, and the `done`, `total`, `checkpoint` and `result` it sets on the yielded job,
        are committed together, and only while the claim holds (else Lost, and nothing of it stays). `last` = closing
        work that a cancelled job does as well."""
        if not last:
            self.check()
        before = {
            name: getattr(self.job, name) for name in ("done", "total", "checkpoint", "result", "output", "output_name")
        }
        self.job.checkpoint, self.job.result = dict(self.job.checkpoint), dict(self.job.result)
        try:
            with transaction.atomic():
                yield self.job
                self._keep(heartbeat_at=timezone.now(), attempts=1)
        except BaseException:
            for name, value in before.items():
                setattr(self.job, name, value)
            raise
        self.on_step(self)

    def _keep(self, **more) -> None:
        job = self.job
        values = {
            name: getattr(job, name)
            for name in ("done", "total", "checkpoint", "result", "output", "output_name", "expires_at")
        }
        if not self._mine().update(**values, **more):
            raise Lost

    def finish(self, state: str, *, error: str = "") -> None:
        """Close the job and tell its owner."""
        job = self.job
        with transaction.atomic():
            job.state, job.error, job.finished_at = state, error[:2000], timezone.now()
            self._keep(state=job.state, error=job.error, finished_at=job.finished_at, heartbeat_at=job.finished_at)
            if job.user_id and not self.quiet:
                title = f"{job.label}：{job.get_state_display()}"
                rows = "，".join(f"{label} {value}" for label, value in result_rows(job))
                notify([job.user_id], kind="job", title=title, body=error or rows, url=f"/jobs/{job.pk}/")

    def release(self) -> None:
        """Give an unfinished job back without counting the start."""
        self._mine().update(state=Job.State.QUEUED, claim="", heartbeat_at=None, attempts=models.F("attempts") - 1)

    def stumble(self) -> None:
        """After an unforeseen error: queue it again, or give up after ATTEMPTS starts without progress."""
        if self.job.attempts < ATTEMPTS:
            self._mine().update(state=Job.State.QUEUED, claim="", heartbeat_at=timezone.now())
        else:
            self.finish(
                Job.State.FAILED, error=f"处理时出错，已重试 {ATTEMPTS} 次。请联系管理员，任务编号 {self.job.pk}。"
            )

    def _sign_of_life(self) -> None:
        done = {"done": self.job.done} if self.reading else {}
        self._mine().update(heartbeat_at=timezone.now(), **done)
        try:
            self.check()
        except Ended as end:
            self._ended = type(end)

    def look(self) -> None:
        """For work without steps: end here when the last sign of life found a reason to."""
        if self._ended:
            raise self._ended

    @contextmanager
    def alive(self):
        """Report a sign of life from another thread while the body runs. Inside a transaction nobody sees the row yet."""
        if transaction.get_connection().in_atomic_block:
            yield
            return
        over = threading.Event()

        def beat():
            while not over.wait(BEAT):
                try:
                    self._sign_of_life()
                except DatabaseError:
                    logger.info("job %s: heartbeat missed", self.job.pk)
                finally:
                    connections.close_all()

        thread = threading.Thread(target=beat, name=f"job-{self.job.pk}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(BEAT)


def execute(pk: int, *, on_step: Callable | None = None, quiet: bool = False) -> Job | None:
    """Claim and run one job to its end (None when it is not ours to run); `quiet` = the person waits for it, no message."""
    run = claim(pk)
    if run is None:
        return None
    run.on_step, run.quiet = on_step or run.on_step, quiet
    job = run.job
    try:
        if job.attempts > ATTEMPTS:
            raise Refused(f"任务中断了 {ATTEMPTS} 次仍未完成，已停止。请联系管理员，任务编号 {job.pk}。")
        if job.user_id:
            job.user = (
                get_user_model().objects.select_related("department").get(pk=job.user_id)
            )  # rights as they are now
            if not job.user.is_active:
                raise Refused("发起人的账号已停用。")
        with run.alive():
            KINDS[job.kind].run(run)
        run.finish(Job.State.DONE)
    except Lost:
        logger.warning("job %s went to another worker", pk)
    except Stopping:
        run.release()
    except Cancelled:
        _quietly(run.finish, Job.State.CANCELLED)
    except Refused as refusal:
        _quietly(run.finish, Job.State.FAILED, error=str(refusal))
    except Exception:
        logger.exception("job %s failed", pk)
        _quietly(run.stumble)
    return job


def _quietly(function, *args, **kwargs) -> None:
    try:
        function(*args, **kwargs)
    except Lost:
        logger.warning("the job went to another worker")


# What people do with jobs ---------------------------------------------------------------------------------------------
def visible(user):
    """Jobs the person may see: their own, with admin.jobs everybody's."""
    return Job.objects.all() if user.has_function("admin.jobs") else Job.objects.filter(user=user)


def cancel(job: Job) -> bool:
    """Cancel a waiting job at once, ask a running one to stop after its step; False when it is over already."""
    now = timezone.now()
    if Job.objects.filter(pk=job.pk, state=Job.State.QUEUED).update(
        state=Job.State.CANCELLED, finished_at=now, cancel_requested=True
    ):
        return True
    return bool(Job.objects.filter(pk=job.pk, state=Job.State.RUNNING).update(cancel_requested=True))


def retry(job: Job) -> bool:
    """Queue a failed or cancelled job again; it goes on from its checkpoint. False when it is neither, or was undone."""
    stopped = Job.objects.filter(pk=job.pk, state__in=(Job.State.FAILED, Job.State.CANCELLED))
    with transaction.atomic():
        again = stopped.exclude(result__has_key="undo").update(
            state=Job.State.QUEUED,
            attempts=0,
            claim="",
            cancel_requested=False,
            error="",
            finished_at=None,
            heartbeat_at=timezone.now(),
        )
        if again:
            transaction.on_commit(lambda: announce(job.pk))
    return bool(again)


def result_rows(job: Job) -> list[tuple[str, object]]:
    """The result of a job in words: [(label, figure)]."""
    found = KINDS.get(job.kind)
    return found.rows(job.result) if found and job.result else []


def wait(pk: int, *, tick: Callable, every: float = 0.5) -> Job:
    """Follow a job of the site's worker until it is over, calling `tick(job)`."""
    while True:
        job = Job.objects.get(pk=pk)
        tick(job)
        if not job.is_active:
            return job
        time.sleep(every)
