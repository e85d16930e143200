"""Several chunks at a time where the database has more than one writer: each lane writes and checks a chunk on a connection of
its own, but they are committed one after the other in the order of the file, each with its place in it. So a run that ends
at any moment has written a beginning of the file and nothing else.
"""

import threading
import time
from queue import Empty, Full, Queue

from django.db import IntegrityError, OperationalError, connections, transaction

from . import keys, load, write

LANES = 2
TRIES = 12
PATIENCE = 5.0  # seconds a written chunk waits for its turn before it lets go of what it holds


class Abandoned(Exception):
    """An earlier chunk failed, so this one must not be committed."""


class Overdue(Exception):
    """The turn did not come: perhaps the chunk before waits for a name this one holds, by way of another import."""


class Lanes:
    """`finish(job, rows, chunk, counts)` notes on the job what a chunk came to."""

    def __init__(self, run, plan, finish):
        self.run, self.plan, self.finish = run, plan, finish
        self.waiting: Queue = Queue(1)
        self.fed, self.turn = 0, 0
        self.moved = threading.Condition()
        self.error: BaseException | None = None
        self.recent: list[set] = []  # keys of the chunks that may not be committed yet
        self.threads = [threading.Thread(target=self._work, name=f"import-lane-{n}", daemon=True) for n in range(LANES)]
        for thread in self.threads:
            thread.start()

    def feed(self, rows) -> None:
        """Check the next chunk and hand it to a lane; raises what went wrong in one."""
        chunk = self.plan.prepare(rows)
        with transaction.atomic():  # seen by every lane, and locked by none
            load.create_dictionary_values(chunk)
        chunk.taken = set().union(*self.recent)
        self.recent = [*self.recent[-LANES:], self._keys(chunk)]
        self._put((self.fed, rows, chunk))
        self.fed += 1

    def _keys(self, chunk) -> set:
        return set(keys.of_rows(chunk, chunk.good(), self.plan.key).values()) if self.plan.keyed else set()

    def close(self) -> None:
        """Wait until everything fed is committed."""
        for _ in self.threads:
            self._put(None)
        self._join()

    def stop(self) -> None:
        """Let the lanes end without raising."""
        with self.moved:
            self.error = self.error or Abandoned()
            self.moved.notify_all()
        self._join(quiet=True)

    def _put(self, item) -> None:
        while self.error is None:
            try:
                return self.waiting.put(item, timeout=0.5)
            except Full:
                continue
        self._join()

    def _join(self, *, quiet: bool = False) -> None:
        for thread in self.threads:
            thread.join()
        if self.error is not None and not quiet:
            raise self.error

    def _work(self) -> None:
        try:
            while self.error is None:
                try:
                    item = self.waiting.get(timeout=0.5)
                except Empty:
                    continue
                if item is None:
                    return
                self._one(*item)
        except BaseException as error:
            with self.moved:
                self.error = self.error or error
                self.moved.notify_all()
        finally:
            connections.close_all()

    def _one(self, place, rows, chunk) -> None:
        attempt = 0
        while True:
            try:
                with transaction.atomic():
                    counts = load.run(chunk, self.run.job)
                    write.check_references()
                    if not self._turn_comes(place, PATIENCE):
                        raise Overdue
                    with self.run.step(last=True) as job:
                        self.finish(job, rows, chunk, counts)
                break
            except Overdue:
                self._turn_comes(place)
            except (IntegrityError, OperationalError):
                attempt += 1
                if attempt == TRIES:
                    raise
                time.sleep(0.05 * attempt)
            taken, chunk = chunk.taken, self.plan.prepare(rows)
            chunk.taken = taken
        with self.moved:
            self.turn = place + 1
            self.moved.notify_all()

    def _turn_comes(self, place, patience: float | None = None) -> bool:
        """Wait until every earlier chunk is committed; False when that took longer than `patience`."""
        with self.moved:
            came = self.moved.wait_for(lambda: self.turn == place or self.error is not None, patience)
            if self.error is not None:
                raise Abandoned
            return came
