"""The detail page: header, tabs with counts, side panel. One view for page, panel and tab."""

from django.contrib.contenttypes.models import ContentType
from django.db.models import Func, IntegerField, QuerySet, Subquery
from django.http import Http404

from .. import fieldset, formatting, modules, scope, teams
from ..models import OperationLog, Star
from ..modules import Tab
from ..undoing import services as undoing
from . import files, tags
from .base import ModuleView
from .listing import ListView
from .logs import log_events

ROWS_IN_TAB = 50
LOG_PAGE = 30


def generic(model) -> ContentType:
    return ContentType.objects.get_for_model(model)


def field_rows(module, record, keys, user) -> list[dict]:
    """Label and value of the named columns, in that order."""
    found, fields = [], fieldset.of(module, user)
    fields.prepare([fields.by_key[key] for key in keys if key in fields.by_key], [record])
    for key in keys:
        column = fields.by_key.get(key)
        if column is None:
            continue
        value = column.value(record)
        html = formatting.moment(value) if column.kind == "datetime" and value else column.html(record, value)
        if column.paths[0].count("__") and column.kind == "text" and column.field is not None and value:
            html = linked(column, record, html)
        row = {"key": key, "label": column.label, "html": html}
        if column.masked and value and record.deleted_at is None and not module.place:
            row["reveal_url"] = module.url("reveal", record.pk)
        found.append(row)
    return found


def linked(column, record, html):
    """A related record's name as a link, where it has a page."""
    from django.utils.html import format_html

    try:
        module = modules.of_model(column.field.related_model)
    except LookupError:
        return html
    return format_html('<a class="k-link" href="{}">{}</a>', module.url(pk=getattr(record, column.field.attname)), html)


def counted(record, counts: dict) -> dict[str, int]:
    """The figures of the tabs: what is a queryset (or several, added up) is counted together with the others, in one
    statement."""
    found, queries = {}, []
    for key, count in counts.items():
        if isinstance(count, int):
            found[key] = count
        else:
            queries += [(key, rows) for rows in ([count] if isinstance(count, QuerySet) else count)]
    if queries:
        number = Func("pk", function="COUNT", output_field=IntegerField())
        parts = [Subquery(rows.order_by().values(n=number)[:1]) for _, rows in queries]
        figures = type(record).objects.filter(pk=record.pk).values_list(*parts).get()
        for (key, _), figure in zip(queries, figures, strict=True):
            found[key] = found.get(key, 0) + (figure or 0)  # none() counts as NULL
    return found


class DetailView(ModuleView):
    """GET /<prefix>/<pk>/?tab=..."""

    template = "records/detail.html"

    def extras(self, record) -> dict:
        """What a module's own template shows besides."""
        return {}

    def own_tabs(self, record) -> list[Tab]:
        """The tabs the module declares."""
        return [] if record.deleted_at else [tab for tab in self.module.tabs if tab.opens(self.user)]

    def joins(self):
        return tuple({join for column in self.module.columns for join in column.joins}) + (
            ("owner__department",) if self.module.owned else ()
        )

    def get(self, request, pk):
        record = self.record()
        self.rights = scope.rights(self.user, record)
        tabs = sorted([*self.shared_tabs(), *self.own_tabs(record)], key=lambda tab: tab.order)
        active = next((tab for tab in tabs if tab.key == request.GET.get("tab")), tabs[0])
        here, fields = self.here(record), fieldset.of(self.module, self.user)
        counts = counted(record, {tab.key: tab.count(record, self.user) for tab in tabs if tab.count})
        built = [] if record.deleted_at else [build(record, self.user) for build in modules.PANELS]
        panels = [panel for panel in built if panel]
        first = [action for panel in panels for action in panel.get("actions", ())]
        shift = {"primary": False} if any(action.get("primary") for action in first) else {}
        return self.page(
            self.template,
            {
                **self.extras(record),
                "record": record,
                "title": self.module.title_of(record),
                "initial": self.module.title_of(record)[:1],
                "stars": getattr(record, "rating", None) if fields.readable("rating") else None,
                "chips": self.module.chips(record, fields) if self.module.chips else [],
                "strip": tags.strip(self.module, record, self.user, self.rights),
                "facts": field_rows(self.module, record, self.module.facts, self.user),
                "panels": panels,
                "actions": [*first, *({**action, **shift} for action in self.actions(record))],
                "copy_url": self.module.url("text", record.pk) if not record.deleted_at else None,
                "print_url": self.module.url("print", record.pk)
                if "print" in self.rights and not record.deleted_at
                else None,
                "follow_url": self.module.url("follow-ups/new", record.pk)
                if self.module.followed and "follow" in self.rights and not record.deleted_at
                else None,
                "tabs": [
                    {
                        "key": tab.key,
                        "label": tab.label,
                        "url": f"{here}?tab={tab.key}",
                        "active": tab is active,
                        "count": counts.get(tab.key),
                    }
                    for tab in tabs
                ],
                "tab": {"key": active.key, "template": active.template, **active.build(request, record, self.rights)},
                "notices": self.notices(record),
                "side": [card for panel in panels for card in panel.get("side", ())]
                + [card for make in self.module.side for card in make(record, self.user)]
                if not record.deleted_at
                else [],
            },
        )

    def here(self, record) -> str:
        return self.module.url(pk=record.pk)

    # Header -----------------------------------------------------------------------------------------------------------
    def notices(self, record) -> list[str]:
        """Sentences above everything else."""
        return [f"这条{self.module.label}在回收站中。"] if record.deleted_at else []

    def actions(self, record) -> list[dict]:
        module, rights, found = self.module, self.rights, []
        follows = module.followed and "follow" in rights
        if follows:
            url = module.url("follow-ups/new", record.pk)
            found.append({"label": "写跟进", "url": url, "icon": "chat", "primary": True, "dialog": True})
        if "edit" in rights:
            url = module.url("edit", record.pk)
            found.append({"label": "编辑", "url": url, "icon": "edit", "primary": not follows, "edit": True})
        if "transfer" in rights and module.owned:
            found.append(
                {"label": "转移", "url": module.url("transfer", record.pk), "icon": "transfer", "dialog": True}
            )
        for bulk in module.bulk:
            if bulk.action in rights and (bulk.shown is None or bulk.shown(record)):
                url = f"{bulk.page or f'{module.bulk_url}{bulk.key}/'}?ids={record.pk}"
                label, dialog = bulk.one or bulk.label, bool(bulk.one) or not bulk.page
                found.append({"label": label, "url": url, "icon": bulk.icon, "dialog": dialog})
        followed = Star.objects.filter(user=self.user, content_type=generic(type(record)), object_id=record.pk).exists()
        found.append(
            {
                "label": "取消关注" if followed else "关注",
                "url": module.url("star", record.pk),
                "icon": "star",
                "post": True,
            }
        )
        if "delete" in rights:
            found.append(
                {
                    "label": "删除",
                    "url": f"{module.bulk_url}delete/?ids={record.pk}",
                    "icon": "trash",
                    "danger": True,
                    "dialog": True,
                }
            )
        return found

    # Tabs every record has --------------------------------------------------------------------------------------------
    def shared_tabs(self) -> list[Tab]:
        tabs = [Tab("fields", "基本信息", "records/tabs/fields.html", self.fields_tab, order=20)]
        if self.module.followed:
            count = self.followup_count
            tabs.append(Tab("followups", "跟进记录", "followups/tab.html", self.followups_tab, count, order=10))
        for order, child in enumerate(self.module.children):
            if child.may(self.user, "view") and self.module.name not in child.shown_by:
                tabs.append(
                    Tab(
                        child.prefix,
                        child.label,
                        "records/tabs/related.html",
                        self.child_tab(child),
                        self.child_count(child),
                        order=30 + order,
                    )
                )
        if self.module.grant_model:
            tabs.append(
                Tab(
                    "team",
                    "团队",
                    "records/tabs/team.html",
                    self.team_tab,
                    lambda record, user: len(self.members(record)),
                    order=70,
                )
            )
        tabs.append(
            Tab(
                "files",
                "附件",
                "records/tabs/files.html",
                self.files_tab,
                lambda record, user: files.listed(record),
                order=80,
            )
        )
        tabs.append(Tab("log", "操作记录", "records/tabs/log.html", self.log_tab, order=90))
        return tabs

    def followup_count(self, record, user):
        from ..followups import queries

        return queries.at_record(record, user)

    def followups_tab(self, request, record, rights):
        from ..followups import views

        return views.tab(record, self.module, request, self.user, rights)

    def fields_tab(self, request, record, rights):
        return {
            "sections": [
                {"title": title, "rows": rows}
                for title, keys in fieldset.of(self.module, self.user).arrange(self.module.sections)
                if (rows := field_rows(self.module, record, keys, self.user))
            ]
        }

    def child_rows(self, child, record):
        return child.model.objects.allowed(self.user, "view").filter(**{self.module.name: record})

    def child_count(self, child):
        return lambda record, user: self.child_rows(child, record)

    def child_tab(self, child):
        def build(request, record, rights):
            view = ListView()
            view.module, view.user, view.request = child, self.user, request
            columns = [
                c
                for c in fieldset.of(child, self.user).listed
                if c.default and c.key not in (self.module.name, "created_by")
            ]
            joins = {join for column in columns for join in column.joins}
            rows = list(
                self.child_rows(child, record).select_related(*joins).order_by("-created_at", "-pk")[: ROWS_IN_TAB + 1]
            )
            editable, deletable = view.editable(rows), view.editable(rows, "delete")
            shown = [view.row(row, columns, row.pk in editable) for row in rows[:ROWS_IN_TAB]]
            for row in shown:
                row["delete_url"] = f"{child.bulk_url}delete/?ids={row['pk']}" if row["pk"] in deletable else None
            may_add = child.may(self.user, "create")
            may_add = may_add and (child.adds(record, self.user) if child.adds else "edit" in rights)
            return {
                "table": {
                    "columns": [{"key": c.key, "label": c.label, "numeric": c.numeric} for c in columns],
                    "rows": shown,
                },
                "add_url": f"{child.new_url}?{self.module.name}={record.pk}" if may_add else None,
                "add_label": f"添加{child.label}",
                "more_url": f"{child.list_url}?{self.module.name}={record.pk}" if len(rows) > ROWS_IN_TAB else None,
                "empty": {"title": f"还没有{child.label}", "text": ""},
            }

        return build

    def members(self, record):
        if not hasattr(self, "_members"):
            self._members = teams.members(record)
        return self._members

    def team_tab(self, request, record, rights):
        may = "share" in rights
        return {
            "add_url": self.module.url("team", record.pk) if may else None,
            "members": [
                {
                    "person": grant.user,
                    "source_label": f"{grant.user.department_name} · {grant.get_source_display()}",
                    "until": grant.until,
                    "right_label": "读写" if grant.permission.codename.startswith("change_") else "只读",
                    "remove_url": self.module.url(f"team/{grant.user_id}/remove", record.pk)
                    if may and grant.source == "team"
                    else None,
                }
                for grant in self.members(record)
            ],
        }

    def files_tab(self, request, record, rights):
        return files.tab(self.module, record, rights)

    def log_tab(self, request, record, rights):
        before = request.GET.get("log", "")
        entries = (
            OperationLog.objects.filter(content_type=generic(type(record)), object_id=record.pk)
            .select_related("actor")
            .order_by("-pk")
        )
        if before.isascii() and before.isdigit():
            entries = entries.filter(pk__lt=int(before[:18]))
        entries = list(entries[: LOG_PAGE + 1])
        undo = undoing.of_log(entries[:LOG_PAGE], record, user=self.user, content_type=generic(type(record)))
        return {
            "entries": log_events(self.module, self.user, entries[:LOG_PAGE], undo),
            "more_url": f"{request.path}?tab=log&log={entries[LOG_PAGE - 1].pk}" if len(entries) > LOG_PAGE else None,
        }


class RecycledView(DetailView):
    """GET /<prefix>/recycle/<pk>/: a deleted record, to be looked at and restored."""

    action = "delete"

    @property
    def rows(self):
        return self.module.rows(self.user, "delete", trashed=True)

    def visible(self, pk):
        raise Http404

    def shared_tabs(self):
        return [tab for tab in super().shared_tabs() if tab.key in ("fields", "log")]

    def here(self, record) -> str:
        return self.module.url(f"recycle/{record.pk}")

    def actions(self, record):
        url = f"{self.module.bulk_url}restore/?ids={record.pk}"
        return [{"label": "还原", "url": url, "icon": "undo", "primary": True, "dialog": True}]
