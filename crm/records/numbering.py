"""Numbers of documents (XS-202611-0001): a rule a kind, a counter a kind and period, taken under lock.

A rule is a row of parts (text, date, the sequence once, fields of the document), when the sequence restarts, and where it
starts. `declare` gives a kind its first rule as a pattern; the company's own stands in NumberRule. Taken in the transaction that
writes the documents, numbers have no gaps: a rolled-back document gives its number back.

The counter belongs to the period ("2026-11" where it restarts monthly), not to the text around it: a rule changed in the middle
of a month goes on counting, and a rule that could repeat itself is refused. Whatever the rules said before and whatever an import
brought, a number that exists is passed over (`taken`)."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest
from django.utils import timezone

from . import search
from .models import NumberCounter, NumberRule

Restart = NumberRule.Restart
DATES = {"yyyy": "%Y", "yy": "%y", "mm": "%m", "dd": "%d"}
LENGTH, FIELD_LENGTH, MOST_PARTS, MOST_START = 40, 8, 12, 99_999_999
PATIENT = 20  # collisions in a row before whole stretches of numbers are skipped
_PATTERN = re.compile(r"\{(yyyy|yy|mm|dd|seq:[1-9])\}")
_TEXT = re.compile(r"[\w\-./#()（）\[\]【】]{1,20}")
# What must stand in the number so that a sequence that begins anew repeats nothing.
NEEDED = {
    Restart.YEAR: (("yyyy", "yy"),),
    Restart.MONTH: (("yyyy", "yy"), ("mm",)),
    Restart.DAY: (("yyyy", "yy"), ("mm",), ("dd",)),
}
WORDS = {"yyyy": "年", "yy": "年", "mm": "月", "dd": "日"}
PERIODS = {Restart.YEAR: "%Y", Restart.MONTH: "%Y-%m", Restart.DAY: "%Y-%m-%d"}


@dataclass(frozen=True)
class Rule:
    """How numbers of a kind look; see NumberRule."""

    parts: tuple[dict, ...]
    restart: str = Restart.NEVER
    start: int = 1
    version: int = 0  # 0: the declared one

    @property
    def keys(self) -> list[str]:
        """The fields it reads."""
        return [part["field"] for part in self.parts if "field" in part]


@dataclass(frozen=True)
class Numbering:
    """How documents of one kind are numbered. `fields` = (key, label) a rule may read of a document, `taken(numbers)` = those of
    these numbers that some document bears, the recycle bin included."""

    key: str
    label: str
    pattern: str
    fields: tuple[tuple[str, str], ...] = ()
    taken: Callable[[list[str]], Iterable[str]] | None = None
    first: Rule = field(default=Rule(()))


ALL: dict[str, Numbering] = {}


def declare(key: str, label: str, pattern: str, *, fields=(), taken=None) -> None:
    """Announce a kind of document that is numbered; `pattern` = text with {yyyy}, {yy}, {mm}, {dd} and one {seq:width}."""
    first = parsed(pattern)
    check(first)
    ALL[key] = Numbering(key, label, pattern, tuple(fields), taken, first)


def borne(model, name: str = "number") -> Callable:
    """`taken` of documents of a class that keep their number in one field."""

    def taken(numbers: list[str]) -> set[str]:
        return set(model._base_manager.filter(**{f"{name}__any": numbers}).values_list(name, flat=True))

    return taken


def parsed(pattern: str) -> Rule:
    """A declared pattern as a rule; the sequence restarts with the smallest date in it."""
    parts, dates = [], []
    for piece in re.split(r"(\{[^{}]*\})", pattern):
        found = _PATTERN.fullmatch(piece)
        if found and found[1].startswith("seq"):
            parts.append({"seq": int(found[1][4:])})
        elif found:
            parts.append({"date": found[1]})
            dates.append(found[1])
        elif piece:
            parts.append({"text": piece})
    restart = Restart.DAY if "dd" in dates else Restart.MONTH if "mm" in dates else Restart.YEAR
    return Rule(tuple(parts), restart if dates else Restart.NEVER)


def rule_of(key: str) -> Rule:
    """The rule in force."""
    row = NumberRule.objects.filter(key=key).first()
    return Rule(tuple(row.parts), row.restart, row.start, row.version) if row else ALL[key].first


def check(rule: Rule, fields: Iterable[str] = ()) -> None:
    """ValidationError with what is wrong with a rule, every sentence of it."""
    faults, fields, length = [], set(fields), 0
    if not 1 <= len(rule.parts) <= MOST_PARTS:
        faults.append(f"编号由 1 到 {MOST_PARTS} 段组成")
    for part in rule.parts:
        if len(part) != 1:
            raise ValidationError("编号规则无法识别")
        ((kind, value),) = part.items()
        if kind == "text":
            if not isinstance(value, str) or not _TEXT.fullmatch(value):
                faults.append("文字为 1 到 20 个字，只能用汉字、字母、数字和 - _ . / # 括号")
            length += len(str(value))
        elif kind == "date" and value in DATES:
            length += len(value)
        elif kind == "seq" and isinstance(value, int) and 1 <= value <= 9:
            length += max(value, 6)
        elif kind == "field" and value in fields:
            length += FIELD_LENGTH
        else:
            faults.append("编号规则里有不能用的内容，请删除后重新添加")
    if sum("seq" in part for part in rule.parts) != 1:
        faults.append("要有且只有一段流水号")
    dates = {part["date"] for part in rule.parts if "date" in part}
    lacking = [group for group in NEEDED.get(rule.restart, ()) if not dates & set(group)]
    if lacking:
        named = "、".join(f"“{WORDS[group[0]]}”" for group in lacking)
        label = Restart(rule.restart).label
        faults.append(f"流水号{label}重新开始，编号里却没有{named}，号码会重复。请加上日期，或改为“从不”")
    if rule.restart == Restart.FIELD and not rule.keys:
        faults.append("选了“字段不同时各编各的”，编号里却没有字段，请先加上字段")
    if rule.restart not in Restart.values:
        faults.append("请选择流水号何时重新开始")
    if not 1 <= rule.start <= MOST_START:
        faults.append(f"起始号应在 1 到 {MOST_START:,} 之间")
    if length > LENGTH:
        faults.append(f"编号最长 {LENGTH} 个字，现在可能有 {length} 个字")
    if faults:
        raise ValidationError(list(dict.fromkeys(faults)))


def cleaned(value) -> str:
    """A document's field as it stands in a number: letters and digits, Chinese by its initials, at most 8; empty is nothing."""
    found = ""
    for char in unicodedata.normalize("NFKC", str(value if value is not None else ""))[:200]:
        if char.isascii():
            found += char.upper() if char.isalnum() else ""
        elif char.isalpha():
            found += search.initials(char)[:1].upper()
    return "".join(char for char in found if char.isascii() and char.isalnum())[:FIELD_LENGTH]


@dataclass(frozen=True)
class _Shape:
    """A rule filled in for a day and a document: what stands around the sequence, and whose counter it is."""

    before: str
    width: int
    after: str
    period: str

    def number(self, place: int) -> str:
        return f"{self.before}{place:0{self.width}d}{self.after}"


def _shape(rule: Rule, day: date, values: dict | None) -> _Shape:
    values, sides, width, read = values or {}, ["", ""], 1, []
    side = 0
    for part in rule.parts:
        ((kind, value),) = part.items()
        if kind == "seq":
            side, width = 1, value
            continue
        text = value
        if kind == "date":
            text = day.strftime(DATES[value])
        elif kind == "field":
            text = cleaned(values.get(value))
            read.append(text)
        sides[side] += text
    period = day.strftime(PERIODS.get(rule.restart, ""))
    if rule.restart == Restart.FIELD:
        period = "=" + "/".join(read)
    return _Shape(sides[0], width, sides[1], period)


def take(
    key: str,
    count: int = 1,
    *,
    day: date | None = None,
    values: dict | None = None,
    besides: Iterable[str] = (),
) -> list[str]:
    """The next `count` numbers of this kind for documents with these field `values`; the counter stays locked until the
    transaction ends. No document bears them, nor do they stand in `besides` (numbers about to be written)."""
    if not count:
        return []
    rule = rule_of(key)
    return _take(key, rule, _shape(rule, day or timezone.localdate(), values), count, set(besides))


def take_each(key: str, values: list[dict], *, day: date | None = None, besides: Iterable[str] = ()) -> list[str]:
    """A number for each of these documents, in their order."""
    rule, day, besides = rule_of(key), day or timezone.localdate(), set(besides)
    shapes = [_shape(rule, day, some) for some in values]
    order = sorted(
        range(len(values)), key=lambda place: (shapes[place].period, place)
    )  # counters are locked in one order
    found = [""] * len(values)
    for shape, group in groupby(order, key=shapes.__getitem__):
        places = list(group)
        some = _take(key, rule, shape, len(places), besides)
        for place, number in zip(places, some, strict=True):
            found[place] = number
        besides |= set(some)
    return found


@transaction.atomic
def _take(key: str, rule: Rule, shape: _Shape, count: int, besides: set[str]) -> list[str]:
    below = rule.start - 1
    NumberCounter.objects.bulk_create([NumberCounter(key=key, period=shape.period, last=below)], ignore_conflicts=True)
    counter, taken = NumberCounter.objects.filter(key=key, period=shape.period), ALL[key].taken
    found: list[tuple[int, str]] = []
    ask, rounds = count, 0
    while len(found) < count:
        counter.update(last=Greatest(F("last"), Value(below)) + ask)
        last = counter.values_list("last", flat=True).get()
        some = {place: shape.number(place) for place in range(last - ask + 1, last + 1)}
        there = besides | set(taken(list(some.values())) if taken else ())
        found += [(place, number) for place, number in some.items() if number not in there]
        rounds += 1
        ask = count - len(found) if rounds < PATIENT else ask * 2 or PATIENT
    if found[count - 1][0] != last:  # more than asked for were free: the rest stays for the next
        counter.update(last=found[count - 1][0])
    return [number for _, number in found[:count]]


def samples(key: str, rule: Rule, *, count: int = 3, day: date | None = None) -> list[str]:
    """The next numbers a rule would give, for documents whose fields are called as the fields are; nothing is taken."""
    kind = ALL[key]
    shape = _shape(rule, day or timezone.localdate(), dict(kind.fields))
    last = NumberCounter.objects.filter(key=key, period=shape.period).values_list("last", flat=True).first() or 0
    found, place = [], max(last, rule.start - 1)
    for _ in range(PATIENT):
        some = [shape.number(place + n) for n in range(1, 51)]
        there = set(kind.taken(some)) if kind.taken else set()
        found += [number for number in some if number not in there]
        place += 50
        if len(found) >= count:
            break
    return found[:count]
