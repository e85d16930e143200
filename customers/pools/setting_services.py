"""The verbs of the pools' settings. Each runs in one transaction, keeps its change in the system log in words, and makes every
process read the pools anew."""

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Max
from django.utils import timezone

from crm.records import jobs, services
from crm.records.models import Job
from orgs.services import oplog

from ..models import OwnerCap, Pool
from . import book, kinds, quotas, wording
from .services import move, note

DIRECT = 500  # more records than this are moved in the background
CHUNK = 500
SETTINGS = (
    "name",
    "rules",
    "exempt",
    "reminders",
    "claim_limit",
    "view_limit",
    "former_days",
    "freeze_days",
    "hidden",
    "everyone",
)
PEOPLE = ("departments", "members", "admins")


class Stale(Exception):
    """The pool was changed since its page was opened."""


@dataclass(frozen=True)
class Held:
    """How many records lie in a pool, and how many of it in the recycle bin."""

    live: int
    trashed: int

    @property
    def total(self) -> int:
        return self.live + self.trashed

    def words(self, kind: kinds.Kind) -> str:
        bin_part = f"（其中 {self.trashed:,} 个在回收站）" if self.trashed else ""
        return f"{self.total:,} 个{kind.of.label}{bin_part}"


def held(kind: kinds.Kind, pool: Pool) -> Held:
    """Two counts by index."""
    rows = kind.model.objects.filter(pool_id=pool.pk)
    return Held(rows.filter(owner=None, deleted_at=None).count(), rows.filter(deleted_at__isnull=False).count())


def _locked(pool: Pool) -> Pool:
    """The pool as it is now, locked; ValidationError where somebody deleted it meanwhile."""
    found = Pool.objects.select_for_update().filter(pk=pool.pk, removed_at=None).first()
    if found is None:
        raise ValidationError(f"“{pool.name}”刚被删除了。")
    return found


def _record(pool: Pool, code: str, *, by, text: str, changes: list | None = None) -> None:
    oplog.record(f"pool.{code}", wording.target(pool), by=by, text=text, changes=changes)
    book.touch(pool.kind)


@transaction.atomic
def create_pool(kind: kinds.Kind, name: str, *, by) -> Pool:
    """A new enabled pool at the end. It serves nobody and reclaims nothing until it is set up."""
    last = Pool.objects.filter(kind=kind.module).aggregate(last=Max("order"))["last"] or 0
    pool = Pool(kind=kind.module, name=name, order=last + 10, everyone=False, hidden=list(kind.masked))
    pool.exempt = [one.key for one in kind.exemptions]
    pool.full_clean()
    pool.save()
    _record(pool, "created", by=by, text=f"新建{kind.label}")
    return pool


@transaction.atomic
def update_pool(pool: Pool, values: dict, *, version: int, by) -> Pool:
    """Store what the form says: `values` has SETTINGS and PEOPLE (lists of ids). Stale where `version` is not the present one."""
    pool = _locked(pool)
    if pool.version != version:
        raise Stale
    kind = kinds.get(pool.kind)
    before = wording.described(kind, pool)
    for name in SETTINGS:
        setattr(pool, name, values[name])
    pool.version += 1
    pool.full_clean()
    pool.save()
    for name in PEOPLE:
        getattr(pool, name).set(values[name])
    after = wording.described(kind, pool)
    changes = oplog.differences((label, old, new) for (label, old), (_, new) in zip(before, after, strict=True))
    if changes:
        _record(pool, "updated", by=by, text="修改规则", changes=changes)
    book.touch(pool.kind)
    return pool


@transaction.atomic
def set_enabled(pool: Pool, enabled: bool, *, by) -> Pool:
    """启用 or 停用. The default pool and one that still holds records stay enabled."""
    pool = _locked(pool)
    kind = kinds.get(pool.kind)
    if pool.enabled == enabled:
        return pool
    if not enabled:
        _check_free(kind, pool, "停用")
    pool.enabled = enabled
    pool.version += 1
    pool.save(update_fields=["enabled", "version"])
    _record(pool, "enabled" if enabled else "disabled", by=by, text="启用" if enabled else "停用")
    return pool


def why_not_free(kind: kinds.Kind, pool: Pool, verb: str) -> str:
    """Why a pool can be neither disabled nor deleted now; "" where it can."""
    if pool.is_default:
        return f"“{pool.name}”是默认{kind.label}，不能{verb}。请先把另一个{kind.label}设为默认。"
    found = held(kind, pool)
    if found.total:
        return f"“{pool.name}”里还有 {found.words(kind)}，不能{verb}。请先把它们移动到别的{kind.label}。"
    return ""


def _check_free(kind: kinds.Kind, pool: Pool, verb: str) -> None:
    if reason := why_not_free(kind, pool, verb):
        raise ValidationError(reason)


@transaction.atomic
def make_default(pool: Pool, *, by) -> Pool:
    """The pool becomes the default one of its kind in place of the present one; it must be enabled."""
    rows = {one.pk: one for one in Pool.objects.select_for_update().filter(kind=pool.kind).order_by("pk")}
    pool = rows.get(pool.pk, pool)
    if pool.removed_at is not None or not pool.enabled:
        raise ValidationError(f"“{pool.name}”已停用，启用后才能设为默认。")
    if pool.is_default:
        return pool
    old = next((one for one in rows.values() if one.is_default), None)
    Pool.objects.filter(kind=pool.kind, is_default=True).update(is_default=False, version=models.F("version") + 1)
    pool.is_default, pool.version = True, pool.version + 1
    pool.save(update_fields=["is_default", "version"])
    changes = oplog.differences([(f"默认{kinds.get(pool.kind).label}", old.name if old else "", pool.name)])
    _record(pool, "default", by=by, text="设为默认", changes=changes)
    return pool


@transaction.atomic
def delete_pool(pool: Pool, *, by) -> None:
    """Delete a disabled, empty pool. Its row stays behind, for the history names it."""
    pool = _locked(pool)
    kind = kinds.get(pool.kind)
    _check_free(kind, pool, "删除")
    if pool.enabled:
        raise ValidationError(f"“{pool.name}”还在使用，请先停用再删除。")
    pool.removed_at = timezone.now()
    pool.save(update_fields=["removed_at"])
    _record(pool, "deleted", by=by, text=f"删除{kind.label}")


@transaction.atomic
def shift(pool: Pool, step: int, *, by) -> None:
    """Move a pool one place up (-1) or down (1) among those of its kind. Where two clauses take a record on the same day, the
    pool above gets it."""
    rows = list(Pool.objects.select_for_update().filter(kind=pool.kind, removed_at=None))
    place = next((n for n, row in enumerate(rows) if row.pk == pool.pk), None)
    if place is None or not 0 <= place + step < len(rows):
        return
    rows[place], rows[place + step] = rows[place + step], rows[place]
    for n, row in enumerate(rows, 1):
        row.order = n * 10
    Pool.objects.bulk_update(rows, ["order"])
    _record(pool, "moved", by=by, text="上移" if step < 0 else "下移")


# Everything of a pool into another one ---------------------------------------------------------------------------------


@transaction.atomic
def move_all(pool: Pool, to: Pool, *, by) -> Job | int:
    """Move every record of a pool, the recycle bin included, to another enabled pool of its kind: at once where they are few
    (answers how many), else as a job (answers it)."""
    kind, number = kinds.get(pool.kind), held(kinds.get(pool.kind), pool)
    target = book.get(pool.kind, to.pk)
    if target is None or not target.enabled or to.pk == pool.pk:
        raise ValidationError({"to": [f"请选择另一个启用的{kind.label}"]})
    _record(pool, "emptied", by=by, text=f"把 {number.words(kind)}移动到“{to.name}”")
    if number.total <= DIRECT:
        moved = 0
        while count := _move_chunk(kind, pool.pk, target, by=by):
            moved += count
        return moved
    return jobs.start(
        "pool_move",
        user=by,
        label=f"把“{pool.name}”的{kind.of.label}移动到“{to.name}”",
        total=number.total,
        params={"kind": kind.module, "from": pool.pk, "to": to.pk},
    )


def _move_chunk(kind: kinds.Kind, source: int, to: book.Facts, *, by) -> int:
    """Up to CHUNK records, live ones first; those of the recycle bin keep lying there, with the new pool."""
    rows = kind.model.objects.filter(pool_id=source).order_by("pk")
    live = list(rows.filter(owner=None, deleted_at=None).values_list("pk", flat=True)[:CHUNK])
    if live:
        return move(kind.model.objects.filter(pk__any=live), to, by=by)
    gone = list(rows.filter(deleted_at__isnull=False).select_for_update().values_list("pk", flat=True)[:CHUNK])
    if not gone:
        return 0
    now, name = timezone.now(), next(one.name for one in book.every(kind.module) if one.pk == source)
    kind.model.objects.filter(pk__any=gone).update(pool_id=to.pk, version=models.F("version") + 1)
    text = f"从“{name}”移到“{to.name}”（在回收站）"
    services.write_log(kind.model, ((pk, text, []) for pk in gone), code=f"{kind.module}.pool_moved", by=by)
    note(kind, [(pk, to.pk, None, f"从“{name}”移来", "") for pk in gone], action="moved", by=by, now=now)
    return len(gone)


@jobs.kind("pool_move", "移动到别的公海", rows=lambda result: [("已移动", result.get("moved", 0))])
def run(run: jobs.Run) -> None:
    """Chunk by chunk until the pool is empty; safe to run again."""
    params = run.job.params
    kind = kinds.get(params["kind"])
    while True:
        if not run.user.has_function("admin.pools"):
            raise jobs.Refused("您不再有“公海规则”管理功能，没有继续移动。")
        to = book.get(kind.module, params["to"])
        if to is None or not to.enabled:
            raise jobs.Refused("目标公海已停用或删除，没有继续移动。")
        with run.step() as job:
            moved = _move_chunk(kind, params["from"], to, by=run.user)
            job.done = min(job.total, job.done + moved)
            job.result = {"moved": job.result.get("moved", 0) + moved}
        if not kind.model.objects.filter(pool_id=params["from"]).exists():
            return


# Caps --------------------------------------------------------------------------------------------------------------------


def cap_target(cap: OwnerCap) -> str:
    """For whom a cap is, in words."""
    if cap.role_id:
        return f"角色“{cap.role.name}”"
    return f"部门“{cap.department.name}”及下级" if cap.department_id else "所有人"


def _cap_facts(cap: OwnerCap) -> list[tuple[str, str]]:
    kind = kinds.get(cap.kind)
    return [
        ("限制", cap.get_what_display()),
        ("对象", cap_target(cap)),
        ("上限", f"{cap.limit:,} 个"),
        ("不计入", "、".join(one.label for one in kind.exemptions if one.key in cap.uncounted)),
    ]


def _log_cap(cap: OwnerCap, code: str, *, by, text: str, changes: list | None = None) -> None:
    target = f"{kinds.get(cap.kind).of.label}上限：{cap_target(cap)}"
    oplog.record(f"cap.{code}", target, by=by, text=text, changes=changes)


@transaction.atomic
def save_cap(cap: OwnerCap, values: dict, *, by) -> OwnerCap:
    """Add or change a cap; ValidationError where one for the same people exists. Whoever is over it keeps what they have."""
    new, before = cap.pk is None, None
    if not new:
        cap = OwnerCap.objects.select_for_update().filter(pk=cap.pk).first()
        if cap is None:
            raise ValidationError("这个上限刚被别人删除了。")
        before = _cap_facts(cap)
    for name in ("what", "role", "department", "limit", "uncounted"):
        setattr(cap, name, values[name])
    cap.full_clean()
    cap.save()
    if new:
        words = quotas.cap_words(kinds.get(cap.kind), cap)
        _log_cap(cap, "created", by=by, text=f"新增上限：{words}")
        return cap
    pairs = zip(before, _cap_facts(cap), strict=True)
    if changes := oplog.differences((label, old, now) for (label, old), (_, now) in pairs):
        _log_cap(cap, "updated", by=by, text="修改上限", changes=changes)
    return cap


@transaction.atomic
def delete_cap(cap: OwnerCap, *, by) -> None:
    words = quotas.cap_words(kinds.get(cap.kind), cap)
    if OwnerCap.objects.filter(pk=cap.pk).delete()[0]:
        _log_cap(cap, "deleted", by=by, text=f"删除上限：{words}")
