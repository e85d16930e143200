"""The pages of the pools. `PoolPage` takes the shared pages to a pool's rows; 404 for whoever it does not serve."""

from datetime import timedelta

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponseRedirect
from django.utils import timezone
from django.views import View

from crm.records import fieldset, formatting, modules
from crm.records.followups import queries as followups
from crm.records.modules import Tab
from crm.records.views import bulk, detail, io, listing, views
from crm.records.views.base import go, render_page

from ..models import PoolEvent
from . import access, kinds, place, quotas, services

SHOWN = 30  # events and follow-ups of a tab


class PoolPage:
    """A page of one pool: /<prefix>/<pool>/..."""

    module_name = "customer"

    def dispatch(self, request, *args, pool, **kwargs):
        self.pool_id = pool
        return super().dispatch(request, *args, **kwargs)

    def find_module(self):
        self.kind = kinds.get(self.module_name)
        module = modules.get(self.module_name)
        if not module.may(self.user, "view"):
            raise PermissionDenied(f"您的角色没有“{module.label}”的“查看”权限。")
        self.pools = access.pools_of(self.kind, self.user)
        self.pool = next((one for one in self.pools if one.pk == self.pool_id), None)
        if self.pool is None:
            raise Http404
        return place.enter(self.kind, self.pool, self.user)

    def page(self, template, context, status=200):
        return super().page(template, {"nav_active": self.kind.prefix, "crumb": self.kind.label, **context}, status)


class PoolIndex(View):
    """GET /<prefix>/: the first pool the person may look into."""

    module_name = "customer"

    def get(self, request):
        kind, module = kinds.get(self.module_name), modules.get(self.module_name)
        if not module.may(request.user, "view"):
            raise PermissionDenied(f"您的角色没有“{module.label}”的“查看”权限。")
        pools = access.pools_of(kind, request.user)
        if pools:
            return HttpResponseRedirect(f"/{kind.prefix}/{pools[0].pk}/")
        return render_page(request, "pools/none.html", {"kind": kind, "nav_active": kind.prefix})


class PoolList(PoolPage, listing.ListView):
    """GET /<prefix>/<pool>/"""

    def title(self) -> str:
        return self.kind.label

    def page(self, template, context, status=200):
        if template != "records/list.html":
            return super().page(template, context, status)
        more = {
            "standing": services.standing(self.kind, self.pool, self.user),
            "rules_words": rules_in_words(self.kind, self.pool),
        }
        return super().page("pools/list.html", {**context, **more}, status)

    def view_tabs(self, pager):
        first, *saved = super().view_tabs(pager)
        tabs = []
        for pool in self.pools:
            here = pool.pk == self.pool.pk
            tabs.append(
                {
                    "label": pool.name,
                    "saved": False,
                    "url": f"/{self.kind.prefix}/{pool.pk}/",
                    "active": here and not any(tab["active"] for tab in saved),
                    "count": first["count"] if here else None,
                }
            )
        tabs += saved
        extra = [("明日将回收", "tomorrow"), ("进出记录", "history")]
        return tabs + [
            {"label": label, "saved": False, "url": f"/{self.kind.prefix}/{page}/", "active": False, "count": None}
            for label, page in extra
        ]

    def header_actions(self):
        module, user = modules.get(self.module_name), self.user
        found = []
        if self.module.may(user, "import") and module.importer:
            url = f"{module.import_url}?into={self.pool.pk}"
            found.append({"label": "导入", "url": url, "icon": "upload"})
        if self.module.may(user, "export"):
            url = f"{self.module.export_url}?filter={self.token()}"
            found.append({"label": "导出", "url": url, "icon": "download", "dialog": True})
        if module.may(user, "create"):
            url = f"{module.new_url}?pool={self.pool.pk}"
            found.append({"label": f"新建{module.label}", "url": url, "icon": "plus", "primary": True})
        return found

    def bulk_actions(self):
        return [*self.module.bulk, *place.shared_bulk()]

    def editable(self, records, action="edit"):
        return set()

    def row(self, record, columns, may_edit):
        found = super().row(record, columns, False)
        ops = []
        wait = services.waits_until(self.pool, record, self.user, now=timezone.now())
        if self.module.may(self.user, "claim"):
            ops.append({"label": "领取", "url": f"{self.module.bulk_url}claim/?ids={record.pk}", "dialog": True})
            if wait:
                found["waits"] = f"{formatting.day(wait[0])[5:]} 可领"
                found["waits_words"] = f"{wait[1]}，{formatting.moment(wait[0])} 起可以领取"
        ops.append({"label": "查看", "url": found["url"]})
        fresh = record.pooled_at and timezone.localdate(record.pooled_at) == timezone.localdate()
        return {**found, "ops": ops, "follow_url": None, "tel": "", "locked": False, "fresh": fresh}

    def empty(self):
        if self.state.q or self.state.filters.chips() or self.state.where.count or self.state.saved:
            return super().empty()
        return {
            "title": f"{self.pool.name}里没有{self.module.label}",
            "text": f"放入或回收的{self.module.label}会出现在这里。",
            "actions": [],
        }


def rules_in_words(kind: kinds.Kind, pool) -> str:
    """30 天无新跟进或 60 天未成交自动回收；原负责人 7 天内不可领回。"""
    found = []
    for rule in kind.rules:
        if rule.key in pool.rules:
            general, levels = pool.rules[rule.key]
            days = sorted({one for one in (general, *levels.values()) if one is not None})
            if days:
                found.append(rule.words.format(days="–".join(str(one) for one in (days[0], days[-1])[: len(days)])))
    parts = [f"{'或'.join(found)}自动回收"] if found else ["没有自动回收的规则"]
    if pool.former_days:
        parts.append(f"原负责人 {pool.former_days} 天内不可领回")
    if pool.freeze_days:
        parts.append(f"新入池 {pool.freeze_days} 天内不可领取")
    return "；".join(parts) + "。"


class PoolColumns(PoolPage, listing.ColumnsView):
    """/<prefix>/<pool>/columns/"""


class PoolViews(PoolPage, views.ManageViews):
    """/<prefix>/<pool>/views/"""


class PoolSavedView(PoolPage, views.SavedViewPage):
    """/<prefix>/<pool>/views/new/ and /views/<pk>/"""


class PoolDeleteView(PoolPage, views.DeleteViewPage):
    """/<prefix>/<pool>/views/<pk>/delete/"""


class PoolConditions(PoolPage, views.ConditionsView):
    """/<prefix>/<pool>/conditions/"""


class PoolChart(PoolPage, views.ChartView):
    """/<prefix>/<pool>/chart/"""


class PoolExport(PoolPage, io.ExportView):
    """/<prefix>/<pool>/export/"""


class PoolBulk(PoolPage, bulk.BulkView):
    """/<prefix>/<pool>/bulk/<key>/: claim, assign, move, delete."""

    def offered(self, module):
        return [*module.bulk, *place.shared_bulk()]

    def heading(self, n):
        return self.bulk.heading if n == 1 else super().heading(n)

    def run(self, request):
        """A claim checks everything itself, under lock, and knows who was quicker."""
        if self.key != "claim":
            return super().run(request)
        try:
            selection, frozen = self.frozen(request)
        except ValidationError as error:
            return self.refuse(error)
        outcome = self.bulk.run(frozen, by=self.user)
        if selection is not None:
            selection.delete()
        if not outcome.refused:
            messages.success(request, f"领取成功（{len(outcome.done):,} 个）" if len(outcome.done) > 1 else "领取成功")
            return go(request, self.back_to(self.module.list_url, outcome.done))
        return self.told(outcome)

    def told(self, outcome):
        """What could not be claimed, and why."""
        return self.page(
            "records/result.html",
            {
                "done": len(outcome.done),
                "failures": [{"title": title, "reason": reason} for title, reason in outcome.refused],
                "back_url": self.module.list_url,
                "heading": "领取" if outcome.done else "还不能领取",
            },
        )

    def confirm(self, data, *, freeze):
        """From a stale list: who was quicker, instead of a question about nothing."""
        if self.key == "claim":
            try:
                rows, ids = bulk.selected_rows(self.module, self.user, data, self.action)
            except ValidationError as error:
                return self.refuse(error)
            if not rows.exists():
                return self.told(services.Outcome(refused=services.late(self.kind, ids[:1000], self.user)))
        return super().confirm(data, freeze=freeze)


class PoolDetail(PoolPage, detail.DetailView):
    """GET /<prefix>/<pool>/<pk>/: a record of the pool, read only, as far as the pool shows it."""

    def record(self):
        found = self.rows.filter(pk=self.kwargs["pk"]).select_related(*self.joins()).first()
        if found is None:
            raise Http404
        return found

    def joins(self):
        return tuple({join for column in self.module.columns for join in column.joins})

    def get(self, request, pk):
        self.record()
        if not quotas.may_open(self.user, self.pool, pk):
            tomorrow = formatting.day(timezone.localdate() + timedelta(days=1))
            limit = self.pool.view_limit
            words = (
                f"“{self.pool.name}”每人每天最多打开 {limit} 个{self.module.label}，今天已用完，{tomorrow} 起可以再看。"
            )
            return self.page("pools/refused.html", {"heading": "今天不能再打开", "reasons": [words]}, status=403)
        return super().get(request, pk)

    def actions(self, record):
        found = []
        for one in [*self.module.bulk, *[b for b in place.shared_bulk() if b.key == "delete"]]:
            if self.module.may(self.user, one.action):
                found.append(
                    {
                        "label": one.label,
                        "url": f"{self.module.bulk_url}{one.key}/?ids={record.pk}",
                        "icon": one.icon,
                        "dialog": True,
                        "primary": one.key == "claim",
                        "danger": one.danger,
                    }
                )
        return found

    def shared_tabs(self):
        return [
            Tab("followups", "跟进记录", "pools/followups.html", self.followups_tab, self.followup_count, order=10),
            Tab("fields", "基本信息", "records/tabs/fields.html", self.fields_tab, order=20),
            *[
                Tab(
                    modules.get(name).prefix,
                    modules.get(name).label,
                    "pools/children.html",
                    self.children_tab(name, key),
                    self.children_count(name, key),
                    order=30,
                )
                for name, key in self.kind.children
                if modules.get(name).may(self.user, "view")
            ],
            Tab("pool", "进出记录", "pools/events.html", self.events_tab, order=60),
            Tab("log", "操作记录", "records/tabs/log.html", self.log_tab, order=90),
        ]

    def followups_tab(self, request, record, rights):
        found = followups.at_record(record, self.user).select_related("author", "method").order_by("-created_at", "-pk")
        return {"said": list(found[:SHOWN])}

    def children_of(self, name, key, record):
        return modules.get(name).model.objects.live().filter(**{key: record.pk})

    def children_count(self, name, key):
        return lambda record, user: self.children_of(name, key, record)

    def children_tab(self, name, key):
        def build(request, record, rights):
            fields = fieldset.of(modules.get(name), self.user)
            without = {record._meta.model_name, "owner", "created_by", "created_at"}
            columns = [column for column in fields.listed if column.default and column.key not in without]
            joins = {join for column in columns for join in column.joins}
            rows = list(self.children_of(name, key, record).select_related(*joins).order_by("-pk")[:SHOWN])
            fields.prepare(columns, rows)
            return {
                "heads": [column.label for column in columns],
                "rows": [[column.text(column.value(row)) for column in columns] for row in rows],
                "empty": f"还没有{modules.get(name).label}",
            }

        return build

    def events_tab(self, request, record, rights):
        return {"events": events_of(self.kind, [record.pk])[:SHOWN]}


def events_of(kind: kinds.Kind, ids):
    """The history of records, newest first."""
    rows = PoolEvent.objects.filter(content_type=quotas.content_type(kind), object_id__in=ids)
    return list(rows.select_related("actor", "owner", "pool").order_by("-pk"))


class OwnedDetail(detail.DetailView):
    """GET /customers/<pk>/: the address of a record that lies in a pool leads members to its page there."""

    def visible(self, pk):
        try:
            return super().visible(pk)
        except Http404:
            kind = kinds.get(self.module.name)
            pool = access.rows(kind, self.user).filter(pk=pk).values_list("pool_id", flat=True).first()
            if pool is None:
                raise
            raise Moved(f"/{kind.prefix}/{pool}/{pk}/") from None

    def get(self, request, pk):
        try:
            return super().get(request, pk)
        except Moved as moved:
            return HttpResponseRedirect(moved.url)


class Moved(Exception):
    """The record has its page elsewhere."""

    def __init__(self, url: str):
        super().__init__(url)
        self.url = url
