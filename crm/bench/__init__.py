"""Speed targets (docs/performance.md), measured. A target is a ratio of two things timed in the same run, or a count; each
measuring function answers one Result."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

NAMES = (
    "P1",
    "P2",
    "P3",
    "P4",
    "P5",
    "P6",
    "P7",
    "P8",
    "P9",
    "P10",
    "P11",
    "P12",
    "P13",
    "P15",
    "P16",
    "P17",
    "P18",
    "P19",
)
ROUNDS = 7


@dataclass(frozen=True)
class Result:
    """`target` reads "<= 2"; `how` says what was compared, on which data."""

    name: str
    value: float
    target: str
    unit: str
    how: str
    also: bool = True  # further conditions of the same target, named in `how`

    @property
    def ok(self) -> bool:
        sign, limit = self.target.split()
        return self.also and (self.value <= float(limit) if sign == "<=" else self.value >= float(limit))

    def line(self) -> dict:
        value = round(self.value, 4 if abs(self.value) < 1 else 2)
        return {
            "name": self.name,
            "value": value,
            "target": self.target,
            "ok": self.ok,
            "unit": self.unit,
            "how": self.how,
        }


class NotMeasured(Exception):
    """What is missing before the target can be measured, in a sentence."""


TARGETS: dict[str, Callable[["Options"], Result]] = {}


@dataclass(frozen=True)
class Options:
    """`rows` shrinks the data a target asks for (the tests run the harness small); 0 means as the target says."""

    rows: int = 0

    def wanted(self, number: int) -> int:
        return self.rows or number


def target(name: str):
    """Register the measuring function of a target."""

    def decorate(function):
        TARGETS[name] = function
        return function

    return decorate


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def interleaved(*sides: Callable[[], object], rounds: int = ROUNDS, warm: int = 1) -> list[list[float]]:
    """Seconds of each side, taken in turn, so that a noisy moment hits all of them."""
    for _ in range(warm):
        for side in sides:
            side()
    found: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for place, side in enumerate(sides):
            found[place].append(timed(side))
    return found


def medians(*sides: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    return [statistics.median(times) for times in interleaved(*sides, rounds=rounds)]


def need_customers(options: Options, number: int):
    """The customer model, given that enough of them are there."""
    from crm.records import modules

    model = modules.get("customer").model
    wanted = options.wanted(number)
    have = model.objects.count()
    if have < wanted:
        raise NotMeasured(
            f"needs {wanted:,} customers, this database has {have:,}: manage.py seed --customers {wanted}"
        )
    return model


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def load() -> dict[str, Callable[[Options], Result]]:
    """Every target there is code for, by name."""
    from . import custom, files, lists, pages, paint, pools, scopes, serving, start  # noqa: F401  each registers its targets

    return TARGETS
