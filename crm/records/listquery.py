"""The state of a list as its URL says it: shared by the page, the bulk actions and the export."""

import hashlib
from urllib.parse import urlencode

from django.core import signing
from django.core.cache import cache
from django.db import models
from django.utils.dateparse import parse_datetime

from . import conditions, fieldset, saved, search
from .custom import query


class ListQuery:
    """The state of a list as its URL says it: which rows, in which order, and what of the URL was not understood. `views` =
    what saved.Views read for the person, where the caller has it already."""

    def __init__(self, module, user, data, *, rows=None, views=None):
        self.module, self.user, self.data, self.problems = module, user, data, []
        base = module.rows(user) if rows is None else rows
        wanted, self.saved = data.get("view", ""), None
        if wanted[:1] == "v" and wanted[1:].isdigit():
            self.saved = (views or saved.Views(module, user)).find(wanted)
            if self.saved is not None:
                data = saved.merged(self.saved, data)
                wanted = data.get("view", "")
        self.all_data = data
        self.view = next(
            (view for view in saved.built_in(module, user) if view.key == wanted and not view.page), module.views[0]
        )
        if wanted and wanted != self.view.key:
            self.problems.append(f"没有“{wanted[:40]}”这个视图，显示的是“{self.view.label}”。")
        self.q = " ".join(data.get("q", "").replace("\x00", "").split())[:100]
        base = self.view.narrow(base, user)
        self.filters = module.filter_class(data, module=module, user=user, queryset=base)
        self.problems += self.filters.problems
        self.rows = self.filters.narrowed()
        self.where = conditions.parse(data.get("where", ""), module, user)
        self.problems += self.where.problems
        if self.where.q is not None:
            self.rows = self.rows.filter(self.where.q)
        if self.q:
            self.rows = search.narrow(self.rows, module, self.q, user=user)
        self.fields = fieldset.of(module, user)
        sort = data.get("sort") or self.view.order or module.default_order
        self.column = next((c for c in self.fields.columns if c.sort and c.sort == sort.lstrip("-")), None)
        if self.column is None:
            self.problems.append(f"不能按“{sort[:40]}”排序。")
            sort = module.default_order
        self.sort_field, self.descending = sort.lstrip("-"), sort.startswith("-")
        self.custom_sort = self.fields.custom.get(self.sort_field)

    def link(self, **changes) -> str:
        """The URL's query with changes; None removes a parameter, also one that a saved view brings. Page position goes
        unless given."""
        data = self.data
        if self.saved is not None and any(value is None for key, value in changes.items() if key in self.all_data):
            data = self.all_data
        pairs = {key: value for key, value in data.items() if key not in ("page", "after", "before") and value != ""}
        pairs.update(changes)
        return urlencode({key: value for key, value in pairs.items() if value is not None})

    def ordered(self, rows):
        """`rows` in the order of the list."""
        if self.custom_sort is not None:
            return query.ordered(rows, self.custom_sort, descending=self.descending)
        sign = "-" if self.descending else ""
        return rows.order_by(f"{sign}{self.sort_field}", f"{sign}pk")

    def total(self) -> int:
        """Exact number of rows, at most a minute old: only deep jumps and 末页 of very long lists need it."""
        sql, values = self.rows.order_by().values("pk").query.sql_with_params()
        key = hashlib.sha256(f"{sql}{values}".encode()).hexdigest()
        return cache.get_or_set(f"total:{key}", self.rows.order_by().count, 60)

    def conditions(self) -> str:
        """What decides which rows the list shows, for the signed token."""
        return urlencode(
            [
                (k, v)
                for k, v in self.data.items()
                if k not in ("page", "after", "before", "size", "sort", "tab") and v != ""
            ]
        )


def chosen_columns(module, user, keys) -> list:
    """The columns of these keys in their order, the name always first; the defaults where nothing was chosen."""
    offered = fieldset.of(module, user).listed
    by_key = {column.key: column for column in offered}
    chosen = [by_key[key] for key in keys if key in by_key] or [column for column in offered if column.default]
    name = offered[0]
    return [name, *(column for column in chosen if column is not name)]


def pack(value, pk: int) -> str:
    """A position in the list as a URL token (signed, so that nothing but our own positions reaches the query)."""
    return signing.dumps([value.isoformat() if hasattr(value, "isoformat") else str(value), pk], salt="kaihai.position")


def unpack(token: str, field: models.Field):
    """(value, pk) of a token, or None when it is not ours."""
    try:
        value, pk = signing.loads(token, salt="kaihai.position")
    except signing.BadSignature:
        return None
    return (parse_datetime(value) if isinstance(field, models.DateTimeField) else field.to_python(value)), pk
