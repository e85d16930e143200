"""What else an employee leaves besides records: tables with a column that names them. Modules above register theirs:

parts.register(Part("care", "未完成的关怀任务", rows=lambda person: Task.objects.filter(owner=person, done_at=None)))
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import models

from .. import reach
from ..models import Department, Employee, OrgLog


@dataclass(frozen=True)
class Part:
    """`rows(person)` = what of theirs goes; `field` = the column that names them. `choose(rows, receivers, handover)` answers
    {id: receiver id or None} where taking turns is not the rule; `written(rows, field, names, by, text)` writes the log:
    `names` = {id: new name}. `barred(rows, person)` = {id: reason} of rows that cannot go back to the person. `note` stands in the preview. One with `single` goes to the first receiver alone."""

    key: str
    label: str
    rows: Callable[[object], models.QuerySet]
    field: str = "owner"
    note: str = ""
    single: bool = False
    choose: Callable | None = None
    barred: Callable | None = None
    written: Callable | None = None
    order: int = 50


ALL: dict[str, Part] = {}


def register(part: Part) -> Part:
    """Declare a part; the key must be new."""
    if part.key in ALL:
        raise ValueError(f"the part {part.key!r} is registered twice")
    ALL[part.key] = part
    return part


def ordered() -> list[Part]:
    return sorted(ALL.values(), key=lambda part: (part.order, part.key))


# The organisation's own -----------------------------------------------------------------------------------------------


def _log(code: str) -> Callable:
    def written(rows: list, field: str, names: dict, by, text: str) -> None:
        """One row of the system log each."""
        label = str(type(rows[0])._meta.get_field(field).verbose_name) if rows else ""
        OrgLog.objects.bulk_create(
            [
                OrgLog(
                    actor=by,
                    code=code,
                    target=str(row)[:200],
                    text=text[:500],
                    changes=[{"label": label, "old": str(getattr(row, field) or ""), "new": names[row.pk]}],
                )
                for row in rows
            ],
            batch_size=500,
        )

    return written


def _superiors(rows: list, receivers: list[int], handover) -> dict[int, int | None]:
    """Reports go to the receiver or to the leaver's own superior; whoever stands above the receiver, and the receiver, go to
    the superior in any case: nobody becomes their own superior."""
    leaver = handover.employee
    if handover.reports == handover.Reports.SUPERIOR or not receivers:
        return {row.pk: leaver.supervisor_id for row in rows}
    above = reach.above(receivers[0])
    return {row.pk: leaver.supervisor_id if row.pk in above else receivers[0] for row in rows}


def _above(rows: list, person) -> dict[int, str]:
    """Whoever stands above the person by now cannot be under them again."""
    above = reach.above(person.pk)
    return {row.pk: "现在是上级" for row in rows if row.pk in above}


register(
    Part(
        "manager",
        "担任负责人的部门",
        rows=lambda person: Department.objects.filter(manager=person).select_related("manager"),
        field="manager",
        single=True,
        written=_log("department.updated"),
        order=10,
    )
)
register(
    Part(
        "reports",
        "直属下属",
        rows=lambda person: Employee.objects.filter(supervisor=person).select_related("supervisor"),
        field="supervisor",
        single=True,
        choose=_superiors,
        barred=_above,
        written=_log("employee.updated"),
        order=20,
    )
)
