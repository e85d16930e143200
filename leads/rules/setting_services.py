"""The verbs of the rules' settings. Each runs in one transaction and keeps its change in the system log in words."""

from django.db import models, transaction
from django.db.models import Max

from orgs.services import oplog

from ..models import AssignmentRule
from . import matching, wording


class Stale(Exception):
    """The rule was changed since its page was opened; `current` is its present state."""

    def __init__(self, current: AssignmentRule):
        super().__init__("stale rule")
        self.current = current


class Gone(Exception):
    """Somebody deleted the rule meanwhile."""


def _locked(rule: AssignmentRule) -> AssignmentRule:
    found = AssignmentRule.objects.select_for_update(no_key=True).filter(pk=rule.pk).first()
    if found is None:
        raise Gone
    return matching.read(AssignmentRule.objects.filter(pk=found.pk))[0]


@transaction.atomic
def save_rule(
    rule: AssignmentRule, values: dict, people: list, departments: list, *, version: int, by
) -> AssignmentRule:
    """Make or change a rule: `values` = {field: value} of its plain fields. A new one stands at the end and is switched on.
    Stale where `version` is not the present one, Gone where it was deleted."""
    new = rule.pk is None
    if new:
        last = AssignmentRule.objects.aggregate(last=Max("order"))["last"] or 0
        rule.order, before = last + 10, []
    else:
        rule = _locked(rule)
        if rule.version != version:
            raise Stale(rule)
        before = wording.Words.of([rule]).described(rule)
        rule.version += 1
    for name, value in values.items():
        setattr(rule, name, value)
    rule.full_clean()
    rule.save()
    rule.people.set(people)
    rule.departments.set(departments)
    rule = matching.read(AssignmentRule.objects.filter(pk=rule.pk))[0]
    if new:
        oplog.record("lead_rule.created", wording.target(rule), by=by, text="新增规则")
        return rule
    after = wording.Words.of([rule]).described(rule)
    changes = oplog.differences((label, old, now) for (label, old), (_, now) in zip(before, after, strict=True))
    if changes:
        oplog.record("lead_rule.updated", wording.target(rule), by=by, text="修改规则", changes=changes)
    return rule


@transaction.atomic
def set_enabled(rule: AssignmentRule, enabled: bool, *, by) -> None:
    """启用 or 停用."""
    rule = _locked(rule)
    if rule.enabled == enabled:
        return
    AssignmentRule.objects.filter(pk=rule.pk).update(enabled=enabled, version=models.F("version") + 1)
    verb = "启用" if enabled else "停用"
    oplog.record(f"lead_rule.{'enabled' if enabled else 'disabled'}", wording.target(rule), by=by, text=verb)


@transaction.atomic
def shift(rule: AssignmentRule, step: int, *, by) -> None:
    """Move a rule one place up (-1) or down (1); nothing happens at the end of the list."""
    rows = list(AssignmentRule.objects.select_for_update(no_key=True).order_by("order", "pk"))
    place = next((n for n, row in enumerate(rows) if row.pk == rule.pk), None)
    if place is None or not 0 <= place + step < len(rows):
        return
    rows[place], rows[place + step] = rows[place + step], rows[place]
    for n, row in enumerate(rows, 1):
        row.order = n * 10
    AssignmentRule.objects.bulk_update(rows, ["order"])
    oplog.record("lead_rule.moved", wording.target(rule), by=by, text="上移" if step < 0 else "下移")


@transaction.atomic
def delete_rule(rule: AssignmentRule, *, by) -> None:
    """Delete a rule with its figures; what it gave stays with whom it gave it to, their logs name it."""
    rule = _locked(rule)
    target = wording.target(rule)
    rule.delete()
    oplog.record("lead_rule.deleted", target, by=by, text="删除规则")
