"""The forecast: months, groups, exact sums, and the way from a figure to exactly its opportunities in the list."""

import datetime
import re
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.records.listquery import ListQuery
from opportunities.board import forecast
from opportunities.models import Opportunity, Pipeline, Stage
from orgs.tests.factories import client_for

from .test_board import MODULE, deal, east

__all__ = ["east"]


def spread(east, keys=("seller", "other", "far")) -> None:
    """Opportunities over every period, closed ones among them, amounts that floats cannot add."""
    today = timezone.localdate()
    days = [None, *(today + datetime.timedelta(days=n) for n in (-400, -1, 0, 1, 40, 75, 200, 330, 364, 500))]
    for key in keys:
        for place, day in enumerate(days):
            deal(east[f"{key}_customer"], east[key], stage=place % 4, amount="0.10", expected_on=day)
            deal(east[f"{key}_customer"], east[key], stage=place % 4, amount="0.20", expected_on=day, state="won")
        deal(east[f"{key}_customer"], east[key], amount=None, expected_on=today)


def test_periods_hold_every_day_once_and_the_empty_one_too():
    for today in (datetime.date(2026, 1, 1), datetime.date(2026, 12, 31), datetime.date(2028, 2, 29)):
        spans = forecast.periods(today)
        assert len(spans) == 15 and spans[1].first == today
        bounded = spans[:-1]
        for before, after in zip(bounded, bounded[1:], strict=False):
            assert after.first - before.last == datetime.timedelta(days=1)
        assert bounded[0].first is None and bounded[-1].last is None


def test_figures_are_exact_and_only_of_open_ones_in_reach(east):
    spread(east)
    for key, people in (("seller", 1), ("boss", 2), ("root", 3)):
        page = client_for(east[key]).get("/opportunities/forecast/")
        whole = page.context["whole"]
        assert (whole.count, whole.amount) == (12 * people, people * Decimal("1.10"))
        stages = list(Stage.objects.order_by("order"))
        wanted = sum(Decimal("0.10") * stages[place % 4].probability for place in range(11)) * people
        assert whole.hundredfold == wanted
        rows = page.context["rows"]
        assert len(rows) == people and sum(row["whole"].amount for row in rows) == whole.amount
        cells = [cell["figure"].count for cell in page.context["sum"]["cells"] if cell]
        assert sum(cells) == whole.count


@pytest.mark.parametrize("by", ["owner", "department", "pipeline"])
def test_every_figure_leads_to_exactly_its_opportunities(east, by):
    spread(east)
    second = Pipeline.objects.create(name="大客户", order=20)
    second.stages.create(name="立项", probability=40, order=10)
    deal(east["seller_customer"], east["seller"], pipeline=second, amount="7", expected_on=timezone.localdate())
    client = client_for(east["boss"])
    for query in ({}, {"owner": east["seller"].pk}, {"where": '{"m":"or","c":[{"f":"name","o":"is","v":["商机"]}]}'}):
        page = client.get("/opportunities/forecast/", {"by": by, **query})
        checked = 0
        for row in [*page.context["rows"], page.context["sum"]]:
            figures = [(row["whole"], row["url"])] + [(cell["figure"], cell["url"]) for cell in row["cells"] if cell]
            for figure, url in figures:
                listed = client.get(url + "&size=100")
                assert not listed.context["notices"], (url, listed.context["notices"])
                assert len(listed.context["rows"]) == figure.count, url
                checked += 1
        assert checked > 10


def test_conditions_narrow_it_and_unknown_groups_are_ignored(east):
    spread(east)
    client = client_for(east["boss"])
    today = timezone.localdate()
    page = client.get("/opportunities/forecast/", {"expected_from": today, "by": '"><img src=x>'})
    assert page.status_code == 200 and page.context["overdue"] is None
    assert (
        page.context["whole"].count
        == Opportunity.objects.allowed(east["boss"], "view").filter(state="open", expected_on__gte=today).count()
    )
    assert client.get("/opportunities/forecast/", {"state": "won"}).context["whole"].count == 0


def test_one_statement_adds_it_up_whatever_the_rows(east):
    spread(east, ["seller"])
    state = ListQuery(MODULE, east["boss"], {})
    spans = forecast.periods(timezone.localdate())
    with CaptureQueriesContext(connection) as seen:
        forecast.figures(state.rows, "department", spans)
    assert len(seen) == 1
    client = client_for(east["boss"])
    client.get("/opportunities/forecast/")
    counts = []
    for keys in (["seller"], ["other", "seller"]):
        spread(east, keys)
        with CaptureQueriesContext(connection) as seen:
            page = client.get("/opportunities/forecast/")
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 14, counts
    assert len(re.findall('<rect class="k-fc-part"', page.content.decode())) == 15
