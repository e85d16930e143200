"""/follow-ups/: who followed whom. Its rows are follow-ups of records the person may see, its figures those of its rows."""

from datetime import datetime, time, timedelta
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.db.models import Count, F, Q
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from .. import formatting, jobs, modules, params
from ..models import FollowUpLink
from ..views.base import render_page
from ..views.io import delivered, export_dialog
from . import export, queries, views
from .forms import SPANS, ListFilter

SIZES = (15, 30, 50, 100)
RANKED = 50
SEVERAL = 1000  # keeps ids of several record types apart in one number


def _asked(request) -> ListFilter:
    if not queries.followed_modules(request.user):
        raise PermissionDenied("您的角色不能查看跟进记录。")
    return ListFilter(request.GET, user=request.user)


def bounds(conditions: dict) -> tuple[datetime | None, datetime | None]:
    """First moment of the span and the first one behind it, local days."""
    today = timezone.localdate()
    monday, first = today - timedelta(days=today.weekday()), today.replace(day=1)
    since, until = {
        "today": (today, today),
        "yesterday": (today - timedelta(days=1), today - timedelta(days=1)),
        "week": (monday, today),
        "month": (first, today),
        "range": (conditions.get("since"), conditions.get("until")),
    }[conditions["span"]]

    def start(day):
        return day and timezone.make_aware(datetime.combine(day, time.min))

    return start(since), start(until + timedelta(days=1)) if until else None


def narrowed(rows, conditions: dict, *, person: bool = True):
    """`rows` under the conditions of the list; without `person` everybody's."""
    since, until = bounds(conditions)
    if since:
        rows = rows.filter(created_at__gte=since)
    if until:
        rows = rows.filter(created_at__lt=until)
    if method := conditions.get("method"):
        rows = rows.filter(method=method)
    if name := conditions.get("module"):
        rows = rows.filter(content_type=queries.kind_of(modules.get(name)))
    if text := conditions.get("q"):
        rows = rows.filter(Q(content__icontains=text) | Q(title__icontains=text))
    if person and conditions.get("person"):
        rows = rows.filter(author=conditions["person"])
    return rows


def figures(rows) -> dict:
    """Aggregates of follow-ups: how many, and at how many different customers (or other top records)."""
    tops = [queries.kind_of(module).pk for module in modules.ordered() if module.followed and not module.parents]
    above = Q(links__content_type__in=tops) & ~Q(links__kind=FollowUpLink.Kind.RELATED)
    who = F("links__object_id") * SEVERAL + F("links__content_type_id")
    return {"n": Count("pk", distinct=True), "customers": Count(who, distinct=True, filter=above)}


def ranking(rows) -> list[dict]:
    """[{author, name, n, customers}], the busiest first."""
    found = rows.order_by().values("author_id", "author__name").annotate(**figures(rows))
    return sorted(found, key=lambda row: (-row["n"], row["author_id"]))


def _size(request) -> int:
    wanted = request.GET.get("size", "")
    return int(wanted) if wanted.isdigit() and int(wanted[:4]) in SIZES else params.get("page_size")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _page(request, rows, count: int, query) -> tuple[list, dict]:
    """The follow-ups of the page and the pager: neighbours by keyset, the last page from the other end, a jump by offset."""
    size, data = _size(request), request.GET
    pages, error = max(1, -(-count // size)), ""
    text = data.get("page", "1")
    page = pages if text == "last" else _number(text)
    if not 1 <= page <= pages:
        page, error = 1, f"请输入 1 到 {pages:,} 之间的页码"
    rows = queries.for_reading(rows)
    if text == "last":
        rest = count - (pages - 1) * size or 1
        found = list(rows.order_by("pk")[:rest])[::-1]
    elif after := _number(data.get("after", "")):
        found = list(rows.filter(pk__lt=after).order_by("-pk")[:size])
    elif before := _number(data.get("before", "")):
        found = list(rows.filter(pk__gt=before).order_by("pk")[:size])[::-1]
    else:
        found = list(rows.order_by("-pk")[(page - 1) * size : page * size])

    def url(**more):
        return f"{request.path}?{query(**more)}"

    more = page < pages and found
    pager = {
        "count": count,
        "count_text": f"共 {formatting.count(count)} 条",
        "count_url": None,
        "page": page,
        "pages": pages,
        "size": size,
        "sizes": SIZES,
        "first_url": url() if page > 1 else None,
        "prev_url": url(page=page - 1, before=found[0].pk) if page > 1 and found else None,
        "next_url": url(page=page + 1, after=found[-1].pk) if more else None,
        "last_url": url(page="last") if more else None,
        "jump": {
            "action": request.path,
            "hidden": [(k, v) for k, v in data.items() if k not in ("page", "after", "before")],
        },
        "jump_error": error,
    }
    return found, pager


@require_safe
def index(request):
    """GET /follow-ups/"""
    asked = _asked(request)
    conditions = asked.conditions()
    everybody = narrowed(queries.allowed(request.user), conditions, person=False)
    ranked = ranking(everybody)
    person = conditions.get("person")
    if person:
        chosen = next((row for row in ranked if row["author_id"] == person.pk), {"n": 0, "customers": 0})
        total = {"n": chosen["n"], "customers": chosen["customers"]}
    elif len(ranked) == 1:
        total = {"n": ranked[0]["n"], "customers": ranked[0]["customers"]}
    else:
        total = everybody.order_by().aggregate(**figures(everybody)) if ranked else {"n": 0, "customers": 0}

    def query(**changes) -> str:
        pairs = {k: v for k, v in request.GET.items() if k not in ("page", "after", "before") and v != ""} | changes
        return urlencode({k: v for k, v in pairs.items() if v is not None})

    rows, pager = _page(request, narrowed(everybody, conditions), total["n"], query)
    records = queries.fetch({(row.content_type_id, row.object_id) for row in rows})
    may_export = bool(queries.followed_modules(request.user, "export"))
    return render_page(
        request,
        "followups/list.html",
        {
            "nav_active": "follow-ups",
            "form": asked,
            "span": conditions["span"],
            "spans": [
                {"key": key, "label": label, "url": f"{request.path}?{query(span=key, since=None, until=None)}"}
                for key, label in SPANS
                if key != "range"
            ],
            "notices": asked.problems,
            "total": total,
            "people": len(ranked),
            "ranked": [
                {
                    **row,
                    "url": f"{request.path}?{query(person=row['author_id'])}",
                    "on": bool(person and person.pk == row["author_id"]),
                }
                for row in ranked[:RANKED]
            ],
            "everybody_url": f"{request.path}?{query(person=None)}" if person else None,
            "rows": [_row(row, records, query) for row in rows],
            "pager": pager,
            "export_url": f"/follow-ups/export/?{query()}" if may_export and rows else None,
            "clear_url": request.path,
            "filtered": bool(set(conditions) - {"span"}),
        },
    )


def _row(followup, records, query) -> dict:
    icon, tint = queries.ICONS.get(followup.method.label, ("note", ""))
    place = (followup.content_type_id, followup.object_id)
    return {
        "pk": followup.pk,
        "at": followup.created_at,
        "author": followup.author,
        "record": queries.titled(place, records[place]) if place in records else None,
        "method": followup.method.label,
        "icon": icon,
        "tint": tint,
        "text": followup.title or followup.content,
        "content": followup.content,
        "next": followup.next_contact_at,
        "comments": followup.comment_count,
        "url": f"/follow-ups/{followup.pk}/?{query()}",
    }


@require_safe
def show(request, pk):
    """GET /follow-ups/<pk>/: one follow-up with its comments; with the list's conditions, the ones before and behind it."""
    followup, module, record = views.found(request, pk)
    if request.GET.get("as") == "event" and request.htmx:
        return views.event(request, followup)
    places = {"prev_url": None, "next_url": None}
    asked = {k: v for k, v in request.GET.items() if k not in ("page", "after", "before", "size", "as")}
    if request.GET:
        rows = narrowed(queries.allowed(request.user), ListFilter(request.GET, user=request.user).conditions())
        for name, other in (
            ("prev_url", rows.filter(pk__gt=pk).order_by("pk")),
            ("next_url", rows.filter(pk__lt=pk).order_by("-pk")),
        ):
            if (there := other.values_list("pk", flat=True).first()) is not None:
                places[name] = f"/follow-ups/{there}/?{urlencode(asked) or 'span=today'}"
    event = (
        queries.events([followup], request.user, here=record)[0] | {"open": True} | views.said(followup, request.user)
    )
    return render_page(
        request,
        "followups/show.html",
        {
            "module": module,
            "title": module.title_of(record),
            "record_url": module.url(pk=record.pk),
            "event": event,
            "in_panel": bool(request.htmx and request.htmx.target == "panel"),
            "follow_page": module.url(pk=record.pk),
            **places,
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
def export_page(request):
    """/follow-ups/export/: the dialog, then the file or the job that makes it."""
    if not queries.followed_modules(request.user, "export"):
        raise PermissionDenied("您的角色没有导出权限。")
    data = request.POST if request.method == "POST" else request.GET
    query = request.POST.get("query", "") if request.method == "POST" else request.GET.urlencode()
    error, count = "", 0
    try:
        count = export.select(request.user, query).count()
        if request.method == "POST":
            job = export.begin(user=request.user, kind=data.get("format", ""), query=query)
            return delivered(request, job, export.PAGE)
    except jobs.Refused as refusal:
        error = str(refusal)
    chosen = data.get("format", "xlsx")
    return export_dialog(
        request, export.PAGE, count=count, query=query, error=error, formats=export.FORMATS, chosen=chosen
    )


followup_urls = [
    path("follow-ups/", index, name="followups"),
    path("follow-ups/export/", export_page, name="followups-export"),
    path("follow-ups/phrases/", views.keep_phrase, name="followup-phrases"),
    path("follow-ups/phrases/<int:pk>/remove/", views.drop_phrase, name="followup-phrase-remove"),
    path("follow-ups/comments/<int:pk>/remove/", views.remove_comment, name="followup-comment-remove"),
    path("follow-ups/<int:pk>/", show, name="followup"),
    path("follow-ups/<int:pk>/edit/", views.edit, name="followup-edit"),
    path("follow-ups/<int:pk>/remove/", views.remove, name="followup-remove"),
    path("follow-ups/<int:pk>/comments/", views.comments, name="followup-comments"),
]
