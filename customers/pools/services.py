"""The verbs of the pool. Each runs in one transaction: lock, check, change, operation log, history of the pool; people are
told through crm.notices. The acting person is locked before the rows, so that their quotas hold under concurrency."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone

from crm.notices.services import notify
from crm.records import formatting, modules, services
from crm.records.importing.write import Same, insert
from crm.records.undoing import entries, packing
from crm.records.undoing.entries import Line

from ..models import OwnerCap, PoolEvent
from . import access, book, kinds, quotas

LATELY = timedelta(days=1)
# What an undo of a release puts back.
KEPT = ("owner_id", "pool_id", "pooled_at", "pool_reason", "former_owner_id", "received_at", "updated_at")


@dataclass
class Outcome:
    """`done` = ids; `refused` = [(title, reason)]."""

    done: list[int] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


def note(kind: kinds.Kind, lines: Iterable[tuple], *, action: str, by, now: datetime, told: bool = True) -> None:
    """Append to the history: lines = (pk, pool id, owner id, reason, note)."""
    lines = list(lines)
    if not lines:
        return
    pks, pools, owners, reasons, words = (list(column) for column in zip(*lines, strict=True))
    columns = {
        "content_type_id": Same(quotas.content_type(kind).pk),
        "object_id": pks,
        "pool_id": pools,
        "action": Same(action),
        "actor_id": Same(by.pk if by is not None else None),
        "owner_id": owners,
        "reason": [text[:200] for text in reasons],
        "note": [text[:500] for text in words],
        "told": Same(told),
        "created_at": Same(now),
    }
    insert(PoolEvent, columns, len(pks))


def _lock(kind: kinds.Kind, rows, *related) -> list:
    """The rows locked in id order."""
    found = kind.model.objects.filter(pk__in=rows.order_by().values("pk"), deleted_at=None)
    return services.hold(found, *related)


def _children(kind: kinds.Kind, ids: list[int]):
    """(module, foreign key, live rows) of what follows these records."""
    for name, key in kind.children:
        module = modules.get(name)
        yield module, key, module.model.objects.live().filter(**{f"{key}__any": ids})


def follow(kind: kinds.Kind, ids: list[int], *, owner, by, now, text: str, code: str, undo=None) -> None:
    """Children get the owner of their record (None: with it into the pool), with a log row each."""
    for module, key, rows in _children(kind, ids):
        moving = rows.filter(owner__isnull=False) if owner is None else rows.exclude(owner=owner)
        found = list(moving.values("pk", "version", "updated_at", "owner_id", key))
        pks = [row["pk"] for row in found]
        if undo is not None:
            undo.keep(
                module.model,
                [
                    Line(
                        row["pk"],
                        row["version"] + 1,
                        {"owner_id": row["owner_id"], "updated_at": packing.pack(row["updated_at"])},
                        root=row[key],
                    )
                    for row in found
                ],
            )
        module.model.objects.filter(pk__any=pks).update(owner=owner, version=models.F("version") + 1, updated_at=now)
        services.write_log(
            module.model,
            ((pk, text, []) for pk in pks),
            code=f"{module.name}.{code}",
            by=by,
            undo=undo.pk if undo is not None else None,
        )


@transaction.atomic
def release(rows, pool: book.Facts, *, by, reason: str, words: str = "") -> int:
    """放入公海: allowed rows lose their owner and lie in `pool`; their contacts go along. `reason` = a value of the
    dictionary pool.reason, `words` = a line for the next owner. Can be undone until somebody takes them. Returns how many."""
    kind = kinds.get(modules.of_model(rows.model).name)
    if not pool.enabled:
        raise ValidationError(f"“{pool.name}”已停用，请选择别的{kind.label}。")
    now, text = timezone.now(), f"手动放入：{reason}"
    module, records = kind.of, [record for record in _lock(kind, rows, "owner") if record.owner_id is not None]
    records = [record for record in records if not module.refusal(record, "release", by)]  # closed while we waited
    ids = [record.pk for record in records]
    kept = [*KEPT, *(module.model._meta.get_field(name).attname for name in kind.entering)]
    with entries.entry(module, "release", by=by, label=f"放入{kind.label}“{pool.name}”") as undo:
        undo.keep(
            module.model,
            [
                Line(record.pk, record.version + 1, {name: packing.pack(getattr(record, name)) for name in kept})
                for record in records
            ],
        )
        enter(kind, ids, pool, reason=text, now=now)
        services.write_log(
            module.model,
            (
                (record.pk, f"放入{kind.label}“{pool.name}”（{reason}）{words}", [_owner(record.owner, None)])
                for record in records
            ),
            code=f"{module.name}.released",
            by=by,
            undo=undo.pk,
        )
        if ids:
            text_of_children = f"随{module.label}放入{kind.label}"
            follow(kind, ids, owner=None, by=by, now=now, text=text_of_children, code="released", undo=undo)
    lines = [(record.pk, pool.pk, record.owner_id, text, words) for record in records]
    note(kind, lines, action="released", by=by, now=now)
    _tell_losers(kind, records, pool, by=by, text=text)
    return len(ids)


def enter(kind: kinds.Kind, ids: list[int], pool: book.Facts, *, reason: str, now: datetime) -> None:
    """The one UPDATE by which owned rows fall into a pool."""
    kind.model.objects.filter(pk__any=ids).update(
        former_owner=models.F("owner"),
        owner=None,
        pool_id=pool.pk,
        pooled_at=now,
        pool_reason=reason[:200],
        version=models.F("version") + 1,
        updated_at=now,
        **kind.entering,
    )


def _owner(old, new) -> dict:
    return {
        "key": "owner",
        "label": "负责人",
        "old": old.name if old else "",
        "new": new.name if new else "",
    }


def _tell_losers(kind, records, pool, *, by, text) -> None:
    """Owners whose records somebody else released."""
    lost: dict[int, list] = {}
    for record in records:
        if record.owner_id != by.pk:
            lost.setdefault(record.owner_id, []).append(kind.of.title_of(record))
    for owner, names in lost.items():
        title = f"{by.name}把您的 {len(names)} 个{kind.of.label}放入{kind.label}“{pool.name}”"
        notify([owner], kind="pool", title=title, body=f"{text}\n{listed(names)}", url=f"/{kind.prefix}/{pool.pk}/")


def listed(names: list[str], at_most: int = 20) -> str:
    return "、".join(names[:at_most]) + (f" 等 {len(names):,} 个" if len(names) > at_most else "")


# Out of the pool -------------------------------------------------------------------------------------------------------


@transaction.atomic
def claim(kind: kinds.Kind, ids: Iterable[int], *, by) -> Outcome:
    """领取: the person takes these records out of their pools, as far as the rules allow; each refusal names the rule and the
    day it ends. Checked in this order: member, claims of today, cap of owned records, former owner, freeze, still there."""
    ids, now = list(dict.fromkeys(ids)), timezone.now()
    if not by.has_function(f"{kind.module}.claim"):
        raise ValidationError(f"您的角色没有“{kind.of.label}”的“领取”权限。")
    quotas.lock([by.pk])
    mine = {pool.pk: pool for pool in access.pools_of(kind, by)}
    allowance = Allowance(kind, by, now=now)
    live = kind.model.objects.live().filter(pk__any=ids)
    found = {record.pk: record for record in live.select_for_update(of=("self",)).order_by("pk")}
    outcome, taken, gone = Outcome(), [], []
    for pk in ids:
        record = found.get(pk)
        if record is None or record.pool_id not in mine:
            gone.append(pk)
        elif reason := allowance.refuses(mine[record.pool_id], record):
            outcome.refused.append((kind.of.title_of(record), reason))
        else:
            taken.append(record)
    _give(kind, taken, by, by=by, now=now, action="claimed")
    outcome.done = [record.pk for record in taken]
    outcome.refused += late(kind, gone, by)
    return outcome


class Allowance:
    """What one person may still take in one act; taking counts down."""

    def __init__(self, kind: kinds.Kind, person, *, now: datetime):
        self.kind, self.person, self.now = kind, person, now
        self.room = quotas.rooms(kind, [person.pk])[person.pk]
        self.left = self.room.left
        self.claims: dict[int, int | None] = {}

    def refuses(self, pool: book.Facts, record) -> str:
        """Why not this record, "" where it may be taken (and then counts)."""
        kind, limit = self.kind, self._claims_left(pool)
        if limit is not None and limit <= 0:
            tomorrow = formatting.day(timezone.localdate() + timedelta(days=1))
            return f"“{pool.name}”每人每天最多领取 {pool.claim_limit} 个，今天已领满，{tomorrow} 起可以再领"
        counted = self.left is not None and quotas.counts(kind, self.room, record)
        if counted and self.left <= 0:
            have = f"现有 {self.room.limit - self.left:,} 个"
            return f"您{self.room.words}，{have}，请先放入{kind.label}或转移一些再领取"
        if wait := waits_until(pool, record, self.person, now=self.now):
            return f"{wait[1]}，{formatting.moment(wait[0])} 起可以领取"
        if limit is not None:
            self.claims[pool.pk] = limit - 1
        if counted:
            self.left -= 1
        return ""

    def _claims_left(self, pool: book.Facts) -> int | None:
        if pool.pk not in self.claims:
            limited = pool.claim_limit is not None and not pool.administers(self.person)
            done = quotas.claimed_today(self.kind, self.person, pool, now=self.now) if limited else 0
            self.claims[pool.pk] = max(0, pool.claim_limit - done) if limited else None
        return self.claims[pool.pk]


def late(kind: kinds.Kind, ids: list[int], by) -> list[tuple[str, str]]:
    """Why records that were asked for are not in a pool of this person any more; who took one is told to whoever could see
    it there."""
    if not ids:
        return []
    mine = [pool.pk for pool in access.pools_of(kind, by)]
    events: dict[int, PoolEvent] = {}
    # Only what the person can have seen there lately: else counting ids would name whoever passed through the pool.
    lately = timezone.now() - LATELY
    out = PoolEvent.objects.filter(content_type=quotas.content_type(kind), object_id__in=ids, created_at__gte=lately)
    for event in out.select_related("owner").order_by("pk"):
        events[event.object_id] = event
    live = dict(kind.model.objects.live().filter(pk__any=ids).values_list("pk", kind.of.title_field))
    found = []
    for pk in ids:
        event = events.get(pk)
        if pk in live and event and event.pool_id in mine and event.action in ("claimed", "assigned"):
            verb = "领取" if event.action == "claimed" else "得到"
            who = "您自己" if event.owner_id == by.pk else event.owner.name
            found.append((live[pk], f"晚了一步，{formatting.moment(event.created_at)} 已被{who}{verb}"))
        else:
            found.append((f"编号 {pk}", f"已不在您可领取的{kind.label}中"))
    return found


def waits_until(pool: book.Facts, record, person, *, now: datetime) -> tuple[datetime, str] | None:
    """(from when the person may claim the record, the rule in words), None where nothing holds them up now."""
    if record.pooled_at is None:
        return None
    found = []
    if pool.former_days and record.former_owner_id == person.pk:
        until = record.pooled_at + timedelta(days=pool.former_days)
        found.append((until, f"原负责人 {pool.former_days} 天内不能领回"))
    if pool.freeze_days:
        until = record.pooled_at + timedelta(days=pool.freeze_days)
        found.append((until, f"新入池的 {pool.freeze_days} 天内谁都不能领取"))
    held = [one for one in found if one[0] > now]
    return max(held) if held else None


def standing(kind: kinds.Kind, pool: book.Facts, person) -> list[dict]:
    """Where the person stands with the limits of a pool: [{label, used, limit}], for the pool's page."""
    found = []
    if pool.claim_limit is not None and not pool.administers(person):
        used = quotas.claimed_today(kind, person, pool)
        found.append({"label": "今日领取", "used": used, "limit": pool.claim_limit})
    room = quotas.rooms(kind, [person.pk])[person.pk]
    if room.limit is not None:
        found.append({"label": f"拥有{kind.of.label}", "used": room.used, "limit": room.limit})
    if pool.view_limit is not None and not pool.administers(person):
        found.append({"label": "今日查看", "used": quotas.opened_today(person, pool), "limit": pool.view_limit})
    return found


@transaction.atomic
def assign(rows, to, *, by) -> int:
    """分配: pool rows go to an employee inside the assigner's reach, who is told; only their cap of owned records counts."""
    kind = kinds.get(modules.of_model(rows.model).name)
    reach = by.scope_for(f"{kind.module}.assign")
    if reach is None or not reach.includes(to.pk):
        raise ValidationError(f"{to.name}不在您的数据范围内，不能{kind.assign_label}给他。")
    if not to.is_active:
        raise ValidationError(f"{to.name}已停用，不能接收{kind.of.label}。")
    quotas.lock([to.pk])
    records = [record for record in _lock(kind, rows) if record.owner_id is None]
    quotas.Quota(kind.module).admit(to, records)
    _give(kind, records, to, by=by, now=timezone.now(), action="assigned")
    if records and to.pk != by.pk:
        names = [kind.of.title_of(record) for record in records]
        url = kind.of.url(pk=records[0].pk) if len(records) == 1 else f"{kind.of.list_url}?view=mine"
        title = f"{by.name}{kind.assign_label}给您 {len(names):,} 个{kind.of.label}"
        notify([to.pk], kind="transfer", title=title, body=listed(names), url=url)
    return len(records)


def _give(kind: kinds.Kind, records: list, to, *, by, now: datetime, action: str) -> None:
    """Locked pool rows get an owner; their children too; teams of the former owner end."""
    if not records:
        return
    module, ids = kind.of, [record.pk for record in records]
    taken = kind.model.objects.filter(pk__any=ids, owner=None).update(
        owner=to,
        pool=None,
        pooled_at=None,
        pool_reason="",
        received_at=now,
        version=models.F("version") + 1,
        updated_at=now,
        **module.handed,
        **(kind.assigned(by, now) if action == "assigned" else {}),
    )
    if taken != len(ids):
        raise RuntimeError(f"{len(ids)} locked rows of the pool, {taken} were still there")
    end_teams(kind, ids, by=by)
    verb = "领取" if action == "claimed" else f"{kind.assign_label}给{to.name}"
    names = {pool.pk: pool.name for pool in book.every(kind.module)}
    services.write_log(
        module.model,
        (
            (record.pk, f"从{kind.label}“{names.get(record.pool_id, '')}”{verb}", [_owner(None, to)])
            for record in records
        ),
        code=f"{module.name}.{action}",
        by=by,
    )
    follow(kind, ids, owner=to, by=by, now=now, text=f"随{module.label}{verb}", code=action)
    lines = [(record.pk, record.pool_id, to.pk, "", "") for record in records]
    note(kind, lines, action=action, by=by, now=now)


def end_teams(kind: kinds.Kind, ids: list[int], *, by) -> None:
    """Team members of the time before the pool do not come along to the new owner."""
    module = kind.of
    if module.grant_model is None:
        return
    grants = module.grant_model.objects.filter(content_object_id__any=ids, source="team")
    members = list(grants.values_list("content_object_id", "user__name"))
    grants.delete()
    services.write_log(
        module.model,
        ((pk, f"移除团队成员 {name}（经过{kind.label}）", []) for pk, name in members),
        code=f"{module.name}.team_removed",
        by=by,
    )


@transaction.atomic
def move(rows, pool: book.Facts, *, by) -> int:
    """Pool rows go to another enabled pool of their kind; the time they lie there does not start anew. Returns how many."""
    kind = kinds.get(modules.of_model(rows.model).name)
    if not pool.enabled:
        raise ValidationError(f"“{pool.name}”已停用，请选择别的{kind.label}。")
    records = [row for row in _lock(kind, rows) if row.owner_id is None and row.pool_id != pool.pk]
    ids, now = [record.pk for record in records], timezone.now()
    names = {one.pk: one.name for one in book.every(kind.module)}
    kind.model.objects.filter(pk__any=ids).update(pool_id=pool.pk, version=models.F("version") + 1, updated_at=now)
    services.write_log(
        kind.model,
        ((record.pk, f"从“{names[record.pool_id]}”移到“{pool.name}”", []) for record in records),
        code=f"{kind.module}.pool_moved",
        by=by,
    )
    lines = [(record.pk, pool.pk, record.former_owner_id, f"从“{names[record.pool_id]}”移来", "") for record in records]
    note(kind, lines, action="moved", by=by, now=now)
    return len(ids)


@transaction.atomic
def lock_records(rows, *, by) -> int:
    """锁定: rows are never reclaimed. An owner's cap of locked records refuses the whole act, naming how many would fit."""
    kind = kinds.get(modules.of_model(rows.model).name)
    free = list(rows.filter(locked=False).order_by("pk").select_related("owner"))
    quotas.lock([record.owner_id for record in free])
    mine: dict = {}
    for record in free:
        mine.setdefault(record.owner, []).append(record)
    found = quotas.rooms(kind, [owner.pk for owner in mine if owner], what=OwnerCap.What.LOCK)
    for owner, records in mine.items():
        room = found.get(owner.pk) if owner else None
        wanted = sum(quotas.counts(kind, room, record) for record in records) if room and room.limit is not None else 0
        if wanted and wanted > room.left:
            raise ValidationError(quotas.refusal(kind, owner, room, wanted, verb="锁定"))
    return services.set_flag(rows, "locked", True, by=by, code="lock", text="锁定")
