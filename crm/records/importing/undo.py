"""撤销导入: records an import changed get back what it replaced, records it created go. What somebody has changed since stays as
it is and is listed. A job of its own: chunk by chunk, each committed with its place, safe to be killed and run again."""

import time
from datetime import timedelta

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import F, Sum
from django.utils import timezone

from .. import jobs, modules, params, search, services
from ..custom import definitions, values
from ..models import Attachment, FollowUpLink, ImportChange, Job
from ..tagging import importing as tagging
from ..undoing import entries
from . import write
from .job import Pace

KIND = "import_undo"
GONE = "原来的值已被删除"
SHOWN = 500  # records listed by name; beyond it only their number
EDITED, TRASHED, TAKEN, NEEDED = "导入后又被修改", "已在回收站", "原来的值已被其他记录使用", "已有跟进、附件或下级记录"
FIGURES = {"restored": "还原", "deleted": "删除", "binned": "移入回收站", "kept": "保留"}


def refusal(job: Job, *, by, wrote: bool | None = None) -> str:
    """Why `by`, who sees the job, cannot undo this import; "" where they can. `wrote` = whether it has something to undo,
    where that is known."""
    if job.kind != "import":
        return "只有导入可以撤销。"
    if not by.has_function("admin.jobs"):
        if job.user_id != by.pk:
            return "只有导入的人和管理员可以撤销。"
        if not modules.get(job.module).may(by, "import"):
            return f"您没有导入{modules.get(job.module).label}的权限。"
    if job.result.get("undo"):
        return "这次导入已经撤销过。"
    if job.is_active:
        return "导入还没有结束。"
    days = params.get("undo_days")
    if (job.finished_at or job.created_at) < timezone.now() - timedelta(days=days):
        return f"导入已超过 {days} 天，不能再撤销。"
    if not (ImportChange.objects.filter(job=job).exists() if wrote is None else wrote):
        return "这次导入没有写入记录，不需要撤销。"
    return ""


def states(imports: list[Job], *, by) -> dict[int, tuple[Job | None, bool]]:
    """{id: (the job that undoes it, whether `by` may start one)} of imports on one page."""
    ids = [job.pk for job in imports]
    wrote = set(ImportChange.objects.filter(job__in=ids).order_by().values_list("job", flat=True).distinct())
    undone = Job.objects.in_bulk([job.result["undo"] for job in imports if job.result.get("undo")])
    return {
        job.pk: (undone.get(job.result.get("undo")), not refusal(job, by=by, wrote=job.pk in wrote)) for job in imports
    }


@transaction.atomic
def begin(pk: int, *, by, send: bool = True) -> Job:
    """Start the undo of a finished import, once; raises jobs.Refused in words."""
    job = Job.objects.select_for_update().get(pk=pk)
    if reason := refusal(job, by=by):
        raise jobs.Refused(reason)
    undo = jobs.start(
        KIND,
        user=by,
        label=f"撤销{job.label}",
        module=job.module,
        total=sum(figures(job)),
        params={"import": job.pk, "name": job.params.get("name", "")},
        send=send,
    )
    Job.objects.filter(pk=job.pk).update(result={**job.result, "undo": undo.pk})
    return undo


def figures(job: Job) -> tuple[int, int]:
    """(records the import changed, records it created)."""
    rows = ImportChange.objects.filter(job=job)
    created = rows.filter(created=True).aggregate(n=Sum(F("last_id") - F("object_id") + 1))["n"]
    return rows.filter(created=False).count(), created or 0


@jobs.kind(KIND, "撤销导入", rows=lambda result: [(label, result.get(key, 0)) for key, label in FIGURES.items()])
def run(run: jobs.Run) -> None:
    """Undo what is behind the checkpoint: changed records first, then the created ones, newest first."""
    pace, work = Pace(), Undo(run)
    while not work.job.checkpoint.get("created"):
        with run.step() as job:
            begun, count = time.monotonic(), work.restore(pace.rows)
            job.done += count
            if not count:
                job.checkpoint["created"] = True
        pace.took(time.monotonic() - begun, max(count, 1))
    while not work.job.checkpoint.get("over"):
        with run.step() as job:
            begun, count = time.monotonic(), work.remove(pace.rows)
            job.done += count
            if not count:
                job.checkpoint["over"] = True
        pace.took(time.monotonic() - begun, max(count, 1))


class Undo:
    """The undo of one import; its methods run inside a step and keep figures, list and place on the job."""

    def __init__(self, run: jobs.Run):
        self.run, self.job = run, run.job
        self.changes = ImportChange.objects.filter(job=run.job.params["import"])
        self.text = f"撤销导入（{run.job.params['name']}）"
        self.shown: dict[tuple, str] = {}

    def note(self, key: str, count: int = 1) -> None:
        self.job.result[key] = self.job.result.get(key, 0) + count

    def enlist(self, module, pks, reason: str) -> None:
        """List records that were not undone as they should have been; their names are read when the page is shown."""
        kept = list(self.job.result.get("list", []))
        self.job.result["list"] = kept + [[module.name, pk, reason] for pk in pks][: max(0, SHOWN - len(kept))]

    def keep(self, module, pks, reason: str) -> None:
        self.enlist(module, pks, reason)
        self.note("kept", len(pks))

    def log(self, module, entries) -> None:
        services.write_log(module.model, entries, code=f"{module.name}.import_undone", by=self.run.user, job=self.job)

    # Changed records ----------------------------------------------------------------------------------------------------
    def restore(self, size: int) -> int:
        """Put back the next changed records; returns how many were dealt with."""
        rows = self.changes.filter(created=False)
        if last := self.job.checkpoint.get("changed"):
            rows = rows.filter(pk__lt=last)
        rows = list(rows.order_by("-pk")[:size])
        if not rows:
            return 0
        by_type: dict[int, dict] = {}
        for row in rows:
            by_type.setdefault(row.content_type_id, {})[row.object_id] = row
        for content_type, found in by_type.items():
            module = modules.of_content_type(ContentType.objects.get_for_id(content_type))
            for pk in self._created(content_type, found):
                del found[pk]  # goes altogether
            self._restore(module, found)
        self.job.checkpoint["changed"] = rows[-1].pk
        return len(rows)

    def _created(self, content_type: int, pks) -> list[int]:
        """Those of the records the import created itself."""
        ranges = self.changes.filter(
            created=True, content_type=content_type, object_id__lte=max(pks), last_id__gte=min(pks)
        ).values_list("object_id", "last_id")
        ranges = list(ranges)
        return [pk for pk in pks if any(first <= pk <= last for first, last in ranges)]

    def _restore(self, module, found: dict[int, ImportChange]) -> None:
        records, kept, gone = [], {EDITED: [], TRASHED: [], GONE: []}, self._gone(module, found.values())
        for record in self._locked(module, found):
            if record.version != found[record.pk].version or record.deleted_at is not None:
                kept[EDITED if record.deleted_at is None else TRASHED].append(record.pk)
            elif record.pk in gone:
                kept[GONE].append(record.pk)
            else:
                records.append(record)
        for reason, pks in kept.items():
            self.keep(module, pks, reason)
        try:
            with transaction.atomic():
                self._put_back(module, records, found)
        except (IntegrityError, ValidationError):
            self._put_back_one_by_one(module, [record.pk for record in records], found)

    @staticmethod
    def _gone(module, rows) -> set[int]:
        """Ids of the records whose former values point to rows that are no more (a category that was deleted)."""
        found = set()
        for field in module.model._meta.concrete_fields:
            wanted = {row.object_id: row.before.get(field.attname) for row in rows} if field.is_relation else {}
            if keys := {key for key in wanted.values() if key is not None}:
                there = set(field.related_model._base_manager.filter(pk__in=keys).values_list("pk", flat=True))
                found |= {pk for pk, key in wanted.items() if key is not None and key not in there}
        return found

    @staticmethod
    def _locked(module, pks):
        return module.model.objects.select_for_update().filter(pk__any=list(pks)).order_by("pk")

    def _put_back_one_by_one(self, module, pks, found) -> None:
        """A unique value of one of them is taken meanwhile: the others go back all the same."""
        for pk in pks:
            try:
                with transaction.atomic():
                    self._put_back(module, list(self._locked(module, [pk])), found)
            except (IntegrityError, ValidationError):
                self.keep(module, [pk], TAKEN)

    def _put_back(self, module, records, found) -> None:
        if not records:
            return
        names, lines, labelled = {"version"}, [], {}
        customs = definitions.custom(module.name)
        for record in records:
            diff, moved = [], []
            for name, value in found[record.pk].before.items():
                if name == "extra":
                    moved = self._extra(record, value, customs)
                    names.add(name)
                    continue
                if name == tagging.KEY:
                    labelled[record.pk] = value
                    continue
                field = module.model._meta.get_field(name)
                value = field.to_python(value)
                if field.editable:
                    diff.append(
                        {
                            "key": field.name,
                            "label": str(field.verbose_name),
                            "old": self._display(field, getattr(record, name)),
                            "new": self._display(field, value),
                        }
                    )
                setattr(record, name, value)
                names.add(field.name)
            record.version += 1
            lines.append((record.pk, self.text, diff + (services.custom_changes(moved) if moved else [])))
        write.update(records, names)
        search.index(module, records)
        values.claim(module, records)
        tagging.put_back(module, labelled, by=self.run.user, job=self.job)
        self.log(module, lines)
        self.note("restored", len(records))

    @staticmethod
    def _extra(record, before: dict, customs: dict) -> list[tuple]:
        extra, moved = dict(record.extra), []
        for key, value in before.items():
            if key in customs:
                moved.append((customs[key], extra.get(key), value))
            if value is None:
                extra.pop(key, None)
            else:
                extra[key] = value
        record.extra = extra
        return moved

    def _display(self, field, value) -> str:
        if not field.is_relation:
            return services.display(field, value)
        if (field.attname, value) not in self.shown:
            self.shown[field.attname, value] = services.display(field, value)
        return self.shown[field.attname, value]

    # Created records ----------------------------------------------------------------------------------------------------
    def remove(self, size: int) -> int:
        """Delete the next created records, newest first; returns how many were dealt with."""
        place = self.job.checkpoint.get("range")  # [row, first id that is done]
        rows = self.changes.filter(created=True).order_by("-pk")
        if place:
            rows = rows.filter(pk__lte=place[0])
        for row in rows[:2]:
            upto = place[1] if place and place[0] == row.pk else row.last_id + 1
            first = max(row.object_id, upto - size)
            if first < upto:
                module = modules.of_content_type(ContentType.objects.get_for_id(row.content_type_id))
                self._remove(module, range(first, upto))
                self.job.checkpoint["range"] = [row.pk, first]
                return upto - first
        return 0

    def _remove(self, module, pks: range) -> None:
        content_type = ContentType.objects.get_for_model(module.model)
        versions = dict(
            self.changes.filter(
                created=False, content_type=content_type, object_id__range=(pks[0], pks[-1])
            ).values_list("object_id", "version")
        )
        rows = self._locked(module, pks).values_list("pk", "version", "deleted_at")
        kept, whole = {EDITED: [], TRASHED: []}, []
        for pk, version, deleted in rows:
            if deleted is not None:
                kept[TRASHED].append(pk)
            elif version != versions.get(pk, 1):
                kept[EDITED].append(pk)
            else:
                whole.append(pk)
        for reason, found in kept.items():
            self.keep(module, found, reason)
        needed = self._needed(module, whole, content_type)
        by, refused = self.run.user, {}

        def delete(some: list[int]) -> None:
            self.log(module, ((pk, self.text, []) for pk in some))
            module.verb("delete")(module.model.objects.filter(pk__any=some), by=by)

        with entries.unnoted(module, by=by):  # what a module refuses to delete stays, and keeps no other one back
            refused = dict(services.apart(whole, delete))
        for pk, reason in refused.items():
            self.keep(module, [pk], reason)
        needed = {pk for pk in needed if pk not in refused}
        goes = [pk for pk in whole if pk not in needed and pk not in refused]
        if goes:
            module.verb("purge")(module.model.objects.filter(pk__any=goes), by=by)
        self.enlist(module, sorted(needed), f"{NEEDED}，移入回收站")
        self.note("binned", len(needed))
        self.note("deleted", len(goes))

    @staticmethod
    def _needed(module, pks, content_type) -> set[int]:
        """Those of the records that others have built upon since: children of any kind, follow-ups, files."""
        found: set[int] = set()
        for satellite in (FollowUpLink, Attachment):
            rows = satellite.objects.filter(content_type=content_type, object_id__any=pks)
            found |= set(rows.values_list("object_id", flat=True))
        relations = [
            one
            for one in module.model._meta.get_fields(include_hidden=True)
            if one.auto_created and not one.concrete and (not one.hidden or one.on_delete is models.PROTECT)
        ]
        for relation in relations:
            if relation.related_model not in (module.grant_model, *module.inherent):
                name = relation.field.attname
                rows = relation.related_model._base_manager.filter(**{f"{name}__any": pks})
                found |= set(rows.values_list(name, flat=True))
        return found


def listed(undo: Job, *, user) -> tuple[list[dict], int]:
    """([{title, url, reason}] of the listed records this person may see, how many of the list they may not)."""
    wanted: dict[str, dict[int, str]] = {}
    for name, pk, reason in undo.result.get("list", []):
        wanted.setdefault(name, {})[pk] = reason
    found = []
    for name, reasons in wanted.items():
        module = modules.get(name)
        title = module.title_field
        live = module.model.objects.allowed(user, "view").filter(pk__any=list(reasons))
        gone = module.model.objects.allowed(user, "delete", trashed=True).filter(pk__any=list(reasons))
        for rows, page in ((live, ""), (gone, "recycle/")):
            found += [
                {
                    "title": module.titled(text),
                    "url": f"/{module.prefix}/{page}{pk}/",
                    "reason": reasons[pk],
                    "module": module.label,
                }
                for pk, text in rows.order_by("pk").values_list("pk", title)
            ]
    return found, sum(map(len, wanted.values())) - len(found)
