"""What the pages of the organisation share: the function they need, small pagers, answers to forms."""

from functools import wraps
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404

from crm.records import formatting, modules
from crm.records.views.base import go, render_page

__all__ = ["Pager", "done", "errors_of", "form_page", "number", "needs", "render_page", "whole"]

SIZES = (15, 30, 50, 100)
SETTINGS = {"label": "系统管理", "list_url": "/settings/"}


def needs(*functions: str):
    """The view is for holders of one of these administration functions: 403 with a sentence for everybody else."""

    def decorate(view):
        @wraps(view)
        def guarded(request, *args, **kwargs):
            if not any(request.user.has_function(function) for function in functions):
                words = "或".join(f"“{modules.ADMIN_FUNCTIONS[function]}”" for function in functions)
                raise PermissionDenied(f"您的角色没有{words}管理功能，需要时请联系系统管理员。")
            return view(request, *args, **kwargs)

        guarded.functions = functions
        return guarded

    return decorate


def number(text, *, default: int | None = None) -> int | None:
    """A positive id or page number out of the URL or a form; `default` for anything else."""
    text = str(text or "")
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 19 else default


def whole(text) -> int:
    """An id that must be one: 404 for anything else."""
    value = number(text)
    if value is None:
        raise Http404
    return value


def done(request, url: str, message: str = ""):
    """After a successful POST: a toast and the next page."""
    if message:
        messages.success(request, message)
    return go(request, url)


def errors_of(form) -> list[dict]:
    """The error summary on top of a form page."""
    return [
        {"id": form[name].id_for_label or form[name].auto_id, "label": form[name].label, "text": text}
        for name, found in form.errors.items()
        if name in form.fields
        for text in found
    ]


def form_page(request, form, *, heading: str, sections, crumb=None, status: int | None = None, **context):
    """A form as page or dialog. `sections` = [(title, note, field names)]."""
    laid_out = [
        {"title": title, "note": note, "fields": [form[name] for name in names if name in form.fields]}
        for title, note, names in sections
        if any(name in form.fields for name in names)
    ]
    if status is None:
        status = 422 if form.is_bound and form.errors else 200
    page = {
        "form": form,
        "sections": laid_out,
        "heading": heading,
        "errors": errors_of(form) if form.is_bound else [],
        "module": crumb or SETTINGS,
        "nav_active": "settings",
        **context,
    }
    return render_page(request, "records/form.html", page, status=status)


def move_errors(form, error) -> None:
    """Put a service's ValidationError on the form: on its field where it names one the form has."""
    if hasattr(error, "error_dict"):
        for name, found in error.error_dict.items():
            form.add_error(name if name in form.fields else None, found)
    else:
        form.add_error(None, error)


class Pager:
    """Plain paging for lists of people and log rows; the context is what records/pager.html shows."""

    def __init__(self, request, rows, *, size: int = 15):
        wanted = number(request.GET.get("size"))
        self.size = wanted if wanted in SIZES else size
        self.count = rows.count()
        self.pages = max(1, -(-self.count // self.size))
        typed = request.GET.get("page", "1")
        page = number(typed)
        self.error = "" if page and page <= self.pages else f"请输入 1 到 {self.pages:,} 之间的页码"
        self.page = page if page and page <= self.pages else 1
        self.rows = rows[(self.page - 1) * self.size : self.page * self.size]
        self.path, self.kept = request.path, [(k, v) for k, v in request.GET.items() if k != "page" and v != ""]

    def url(self, page: int) -> str:
        return f"{self.path}?{urlencode([*self.kept, ('page', page)])}"

    def context(self) -> dict:
        """What records/pager.html shows."""
        more = self.page < self.pages
        return {
            "count_text": f"共 {formatting.count(self.count)} 条",
            "count_url": None,
            "page": self.page,
            "pages": self.pages,
            "size": self.size,
            "sizes": SIZES,
            "first_url": self.url(1) if self.page > 1 else None,
            "prev_url": self.url(self.page - 1) if self.page > 1 else None,
            "next_url": self.url(self.page + 1) if more else None,
            "last_url": self.url(self.pages) if more else None,
            "jump": {"action": self.path, "hidden": self.kept},
            "jump_error": self.error,
        }
