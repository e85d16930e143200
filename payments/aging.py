"""账龄: what is still to be paid, by how long it is overdue."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Case, Count, DecimalField, F, Q, When

from crm.records.views.totals import ExactSum

from . import states
from .figures import ZERO

SHOWN = 50  # rows of the table
PEOPLE_IN_LINK = 200  # what a condition of the list takes
GROUPS = {"customer": "客户", "owner": "负责人", "department": "部门"}
KEYS = {"customer": "customer_id", "owner": "owner_id", "department": "owner__department_id"}


@dataclass(frozen=True)
class Span:
    """A column: due from `first` to `last` (inclusive, None = open)."""

    key: str
    label: str
    first: date | None
    last: date | None

    @property
    def condition(self) -> Q:
        found = Q(due_on__gte=self.first) if self.first else Q()
        return found & Q(due_on__lte=self.last) if self.last else found


def spans(today: date) -> list[Span]:
    """未到期, then by days overdue: 1–30, 31–60, 61–90, over 90."""

    def ago(days: int) -> date:
        return today - timedelta(days=days)

    return [
        Span("future", "未到期", today, None),
        Span("d30", "逾期 1–30 天", ago(30), ago(1)),
        Span("d60", "31–60 天", ago(60), ago(31)),
        Span("d90", "61–90 天", ago(90), ago(61)),
        Span("over", "90 天以上", None, ago(91)),
    ]


@dataclass
class Row:
    """What a customer, a person or a department still has to bring in."""

    key: int | None
    count: int = 0
    whole: Decimal = ZERO
    cells: dict[str, Decimal] = field(default_factory=dict)


def _sums(columns: list[Span]) -> dict:
    left = F("amount") - F("received")

    def part(condition: Q):
        return Case(When(condition, then=left), output_field=DecimalField())

    cells = {span.key: ExactSum(part(span.condition), places=2) for span in columns}
    return {"n": Count("pk"), "whole": ExactSum(left, places=2), **cells}


def _row(key, found: dict, columns: list[Span]) -> Row:
    cells = {span.key: found[span.key] or ZERO for span in columns}
    return Row(key, found["n"], found["whole"] or ZERO, cells)


def figures(rows, by: str, columns: list[Span]) -> tuple[Row, list[Row]]:
    """(everything, the groups that owe most) of the plans among `rows` that are not paid: two statements."""
    rows = rows.filter(states.DUE).order_by()
    whole = _row(None, rows.aggregate(**_sums(columns)), columns)
    groups = rows.values(KEYS[by]).annotate(**_sums(columns)).order_by("-whole", KEYS[by])
    return whole, [_row(found[KEYS[by]], found, columns) for found in groups[:SHOWN]]


def rest(whole: Row, shown: list[Row]) -> Row | None:
    """What the groups that are not shown owe, None where all are."""
    count = whole.count - sum(row.count for row in shown)
    if not count:
        return None
    left = {key: total - sum((row.cells[key] for row in shown), ZERO) for key, total in whole.cells.items()}
    return Row(None, count, whole.whole - sum((row.whole for row in shown), ZERO), left)
