"""The third step of the wizard: what the import would do, without writing anything."""

import time
from dataclasses import dataclass, field

from . import keys, load
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
    until = time.monotonic() + SECONDS
    for rows in stretches(source, offset=0, size=lambda: STRETCH):
        chunk = plan.prepare(rows)
        good = chunk.good()
        values = keys.of_rows(chunk, good, plan.key) if plan.keyed else {}
        known, several = keys.existing(plan, plan.key, values.values())
        beside = chunk.companion.present if chunk.companion else frozenset()
        mine = load.editable(plan, known.values()) if plan.mode in ("overwrite", "fill") or beside else set()
        fresh, found = [], {}
        for row in good:
            value = values.get(row)
            repeated = value is not None and (value in known or value in seen)
            changes = plan.mode in ("overwrite", "fill") or (plan.mode == "skip" and row in beside)
            if repeated and plan.mode == "create" and plan.strict:
                chunk.fail(row, plan.key.label, plan.key.message)
            elif repeated and changes and value in several:
                chunk.fail(row, plan.key.label, keys.ambiguous(plan.key))
            elif repeated and changes and value in known and known[value] not in mine:
                chunk.fail(row, plan.key.label, keys.not_mine(plan.key))
            elif not repeated or plan.mode == "create":
                fresh.append(row)
            elif value in known:
                found[known[value]] = row
                report.known += 1
            else:
                report.known += 1
            if value is not None:
                seen.add(value)
        keys.guard(chunk, fresh, found)
        plan.importer.judge(chunk, fresh)
        report.fresh += sum(1 for row in fresh if row not in chunk.faults)
        report.known -= sum(1 for row in found.values() if row in chunk.faults)
        report.checked += len(chunk)
        report.failed += len(chunk.faults)
        for row in sorted(chunk.faults)[: SHOWN - len(report.faults)]:
            report.faults.append((chunk.numbers[row], *chunk.faults[row][0]))
        if report.checked >= ROWS or time.monotonic() > until:
            break
    return report
