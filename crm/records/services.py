"""The verbs every record type shares: create, update, delete, restore, purge, transfer, log.

Each runs in one transaction, writes the operation log in it, keeps the search lines, and checks the gate again after the
change. `by` is the acting employee.
"""

from collections.abc import Callable, Iterable

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from crm.notices.services import notify

from . import formatting, modules, search
from .custom import definitions, values
from .custom.columns import Names
from .fields import readable_phone
from .models import Attachment, OperationLog, Star
from .undoing import entries, packing
from .undoing.entries import Line


class Stale(Exception):
    """The record was saved by someone else since the form was opened; `current` is its present state."""

    def __init__(self, current):
        super().__init__("stale version")
        self.current = current


class OutOfReach(ValidationError):
    """The change would put the record outside the acting person's rows."""


def display(field: models.Field, value) -> str:
    """A field value as the log shows it; related rows by their label, empty as ""."""
    if value is None or value == "":
        return ""
    if field.is_relation:
        related = (
            value if isinstance(value, models.Model) else field.related_model._default_manager.filter(pk=value).first()
        )
        return str(related or "")
    if field.flatchoices:
        return str(dict(field.flatchoices).get(value, value))
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(field, models.DateTimeField):
        return formatting.moment(value)
    if isinstance(field, models.DateField):
        return formatting.day(value)
    if field.get_internal_type() == "DecimalField":
        return formatting.money(value)
    return readable_phone(value) if field.__class__.__name__ in ("Phone", "Mobile") else str(value)


def custom_changes(moved, names: Names | None = None) -> list[dict]:
    """Log differences of custom values, (definition, old, new) each."""
    names = names or Names()
    return [
        {
            "key": one.key,
            "label": one.label,
            "old": values.text(one, old, names)[:2000],
            "new": values.text(one, new, names)[:2000],
        }
        for one, old, new in moved
    ]


def write_log(
    model: type, rows: Iterable[tuple[int, str, list]], *, code: str, by, job=None, undo: int | None = None
) -> None:
    """Insert log rows for many records of one type: rows = (pk, text, changes); `undo` = the entry that takes it back."""
    from .importing.write import Same, insert

    rows = list(rows)
    if not rows:
        return
    pks, texts, changes = (list(column) for column in zip(*rows, strict=True))
    columns = {
        "content_type_id": Same(ContentType.objects.get_for_model(model).pk),
        "object_id": pks,
        "created_at": Same(timezone.now()),
        "actor_id": Same(by.pk if by is not None else None),
        "code": Same(code),
        "text": [text[:500] for text in texts],
        "changes": changes,
        "job_id": Same(job.pk if job is not None else None),
        "undo_id": Same(undo),
    }
    insert(OperationLog, columns, len(rows))


def log(record, *, code: str, by, text: str = "", changes: list | None = None) -> None:
    """One log row for one record."""
    write_log(type(record), [(record.pk, text, changes or [])], code=code, by=by)


def check_kept(module, pks: list[int], *, by, action: str = "view") -> None:
    """Raise OutOfReach when a changed row is no longer visible to the person who changed it."""
    if module.model.objects.allowed(by, action).filter(pk__in=pks).count() != len(pks):
        raise OutOfReach("保存后该记录将不在您的数据范围内，未保存。请检查负责人。")


def save_many(module, records: list, names: set[str], *, now) -> None:
    """Write the named attributes of locked records and count their versions up: one statement for values that are the same
    on all of them, batches for the rest."""
    varied = any(name == "extra" or len({getattr(record, name) for record in records}) > 1 for name in names)
    same = {} if varied else {name: getattr(records[0], name) for name in names}
    rows = module.model.objects.filter(pk__any=[record.pk for record in records])
    rows.update(**{"updated_at": now, **same, "version": models.F("version") + 1})
    if varied:  # together: a constraint may bind what differs to what does not
        module.model.objects.bulk_update(records, sorted(names), batch_size=500)


def apart(items: list, write: Callable) -> list[tuple[object, str]]:
    """Run `write(items)` so that one the database or a check refuses keeps none of the others back: halves are tried until
    it stands alone. Answers (item, reason) of those that were not written."""
    if not items:
        return []
    try:
        with transaction.atomic():
            write(items)
    except (IntegrityError, ValidationError) as error:
        if len(items) == 1:
            words = error.messages if isinstance(error, ValidationError) else ["与已有的数据冲突，没有保存"]
            return [(items[0], "；".join(words))]
        half = len(items) // 2
        return apart(items[:half], write) + apart(items[half:], write)
    return []


@transaction.atomic
def create(record, *, by, keep_check: bool = True, complete: bool = True):
    """Save a new record: full check, log row `<module>.created`, search lines. `complete` = fields
    the company demands must be filled. Uploads for custom fields wait in `record.new_files` ({key: {"add", "drop"}}).
    Returns the record."""
    module = modules.of_model(type(record))
    record.created_by = by
    record.full_clean()
    if module.quota and record.owner_id:
        module.quota.admit(record.owner, [record])
    if complete:
        values.check_required(module, values.present(record, definitions.of(module.name)), by=by)
    record.save(force_insert=True)
    log(record, code=f"{module.name}.created", by=by, text="新建")
    for key, wanted in getattr(record, "new_files", {}).items():
        if ids := values.take_files(record, key, wanted, by=by):
            record.extra[key] = ids
            type(record).objects.filter(pk=record.pk).update(extra=record.extra)
    values.claim(module, [record])
    search.index(module, [record])
    if keep_check:
        check_kept(module, [record.pk], by=by)
    return record


@transaction.atomic
def update(record, new: dict, *, version: int, by, code: str = "updated", text: str = "编辑"):
    """Set `new` ({field name or key of a custom field: value}) on the record if it still has `version`, else raise Stale.
    Unchanged values leave no trace; returns the saved record."""
    module = modules.of_model(type(record))
    current = type(record).objects.select_for_update().get(pk=record.pk)
    if current.version != version:
        raise Stale(current)
    plain, custom, files = values.split(new, definitions.custom(module.name))
    values.check_required(module, {**plain, **custom}, by=by)
    changes, names = [], []
    for key, wanted in files.items():
        custom[key] = values.take_files(current, key, wanted, by=by)
    moved = values.put(current, custom)
    for name, value in plain.items():
        field = current._meta.get_field(name)
        old = getattr(current, name)
        if old == value:
            continue
        setattr(current, name, value)
        names.append(name)
        changes.append((field, old))
    if not names and not moved:
        return current
    current.full_clean()
    diff = [
        {
            "key": field.name,
            "label": str(field.verbose_name),
            "old": display(field, old),
            "new": display(field, getattr(current, field.name)),
        }
        for field, old in changes
    ]
    diff += custom_changes(moved)
    current.version += 1
    current.updated_at = timezone.now()
    current.save()
    if any(definition.unique for definition, _, _ in moved):
        values.claim(module, [current])
    log(current, code=f"{module.name}.{code}", by=by, text=text, changes=diff)
    if set(names) & {name for fields in module.search.values() for name in fields}:
        search.index(module, [current])
    check_kept(module, [current.pk], by=by)
    return current


def _lock(module, rows) -> list[int]:
    """Lock the rows in id order and return the ids that are still there."""
    return list(
        module.model.objects.filter(pk__in=rows.order_by().values("pk"))
        .select_for_update()
        .order_by("pk")
        .values_list("pk", flat=True)
    )


def hold(rows, *joins: str) -> list:
    """The rows locked in id order, as they are now, with these relations. The lock itself takes no join: where a foreign key
    changed while it waited, PostgreSQL would lose the row or give it without the relation."""
    locked = rows.select_related(None).order_by("pk").select_for_update(of=("self",)).only("pk")
    found = rows.model._default_manager.filter(pk__any=[record.pk for record in locked])
    return list(found.select_related(*joins).order_by("pk")) if joins else list(found.order_by("pk"))


@transaction.atomic
def delete(rows, *, by, now=None, along: str = "") -> int:
    """Move allowed rows to the recycle bin (at `now`, so that what goes together comes back together; `along` = the attribute
    that names the record they go with). Returns how many."""
    module = modules.of_model(rows.model)
    ids = _lock(module, rows)
    moved = module.model.objects.filter(pk__any=ids, deleted_at=None)
    found = list(moved.values("pk", "version", "updated_at", *([along] if along else [])))
    ids = [row["pk"] for row in found]
    moved.update(deleted_at=now or timezone.now(), deleted_by=by, version=models.F("version") + 1)
    values.release(module, ids)
    with entries.entry(module, "delete", by=by, label=f"删除{module.label}") as entry:
        entry.keep(module.model, [Line.of_deleted(row, along) for row in found])
        text, code = "移入回收站", f"{module.name}.deleted"
        write_log(module.model, ((pk, text, []) for pk in ids), code=code, by=by, undo=entry.pk)
    return len(ids)


@transaction.atomic
def restore(rows, *, by) -> int:
    """Take rows out of the recycle bin; ValidationError names the value that is taken meanwhile. Returns how many."""
    module = modules.of_model(rows.model)
    ids = _lock(module, rows)
    back = module.model.objects.filter(pk__any=ids)
    try:
        with transaction.atomic():
            back.update(deleted_at=None, deleted_by=None, version=models.F("version") + 1, updated_at=timezone.now())
    except IntegrityError:
        raise _taken(module, back) from None
    if values.unique_fields(module):
        values.claim(module, module.model.objects.filter(pk__any=ids).only("pk", "extra"))
    write_log(module.model, ((pk, "从回收站还原", []) for pk in ids), code=f"{module.name}.restored", by=by)
    return len(ids)


def _taken(module, rows) -> ValidationError:
    """Which of the rows cannot come back, and why; two of them may also stand in each other's way."""
    for record in rows:
        record.deleted_at = record.deleted_by = None
        try:
            record.validate_constraints()
        except ValidationError as error:
            return ValidationError(f"“{module.title_of(record)}”不能还原：{'；'.join(error.messages)}")
    return ValidationError("所选记录中有重复的名称或编码，请分开还原。")


@transaction.atomic
def purge(rows, *, by) -> int:
    """Delete rows of the recycle bin for good, with their files, search lines and stars; the log stays. Returns how many."""
    from . import uploads
    from .followups import services as followups
    from .tagging import services as tagging

    module = modules.of_model(rows.model)
    ids = _lock(module, rows.filter(deleted_at__isnull=False))
    content_type = ContentType.objects.get_for_model(module.model)
    files = list(Attachment.objects.filter(content_type=content_type, object_id__in=ids))
    followups.forget(content_type, ids)
    tagging.forget(content_type, ids)
    write_log(module.model, ((pk, "彻底删除", []) for pk in ids), code=f"{module.name}.purged", by=by)
    search.forget(module, ids)
    Star.objects.filter(content_type=content_type, object_id__in=ids).delete()
    uploads.forget(files)
    try:
        module.model.objects.filter(pk__any=ids).delete()
    except models.ProtectedError as error:
        raise ValidationError("仍被其他记录引用，不能彻底删除。") from error
    return len(ids)


@transaction.atomic
def transfer(rows, to, *, by, keep: str = "", until=None, children: Iterable[str] = ()) -> int:
    """Give allowed rows to employee `to` (any active one: the giver may lose sight of them); only the owner changes. `keep` = "" (the former owner leaves), "read" or
    "write" (becomes a team member until `until`, a date or None); `children` = names of child modules that go along.
    One log row per record, one message to the new owner. Returns how many moved."""
    module = modules.of_model(rows.model)
    with entries.entry(module, "transfer", by=by, label=f"转移{module.label}给{to.name}"):
        return _transfer(module, rows, to, by=by, keep=keep, until=until, children=children)


def _transfer(module, rows, to, *, by, keep, until, children) -> int:
    from . import teams

    if not to.is_active:
        raise ValidationError(f"{to.name}已停用，不能接收{module.label}。")
    if module.quota:
        module.quota.lock([to.pk])
    ids = _lock(module, rows)
    moving = list(module.model.objects.filter(pk__any=ids, deleted_at=None).exclude(owner=to).select_related("owner"))
    now = timezone.now()
    if module.quota:
        module.quota.admit(to, moving)
    for name in children:
        child = modules.get(name)
        if module.name not in child.parents:
            raise ValidationError("只能同时转移下级记录。")
        key = f"{module.name}_id"
        for former in {record.owner_id for record in moving}:
            parents = [record.pk for record in moving if record.owner_id == former]
            follow = child.model.objects.allowed(by, "transfer").filter(**{f"{key}__any": parents}, owner_id=former)
            set_owner(child, list(follow.select_related("owner")), to, by=by, now=now, along=key)
    kept = teams.kept_grants(module, [(record.pk, record.owner_id) for record in moving]) if keep else {}
    set_owner(module, moving, to, by=by, now=now, grants=kept)
    if keep and module.grant_model:
        formers: dict = {}
        for record in moving:
            formers.setdefault(record.owner, []).append(record)
            record.owner = to
        for former, records in formers.items():
            if former is not None and former.is_active:
                teams.add(records, [former], write=keep == "write", until=until, by=by, announce=False)
    if moving and to.pk != by.pk:
        names = "、".join(module.title_of(record) for record in moving[:20]) + (" 等" if len(moving) > 20 else "")
        url = module.url(pk=moving[0].pk) if len(moving) == 1 else f"{module.list_url}?view=mine"
        notify([to.pk], kind="transfer", title=f"{by.name}转移给您 {len(moving)} 个{module.label}", body=names, url=url)
    return len(moving)


def set_owner(
    module, records: list, to, *, by, now, along="", grants=None, text="", code="transferred", more: dict | None = None
) -> None:
    """The owner of locked rows; `along` and `grants` = what the undo entry keeps besides: whom they follow, who was in the
    team; `text` and `code` = what the log says; `more` = {field: value} that changes besides Module.handed. Whether they may
    go there is the caller's to check."""
    received = {**({module.received: now} if module.received else {}), **module.handed, **(more or {})}
    attnames = [module.model._meta.get_field(name).attname for name in received]
    with entries.entry(module, "transfer", by=by, label=f"转移{module.label}给{to.name}") as entry:
        entry.keep(
            module.model,
            [
                Line(
                    record.pk,
                    record.version + 1,
                    {name: packing.pack(getattr(record, name)) for name in ("owner_id", "updated_at", *attnames)},
                    grants=(grants or {}).get(record.pk, {}),
                    root=getattr(record, along) if along else None,
                )
                for record in records
            ],
        )
        module.model.objects.filter(pk__any=[record.pk for record in records]).update(
            owner=to, version=models.F("version") + 1, updated_at=now, **received
        )
        write_log(
            module.model,
            (
                (
                    record.pk,
                    text or f"转移给{to.name}",
                    [{"key": "owner", "label": "负责人", "old": str(record.owner or ""), "new": to.name}],
                )
                for record in records
            ),
            code=f"{module.name}.{code}",
            by=by,
            undo=entry.pk,
        )


@transaction.atomic
def set_flag(rows, field: str, value: bool, *, by, code: str, text: str) -> int:
    """Set a yes/no field (锁定, 上架) on allowed rows; one log row for each that changed. Returns how many."""
    module = modules.of_model(rows.model)
    ids = list(
        module.model.objects.filter(pk__in=rows.order_by().values("pk"), **{field: not value})
        .select_for_update()
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    module.model.objects.filter(pk__any=ids).update(
        **{field: value}, version=models.F("version") + 1, updated_at=timezone.now()
    )
    write_log(module.model, ((pk, text, []) for pk in ids), code=f"{module.name}.{code}", by=by)
    return len(ids)


@transaction.atomic
def reveal(record, key: str, *, by) -> str:
    """The clear value of a field that is masked for `by`, noted in the operation log."""
    from . import fieldset

    module = modules.of_model(type(record))
    fields = fieldset.of(module, by)
    log(record, code=f"{module.name}.revealed", by=by, text=f"查看{fields.label(key)}的完整内容")
    return fields.clear_text(record, key)
