"""/undo/: 我的操作, the question before taking one back, and the answer."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404
from django.urls import path, reverse
from django.views.decorators.http import require_http_methods, require_safe

from .. import modules
from ..models import Undo
from ..views.base import go, render_page
from . import handlers, job, services

SIZE = 30
NAMED = 200
STATES = {"可撤销": "k-dot-success", "已撤销": "k-dot-info", "已过期": ""}


def _entry(request, pk: int):
    entry = services.visible(request.user).select_related("user", "undone_by").filter(pk=pk).first()
    if entry is None or entry.module not in modules.ALL or handlers.get(entry.action) is None:
        raise Http404
    return entry


@require_safe
def undo_list(request):
    """/undo/"""
    pages = Paginator(Undo.objects.filter(user=request.user).select_related("undone_by").order_by("-pk"), SIZE)
    number = request.GET.get("page", "1")
    page = pages.get_page(number if number.isascii() and number.isdigit() else 1)
    entries = [
        {
            "label": entry.label,
            "count": entry.count,
            "unit": f"个{modules.ALL[entry.module].label}" if entry.module in modules.ALL else "条记录",
            "at": entry.created_at,
            "icon": found.icon if (found := handlers.get(entry.action)) else "edit",
            "state": (state := services.state_of(entry)),
            "dot": STATES[state],
            "restored": entry.restored,
            "undone_by": entry.undone_by if entry.undone_by_id != request.user.pk else None,
            "undone_at": entry.undone_at,
            "url": reverse("undo", args=[entry.pk]) if state == "可撤销" and entry.module in modules.ALL else None,
        }
        for entry in page
    ]
    return render_page(
        request,
        "undo/list.html",
        {
            "entries": entries,
            "days": services.params.get("undo_days"),
            "newer_url": f"/undo/?page={page.previous_page_number()}" if page.has_previous() else None,
            "older_url": f"/undo/?page={page.next_page_number()}" if page.has_next() else None,
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
def undo(request, pk):
    """/undo/<id>/: what can go back and what cannot, then the deed."""
    entry = _entry(request, pk)
    module, page = modules.get(entry.module), handlers.get(entry.action).page
    if page is not None:
        return go(request, page(entry))
    if request.method == "POST":
        return _take_back(request, entry, module)
    try:
        services.check(entry)
    except ValidationError as error:
        return _refused(request, module, error)
    back, failures = services.preview(entry, by=request.user)
    if not back:
        return _result(request, module, 0, failures)
    return render_page(
        request,
        "undo/confirm.html",
        {
            "module": module,
            "nav_active": module.name,
            "heading": f"{handlers.get(entry.action).text} {back:,} 个{module.label}？",
            "entry": entry,
            "mine": entry.user_id == request.user.pk,
            "back": back,
            "failures": failures[:NAMED],
            "count": len(failures),
            "stays": services.staying(entry),
            "submit_label": f"撤销（{back:,} 个）",
        },
    )


def _take_back(request, entry, module):
    try:
        if entry.records.count() > job.DIRECT:
            return go(request, f"/jobs/{job.begin(entry, by=request.user).pk}/")
        done, failures = services.undo(entry, by=request.user)
    except ValidationError as error:
        return _refused(request, module, error)
    if failures:
        return _result(request, module, done, failures)
    messages.success(request, f"已撤销（{done:,} 个）" if done != 1 else "已撤销")
    return go(request, (request.htmx.current_url_abs_path if request.htmx else "") or reverse("undo-list"))


def _result(request, module, done, failures):
    shown = [{"title": title, "reason": reason} for title, reason in failures]
    return render_page(
        request,
        "records/result.html",
        {
            "module": module,
            "done": done,
            "failures": shown[:NAMED],
            "back_url": module.list_url,
            "heading": "撤销结果" if done else "不能撤销",
        },
    )


def _refused(request, module, error: ValidationError):
    context = {
        "module": module,
        "done": 0,
        "failures": [{"title": "", "reason": message} for message in error.messages],
        "back_url": reverse("undo-list"),
        "heading": "不能撤销",
    }
    return render_page(request, "records/result.html", context, status=200 if request.htmx else 409)


undo_urls = [path("undo/", undo_list, name="undo-list"), path("undo/<int:pk>/", undo, name="undo")]
