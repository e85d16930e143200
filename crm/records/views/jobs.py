"""后台任务: my jobs (with admin.jobs everybody's), their progress, files, cancel and retry, and the periodic jobs."""

from datetime import timedelta

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from .. import formatting, jobs, kinds, modules, params, periodic  # noqa: F401 (kinds registers what jobs do)
from ..followups.queries import followed_modules
from ..importing import undo
from ..models import Job
from .base import go, render_page
from .io import file_response

SIZE = 30


class Shown:
    """A job as the templates read it."""

    def __init__(self, job, user):
        self.pk, self.label, self.error = job.pk, job.label, job.error
        self.state, self.is_active = job.state, job.is_active
        self.state_label = "正在取消" if job.is_active and job.cancel_requested else job.get_state_display()
        self.done, self.total, self.created_at, self.started_at = job.done, job.total, job.created_at, job.started_at
        self.percent = min(100, job.done * 100 // job.total) if job.total else 0
        self.kind_label = jobs.KINDS[job.kind].label if job.kind in jobs.KINDS else job.kind
        self.owner = job.user
        self.eta_text = self._eta(job)
        self.took_text = (
            formatting.duration(job.finished_at - job.started_at) if job.finished_at and job.started_at else ""
        )
        self.result_rows = jobs.result_rows(job)
        mine = job.user_id == user.pk
        faults = job.result.get("errors", []) if mine else []  # they quote cells, so they are the importer's alone
        self.errors = [{"number": n, "label": label, "text": text} for n, label, text in faults]
        self.named = [{"label": label, "text": text} for label, text in job.result.get("named", [])] if mine else []
        kept = bool(job.output) and mine and not job.is_active
        self.download_url = f"/jobs/{job.pk}/file/" if kept and job.kind in ("export", "followups") else None
        self.failed_url = f"/jobs/{job.pk}/failed/" if kept and job.kind == "import" else None
        self.cancel_url = f"/jobs/{job.pk}/cancel/" if job.is_active and not job.cancel_requested else None
        self.retry_url = (
            f"/jobs/{job.pk}/retry/" if job.state in ("failed", "cancelled") and not job.result.get("undo") else None
        )
        self.expires_at = job.expires_at
        imported = job.kind == "import" and not job.is_active and mine
        self.module = modules.ALL.get(job.module) if imported else None

    def with_undo(self, job, user):
        """What the job's own page says beyond: of an import, whether it may be or was undone; of an undo, what it left."""
        if job.kind == "import":
            self.undone = Job.objects.filter(pk=job.result.get("undo")).first() if job.result.get("undo") else None
            self.undo_url = f"/jobs/{job.pk}/undo/" if not undo.refusal(job, by=user) else None
            self.undo_days = params.get("undo_days")
        if job.kind == undo.KIND:
            self.listed, self.unseen = undo.listed(job, user=user)
            self.unseen += job.result.get("kept", 0) + job.result.get("binned", 0) - len(job.result.get("list", []))
            self.of = job.params["import"]
        return self

    @staticmethod
    def _eta(job) -> str:
        if not (job.state == job.State.RUNNING and job.started_at and 0 < job.done < job.total):
            return ""
        passed = timezone.now() - job.started_at
        left = passed * (job.total - job.done) / job.done
        return formatting.duration(left) if passed > timedelta(seconds=2) else ""


def _job(request, pk: int):
    job = jobs.visible(request.user).select_related("user").filter(pk=pk).first()
    if job is None:
        raise Http404
    return job


@require_safe
def job_list(request):
    """/jobs/"""
    pages = Paginator(jobs.visible(request.user).select_related("user").order_by("-pk"), SIZE)
    number = request.GET.get("page", "1")
    page = pages.get_page(number if number.isascii() and number.isdigit() else 1)
    admin = request.user.has_function("admin.jobs")
    return render_page(
        request,
        "jobs/list.html",
        {
            "jobs": [Shown(job, request.user) for job in page],
            "page": page,
            "newer_url": f"/jobs/?page={page.previous_page_number()}" if page.has_previous() else None,
            "older_url": f"/jobs/?page={page.next_page_number()}" if page.has_next() else None,
            "everybody": admin,
            "periodic": [_periodic(job, last) for job, last in periodic.last_runs()] if admin else [],
        },
    )


def _periodic(job, last) -> dict:
    return {
        "label": job.label,
        "schedule": job.schedule,
        "last": last and last.started_at,
        "result": (last.result or "进行中") if last else "",
        "run_url": f"/jobs/periodic/{job.name}/run/",
    }


@require_safe
def job_detail(request, pk):
    """/jobs/<id>/"""
    job = _job(request, pk)
    shown = Shown(job, request.user).with_undo(job, request.user)
    return render_page(request, "jobs/detail.html", {"job": shown, "progress_url": f"/jobs/{pk}/progress/"})


@require_safe
def job_progress(request, pk):
    """/jobs/<id>/progress/: the fragment a page under way asks for every second."""
    job = _job(request, pk)
    shown = Shown(job, request.user).with_undo(job, request.user)
    return render(request, "jobs/progress.html", {"job": shown, "progress_url": request.path})


@require_http_methods(["GET", "HEAD", "POST"])
def job_cancel(request, pk):
    """/jobs/<id>/cancel/: a question, then the request to stop."""
    job = _job(request, pk)
    back = f"/jobs/{pk}/"
    if request.method == "POST":
        if jobs.cancel(job):
            messages.success(request, "已取消" if job.state == job.State.QUEUED else "正在取消，已处理的部分会保留")
        return go(request, back)
    return render_page(
        request,
        "records/confirm.html",
        {
            "heading": f"取消“{job.label}”？",
            "body": "已处理的部分会保留，其余不再处理。",
            "submit_label": "取消任务",
            "danger": True,
            "hidden": [],
            "action": request.path,
            "back_url": back,
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
def job_undo(request, pk):
    """/jobs/<id>/undo/: what the undo of an import will do, then its start."""
    job = _job(request, pk)
    if job.kind != "import":
        raise Http404
    if request.method == "POST":
        try:
            return go(request, f"/jobs/{undo.begin(pk, by=request.user).pk}/")
        except jobs.Refused as refusal:
            messages.error(request, str(refusal))
            return go(request, f"/jobs/{pk}/")
    if reason := undo.refusal(job, by=request.user):
        raise PermissionDenied(reason)
    changed, created = undo.figures(job)
    parts = [f"删除新建的 {created:,} 条记录"] if created else []
    parts += [f"还原更新的 {changed:,} 条记录"] if changed else []
    return render_page(
        request,
        "records/confirm.html",
        {
            "heading": f"撤销“{job.label}”？",
            "body": f"将{'，'.join(parts)}。导入后又被修改的记录保留并列出，已有跟进、附件或下级记录的移入回收站。",
            "details": ["导入时新建的字典值保留", "撤销只能做一次，在后台进行"],
            "submit_label": "撤销导入",
            "danger": True,
            "hidden": [],
            "action": request.path,
            "back_url": f"/jobs/{pk}/",
        },
    )


@require_POST
def job_retry(request, pk):
    """POST /jobs/<id>/retry/: go on from where a failed or cancelled job stopped."""
    if jobs.retry(_job(request, pk)):
        messages.success(request, "已重新开始")
    return go(request, f"/jobs/{pk}/")


@require_safe
def job_file(request, pk):
    """/jobs/<id>/file/ and /failed/: the requester's alone, while the function is still held."""
    job = _job(request, pk)
    if job.user_id != request.user.pk or not job.output or (job.expires_at and job.expires_at < timezone.now()):
        raise Http404("文件不存在或已过期。")
    if job.module and not modules.get(job.module).may(request.user, job.kind):
        raise PermissionDenied("您不再有这个权限，不能下载文件。")
    if job.kind == "followups" and not followed_modules(request.user, "export"):
        raise PermissionDenied("您不再有这个权限，不能下载文件。")
    return file_response(job)


@require_POST
def periodic_run(request, name):
    """POST /jobs/periodic/<name>/run/"""
    if not request.user.has_function("admin.jobs"):
        raise PermissionDenied("只有管理员可以运行周期任务。")
    if name not in periodic.ALL:
        raise Http404
    job = jobs.start("periodic", user=request.user, label=periodic.ALL[name].label, params={"name": name})
    return go(request, f"/jobs/{job.pk}/")


job_urls = [
    path("jobs/", job_list, name="jobs"),
    path("jobs/<int:pk>/", job_detail, name="job"),
    path("jobs/<int:pk>/progress/", job_progress, name="job-progress"),
    path("jobs/<int:pk>/cancel/", job_cancel, name="job-cancel"),
    path("jobs/<int:pk>/undo/", job_undo, name="job-undo"),
    path("jobs/<int:pk>/retry/", job_retry, name="job-retry"),
    path("jobs/<int:pk>/file/", job_file, name="job-file"),
    path("jobs/<int:pk>/failed/", job_file, name="job-failed"),
    path("jobs/periodic/<slug:name>/run/", periodic_run, name="periodic-run"),
]
