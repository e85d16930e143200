"""The page of the forecast."""

from decimal import Decimal

from django.apps import apps
from django.utils import timezone

from crm.records import formatting

from ..models import Pipeline, State
from . import forecast
from .views import Face

SHOWN = 50  # rows of the table
WIDTH, HEIGHT = 60, 160  # of a period in the chart, in units of the drawing


class ForecastView(Face):
    """GET /opportunities/forecast/?by=owner|department|pipeline&<list query>"""

    face = "forecast"
    without = ("by",)

    def kept(self) -> dict:
        return {"by": self.by} if self.by != "owner" else {}

    def get(self, request):
        self.by = request.GET.get("by", "owner")
        self.read(request.GET)
        offered = {key: label for key, label in forecast.GROUPS.items() if self.may_group(key)}
        if self.by not in offered:
            self.by = "owner"
        self.spans = forecast.periods(timezone.localdate())
        self.whole, rows = forecast.figures(self.state.rows, self.by, self.spans)
        names = self.names(rows[:SHOWN])
        shown = [self.row(names.get(row.key) or "（未分配部门）", row, self.narrowed(row)) for row in rows[:SHOWN]]
        if rest := rows[SHOWN:]:
            shown.append(self.row(f"其余 {len(rest):,} 个", self.together(rest), None))
        return self.page(
            "opportunities/forecast.html",
            {
                **self.head(),
                "whole": self.whole.whole,
                "overdue": self.whole.cells.get("overdue"),
                "spans": self.spans,
                "bars": self.bars(),
                "width": WIDTH * len(self.spans),
                "height": HEIGHT,
                "group_label": forecast.GROUPS[self.by],
                "groups": [
                    {"label": label, "active": key == self.by, "url": f"{self.here}?{self.state.link(by=key)}"}
                    for key, label in offered.items()
                ],
                "rows": shown,
                "sum": self.row("合计", self.whole, {}),
            },
        )

    def may_group(self, key: str) -> bool:
        return key != "pipeline" or self.state.fields.readable("pipeline")

    def names(self, rows) -> dict:
        """{key of a group: its name}."""
        model = {"owner": apps.get_model("orgs", "Employee"), "department": apps.get_model("orgs", "Department")}
        found = model.get(self.by, Pipeline).objects.filter(pk__in=[row.key for row in rows if row.key])
        return dict(found.values_list("pk", "name"))

    @staticmethod
    def together(rows):
        found = forecast.Row(None)
        for row in rows:
            for period, figure in row.cells.items():
                found.add(period, figure)
        return found

    # Ways to the list -------------------------------------------------------------------------------------------------
    def narrowed(self, row) -> dict | None:
        """What the list needs to show a row's opportunities; None where no condition says it."""
        if self.by != "department":
            return {self.by: row.key}
        if len(row.people) > forecast.PEOPLE_IN_LINK:
            return None
        where = self.where({"f": "owner", "o": "in", "v": sorted(map(str, row.people))})
        return where and {"where": where}

    def where(self, condition: dict, where: str | None = None) -> str | None:
        if self.state.where.problems:
            return None
        return forecast.and_where(self.state.all_data.get("where", "") if where is None else where, condition)

    def link(self, changes: dict | None, span=None) -> str | None:
        """The list with exactly the opportunities of a cell; None where its conditions cannot be said in one address."""
        if changes is None or self.state.data.get("state") not in (None, "", State.OPEN):
            return None
        changes = {**changes, "state": State.OPEN.value}
        if span is not None and span.first is None and span.last is None:
            where = self.where({"f": "expected_on", "o": "empty"}, changes.get("where"))
            if where is None:
                return None
            changes["where"] = where
        elif span is not None:
            first, last = self.bounds(span)
            changes |= {"expected_from": first, "expected_to": last}
        return f"{self.module.list_url}?{self.state.link(**changes)}"

    def bounds(self, span) -> tuple:
        """The days of a period, no wider than the page's own conditions."""
        asked = self.state.filters.form.cleaned_data
        firsts = [one for one in (span.first, asked.get("expected_from")) if one]
        lasts = [one for one in (span.last, asked.get("expected_to")) if one]
        return max(firsts, default=None), min(lasts, default=None)

    # Figures ----------------------------------------------------------------------------------------------------------
    def row(self, label: str, row, changes: dict | None) -> dict:
        cells = None if len(row.people) > forecast.PEOPLE_IN_CELL else changes
        return {
            "label": label,
            "whole": row.whole,
            "url": self.link(changes),
            "cells": [
                {"figure": row.cells[span.key], "url": self.link(cells, span)} if span.key in row.cells else None
                for span in self.spans
            ],
        }

    def bars(self) -> list[dict]:
        """The chart: a bar of the amount and one of its weighted part for each period."""
        empty = forecast.Figure()
        cells = [self.whole.cells.get(span.key, empty) for span in self.spans]
        most = max((cell.amount for cell in cells), default=Decimal(0)) or Decimal(1)
        found = []
        for place, (span, cell) in enumerate(zip(self.spans, cells, strict=True)):
            high, low = (round(float(value / most) * HEIGHT, 1) for value in (cell.amount, cell.weighted))
            found.append(
                {
                    "x": place * WIDTH,
                    "middle": place * WIDTH + WIDTH // 2,
                    "left": place * WIDTH + 10,
                    "right": place * WIDTH + 31,
                    "high": f"{high}",
                    "high_y": f"{HEIGHT - high}",
                    "low": f"{low}",
                    "low_y": f"{HEIGHT - low}",
                    "label": span.label,
                    "overdue": span.key == "overdue",
                    "text": f"{span.label}：{cell.count} 个商机，预计 {formatting.money(cell.amount)}，"
                    f"加权 {formatting.money(cell.weighted)}",
                    "url": self.link({}, span) if cell.count else None,
                }
            )
        return found
