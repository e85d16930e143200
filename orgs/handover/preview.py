"""What a handover would do, in figures: counts only, for an administrator may have no right to the records themselves."""

from dataclasses import dataclass, field

from django.db.models import Count

from ..models import Employee
from . import pieces, services
from .models import Handover


@dataclass
class Share:
    """What one receiver has and gets; `text` = "186 + 164 = 350"."""

    person: Employee
    text: str = ""
    over: bool = False


@dataclass
class Row:
    """One line of the preview."""

    piece: pieces.Piece
    count: int
    shares: list[Share] = field(default_factory=list)
    words: str = ""  # instead of receivers
    notes: list[str] = field(default_factory=list)
    export_url: str = ""

    @property
    def over(self) -> bool:
        return any(share.over for share in self.shares)


def rows(handover: Handover, counts: dict[str, int], *, by) -> list[Row]:
    """The lines for a plan, saved or not; a few statements a piece. It decides nothing: caps are checked when records go."""
    people = Employee.objects.in_bulk(services.receivers(handover.plan))
    found = []
    for piece in pieces.ordered():
        if not counts.get(piece.key):
            continue
        row = Row(piece, counts[piece.key])
        receivers = [people[pk] for pk in services.receivers_for(handover.plan, piece) if pk in people]
        if piece.is_records:
            _records(row, handover, receivers, by=by)
        elif piece.module is not None and handover.teams == Handover.Teams.DROP:
            row.words = "移除"
        elif piece.key == "part.reports" and handover.reports == Handover.Reports.SUPERIOR:
            row.words = str(handover.employee.supervisor or "没有上级")
        else:
            row.shares = [Share(person) for person in receivers]
        if piece.part is not None and piece.part.note:
            row.notes.append(piece.part.note)
        found.append(row)
    return found


def _records(row: Row, handover: Handover, receivers: list, *, by) -> None:
    module = row.piece.module
    along = _along(row.piece, handover)
    rest = row.count - sum(along.values())
    if along:
        words = "、".join(f"随{label} {number:,}" for label, number in along.items())
        row.notes.append(words + (f"，其余 {rest:,}" if rest else ""))
    if not rest:
        row.words = f"随{next(iter(along))}"
    else:
        mine = module.model.objects.live()
        have = dict(
            mine.filter(owner_id__any=[one.pk for one in receivers])
            .order_by()
            .values_list("owner_id")
            .annotate(number=Count("pk"))
        )
        caps = (
            module.quota.weigh([one.pk for one in receivers], mine.filter(owner=handover.employee))
            if module.quota
            else {}
        )
        for place, person in enumerate(receivers):
            row.shares.append(_share(row, person, place, len(receivers), rest, have.get(person.pk, 0), caps))
    if blind := [one.name for one in receivers if not one.has_function(f"{module.name}.view")]:
        row.notes.append(f"{'、'.join(blind)}的角色不能查看{module.label}")
    filters = module.filter_class.base_filters
    if "owner" in filters and module.may(by, "export") and module.may(by, "view"):
        row.export_url = f"{module.export_url}?owner={handover.employee_id}"


def _share(row: Row, person, place: int, among: int, rest: int, have: int, caps: dict) -> Share:
    get = _portion(rest, place, among)
    share = Share(person, f"{have:,} + {get:,} = {have + get:,}")
    if person.pk in caps:
        used, counted, limit = caps[person.pk]
        if used + _portion(counted, place, among) > limit:
            share.over = True
            row.notes.append(f"{person.name}超过上限 {limit:,}")
    return share


def _portion(number: int, place: int, among: int) -> int:
    """How many of `number` come to the receiver at this place when they take turns."""
    return len(range(place, number, among))


def _along(piece: pieces.Piece, handover: Handover) -> dict[str, int]:
    """{label of the parent: how many go with it}."""
    found = {}
    if piece.key in handover.plan.get("along", ()):
        for parent in piece.parents:
            live = {f"{parent.name}__owner": handover.employee, f"{parent.name}__deleted_at": None}
            if number := piece.rows(handover.employee).filter(**live).order_by().count():
                found[parent.label] = number
    return found
