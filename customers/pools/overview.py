"""Pages over all pools of a kind: who came and went, and what the coming night takes."""

from datetime import timedelta

from django.core.exceptions import PermissionDenied
from django.utils import timezone
from django.views import View

from crm.records.views.base import render_page
from orgs.views.base import Pager, number

from ..models import PoolEvent
from . import access, kinds, quotas, reclaim, rules


class History(View):
    """GET /<prefix>/history/?pool=&action=: who put what in and took it out, of the pools the person looks into."""

    module_name = "customer"
    function = "customer.view"

    def get(self, request):
        kind, pools = looks_into(self.module_name, request.user)
        events = PoolEvent.objects.filter(
            content_type=quotas.content_type(kind), pool_id__in=[pool.pk for pool in pools]
        )
        wanted, action = number(request.GET.get("pool")), request.GET.get("action", "")
        if wanted in {pool.pk for pool in pools}:
            events = events.filter(pool_id=wanted)
        if action in PoolEvent.Action.values:
            events = events.filter(action=action)
        pager = Pager(request, events.select_related("actor", "owner", "pool").order_by("-pk"), size=30)
        found = list(pager.rows)
        named = names_of(kind, request.user, [event.object_id for event in found])
        return render_page(
            request,
            "pools/history.html",
            {
                "kind": kind,
                "pools": pools,
                "pool": wanted,
                "action": action,
                "actions": PoolEvent.Action.choices,
                "rows": [{"event": event, "record": named.get(event.object_id)} for event in found],
                "pager": pager.context(),
                "nav_active": kind.prefix,
            },
        )


def looks_into(name: str, user):
    """(kind, the pools the person looks into); 403 without 查看."""
    kind = kinds.get(name)
    if not kind.of.may(user, "view"):
        raise PermissionDenied(f"您的角色没有“{kind.of.label}”的“查看”权限。")
    return kind, access.pools_of(kind, user)


def names_of(kind: kinds.Kind, user, ids) -> dict[int, dict]:
    """{id: title and address} of what the person may see of these records, owned or in a pool."""
    title = kind.of.title_field
    pooled = access.rows(kind, user).filter(pk__any=ids).values_list("pk", title, "pool_id")
    found = {pk: {"title": name, "url": f"/{kind.prefix}/{pool}/{pk}/"} for pk, name, pool in pooled}
    owned = kind.model.objects.allowed(user, "view").filter(pk__any=ids).values_list("pk", title)
    return found | {pk: {"title": name, "url": kind.of.url(pk=pk)} for pk, name in owned}


class Tomorrow(View):
    """GET /<prefix>/tomorrow/: what the coming night takes of the rows the person may see, by the condition of the job."""

    module_name = "customer"
    function = "customer.view"

    def get(self, request):
        kind, _ = looks_into(self.module_name, request.user)
        tomorrow = timezone.localdate() + timedelta(days=1)
        rows = kind.model.objects.allowed(request.user, "view")
        parts = [(clause, some) for clause, some in reclaim.expected(kind, tomorrow, rows)]
        wanted = number(request.GET.get("rule"), default=-1)
        counts = [
            {"words": clause.words, "pool": clause.pool.name, "count": some.order_by().count(), "place": place}
            for place, (clause, some) in enumerate(parts, 1)
        ]
        due = rows.filter(rules.due(kind, tomorrow))
        if 0 < wanted <= len(parts):
            due = parts[wanted - 1][1]
        pager = Pager(request, due.select_related("owner__department").order_by("owner_id", "pk"), size=30)
        shown = []
        for record in pager.rows:
            found = rules.deadline(kind, record, record.owner)
            url = kind.of.url(pk=record.pk)
            shown.append({"record": record, "title": kind.of.title_of(record), "url": url, "deadline": found})
        return render_page(
            request,
            "pools/tomorrow.html",
            {
                "kind": kind,
                "module": kind.of,
                "day": tomorrow,
                "counts": [one for one in counts if one["count"]],
                "wanted": wanted,
                "total": sum(one["count"] for one in counts),
                "rows": shown,
                "pager": pager.context(),
                "nav_active": kind.prefix,
            },
        )
