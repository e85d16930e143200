"""回收: what the rules take each night, what they will take tomorrow, and the reminders before."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from crm.notices.services import notify
from crm.records import formatting, services
from crm.records.periodic import periodic

from ..models import PoolEvent
from . import book, kinds, quotas, rules
from .services import enter, follow, listed, note

CHUNK = 5000  # rows of one transaction
CHUNK_ONE_WRITER = 500
SOON = 7  # days: 即将到期


@dataclass(frozen=True)
class Clause:
    """One rule of one pool with its days, and whom it takes on the day asked for."""

    pool: book.Facts
    rule: kinds.Rule
    days: int
    rows: Q

    @property
    def words(self) -> str:
        return rules.words(self.rule, self.days)


def clauses(kind: kinds.Kind, day: date, pools: Iterable[book.Facts] | None = None) -> list[Clause]:
    """Every clause in the order in which they take rows: the first that fits a record is the one that is kept with it."""
    found = []
    for pool in book.of(kind.module) if pools is None else pools:
        if pool.rules:
            owners = pool.owners()
            found += [Clause(pool, rule, days, rows) for rule, days, rows in rules.parts(kind, pool, day, owners)]
    return found


def expected(
    kind: kinds.Kind, day: date, rows, pools: Iterable[book.Facts] | None = None
) -> list[tuple[Clause, object]]:
    """[(clause, the rows of `rows` it will take on `day`)], each row under the one clause that will."""
    found, before = [], Q(pk__in=())
    for clause in clauses(kind, day, pools):
        found.append((clause, rows.filter(clause.rows).exclude(before)))
        before |= clause.rows
    return found


def run(kind: kinds.Kind, day: date | None = None, *, now=None) -> int:
    """Move everything that is due on `day` (today) into its pool: set-based, in transactions of CHUNK rows, safe to run twice
    and twice at once. Owners get one message each. Returns how many moved."""
    day, moved = day or timezone.localdate(), 0
    chunk = CHUNK if connection.features.has_select_for_update_skip_locked else CHUNK_ONE_WRITER
    for clause in clauses(kind, day):
        ids = list(kind.model.objects.filter(clause.rows).order_by("pk").values_list("pk", flat=True))
        for start in range(0, len(ids), chunk):
            moved += _step(kind, clause, ids[start : start + chunk], now=now or timezone.now())
    tell(kind)
    return moved


@transaction.atomic
def _step(kind: kinds.Kind, clause: Clause, some: list[int], *, now) -> int:
    """One transaction about some of the rows: what changed since is asked again under the lock, and rows another run holds are
    left to it."""
    rows = kind.model.objects.filter(clause.rows, pk__any=some).order_by("pk")
    found = rows.select_for_update(skip_locked=connection.features.has_select_for_update_skip_locked)
    owners = dict(found.values_list("pk", "owner_id"))
    if not owners:
        return 0
    ids, module, pool, text = list(owners), kind.of, clause.pool, clause.words
    enter(kind, ids, pool, reason=text, now=now)
    names = _names(owners.values())
    services.write_log(
        module.model,
        (
            (pk, f"{text}，进入“{pool.name}”", [{"key": "owner", "label": "负责人", "old": names[owner], "new": ""}])
            for pk, owner in owners.items()
        ),
        code=f"{module.name}.reclaimed",
        by=None,
    )
    follow(kind, ids, owner=None, by=None, now=now, text=f"随{module.label}回收到{kind.label}", code="reclaimed")
    lines = [(pk, pool.pk, owner, text, "") for pk, owner in owners.items()]
    note(kind, lines, action="reclaimed", by=None, now=now, told=False)
    return len(ids)


def _names(ids) -> dict[int, str]:
    from django.contrib.auth import get_user_model

    return dict(get_user_model().objects.filter(pk__any=list(set(ids))).values_list("pk", "name"))


@transaction.atomic
def tell(kind: kinds.Kind) -> int:
    """One message to each owner about what they lost and were not told of yet; also after a run that was killed."""
    events = PoolEvent.objects.filter(told=False, content_type=quotas.content_type(kind)).order_by("pk")
    lost: dict[int, list] = {}
    ids = []
    for event in events.select_for_update().values("pk", "owner_id", "object_id", "pool_id", "reason"):
        ids.append(event["pk"])
        lost.setdefault(event["owner_id"], []).append(event)
    PoolEvent.objects.filter(pk__any=ids).update(told=True)
    pools = {pool.pk: pool.name for pool in book.every(kind.module)}
    shown = [event["object_id"] for some in lost.values() for event in some[:20]]
    titles = dict(kind.model.objects.filter(pk__any=shown).values_list("pk", kind.of.title_field))
    for owner, some in lost.items():
        by_reason: dict[tuple, int] = {}
        for event in some:
            key = (event["reason"], pools.get(event["pool_id"], ""))
            by_reason[key] = by_reason.get(key, 0) + 1
        body = "\n".join(f"{reason}：{count:,} 个，进入“{pool}”" for (reason, pool), count in by_reason.items())
        names = [str(titles.get(event["object_id"], "")) for event in some[:20]]
        names = "、".join(filter(None, names)) + (f" 等 {len(some):,} 个" if len(some) > 20 else "")
        title = f"您的 {len(some):,} 个{kind.of.label}已回收到{kind.label}"
        notify([owner], kind="pool", title=title, body=f"{body}\n{names}", url=f"/{kind.prefix}/")
    return len(lost)


def remind(kind: kinds.Kind, day: date | None = None) -> int:
    """Tell owners what will be reclaimed as many days from now as the pools' reminders say: one message per owner. Returns
    how many owners."""
    day = day or timezone.localdate()
    soon: dict[int, dict[int, list[str]]] = {}
    pools = book.of(kind.module)
    for offset in sorted({offset for pool in pools for offset in pool.reminders}):
        mine = [pool for pool in pools if offset in pool.reminders]
        last = day + timedelta(days=offset)  # the deadline itself: taken by the run of the day after
        rows = kind.model.objects.filter(rules.due(kind, last + timedelta(days=1), mine)).exclude(
            rules.due(kind, last, mine)
        )
        for owner, title in rows.order_by("owner_id", "pk").values_list("owner_id", kind.of.title_field):
            soon.setdefault(owner, {}).setdefault(offset, []).append(str(title))
    for owner, found in soon.items():
        total = sum(map(len, found.values()))
        body = "\n".join(
            f"{formatting.day(day + timedelta(days=offset))} 到期（还有 {offset} 天）：{listed(names)}"
            for offset, names in found.items()
        )
        title = f"{total:,} 个{kind.of.label}快要被回收到{kind.label}"
        notify([owner], kind="pool", title=title, body=body, url=f"{kind.of.list_url}?view=ending")
    return len(soon)


def _read_anew() -> None:
    """Without Redis each process keeps pools of its own: what another one saved a minute ago counts as well."""
    for kind in kinds.ALL:
        book.touch(kind)


@periodic("pool_reclaim", "公海回收", schedule="每天 00:30")
def nightly(now) -> str:
    """Every kind of pool, for the day that has begun, by the rules as they are stored now."""
    _read_anew()
    day = timezone.localtime(now).date()
    return "；".join(f"{kind.of.label} {run(kind, day):,} 个" for kind in kinds.ALL.values())


@periodic("pool_reminders", "公海到期提醒", schedule="每天 08:10")
def reminders(now) -> str:
    """Every kind of pool."""
    _read_anew()
    day = timezone.localtime(now).date()
    return "；".join(f"{kind.of.label} {remind(kind, day):,} 人" for kind in kinds.ALL.values())
