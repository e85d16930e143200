"""Pages around the records: workbench, global search, badges."""

from urllib.parse import urlencode

from django.http import JsonResponse
from django.views.decorators.http import require_safe

from crm.notices import services as notices

from .. import context, fieldset, modules, scope, search
from .base import render_page

PER_GROUP = 5


@require_safe
def home(request):
    """The workbench: what the person can start with, and their newest records."""
    groups, queries, user = [], [], request.user
    for module in modules.ordered():
        if not module.owned or not module.may(request.user, "view"):
            continue
        rows = module.model.objects.allowed(request.user, "view")
        queries += [rows, scope.of_owners(rows, [user.pk])]
        ids = scope.top_ids(rows, field="updated_at", descending=True, limit=8)
        fields = fieldset.of(module, request.user)
        found = module.model.objects.select_related(*_joins(module, "owner", "contract")).in_bulk(ids)
        groups.append(
            {
                "module": module,
                "may_create": module.may(request.user, "create"),
                "cap": scope.COUNT_CAP,
                "items": [
                    {
                        "title": module.title_of(found[pk]),
                        "url": module.url(pk=pk),
                        "contract": fields.shown(found[pk], "contract"),
                        "owner": found[pk].owner,
                        "at": found[pk].updated_at,
                    }
                    for pk in ids
                    if pk in found
                ],
            }
        )
    todo = to_do(user)
    numbers = scope.capped_counts(queries + [rows for _, _, rows in todo])
    for place, group in enumerate(groups):
        group["count"], group["mine"] = numbers[2 * place : 2 * place + 2]
    return render_page(
        request,
        "home.html",
        {
            "groups": groups,
            "boxes": boxes(user, todo, numbers[len(queries) :]),
            "unread": list(notices.inbox(request.user).filter(read_at=None)[:6]),
        },
    )


def to_do(user) -> list[tuple[str, str, object]]:
    """[(label, address, rows)] of the boxes of 待办事项 that count records."""
    found = []
    for box in modules.TO_DO:
        module = modules.get(box.module)
        if module.may(user, "view"):
            query = urlencode({"view": box.view, "owner": user.pk})
            view = next(view for view in module.views if view.key == box.view)
            if not all(map(fieldset.of(module, user).readable, view.needs)):
                continue  # the list has no such view for them
            rows = scope.of_owners(view.narrow(module.rows(user), user), [user.pk])
            found.append((box.label, f"{module.list_url}?{query}", rows))
    return found


def boxes(user, todo, numbers: list[int]) -> list[dict]:
    """待办事项: each figure is the count of the list it opens."""
    figures = context.badges(user)
    found = [{"label": one.label, "count": figures[key], "url": one.url} for key, one in modules.BADGES.items()]
    rows = [
        {"label": label, "count": number, "url": url} for (label, url, _), number in zip(todo, numbers, strict=True)
    ]
    return found + rows


def results(user, text: str) -> list[dict]:
    """Hits of the global search by module, each through the gate."""
    groups = []
    for module in modules.ordered():
        if not text or not module.may(user, "view"):
            continue
        rows = search.narrow(module.model.objects.allowed(user, "view"), module, text, user=user)
        ids = scope.top_ids(rows, field="updated_at", descending=True, limit=PER_GROUP)
        if ids:
            found = module.model.objects.select_related(*_joins(module, "owner", "customer", "contract")).in_bulk(ids)
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
    return " · ".join(filter(None, (fields.shown(record, key) for key in ("contract", "customer", "owner", "code"))))


def _joins(module, *names: str) -> list[str]:
    """Those of these relations the module's records have."""
    return [name for name in names if name in {field.name for field in module.model._meta.fields}]


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
    """GET /badges/: {"unread", "jobs", ...} for the frame; cheap, polled at most every 30 seconds."""
    return JsonResponse(context.badges(request.user))
