"""导入历史: the imports a person started (with admin.jobs everybody's), their figures, refused rows and undo."""

from django.core.paginator import Paginator
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_safe

from .. import jobs, modules
from ..importing import undo
from ..importing.job import FIGURES
from .base import render_page

SIZE = 30
DOTS = {"done": "success", "failed": "danger", "cancelled": "warning"}


@require_safe
def import_history(request):
    """/import/history/"""
    user = request.user
    pages = Paginator(jobs.visible(user).filter(kind="import").select_related("user").order_by("-pk"), SIZE)
    number = request.GET.get("page", "1")
    page = pages.get_page(number if number.isascii() and number.isdigit() else 1)
    found = list(page)
    states = undo.states(found, by=user)
    return render_page(
        request,
        "io/history.html",
        {
            "rows": [_row(job, *states[job.pk], user) for job in found],
            "figures": list(FIGURES.values()),
            "page": page,
            "newer_url": f"{request.path}?page={page.previous_page_number()}" if page.has_previous() else None,
            "older_url": f"{request.path}?page={page.next_page_number()}" if page.has_next() else None,
            "everybody": user.has_function("admin.jobs"),
            "modules": [one for one in modules.ordered() if one.importer and one.may(user, "import")],
        },
    )


def _row(job, undone, may_undo: bool, user) -> dict:
    kept = job.output and job.user_id == user.pk and not (job.expires_at and job.expires_at < timezone.now())
    module = modules.ALL.get(job.module)
    return {
        "name": job.params.get("name", ""),
        "url": f"/jobs/{job.pk}/",
        "module": module.label if module else job.module,
        "user": job.user,
        "at": job.created_at,
        "active": job.is_active,
        "dot": "warning" if undone else DOTS.get(job.state, "accent"),
        "state": job.get_state_display(),
        "figures": [(label, job.result.get(key, 0)) for key, label in FIGURES.items()],
        "failed_url": f"/jobs/{job.pk}/failed/" if kept else None,
        "undo_url": f"/jobs/{job.pk}/undo/" if may_undo else None,
        "undone": undone,
    }


history_urls = [path("import/history/", import_history, name="import-history")]
