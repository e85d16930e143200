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
from . import custom, write
from .write import Same

MAX_SHOWN = 20
EMPTY = (None, "")


def run(chunk, job) -> dict[str, int]:
    """Write the chunk; returns {"created", "updated", "skipped", "failed"}, which sum up to its rows."""
    plan = chunk.plan
    write.relax()
    create_dictionary_values(chunk)
    counts = {"created": 0, "updated": 0, "skipped": 0, "failed": 0}
    fields = plan.key_fields
    pending = chunk.good()
    while pending:
        keys = keys_of(chunk, pending)
        known, seen = existing(plan, fields, keys.values()), set()
        fresh, found, later = [], {}, []
        for row in pending:
            key = keys.get(row)
            if key is None or None in key or (plan.mode == "create" and not plan.forbids):
                fresh.append(row)
            elif key not in known and key not in seen and key not in chunk.taken:
                seen.add(key)
                fresh.append(row)
            elif plan.mode == "skip":
                counts["skipped"] += 1
            elif plan.mode == "create":
                chunk.fail(row, plan.importer.key_label, plan.importer.duplicate_message)
            elif key in known and known[key] not in found:
                found[known[key]] = row
            else:
                later.append(row)  # the same key again: it meets the record as the earlier row leaves it
        counts["created"] += _create(chunk, _complete(chunk, fresh), job)
        if found and plan.unique:
            custom.check_unique(chunk, list(found.values()), {row: pk for pk, row in found.items()})
            found = {pk: row for pk, row in found.items() if row not in chunk.faults}
        if found:
            changed, same = _change(chunk, found, job)
            counts["updated"] += changed
            counts["skipped"] += same
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


def keys_of(chunk, rows) -> dict[int, tuple]:
    """{row: what decides whether it is a record that exists}; {} where nothing decides."""
    if not chunk.plan.keyed:
        return {}
    columns = [chunk.values[name] for name in chunk.plan.key_fields]
    return {row: tuple(column[row] for column in columns) for row in rows}


def existing(plan, fields, keys) -> dict[tuple, int]:
    """{key: id} of live records with one of these keys, whoever owns them."""
    keys = {key for key in keys if None not in key}
    if not keys:
        return {}
    wanted = {f"{name}__any": list({key[place] for key in keys}) for place, name in enumerate(fields)}
    rows = plan.model.objects.live().filter(**wanted).order_by("-pk").values_list("pk", *fields)
    return {tuple(key): pk for pk, *key in rows if tuple(key) in keys}


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


def _create(chunk, rows: list[int], job) -> int:
    """Insert these rows with their log and search lines; returns how many."""
    if not rows:
        return 0
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
    return count


def _how(job) -> str:
    return f"导入新建（{job.params.get('name', '')}）"[:500]


def _index(chunk, content_type, rows, ids) -> None:
    """Search lines of new records."""
    lines = [(pk, key, text) for row, pk in zip(rows, ids, strict=True) for key, text in chunk.lines[row]]
    if lines:
        owners, keys, texts = (list(column) for column in zip(*lines, strict=True))
        columns = {"content_type_id": Same(content_type.pk), "object_id": owners, "key": keys, "text": texts}
        write.insert(SearchRow, columns, len(lines))


def _change(chunk, found: dict[int, int], job) -> tuple[int, int]:
    """Overwrite or fill existing records {id: row}; returns (changed, unchanged). Records the person may not edit fail."""
    plan, now = chunk.plan, timezone.now()
    mine = editable(plan, found)
    for pk, row in found.items():
        if pk not in mine:
            chunk.fail(row, plan.importer.key_label, f"{plan.importer.duplicate_message}，您没有编辑它的权限")
    locked = plan.model.objects.select_for_update().filter(pk__any=sorted(mine)).order_by("pk")
    changed, names, entries = [], set(), []
    fields = [
        field
        for field in plan.model._meta.concrete_fields
        if field.attname in chunk.values and field.attname in plan.changeable | plan.importer.derived
    ]
    for record in locked:
        row, diff = found[record.pk], []
        for field in fields:
            old, new = getattr(record, field.attname), chunk.values[field.attname][row]
            if new in EMPTY or new == old or (plan.mode == "fill" and old not in EMPTY):
                continue
            setattr(record, field.attname, new)
            names.add(field.name)
            if field.editable:
                diff.append(
                    {
                        "key": field.name,
                        "label": str(field.verbose_name),
                        "old": plan.display(field, old),
                        "new": plan.display(field, new),
                    }
                )
        if customs := custom.change(chunk, record, row):
            diff += customs
            names.add("extra")
        if diff:
            record.version += 1
            record.updated_at = now
            changed.append(record)
            entries.append((record.pk, f"导入更新（{job.params.get('name', '')}）", diff))
    if changed:
        plan.model.objects.bulk_update(changed, [*names, "version", "updated_at"], batch_size=200)
        services.write_log(plan.model, entries, code=f"{plan.module.name}.updated", by=plan.user, job=job)
        search.index(plan.module, changed)
        if plan.unique:
            values.claim(plan.module, changed)
    touched = {record.pk for record in changed}
    touched |= tagging.written(chunk, {pk: row for pk, row in found.items() if pk in mine}, job, created=False)
    return len(touched), len(mine) - len(touched)


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
