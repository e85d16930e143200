"""What stands on the board: the lanes of one pipeline with their sums, and the first cards of each. The number of statements does
not depend on how many opportunities or stages there are."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

from django.core import signing
from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import Count, F, Q, Window
from django.db.models.functions import RowNumber

from crm.records.views.totals import ExactSum

from ..models import State
from ..pipelines import Facts, StageFacts

SHOWN = 20  # cards of a lane at a time
CENT = Decimal("0.01")
_SALT = "kaihai.board"


def weigh(amount: Decimal | None, probability: int) -> Decimal:
    """The part of an amount that its probability (percent) lets one expect, in yuan, not yet rounded."""
    return (amount or Decimal(0)) * probability / 100


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


@dataclass
class Lane:
    """A column: a stage, or an end (`stage` None). Sums are None where the person may not read the amount."""

    key: str
    label: str
    state: str
    stage: StageFacts | None
    probability: int
    count: int = 0
    total: Decimal | None = None

    @property
    def weighted(self) -> Decimal | None:
        return None if self.total is None else cents(weigh(self.total, self.probability))

    @property
    def folded(self) -> bool:
        return self.state in (State.LOST, State.VOID)

    def rows(self, rows):
        """Those of `rows` that stand in this lane."""
        return rows.filter(state=self.state, stage=self.stage.pk) if self.stage else rows.filter(state=self.state)


def lanes_of(pipeline: Facts) -> list[Lane]:
    """The stages in their order, then 赢单, 输单, 无效."""
    stages = [Lane(f"s{one.pk}", one.name, State.OPEN, one, one.probability) for one in pipeline.stages]
    ends = [(State.WON, 100), (State.LOST, 0), (State.VOID, 0)]
    return [*stages, *(Lane(state.value, state.label, state, None, chance) for state, chance in ends)]


def key_of(opportunity) -> str:
    """The lane an opportunity stands in."""
    return f"s{opportunity.stage_id}" if opportunity.state == State.OPEN else opportunity.state


def count_lanes(lanes: list[Lane], rows, *, sums: bool) -> None:
    """Fill count and (`sums`) total of each lane from `rows` of the pipeline: one statement."""
    groups = rows.order_by().values("state", "stage_id").annotate(n=Count("pk"))
    if sums:
        groups = groups.annotate(total=ExactSum(F("amount"), places=2))
    by_key = {lane.key: lane for lane in lanes}
    for lane in lanes:
        lane.total = Decimal(0) if sums else None
    for group in groups:
        key = f"s{group['stage_id']}" if group["state"] == State.OPEN else group["state"]
        lane = by_key.get(key)
        if lane is None:  # a stage made a moment ago; the kept facts of its pipeline do not know it yet
            continue
        lane.count += group["n"]
        if sums:
            lane.total += group["total"] or Decimal(0)


# Cards --------------------------------------------------------------------------------------------------------------------
def order_of(fields, *, ended: bool) -> list[tuple[str, bool]]:
    """[(field, descending)] of cards in a lane: ends by the moment they were reached, stages by the day one expects. What a
    person may not read does not order their board either."""
    order = [("closed_at", True)] * ended + [("expected_on", False)]
    return [(name, falling) for name, falling in order if fields.readable(name)] + [("pk", False)]


def _ordering(order):
    # Ends have a moment each: so written, an index on it serves the order.
    return [
        F(name).asc(nulls_last=True) if not falling else F(name).desc(nulls_last=name != "closed_at" or None)
        for name, falling in order
    ]


def first_ids(rows, lanes: list[Lane], fields) -> dict[str, list[int]]:
    """{lane key: ids of its first cards}: one statement that walks each lane by its index and stops after the last card."""
    parts, values = [], []
    for number, lane in enumerate(lanes):
        order = _ordering(order_of(fields, ended=lane.stage is None))
        placed = lane.rows(rows).order_by(*order).annotate(place=Window(RowNumber(), order_by=order))
        try:
            sql, bound = placed.values("pk", "place")[:SHOWN].query.sql_with_params()
        except EmptyResultSet:
            continue
        parts.append(f"SELECT {number}, cards.* FROM ({sql}) AS cards")  # noqa: S608  Django wrote it
        values += bound
    found: dict[str, list[int]] = {lane.key: [] for lane in lanes}
    if parts:
        with connections[rows.db].cursor() as cursor:
            cursor.execute(" UNION ALL ".join(parts), values)
            for number, pk, _ in sorted(cursor.fetchall(), key=lambda row: (row[0], row[2])):
                found[lanes[number].key].append(pk)
    return found


def next_ids(rows, lane: Lane, fields, position: str = "") -> tuple[list[int], int]:
    """(ids of the next cards of a lane behind a position, how many stand behind these)."""
    order, rows = order_of(fields, ended=lane.stage is None), lane.rows(rows)
    if values := _unpack(position, order):
        rows = rows.filter(_behind(order, values))
    ids = list(rows.order_by(*_ordering(order)).values_list("pk", flat=True)[:SHOWN])
    return ids, rows.order_by().count() - len(ids)


def _behind(order, values) -> Q:
    """Rows behind these values in the order; empty values come last whatever the direction."""
    found, same = Q(), Q()
    for (name, falling), value in zip(order, values, strict=True):
        if value is not None:
            beyond = Q(**{f"{name}__{'lt' if falling else 'gt'}": value})
            if name != "pk":
                beyond |= Q(**{f"{name}__isnull": True})
            found |= same & beyond
        same &= Q(**{name: value}) if value is not None else Q(**{f"{name}__isnull": True})
    return found


def pack(opportunity, fields) -> str:
    """The position of a card, for the address of the next ones."""
    values = [getattr(opportunity, name) for name, _ in order_of(fields, ended=opportunity.state != State.OPEN)]
    return signing.dumps([one.isoformat() if hasattr(one, "isoformat") else one for one in values], salt=_SALT)


def _unpack(position: str, order) -> list | None:
    """The values of a position; None when it is not ours, or of another order."""
    try:
        values = signing.loads(position, salt=_SALT)
    except signing.BadSignature:
        return None
    if len(values) != len(order):
        return None
    kinds = {"closed_at": datetime, "expected_on": date}
    try:
        return [
            kinds[name].fromisoformat(value) if value is not None and name in kinds else value
            for (name, _), value in zip(order, values, strict=True)
        ]
    except (TypeError, ValueError):  # a position of another kind of lane
        return None
