"""One checked chunk into the tables: duplicates decided, rows created or changed, log and search lines with them.

Everything here runs inside the step of a job, so it is committed with the checkpoint or not at all.
"""

from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.utils import timezone

from .. import dictionaries, search, services
from ..custom import values
from ..fields import DictionaryField
from ..models import ImportFailure, OperationLog, SearchRow
from ..tagging import importing as tagging
from . import changes, companions, custom, keys, write
from .keys import EMPTY
from .write import Same

MAX_SHOWN = 20
MAX_DOUBTS = 200


def run(chunk, job) -> dict[str, int]:
    """Write the chunk; returns {"created", "updated", "skipped", "failed"}, which sum up to its rows."""
    plan = chunk.plan
    write.relax()
    create_dictionary_values(chunk)
    counts = {"created": 0, "updated": 0, "skipped": 0, "failed": 0}
    pending = chunk.good()
    beside = chunk.companion.present if chunk.companion else frozenset()
    while pending:
        values = keys.of_rows(chunk, pending, plan.key) if plan.keyed else {}
        known, several = keys.existing(plan, plan.key, values.values())
        seen: set[tuple] = set()
        fresh, found, skipped, later = [], {}, {}, []
        for row in pending:
            value = values.get(row)
            if value is None or (plan.mode == "create" and not plan.strict):
                fresh.append(row)
            elif value not in known and value not in seen and value not in chunk.taken:
                seen.add(value)
                fresh.append(row)
            elif plan.mode == "skip" and row not in beside:
                counts["skipped"] += 1
            elif plan.mode == "create":
                chunk.fail(row, plan.key.label, plan.key.message)
            elif value in several:
                chunk.fail(row, plan.key.label, keys.ambiguous(plan.key))
            elif plan.mode == "skip" and value in known:
                skipped[row] = known[value]
            elif value in known and known[value] not in found:
                found[known[value]] = row
            else:
                later.append(row)  # the same key again: it meets the record as the earlier row leaves it
        if plan.guarded:
            keys.guard(chunk, fresh, found)
        plan.importer.judge(chunk, fresh)
        fresh = _complete(chunk, [row for row in fresh if row not in chunk.faults] if chunk.faults else fresh)
        fresh = _fitting(chunk, fresh)
        if found and plan.unique:
            custom.check_unique(chunk, list(found.values()), {row: pk for pk, row in found.items()})
        work = None
        if beside:
            settled = {row: pk for pk, row in found.items() if row not in chunk.faults}
            work = companions.decide(chunk, fresh, {**settled, **skipped})
            fresh = [row for row in fresh if row not in chunk.faults]
            counts["skipped"] += sum(1 for row in skipped if row not in chunk.faults)
        ids = create(chunk, fresh, job)
        counts["created"] += len(ids)
        if found := {pk: row for pk, row in found.items() if row not in chunk.faults}:
            changed, same = change(chunk, found, job)
            counts["updated"] += changed
            counts["skipped"] += same
        if work:
            companions.write(chunk, work, dict(zip(fresh, ids, strict=True)), job)
        pending = later
    counts["failed"] = len(chunk.faults)
    _keep_faults(chunk, job)
    return counts


def note(chunk, job, counts: dict[str, int]) -> None:
    """Add the figures and the first faults of a written chunk to the result of the job."""
    for key, count in counts.items():
        job.result[key] = job.result.get(key, 0) + count
    shown = list(job.result.get("errors", []))
    for row in sorted(chunk.faults)[: max(0, MAX_SHOWN - len(shown))]:
        shown.append([chunk.numbers[row], *chunk.faults[row][0]])
    job.result["errors"] = shown
    if doubts := [row for row in sorted(chunk.doubts) if row not in chunk.faults]:
        job.result["doubtful"] = job.result.get("doubtful", 0) + len(doubts)
        listed = job.result.setdefault("named", [])
        titles = chunk.values[chunk.plan.module.title_field]
        for row in doubts[: max(0, MAX_DOUBTS - len(listed))]:
            listed.append([f"第 {chunk.numbers[row]:,} 行 {titles[row]}", "；".join(chunk.doubts[row])])


def editable(plan, ids) -> set[int]:
    """Those of the records the person may change."""
    return set(plan.model.objects.allowed(plan.user, "edit").filter(pk__any=list(ids)).values_list("pk", flat=True))


def create_dictionary_values(chunk) -> None:
    """Replace labels that the check left to be created by the ids of their new values."""
    if chunk.plan.unknown != "create":
        return
    good = chunk.good()
    for target in chunk.plan.targets:
        field = chunk.plan.field_of(target)
        if isinstance(field, DictionaryField):
            values = chunk.values[field.attname]
            if labels := {values[row] for row in good if isinstance(values[row], str)}:
                ids = dictionaries.ensure(field.code, sorted(labels))
                chunk.values[field.attname] = [
                    ids.get(value, value) if isinstance(value, str) else value for value in values
                ]


def _complete(chunk, rows: list[int]) -> list[int]:
    """Those of the rows to be created that have what the company demands and whose unique values are free."""
    plan = chunk.plan
    for target in plan.demanded:
        column = chunk.values[plan.attnames[target.key]]
        for row in rows:
            if column[row] in EMPTY:
                chunk.fail(row, target.label, f"请填写{target.label}")
    if plan.unique:
        custom.check_unique(chunk, [row for row in rows if row not in chunk.faults])
    return [row for row in rows if row not in chunk.faults] if chunk.faults else rows


def _fitting(chunk, rows: list[int]) -> list[int]:
    """Those of the rows to be created that their owners still have room for (Module.quota)."""
    quota, owners = chunk.plan.module.quota, chunk.values.get("owner_id")
    if not quota or not rows or owners is None:
        return rows
    rooms = quota.rooms({owners[row] for row in rows if owners[row]})
    left, fits = {pk: room for pk, (room, _) in rooms.items()}, []
    for row in rows:
        owner = owners[row]
        if owner not in left or left[owner] > 0:
            fits.append(row)
            left[owner] = left.get(owner, 1) - (owner in rooms)
        else:
            chunk.fail(row, "负责人", rooms[owner][1])
    return fits


def create(chunk, rows: list[int], job) -> list[int]:
    """Insert these rows with their log and search lines; returns their ids."""
    if not rows:
        return []
    plan, count, now = chunk.plan, len(rows), timezone.now()
    chunk.plan.importer.before_create(chunk, rows)
    ids = write.take_ids(plan.model, count)
    every = len(rows) == len(chunk)
    stored = {field.attname for field in plan.model._meta.concrete_fields}
    columns = {
        name: values if every else [values[row] for row in rows]
        for name, values in chunk.values.items()
        if name in stored
    }
    columns["id"] = ids
    if any(extras := custom.extras(chunk, rows)):
        columns["extra"] = extras
    columns.setdefault("created_by_id", Same(plan.user.pk))
    for name in ("created_at", "updated_at"):
        if name in columns:
            columns[name] = [value or now for value in columns[name]]
        else:
            columns[name] = columns.get("created_at", Same(now)) if name == "updated_at" else Same(now)
    write.insert(plan.model, columns, count)
    changes.note_created(plan.model, ids, job)
    content_type = ContentType.objects.get_for_model(plan.model)
    write.insert(
        OperationLog,
        {
            "content_type_id": Same(content_type.pk),
            "object_id": ids,
            "created_at": Same(now),
            "actor_id": Same(plan.user.pk),
            "code": Same(f"{plan.module.name}.created"),
            "text": Same(_how(job)),
            "changes": Same([]),
            "job_id": Same(job.pk),
        },
        count,
    )
    _index(chunk, content_type, rows, ids)
    if plan.unique:
        custom.claim(chunk, list(zip(rows, ids, strict=True)))
    tagging.written(chunk, dict(zip(ids, rows, strict=True)), job, created=True)
    plan.importer.created(chunk, ids, job)
    return ids


def _how(job) -> str:
    return f"导入新建（{job.params.get('name', '')}）"[:500]


def _index(chunk, content_type, rows, ids) -> None:
    """Search lines of new records."""
    lines = [(pk, key, text) for row, pk in zip(rows, ids, strict=True) for key, text in chunk.lines[row]]
    if lines:
        owners, keys, texts = (list(column) for column in zip(*lines, strict=True))
        columns = {"content_type_id": Same(content_type.pk), "object_id": owners, "key": keys, "text": texts}
        write.insert(SearchRow, columns, len(lines))


def change(chunk, found: dict[int, int], job) -> tuple[int, int]:
    """Overwrite or fill existing records {id: row}; returns (changed, unchanged). Records the person may not edit fail."""
    plan, now = chunk.plan, timezone.now()
    mine = editable(plan, found)
    for pk, row in found.items():
        if pk not in mine:
            chunk.fail(row, plan.key.label, keys.not_mine(plan.key))
    locked = plan.model.objects.select_for_update().filter(pk__any=sorted(mine)).order_by("pk")
    changed, names, entries, notes, refused = [], set(), [], [], 0
    fields = [
        field
        for field in plan.model._meta.concrete_fields
        if field.attname in chunk.values and field.attname in plan.changeable | plan.importer.derived
    ]
    for record in locked:
        row, diff, before = found[record.pk], [], {}
        for field in fields:
            old, new = getattr(record, field.attname), chunk.values[field.attname][row]
            if new in EMPTY or new == old or (plan.mode == "fill" and old not in EMPTY):
                continue
            setattr(record, field.attname, new)
            before[field.attname] = changes.plain(old)
            if field.editable:
                diff.append(
                    {
                        "key": field.name,
                        "label": str(field.verbose_name),
                        "old": plan.display(field, old),
                        "new": plan.display(field, new),
                    }
                )
        if reason := plan.importer.refuse(record) if before else None:
            chunk.fail(row, *reason)
            refused += 1
            continue
        names |= {field.name for field in fields if field.attname in before}
        extra = record.extra
        if customs := custom.change(chunk, record, row):
            diff += customs
            names.add("extra")
            before["extra"] = {one["key"]: extra.get(one["key"]) for one in customs}
        if diff:
            before["updated_at"] = changes.plain(record.updated_at)
            record.version += 1
            record.updated_at = now
            changed.append(record)
            notes.append((record.pk, before, record.version))
            entries.append((record.pk, f"导入更新（{job.params.get('name', '')}）", diff))
    if changed:
        write.update(changed, {*names, "version", "updated_at"})
        services.write_log(plan.model, entries, code=f"{plan.module.name}.updated", by=plan.user, job=job)
        search.index(plan.module, changed)
        if plan.unique:
            values.claim(plan.module, changed)
    settled = {pk: row for pk, row in found.items() if pk in mine and row not in chunk.faults}
    moved = tagging.written(chunk, settled, job, created=False)
    versions = {record.pk: record.version for record in locked}
    for pk, before, _ in notes:
        if pk in moved:
            before[tagging.KEY] = moved.pop(pk)
    notes += [(pk, {tagging.KEY: tags}, versions[pk]) for pk, tags in moved.items()]
    if notes:
        changes.note_changed(plan.model, notes, job)
    return len(notes), len(mine) - len(notes) - refused


def _keep_faults(chunk, job) -> None:
    """All faults of the chunk into their table."""
    rows = sorted(chunk.faults)
    write.insert(
        ImportFailure,
        {
            "job_id": Same(job.pk),
            "number": [chunk.numbers[row] for row in rows],
            "reasons": [chunk.faults[row] for row in rows],
        },
        len(rows),
    )


def one_writer() -> bool:
    """Whether the database has a single writer, whose lock must be held shortly (SQLite)."""
    return connection.vendor == "sqlite"
