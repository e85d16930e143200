"""What open opportunities may bring, by month: their amounts, and the part their stage's probability lets one expect."""

import json
from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Case, Count, F, IntegerField, Q, Value, When

from crm.records.views.totals import ExactSum

from ..models import State
from .lanes import cents

MONTHS = 12
PEOPLE_IN_LINK = 200  # what a condition of the list takes
PEOPLE_IN_CELL = 20  # above that only the whole row of a department has a link: fifteen long ones would weigh too much
GROUPS = {"owner": "负责人", "department": "部门", "pipeline": "商机组"}
_KEYS = {"owner": ("owner_id",), "department": ("owner__department_id", "owner_id"), "pipeline": ("pipeline_id",)}


@dataclass(frozen=True)
class Period:
    """A column: `first` to `last` (inclusive, None = open); both None = without a date."""

    key: str
    label: str
    first: date | None = None
    last: date | None = None

    @property
    def condition(self) -> Q:
        if self.first is None and self.last is None:
            return Q(expected_on=None)
        found = Q(expected_on__gte=self.first) if self.first else Q()
        return found & Q(expected_on__lte=self.last) if self.last else found


def periods(today: date) -> list[Period]:
    """已逾期, this month from today on and the eleven after it, 之后, 未填日期."""
    found = [Period("overdue", "已逾期", None, today - timedelta(days=1))]
    year, month = today.year, today.month
    for number in range(MONTHS):
        last = date(year, month, monthrange(year, month)[1])
        first = today if number == 0 else date(year, month, 1)
        found.append(Period(f"{first:%Y-%m}", f"{first:%Y-%m}", first, last))
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return [*found, Period("later", "之后", date(year, month, 1), None), Period("undated", "未填日期")]


@dataclass
class Figure:
    """How many, their amounts, and these times probability: yuan, exact."""

    count: int = 0
    amount: Decimal = Decimal(0)
    hundredfold: Decimal = Decimal(0)  # amount × percent

    @property
    def weighted(self) -> Decimal:
        return cents(self.hundredfold / 100)

    def add(self, other: "Figure") -> None:
        self.count += other.count
        self.amount += other.amount
        self.hundredfold += other.hundredfold


@dataclass
class Row:
    """A person, department or pipeline; `cells` by period, `people` = whose opportunities these are (departments only)."""

    key: int | None
    cells: dict[str, Figure] = field(default_factory=dict)
    whole: Figure = field(default_factory=Figure)
    people: set[int] = field(default_factory=set)

    def add(self, period: str, figure: Figure) -> None:
        self.cells.setdefault(period, Figure()).add(figure)
        self.whole.add(figure)


def figures(rows, by: str, spans: list[Period]) -> tuple[Row, list[Row]]:
    """(everything, one row a group with the largest weighted sum first) of the open ones among `rows`: one statement."""
    number = Case(
        *[When(span.condition, then=Value(place)) for place, span in enumerate(spans)], output_field=IntegerField()
    )
    keys = _KEYS[by]
    groups = (
        rows.filter(state=State.OPEN)
        .order_by()
        .annotate(period=number)
        .values("period", *keys)
        .annotate(
            n=Count("pk"),
            total=ExactSum(F("amount"), places=2),
            hundredfold=ExactSum(F("amount"), times=F("stage__probability"), places=2),
        )
    )
    whole, found = Row(None), {}
    for group in groups:
        figure = Figure(group["n"], group["total"] or Decimal(0), group["hundredfold"] or Decimal(0))
        period = spans[group["period"]].key
        row = found.setdefault(group[keys[0]], Row(group[keys[0]]))
        row.add(period, figure)
        whole.add(period, figure)
        if by == "department":
            row.people.add(group["owner_id"])
    return whole, sorted(found.values(), key=lambda row: (-row.whole.hundredfold, -row.whole.amount, row.key or 0))


def and_where(where: str, condition: dict) -> str | None:
    """The advanced filter `where` with one condition more; None where it has no room for it."""
    if not where:
        return json.dumps({"m": "and", "c": [condition]})
    tree = json.loads(where)
    if tree["m"] == "and":
        tree["c"].append(condition)
        return json.dumps(tree, ensure_ascii=False)
    if any("c" in one for one in tree["c"]):
        return None
    return json.dumps({"m": "and", "c": [tree, condition]}, ensure_ascii=False)
