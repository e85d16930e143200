"""When a record falls into a pool. `due` is the one condition behind the list's column and view, the reminders, the page
明日将回收 and the nightly job; `deadline` says the same of a single row (a property test holds the two together).

Days are local dates. A rule's deadline is the day its clock started plus N days; the first nightly run of a later day takes
the record: on day D everything whose deadline lies before D."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Q
from django.utils import timezone

from . import book, kinds


@dataclass(frozen=True)
class Deadline:
    """The last day a record is safe, and what takes it then."""

    day: date
    pool: book.Facts
    rule: kinds.Rule
    days: int

    @property
    def words(self) -> str:
        return words(self.rule, self.days)


def words(rule: kinds.Rule, days: int) -> str:
    """The reason that is kept with a reclaimed record."""
    return f"{rule.words.format(days=days)}，规则自动回收"


def start_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def parts(kind: kinds.Kind, pool: book.Facts, day: date, owners: list[int] | None) -> list[tuple[kinds.Rule, int, Q]]:
    """(rule, days, condition) of every clause by which this pool takes records on `day`: one per rule and number of days.
    `owners` = whom the pool serves, None for everybody."""
    spared = Q(deleted_at=None, owner__isnull=False, locked=False)
    if kind.closed:
        spared &= ~kind.closed.where(day)
    served = Q() if owners is None else Q(owner_id__among=owners)  # last: the dearest part is asked of the fewest rows
    for key in pool.exempt:
        exemption = kind.exemption(key)
        if exemption is not None:
            spared &= ~exemption.where(day)
    found = []
    for rule in kind.rules:
        if rule.key not in pool.rules:
            continue
        general, levels = pool.rules[rule.key]
        by_days: dict[int, Q] = {}
        if general is not None:
            rest = Q(**{f"{kind.level}__in": list(levels)}) if levels else None
            by_days[general] = Q() if rest is None else Q(**{kind.level: None}) | ~rest
        for level, days in levels.items():
            if days is not None:
                by_days[days] = (
                    by_days[days] | Q(**{kind.level: level}) if days in by_days else Q(**{kind.level: level})
                )
        for days, which in sorted(by_days.items(), key=lambda pair: pair[0]):
            found.append((rule, days, spared & which & _run_out(rule, day - timedelta(days=days)) & served))
    return found


def _run_out(rule: kinds.Rule, before: date) -> Q:
    """The rule's clock started before this local day."""
    moment = start_of(before)
    condition = rule.where & Q(received_at__lt=moment)
    if not rule.event:
        return condition
    limit = before if rule.event.endswith("_on") else moment
    passed = Q(**{f"{rule.event}__lt": limit})
    return condition & (passed if rule.required else passed | Q(**{rule.event: None}, created_at__lt=moment))


def due(kind: kinds.Kind, day: date, pools: list[book.Facts] | None = None) -> Q:
    """The records the nightly run of `day` takes; at most one statement per pool that does not serve everybody."""
    condition, some = Q(), False
    for pool in book.of(kind.module) if pools is None else pools:
        if not pool.rules:
            continue
        for _, _, part in parts(kind, pool, day, pool.owners()):
            condition, some = condition | part, True
    return condition if some else Q(pk__in=())


def deadline(kind: kinds.Kind, record, owner, pools: list[book.Facts] | None = None) -> Deadline | None:
    """The earliest deadline of a live, owned row under the enabled pools; None where no rule applies. `owner` is the row's
    owner with the department read."""
    if record.locked or owner is None or record.deleted_at is not None:
        return None
    if kind.closed and kind.closed.holds(record, timezone.localdate()):
        return None
    best = None
    for pool in book.of(kind.module) if pools is None else pools:
        if not pool.rules or not pool.serves(owner):
            continue
        for rule in kind.rules:
            found = _of_rule(kind, pool, rule, record)
            if found is not None and (best is None or found.day < best.day):
                best = found
    return best


def _of_rule(kind, pool, rule, record) -> Deadline | None:
    if rule.key not in pool.rules or not rule.only(record):
        return None
    general, levels = pool.rules[rule.key]
    days = levels.get(getattr(record, kind.level), general)
    event = getattr(record, rule.event) if rule.event else record.received_at
    if days is None or (event is None and rule.required):
        return None
    day = max(_local(event or record.created_at), _local(record.received_at)) + timedelta(days=days)
    for key in pool.exempt:
        exemption = kind.exemption(key)
        if exemption is None:
            continue
        if exemption.ends:
            day = max(day, getattr(record, exemption.ends) or day)
        elif exemption.holds(record, day):
            return None
    return Deadline(day, pool, rule, days)


def _local(value: date | datetime) -> date:
    return timezone.localtime(value).date() if isinstance(value, datetime) else value
