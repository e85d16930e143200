"""Pages around the records: workbench, global search, messages, badges."""

from urllib.parse import urlencode

from django.contrib import messages as toasts
from django.http import Http404, JsonResponse
from django.views.decorators.http import require_POST, require_safe

from crm.notices import services as notices
from crm.notices.models import Message

from .. import context, fieldset, modules, scope, search
from .base import go, render_page

PER_GROUP = 5


@require_safe
def home(request):
    """The workbench: what the person can start with, and their newest records."""
    groups = []
    for module in modules.ordered():
        if not module.owned or not module.may(request.user, "view"):
            continue
        rows = module.model.objects.allowed(request.user, "view")
        ids = scope.top_ids(rows, field="updated_at", descending=True, limit=8)
        found = module.model.objects.select_related("owner").in_bulk(ids)
        groups.append(
            {
                "module": module,
                "may_create": module.may(request.user, "create"),
                "count": scope.capped_count(rows),
                "cap": scope.COUNT_CAP,
                "mine": rows.filter(owner=request.user).order_by()[: scope.COUNT_CAP + 1].count(),
                "items": [
                    {
                        "title": module.title_of(found[pk]),
                        "url": module.url(pk=pk),
                        "owner": found[pk].owner,
                        "at": found[pk].updated_at,
                    }
                    for pk in ids
                    if pk in found
                ],
            }
        )
    return render_page(
        request, "home.html", {"groups": groups, "unread": list(notices.inbox(request.user).filter(read_at=None)[:6])}
    )


def results(user, text: str) -> list[dict]:
    """Hits of the global search by module, each through the gate."""
    groups = []
    for module in modules.ordered():
        if not text or not module.may(user, "view"):
            continue
        rows = search.narrow(module.model.objects.allowed(user, "view"), module, text, user=user)
        ids = scope.top_ids(rows, field="updated_at", descending=True, limit=PER_GROUP)
        if ids:
            joins = [name for name in ("owner", "customer") if name in {f.name for f in module.model._meta.fields}]
            found = module.model.objects.select_related(*joins).in_bulk(ids)
            groups.append(
                {
                    "label": module.label,
                    "icon": module.icon,
                    "more_url": f"{module.list_url}?{urlencode({'q': text})}",
                    "items": [
                        {
                            "title": module.title_of(found[pk]),
                            "url": module.url(pk=pk),
                            "sub": _second_line(fieldset.of(module, user), found[pk]),
                        }
                        for pk in ids
                        if pk in found
                    ],
                }
            )
    return groups


def _second_line(fields, record) -> str:
    return " · ".join(filter(None, (fields.shown(record, key) for key in ("customer", "owner", "code"))))


@require_safe
def search_page(request):
    """GET /search/?q=: the page, and the palette's results."""
    text = " ".join(request.GET.get("q", "").replace("\x00", "").split())[:100]
    frame = context.build(request, request.user)
    pages = (
        [link for group in frame["nav"] for link in group["links"]]
        + [{"label": f"新建{link['label']}", "url": link["url"], "icon": "plus"} for link in frame["create"]]
        + [
            {"label": label, "url": url, "icon": icon}
            for label, url, icon in (
                ("消息", "/messages/", "bell"),
                ("后台任务", "/jobs/", "job"),
                ("我的权限", "/me/rights/", "me"),
            )
        ]
    )
    shown = [
        page for page in pages if not text or text in page["label"] or text.lower() in search.initials(page["label"])
    ]
    template = (
        "search/results.html" if request.htmx and request.htmx.target == "palette-results" else "search/page.html"
    )
    return render_page(request, template, {"q": text, "groups": results(request.user, text), "pages": shown[:8]})


@require_safe
def badges(request):
    """GET /badges/: {"unread", "jobs"} for the top bar; cheap, polled at most every 30 seconds."""
    unread, running = context.badges(request.user)
    return JsonResponse({"unread": unread, "jobs": running})


@require_safe
def inbox(request):
    """GET /messages/?kind=: my messages, newest first."""
    kind = request.GET.get("kind", "")
    rows = notices.inbox(request.user)
    tabs = [{"label": "全部", "url": "/messages/", "active": not kind, "count": None}]
    for key, label in Message.Kind.choices:
        tabs.append({"label": label, "url": f"/messages/?kind={key}", "active": kind == key, "count": None})
    if kind in Message.Kind.values:
        rows = rows.filter(kind=kind)
    page = int(request.GET["page"]) if request.GET.get("page", "").isdigit() and len(request.GET["page"]) < 6 else 1
    size = 30
    found = list(rows[(page - 1) * size : page * size + 1])
    items = [
        {
            "id": m.pk,
            "title": m.title,
            "body": m.body,
            "url": m.url,
            "created_at": m.created_at,
            "read": m.read_at is not None,
            "kind_label": m.get_kind_display(),
            "kind": m.kind,
        }
        for m in found[:size]
    ]
    return render_page(
        request,
        "messages/list.html",
        {
            "tabs": tabs,
            "items": items,
            "kind": kind,
            "next_url": f"/messages/?kind={kind}&page={page + 1}" if len(found) > size else None,
            "prev_url": f"/messages/?kind={kind}&page={page - 1}" if page > 1 else None,
        },
    )


@require_POST
def read(request):
    """POST /messages/read/: `ids` = "1,2", or everything without it."""
    text = request.POST.get("ids", "")
    ids = (
        [int(part) for part in text.split(",") if part.isascii() and part.isdigit() and len(part) < 19]
        if text
        else None
    )
    notices.mark_read(request.user, ids)
    if not request.htmx:
        toasts.success(request, "已标为已读")
    return go(request, "/messages/")


@require_safe
def open_message(request, pk):
    """GET /messages/<pk>/: mark read and go where it points."""
    message = notices.inbox(request.user).filter(pk=pk).first()
    if message is None:
        raise Http404
    notices.mark_read(request.user, [pk])
    return go(request, message.url or "/messages/")
