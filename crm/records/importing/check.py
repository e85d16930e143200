"""The third step of the wizard: what the import would do, without writing anything."""

import time
from dataclasses import dataclass, field

from . import load
from .plan import Plan, stretches

ROWS, SECONDS, SHOWN = 20_000, 5.0, 50
STRETCH = 2000


@dataclass
class Report:
    """Figures over the first `checked` of `total` rows, and the first faults as (row number, column, sentence)."""

    total: int
    checked: int = 0
    fresh: int = 0
    known: int = 0
    failed: int = 0
    faults: list = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return self.checked == self.total


def check(plan: Plan, source: str, total: int) -> Report:
    """Check the rows of an accepted file for at most SECONDS seconds or ROWS rows."""
    report, seen = Report(total), set()
    fields = plan.key_fields
    until = time.monotonic() + SECONDS
    for rows in stretches(source, offset=0, size=lambda: STRETCH):
        chunk = plan.prepare(rows)
        good = chunk.good()
        keys = {row: tuple(chunk.values[name][row] for name in fields) for row in good} if plan.keyed else {}
        known = load.existing(plan, fields, keys.values())
        mine = load.editable(plan, known.values()) if plan.mode in ("overwrite", "fill") else set()
        for row in good:
            key = keys.get(row)
            repeated = key is not None and None not in key and (key in known or key in seen)
            if repeated and plan.mode == "create" and plan.forbids:
                chunk.fail(row, plan.importer.key_label, plan.importer.duplicate_message)
            elif repeated and plan.mode in ("overwrite", "fill") and key in known and known[key] not in mine:
                chunk.fail(row, plan.importer.key_label, f"{plan.importer.duplicate_message}，您没有编辑它的权限")
            elif repeated and plan.mode != "create":
                report.known += 1
            else:
                report.fresh += 1
            if key is not None:
                seen.add(key)
        report.checked += len(chunk)
        report.failed += len(chunk.faults)
        for row in sorted(chunk.faults)[: SHOWN - len(report.faults)]:
            report.faults.append((chunk.numbers[row], *chunk.faults[row][0]))
        if report.checked >= ROWS or time.monotonic() > until:
            break
    return report
