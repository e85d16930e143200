"""Numbers of documents (XS-202611-0001): a pattern a kind, a counter a kind and period, taken under lock.

A pattern is text with {yyyy}, {yy}, {mm}, {dd} and exactly one {seq:width}. The counter restarts when what stands beside
{seq} changes, so {mm} in the pattern makes it monthly. Taken in the transaction that writes the documents, numbers have no
gaps: a rolled-back document gives its number back."""

import re
from dataclasses import dataclass
from datetime import date

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from .models import NumberCounter

PARTS = re.compile(r"\{(yyyy|yy|mm|dd|seq:[1-9])\}")


@dataclass(frozen=True)
class Numbering:
    """How documents of one kind are numbered; `pattern` until the company has its own."""

    key: str
    label: str
    pattern: str


ALL: dict[str, Numbering] = {}


def declare(key: str, label: str, pattern: str) -> None:
    """Announce a kind of document that is numbered."""
    check(pattern)
    ALL[key] = Numbering(key, label, pattern)


def check(pattern: str) -> None:
    """ValidationError for a pattern that cannot number."""
    sequences = [part for part in PARTS.findall(pattern) if part.startswith("seq")]
    if len(sequences) != 1:
        raise ValidationError("编号规则里要有且只有一个流水号，如 {seq:4}")
    if set(PARTS.sub("", pattern)) & set("{}"):
        raise ValidationError("编号规则里只能用 {yyyy}、{yy}、{mm}、{dd} 和 {seq:4}")


def _around(pattern: str, day: date) -> tuple[str, int, str]:
    """What stands before the sequence on this day, its width, and what stands after it."""
    words = {"yyyy": f"{day:%Y}", "yy": f"{day:%y}", "mm": f"{day:%m}", "dd": f"{day:%d}"}
    filled = PARTS.sub(lambda part: words.get(part[1], part[0]), pattern)
    before, width, after = re.split(r"\{seq:([1-9])\}", filled)
    return before, int(width), after


def take(key: str, count: int = 1, *, day: date | None = None) -> list[str]:
    """The next `count` numbers of this kind; the counter stays locked until the transaction ends."""
    if not count:
        return []
    before, width, after = _around(ALL[key].pattern, day or timezone.localdate())
    period = f"{before}#{after}"
    with transaction.atomic():
        NumberCounter.objects.bulk_create([NumberCounter(key=key, period=period)], ignore_conflicts=True)
        counter = NumberCounter.objects.filter(key=key, period=period)
        counter.update(last=F("last") + count)
        last = counter.values_list("last", flat=True).get()
    return [f"{before}{number:0{width}d}{after}" for number in range(last - count + 1, last + 1)]
