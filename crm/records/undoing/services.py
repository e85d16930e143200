"""Taking an act back: only what nobody touched since, record by record, exactly as it was."""

from collections.abc import Callable, Iterable
from datetime import timedelta

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from crm.notices.services import notify

from .. import modules, params, search, services, teams
from ..custom import definitions, values
from ..models import Undo, UndoRecord
from . import handlers, packing
from .changes import Change, differences

CHUNK = 500
ORDER = (F("root").asc(nulls_first=True), "pk")
ADMIN = "admin.recycle"
Failures = list[tuple[str, str]]  # (title of the record, reason)
_PUT_BACK: list[Callable] = []


def on_put_back(hook: Callable) -> Callable:
    """Have `hook(module, changes)` run in the transaction whenever records were put back (`changes` = [Change]). Modules above
    keep figures that follow the records of others."""
    _PUT_BACK.append(hook)
    return hook


def since(now=None, days: str = "undo_days"):
    """Entries older than this moment have expired; `days` = the parameter of their act."""
    return (now or timezone.now()) - timedelta(days=params.get(days))


def expired(now=None, path: str = "") -> Q:
    """Entries past the days of their act; `path` leads to them."""
    own: dict[str, list[str]] = {}
    for one in handlers.ALL.values():
        own.setdefault(one.days, []).append(one.action)
    special = [action for days, actions in own.items() if days != "undo_days" for action in actions]
    found = Q(**{f"{path}created_at__lt": since(now)}) & ~Q(**{f"{path}action__in": special})
    for days in own.keys() - {"undo_days"}:
        found |= Q(**{f"{path}action__in": own[days], f"{path}created_at__lt": since(now, days)})
    return found


def visible(user):
    """Entries the person may look at and take back: their own, with 清除回收站 everybody's."""
    return Undo.objects.all() if user.has_function(ADMIN) else Undo.objects.filter(user=user)


def state_of(entry) -> str:
    """可撤销, 已撤销 or 已过期."""
    if entry.undone_at is not None:
        return "已撤销"
    handler = handlers.get(entry.action)
    return "可撤销" if handler and entry.created_at >= since(days=handler.days) else "已过期"


def check(entry) -> None:
    """ValidationError in words where the entry cannot be taken back any more."""
    state = state_of(entry)
    if state == "已撤销":
        raise ValidationError("这次操作已经撤销过了。")
    if state == "已过期":
        handler = handlers.get(entry.action)
        raise ValidationError(f"已超过 {params.get(handler.days if handler else 'undo_days')} 天，不能撤销。")
    if (handler := handlers.get(entry.action)) is not None and handler.check:
        handler.check(entry)


def staying(entry) -> Failures:
    """What stays where it is besides records: (what, why)."""
    handler = handlers.get(entry.action)
    return handler.stays(entry) if handler is not None and handler.stays else []


def lines_of(entry) -> list[int]:
    """Keys of the lines in the order in which they go back: records of the act first, then what went along with them."""
    return list(entry.records.order_by(*ORDER).values_list("pk", flat=True))


def _groups(entry, keys: list[int]):
    """(module, lines) of these lines by type, what went along behind what it went with."""
    found: dict[tuple, list] = {}
    for line in entry.records.filter(pk__any=keys).order_by(*ORDER):
        found.setdefault((line.root is not None, line.content_type_id), []).append(line)
    for (_, content_type), lines in found.items():
        yield modules.of_content_type(ContentType.objects.get_for_id(content_type)), lines


@transaction.atomic
def claim(entry, *, by) -> None:
    """Make the entry this person's to take back; of two at once one gets ValidationError."""
    check(entry)
    if not Undo.objects.filter(pk=entry.pk, undone_at=None).update(undone_at=timezone.now(), undone_by=by):
        raise ValidationError("这次操作已经撤销过了。")


@transaction.atomic
def undo(entry, *, by) -> tuple[int, Failures]:
    """Take the act back where nothing changed since; answers how many records of its module came back, and the others with
    the reason. An act of which nothing can go back stays as it is."""
    claim(entry, by=by)
    keys, done, failures, owners = lines_of(entry), 0, [], {}
    for start in range(0, len(keys), CHUNK):
        back, refused = put_back(entry, keys[start : start + CHUNK], by=by, owners=owners)
        done, failures = done + back, failures + refused
    finish(entry, done, by=by, owners=owners)
    return done, failures


def finish(entry, done: int, *, by, owners: dict) -> None:
    """Close a claimed entry after its last line, and tell those who lost records they had been given."""
    changed = {"restored": done} if done else {"undone_at": None, "undone_by": None}
    Undo.objects.filter(pk=entry.pk).update(**changed)
    module = modules.get(entry.module)
    for owner, count in owners.items():
        if int(owner) != by.pk:
            title = f"{by.name}撤销了{handlers.get(entry.action).label}，{count} 个{module.label}已不再由您负责"
            notify([int(owner)], kind="transfer", title=title, url=f"{module.list_url}?view=mine")


@transaction.atomic
def put_back(entry, keys: list[int], *, by, owners: dict) -> tuple[int, Failures]:
    """Lines of a claimed entry, at most CHUNK. `owners` counts the records of the entry's module each employee loses."""
    done, failures, now = 0, [], timezone.now()
    for module, mine in _groups(entry, keys):
        records = _read(module, mine).select_for_update().order_by("pk")
        ready, refused = _sorted(entry, module, mine, {record.pk: record for record in records}, by=by)
        back, failed = _write(entry, module, ready, by=by, now=now)
        failures += _named(module, refused + failed, by)
        UndoRecord.objects.filter(pk__any=[line.pk for _, line, _ in back]).update(back=True)
        if back and (after := handlers.get(entry.action).after):
            after(entry, [line for _, line, _ in back], by=by)
        for _, line, former in back:
            done += line.root is None
            if line.root is None and former is not None:
                owners[str(former)] = owners.get(str(former), 0) + 1
    return done, failures


def preview(entry, *, by) -> tuple[int, Failures]:
    """How many records of the act could go back now, and which could not; writes nothing."""
    count, failures, lost = 0, [], set()
    keys = lines_of(entry)
    for start in range(0, len(keys), CHUNK):
        for module, mine in _groups(entry, keys[start : start + CHUNK]):
            records = {record.pk: record for record in _read(module, mine)}
            ready, refused = _sorted(entry, module, mine, records, by=by, lost=lost)
            lost |= {line.object_id for line, _ in refused if line.root is None}
            count += sum(line.root is None for _, line in ready)
            failures += _named(module, refused, by)
    return count, failures


def _read(module, lines):
    return module.model.objects.filter(pk__any=[line.object_id for line in lines])


def _sorted(entry, module, lines, records: dict, *, by, lost: Iterable[int] | None = None):
    """([(record, line)] that can go back, [(line, reason)] that cannot). `lost` = records of the act that do not go back; None:
    those whose line says so."""
    handler, own = handlers.get(entry.action), entry.user_id == by.pk
    lead = [line.object_id for line in lines if line.root is None]
    rows = handler.rows(module, by, own).filter(pk__any=lead)
    open_rows = set(rows.order_by().values_list("pk", flat=True)) if lead else set()
    stays = handler.refuse(lines, lock=lost is None) if handler.refuse else {}
    if lost is None:
        roots = {line.root for line in lines} - {None}
        came = entry.records.filter(root=None, back=True, object_id__in=roots) if roots else entry.records.none()
        lost = roots - set(came.values_list("object_id", flat=True))
    ready, refused = [], []
    for line in lines:
        record = records.get(line.object_id)
        deletes = "deleted_at" in line.before.get("fields", {})
        if record is None:
            refused.append((line, "已被彻底删除"))
        elif line.root is not None and line.root in lost:
            refused.append((line, "它所属的记录没有恢复"))
        elif record.deleted_at is not None and not deletes:
            refused.append((line, "之后被删除"))
        elif record.deleted_at is None and deletes:
            refused.append((line, "已经从回收站还原"))
        elif line.root is None and line.object_id not in open_rows:
            refused.append((line, "已不在您可操作的范围内"))
        elif record.version != line.version:
            refused.append((line, "之后被修改过"))
        elif line.object_id in stays:
            refused.append((line, stays[line.object_id]))
        else:
            ready.append((record, line))
    return ready, refused


def _write(entry, module, ready, *, by, now):
    """Put the values of these locked records back. ([(record, line, owner lost)], [(line, reason)])."""
    known, handler = definitions.custom(module.name), handlers.get(entry.action)
    missing, orphans = _missing(module, ready, handler), _orphans(module, ready)
    items, refused = [], []
    for record, line in ready:
        if record.pk in orphans:
            refused.append((line, f"所属的{orphans[record.pk]}在回收站中"))
            continue
        fields = line.before.get("fields", {})
        gone = next((name for name in fields if fields[name] in missing.get(name, ())), None)
        if gone is not None:
            label = next(one.verbose_name for one in module.model._meta.concrete_fields if one.attname == gone)
            refused.append((line, f"原来的{label}已停用或不存在"))
            continue
        before = {name: getattr(record, name) for name in fields if name != "updated_at"}
        for name, stored in fields.items():
            setattr(record, name, packing.unpack(module.model, name, stored))
        moved = values.put(record, {k: v for k, v in line.before.get("extra", {}).items() if k in known}, known)
        items.append((Change(record, before, moved), line))

    def write(some) -> None:
        _save(module, [change for change, _ in some], now=now)
        if module_grants := {line.object_id: kept for _, line in some if (kept := line.before.get("grants"))}:
            teams.restore_grants(module, module_grants)

    failed = services.apart(items, write)
    bad = {id(item) for item, _ in failed}
    refused += [(line, reason) for (_, line), reason in failed]
    saved = [item for item in items if id(item) not in bad]
    changes = [change for change, _ in saved]
    for hook in _PUT_BACK if changes else ():
        hook(module, changes)
    services.write_log(
        module.model,
        (
            (change.record.pk, handler.text, difference)
            for change, difference in zip(changes, differences(module, changes), strict=True)
        ),
        code=f"{module.name}.{handler.code}",
        by=by,
    )
    searched = {name for names in module.search.values() for name in names}
    if found := [change.record for change in changes if searched & set(change.before)]:
        search.index(module, found)
    return [(change.record, line, change.before.get("owner_id")) for change, line in saved], refused


def _save(module, changes: list[Change], *, now) -> None:
    records = [change.record for change in changes]
    names = {name for change in changes for name in change.before} | {"updated_at"}
    names |= {"extra"} if any(change.moved for change in changes) else set()
    try:
        with transaction.atomic():
            services.save_many(module, records, names, now=now)
    except IntegrityError:
        if len(records) == 1:
            records[0].validate_constraints()  # says which value is taken
        raise
    unique = {one.key for one in values.unique_fields(module)}
    held = [
        change.record
        for change in changes
        if "deleted_at" in change.before or unique & {definition.key for definition, _, _ in change.moved}
    ]
    if unique:
        values.claim(module, held)


def _orphans(module, ready) -> dict[int, str]:
    """{record: label of its parent} of deleted records whose parent lies in the recycle bin."""
    found = {}
    deleted = [record for record, _ in ready if record.deleted_at is not None]
    for name in module.parents if deleted else ():
        parent, key = modules.get(name), f"{name}_id"
        live = parent.model.objects.live().filter(pk__any={getattr(one, key) for one in deleted} - {None})
        there = set(live.values_list("pk", flat=True)) | {None}
        found |= {one.pk: parent.label for one in deleted if getattr(one, key) not in there}
    return found


def _missing(module, ready, handler) -> dict[str, set]:
    """{attribute: keys} of related rows the former values point to that are gone, or no longer work here (owners)."""
    wanted: dict[str, set] = {}
    for _, line in ready:
        for name, stored in line.before.get("fields", {}).items():
            if stored is not None:
                wanted.setdefault(name, set()).add(stored)
    found = {}
    for one in module.model._meta.concrete_fields:
        if one.is_relation and (keys := wanted.get(one.attname)):
            there = one.related_model._base_manager.filter(pk__in=keys)
            if one.name == "owner" and not handler.disabled_too:
                there = there.filter(is_active=True)
            found[one.attname] = keys - set(there.values_list("pk", flat=True))
    return found


def _named(module, refused, by) -> Failures:
    """Reasons with the titles of what the person may see; the rest by number."""
    ids = [line.object_id for line, _ in refused]
    titles: dict[int, str] = {}
    if ids:
        for rows in (
            module.model.objects.allowed(by, "view"),
            module.model.objects.allowed(by, "delete", trashed=True),
        ):
            named = rows.filter(pk__any=ids).order_by().values_list("pk", module.title_field)
            titles |= {pk: module.titled(title) for pk, title in named}
    return [(str(titles.get(line.object_id, f"编号 {line.object_id}")), reason) for line, reason in refused]


def of_log(entries, record, *, user, content_type) -> dict[int, int]:
    """{log row: entry} of the log rows of a record whose act could be taken back on it by `user`; one statement."""
    ids = {entry.undo_id for entry in entries if entry.undo_id}
    if not ids:
        return {}
    lines = UndoRecord.objects.filter(
        undo_id__in=ids,
        content_type=content_type,
        object_id=record.pk,
        version=record.version,
        undo__undone_at=None,
    ).exclude(expired(path="undo__"))
    if not user.has_function(ADMIN):
        lines = lines.filter(undo__user=user)
    open_ids = set(lines.values_list("undo_id", flat=True))
    return {entry.pk: entry.undo_id for entry in entries if entry.undo_id in open_ids}


def forget(now) -> int:
    """Remove entries past their days; returns how many."""
    old = Undo.objects.filter(expired(now))
    count = old.count()
    old.delete()
    return count
