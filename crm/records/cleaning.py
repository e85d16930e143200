"""Nightly clean-up of what has served its time."""

from datetime import timedelta

from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.utils import timezone

from . import modules, params, teams
from .models import ImportChange, ImportDraft, ImportFailure, Job, Selection
from .periodic import periodic
from .undoing import services as undoing

PURGE_AT_ONCE = 5000  # records of one module a night
DRAFTS = timedelta(days=1)
SELECTIONS = timedelta(days=1)
ORPHANS = timedelta(days=2)  # files nobody points to: a worker died between writing and committing


@periodic("clean_up", "清理过期数据", schedule="每天 03:10")
def clean_up(now) -> str:
    """Delete expired files of jobs, old drafts, frozen selections, undo entries past their days, old sign-in log rows and files nobody points to."""
    expired = Job.objects.filter(expires_at__lt=now).exclude(output="", source="")
    files = _drop([name for pair in expired.values_list("output", "source") for name in pair])
    ImportFailure.objects.filter(job__in=expired).delete()
    expired.update(output="", source="")
    undoable = now - timedelta(days=params.get("undo_days"))
    ImportChange.objects.filter(job__in=Job.objects.filter(kind="import", finished_at__lt=undoable)).delete()
    drafts = ImportDraft.objects.filter(created_at__lt=now - DRAFTS)
    files += _drop(drafts.values_list("source", flat=True))
    drafts.delete()
    undoing.forget(now)
    Selection.objects.filter(created_at__lt=now - SELECTIONS).delete()
    days = params.get("signin_log_days")
    logs, _ = apps.get_model("orgs", "SignInLog").objects.filter(created_at__lt=now - timedelta(days=days)).delete()
    return f"删除文件 {files + _orphans(now)} 个，登录日志 {logs} 条，回收站 {_recycled(now)} 条"


@periodic("team_expiry", "团队到期", schedule="每天 00:20")
def team_expiry(now) -> str:
    """End team memberships whose last day has passed."""
    return f"到期 {teams.expire(timezone.localdate(now))} 个"


def _recycled(now) -> int:
    """Purge what has lain in the recycle bins for longer than 回收站保留天数; what others still refer to stays."""
    before, count = now - timedelta(days=params.get("recycle_days")), 0
    for module in modules.ordered():
        ids = module.model.objects.trashed().filter(deleted_at__lt=before).order_by("pk").values_list("pk", flat=True)
        for pk in ids[:PURGE_AT_ONCE]:
            try:
                count += module.verb("purge")(module.model.objects.trashed().filter(pk=pk), by=None)
            except ValidationError:
                continue
    return count


def _drop(names) -> int:
    count = 0
    for name in filter(None, names):
        default_storage.delete(name)
        count += 1
    return count


def _orphans(now) -> int:
    """Files of imports and exports that no row names and that are old enough not to be in the making."""
    known = set(Job.objects.exclude(output="").values_list("output", flat=True)) | set(
        Job.objects.exclude(source="").values_list("source", flat=True)
    )
    known |= set(ImportDraft.objects.values_list("source", flat=True))
    count = 0
    for top in ("imports", "exports"):
        folders = default_storage.listdir(top)[0] if default_storage.exists(top) else []
        for folder in folders:
            for file in default_storage.listdir(f"{top}/{folder}")[1]:
                name = f"{top}/{folder}/{file}"
                if name not in known and default_storage.get_modified_time(name) < timezone.localtime(now) - ORPHANS:
                    count += _drop([name])
    return count
