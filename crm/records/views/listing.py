"""The list: views, search, filters, sort, columns, paging by keyset, selection."""

from urllib.parse import urlencode

from django.http import HttpResponse, QueryDict

from .. import fieldset, filters, params, saved
from ..listquery import ListQuery, chosen_columns
from . import totals
from .base import ModuleView, go
from .paging import SIZES, Paging


class ListView(Paging, ModuleView):
    """GET /<prefix>/"""

    recycle = False

    def get(self, request):
        self.views = saved.Views(self.module, self.user)
        data = request.GET
        if not data and self.views.default and not self.recycle:
            data = QueryDict(urlencode({"view": self.views.default}))
        self.state = ListQuery(self.module, self.user, data, rows=self.base_rows(), views=self.views)
        if data.get("count") == "exact" and request.htmx:
            return HttpResponse(f"共 {self.state.rows.order_by().count():,} 条")
        columns = self.columns()
        if data.get("totals") in totals.MEASURES and request.htmx:
            return self.page("records/totals.html", totals.row(self.state, columns, data["totals"]))
        place = self.paginate()
        records = self.records = self.fetch(place.pop("ids"), columns)
        self.state.fields.prepare(columns, records)
        pager = self.pager(records, **place)
        editable = self.editable(records)
        return self.page(
            "records/list.html",
            {
                "title": self.title(),
                "recycle": self.recycle,
                "actions": self.header_actions(),
                "views": self.view_tabs(pager),
                "faces": self.faces(),
                "q": self.state.q,
                "search_placeholder": self.module.search_placeholder,
                "filters": self.state.filters.form,
                "hidden": self.hidden(),
                "chips": self.chips(),
                "tools": self.tools(columns),
                "clear_url": self.clear_url(),
                "notices": self.state.problems,
                "columns": [self.head(column) for column in columns],
                "rows": [self.row(record, columns, record.pk in editable) for record in records],
                "pager": pager,
                "bulk": self.bulk(pager),
                "empty": self.empty(),
            },
        )

    def columns(self):
        view = self.state.saved
        return chosen_columns(self.module, self.user, view.columns if view and view.columns else self.views.columns)

    def base_rows(self):
        return None

    def title(self) -> str:
        return self.module.label

    # Rows -------------------------------------------------------------------------------------------------------------
    def fetch(self, ids, columns):
        joins = {join for column in columns for join in column.joins} | ({"owner"} if self.module.owned else set())
        found = self.module.model.objects.filter(pk__in=ids).select_related(*joins).in_bulk() if ids else {}
        return [found[pk] for pk in ids if pk in found]

    def editable(self, records, action: str = "edit") -> set:
        """Ids of the page's rows on which the person may do `action`: one query for those outside their reach."""
        if not records or not self.module.may(self.user, action):
            return set()
        if not self.module.owned or self.recycle:
            return {record.pk for record in records}
        records = [record for record in records if not self.module.refusal(record, action, self.user)]
        reach = self.user.scope_for(f"{self.module.name}.{action}")
        inside = {record.pk for record in records if reach.includes(record.owner_id)}
        rest = [record.pk for record in records if record.pk not in inside]
        if rest:
            inside |= set(self.module.rows(self.user, action).filter(pk__in=rest).values_list("pk", flat=True))
        return inside

    def row(self, record, columns, may_edit: bool) -> dict:
        cells = []
        for column in columns:
            value = column.value(record)
            text = column.text(value)
            html = text if column is columns[0] else column.html(record, value)
            cells.append({"html": html, "title": text, "css": column.css_class, "m": column.m, "label": column.label})
        fields = fieldset.of(self.module, self.user)
        phone = next(
            (getattr(record, name) for name in self.module.dialled if getattr(record, name) and fields.readable(name)),
            "",
        )
        return {
            "pk": record.pk,
            "url": self.module.url(pk=record.pk),
            "ops": None,
            "edit_url": self.module.url("edit", record.pk) if may_edit else None,
            "follow_url": self.module.url("follow-ups/new", record.pk) if may_edit and self.module.followed else None,
            "title": self.module.title_of(record),
            "cells": cells,
            "tel": phone,
            "locked": getattr(record, "locked", False),
        }

    # Around the table -------------------------------------------------------------------------------------------------
    def head(self, column) -> dict:
        state, mine = self.state, column.sort == self.state.sort_field and bool(column.sort)
        flipped = column.sort if mine and state.descending else f"-{column.sort}"
        return {
            "key": column.key,
            "label": column.label,
            "css": column.css,
            "numeric": column.numeric,
            "sort_url": f"{self.request.path}?{state.link(sort=flipped)}" if column.sort else None,
            "sorted": ("desc" if state.descending else "asc") if mine else "",
        }

    def view_tabs(self, pager) -> list[dict]:
        state = self.state
        now = state.saved or state.view
        bare = not state.q and not state.filters.chips() and state.where.q is None or state.saved is not None
        return [
            {
                "label": view.name if view in self.views.views else view.label,
                "saved": view in self.views.views,
                "url": self.view_url(view),
                "active": view is now,
                "count": pager["count_text"].removeprefix("共 ").removesuffix(" 条") if view is now and bare else None,
            }
            for view in self.views.arranged()
            if not getattr(view, "page", "") or self.module.may(self.user, "delete")
        ]

    def faces(self, now: str = "") -> list[dict]:
        """The ways to look at what the list shows, with its conditions; `now` = the page of the present one."""
        offered = [face for face in self.module.faces if all(map(self.state.fields.readable, face.needs))]
        if not offered or self.recycle:
            return []
        query = self.state.link()
        ways = [("列表", "list", ""), *((face.label, face.icon, face.page) for face in offered)]
        return [
            {
                "label": label,
                "icon": icon,
                "url": self.module.url(page) + (f"?{query}" if query else ""),
                "active": page == now,
            }
            for label, icon, page in ways
        ]

    def view_url(self, view) -> str:
        if getattr(view, "page", ""):
            return self.module.url(view.page)
        plain = view is self.module.views[0] and not self.views.default
        return self.module.list_url + ("" if plain else f"?{urlencode({'view': view.key})}")

    def tools(self, columns) -> dict:
        """Advanced filter, saving the view, totals and chart: their addresses for what the list shows now."""
        state, base = self.state, self.module.url("views")
        changed = bool(state.q or state.filters.chips() or state.where.count or state.data.get("sort"))
        if state.saved is not None:
            changed = any(key != "view" and key not in saved.NOT_KEPT for key in state.data)
        query = state.link()
        return {
            "where": state.all_data.get("where", ""),
            "where_count": state.where.count,
            "where_words": "；".join(state.where.words),
            "where_remove": f"{self.request.path}?{state.link(where=None)}",
            "conditions_url": f"{self.module.url('conditions')}?{query}",
            "save_url": f"{base}new/?{query}" if changed else None,
            "edit_url": f"{base}{state.saved.pk}/?{query}"
            if state.saved and state.saved.user_id == self.user.pk
            else None,
            "views_url": base,
            "chart_url": f"{self.module.url('chart')}?{query}",
            "totals_url": f"{self.request.path}?{state.link(totals='sum')}" if totals.wanted(columns) else None,
        }

    def hidden(self):
        kept = {key: self.state.data[key] for key in ("view", "sort", "size", "where") if self.state.data.get(key)}
        return list(kept.items())

    def chips(self):
        return [
            {"label": label, "value": value, "remove_url": f"{self.request.path}?{self.state.link(**{name: None})}"}
            for name, label, value in self.state.filters.chips()
        ]

    def clear_url(self) -> str:
        view = self.state.data.get("view")
        return f"{self.request.path}?{urlencode({'view': view})}" if view else self.request.path

    def header_actions(self) -> list[dict]:
        module, user, found = self.module, self.user, []
        if module.may(user, "delete"):
            found.append({"label": "回收站", "url": module.recycle_url, "icon": "trash"})
        if module.may(user, "import") and module.importer:
            found.append({"label": "导入", "url": module.import_url, "icon": "upload"})
        if module.may(user, "export"):
            found.append(
                {
                    "label": "导出",
                    "url": f"{module.export_url}?filter={self.token()}",
                    "icon": "download",
                    "dialog": True,
                }
            )
        shown = ",".join(str(record.pk) for record in self.records)
        for bulk in module.bulk:
            if bulk.page and shown and module.may(user, bulk.action):
                url = f"{bulk.page}?{urlencode({'filter': self.token(), 'ids': shown})}"
                found.append({"label": bulk.label, "url": url, "icon": bulk.icon, "dialog": True, "menu": True})
        if module.may(user, "create"):
            found.append({"label": f"新建{module.label}", "url": module.new_url, "icon": "plus", "primary": True})
        return found

    def token(self) -> str:
        return filters.sign(self.module.name, self.state.conditions())

    def bulk(self, pager) -> dict:
        module, user = self.module, self.user
        actions = [
            (one.key, one.label, one.icon, one.danger, one.action, one.page)
            for one in self.bulk_actions()
            if not one.views or self.state.view.key in one.views
        ]
        return {
            "actions": [
                {
                    "key": key,
                    "label": label,
                    "icon": icon,
                    "danger": danger,
                    "url": own or (f"{module.bulk_url}{key}/" if key != "export" else module.export_url),
                }
                for key, label, icon, danger, action, own in actions
                if module.may(user, action)
            ],
            "total_text": pager["count_text"].removeprefix("共 "),
            "filter_token": self.token(),
        }

    def bulk_actions(self) -> list:
        return bulk_actions(self.module)

    def empty(self) -> dict:
        module, user = self.module, self.user
        state = self.state
        if state.q or state.filters.chips() or state.where.count or state.saved or state.view is not module.views[0]:
            return {
                "title": f"没有符合条件的{module.label}",
                "text": "换个条件试试，或清除筛选。",
                "actions": [{"label": "清除筛选", "url": self.request.path, "icon": "x"}],
            }
        actions = []
        if module.may(user, "create"):
            actions.append({"label": f"新建{module.label}", "url": module.new_url, "icon": "plus"})
        if module.may(user, "import") and module.importer:
            actions.append({"label": "导入", "url": module.import_url, "icon": "upload"})
        return {
            "title": f"还没有{module.label}",
            "text": f"新建第一个{module.label}，或从 Excel 导入已有的名单。"
            if actions
            else "您的数据范围内还没有记录。",
            "actions": actions,
        }


def bulk_actions(module) -> list:
    """The bulk actions of a module: the shared ones around its own."""
    from .bulk import SHARED

    before = [bulk for bulk in SHARED if bulk.key in ("transfer", "team") and module.owned]
    after = [
        bulk
        for bulk in SHARED
        if bulk.key in ("tags", "export", "print", "delete") or (bulk.key == "edit" and module.edits_many)
    ]
    return before + module.bulk + after


class RecycleView(ListView):
    """GET /<prefix>/recycle/: deleted rows the person could delete; restore, and purge with 清除回收站."""

    action = "delete"
    recycle = True

    def base_rows(self):
        return self.module.rows(self.user, "delete", trashed=True)

    def title(self) -> str:
        return f"{self.module.label}回收站"

    def header_actions(self):
        return [{"label": f"返回{self.module.label}", "url": self.module.list_url, "icon": "left"}]

    def view_tabs(self, pager):
        return []

    def bulk(self, pager):
        actions = [
            {
                "key": "restore",
                "label": "还原",
                "icon": "undo",
                "danger": False,
                "url": f"{self.module.bulk_url}restore/",
            }
        ]
        if self.user.has_function("admin.recycle"):
            actions.append(
                {
                    "key": "purge",
                    "label": "彻底删除",
                    "icon": "trash",
                    "danger": True,
                    "url": f"{self.module.bulk_url}purge/",
                }
            )
        return {"actions": actions, "total_text": pager["count_text"].removeprefix("共 "), "filter_token": self.token()}

    def row(self, record, columns, may_edit):
        return {
            **super().row(record, columns, False),
            "url": self.module.url(f"recycle/{record.pk}"),
            "edit_url": None,
            "follow_url": None,
            "tel": "",
        }

    def empty(self):
        return {"title": "回收站是空的", "text": f"删除的{self.module.label}会先到这里，可以还原。", "actions": []}


class ColumnsView(ModuleView):
    """The column chooser: GET the dialog, POST the choice (columns in order, page size), `reset` for the defaults."""

    def get(self, request):
        views = saved.Views(self.module, self.user)
        on = chosen_columns(self.module, self.user, views.columns)
        rest = [column for column in fieldset.of(self.module, self.user).listed if column not in on]
        choices = [{"key": c.key, "label": c.label, "on": c in on, "fixed": c is on[0]} for c in [*on, *rest]]
        size = views.size or params.get("page_size")
        return self.page(
            "records/columns.html",
            {"choices": choices, "size": size, "sizes": SIZES, "next": request.GET.get("next", "")},
        )

    def post(self, request):
        if "reset" in request.POST:
            saved.keep_settings(self.module, by=self.user, columns=[], size=None)
            return go(request, self.module.list_url)
        known = {column.key for column in fieldset.of(self.module, self.user).listed}
        columns = [key for key in dict.fromkeys(request.POST.getlist("columns")) if key in known]
        size = request.POST.get("size", "")
        values = {"columns": columns, "size": int(size) if size.isdigit() and int(size) in SIZES else None}
        saved.keep_settings(self.module, by=self.user, **values)
        return go(request, self.module.list_url)
