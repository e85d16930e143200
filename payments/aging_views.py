"""The page of 账龄, a face of the list of plans: its conditions are the list's, and every figure leads there."""

from django.apps import apps
from django.utils import timezone

from opportunities.board.forecast import and_where
from opportunities.board.views import Face

from . import aging, states


class AgingView(Face):
    """GET /payment-plans/aging/?by=customer|owner|department&<list query>"""

    module_name = "payment_plan"
    face = "aging"
    without = ("by",)

    def kept(self) -> dict:
        return {"by": self.by} if self.by != "customer" else {}

    def get(self, request):
        self.by = request.GET.get("by", "customer")
        self.read(request.GET)
        offered = {key: label for key, label in aging.GROUPS.items() if self.may_group(key)}
        if self.by not in offered:
            self.by = next(iter(offered))
        self.spans = aging.spans(timezone.localdate())
        whole, rows = aging.figures(self.state.rows, self.by, self.spans)
        names, people = self.names(rows), self.people(rows)
        shown = [self.row(names.get(row.key) or self.nobody(), row, self.narrowed(row, people)) for row in rows]
        if others := aging.rest(whole, rows):
            shown.append(self.row("其余", others, None))
        late = whole.whole - whole.cells["future"]
        return self.page(
            "payments/aging.html",
            {
                **self.head(),
                "whole": whole,
                "late": late,
                "spans": self.spans,
                "group_label": aging.GROUPS[self.by],
                "groups": [
                    {"label": label, "active": key == self.by, "url": f"{self.here}?{self.state.link(by=key)}"}
                    for key, label in offered.items()
                ],
                "rows": shown,
                "sum": self.row("合计", whole, {}),
            },
        )

    def may_group(self, key: str) -> bool:
        return key != "customer" or self.state.fields.readable("customer")

    def nobody(self) -> str:
        return "（未分配部门）" if self.by == "department" else "（无）"

    def names(self, rows) -> dict:
        """{key of a group: its name}."""
        models = {"customer": "customers.Customer", "owner": "orgs.Employee", "department": "orgs.Department"}
        model = apps.get_model(models[self.by])
        return dict(model.objects.filter(pk__in=[row.key for row in rows if row.key]).values_list("pk", "name"))

    def people(self, rows) -> dict[int, list[int]]:
        """{department: whose plans these are}, for the links."""
        found: dict[int, list[int]] = {}
        if self.by == "department":
            keys = [row.key for row in rows]
            pairs = self.state.rows.filter(states.DUE, owner__department_id__in=keys).order_by()
            for department, owner in pairs.values_list("owner__department_id", "owner_id").distinct():
                found.setdefault(department, []).append(owner)
        return found

    # Ways to the list -------------------------------------------------------------------------------------------------
    def narrowed(self, row, people) -> dict | None:
        """What the list needs to show a row's plans; None where no condition says it."""
        if self.by != "department":
            return {self.by: row.key} if row.key else None
        mine = people.get(row.key, [])
        if not mine or len(mine) > aging.PEOPLE_IN_LINK or self.state.where.problems:
            return None
        condition = {"f": "owner", "o": "in", "v": sorted(map(str, mine))}
        where = and_where(self.state.all_data.get("where", ""), condition)
        return where and {"where": where}

    def link(self, changes: dict | None, span=None) -> str | None:
        """The list with exactly the plans of a cell: what the page shows, unpaid, due within the span."""
        if changes is None or self.state.data.get("state"):
            return None
        view = self.state.data.get("view", "")
        if view not in ("", "all", "unpaid", "overdue", "soon", "due"):
            return None  # 未回清 and another view are two conditions of one kind
        changes = {**changes, "view": "unpaid" if view in ("", "all") else view}
        if span is not None:
            asked = self.state.filters.form.cleaned_data
            firsts = [one for one in (span.first, asked.get("due_from")) if one]
            lasts = [one for one in (span.last, asked.get("due_to")) if one]
            changes |= {"due_from": max(firsts, default=None), "due_to": min(lasts, default=None)}
        return f"{self.module.list_url}?{self.state.link(**changes)}"

    def row(self, label: str, row, changes: dict | None) -> dict:
        return {
            "label": label,
            "whole": row.whole,
            "count": row.count,
            "url": self.link(changes),
            "cells": [
                {
                    "amount": row.cells[span.key],
                    "late": span.key != "future",
                    "url": self.link(changes, span) if row.cells[span.key] else None,
                }
                for span in self.spans
            ],
        }
