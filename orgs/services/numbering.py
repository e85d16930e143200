"""The company's numbering rules: saved with a version, kept in the system log in words."""

from django.core.exceptions import ValidationError
from django.db import transaction

from crm.records import numbering
from crm.records.fields import tidy
from crm.records.models import NumberRule
from crm.records.numbering import Rule

from . import oplog

DATES = {"yyyy": "年（2026）", "yy": "年（26）", "mm": "月（01）", "dd": "日（31）"}


class Stale(Exception):
    """The rule was saved by somebody since the page was opened."""


def described(key: str, rule: Rule) -> str:
    """A rule in one line: HT- + 年（2026） + 流水号 4 位."""
    labels = dict(numbering.ALL[key].fields)
    words = []
    for part in rule.parts:
        ((kind, value),) = part.items()
        if kind == "seq":
            words.append(f"流水号 {value} 位")
        elif kind == "field":
            words.append(labels.get(value, value))
        else:
            words.append(DATES.get(value, value) if kind == "date" else value)
    return " + ".join(words)


def typed(kinds: list[str], values: list[str], restart: str, start: str) -> Rule:
    """The rule a form says, unchecked: `kinds` and `values` of its parts in their order."""
    parts = []
    for kind, value in list(zip(kinds, values, strict=False))[: numbering.MOST_PARTS + 1]:
        value = tidy(value)
        if kind == "seq":
            parts.append({"seq": int(value) if value.isascii() and value.isdigit() and len(value) == 1 else value})
        elif kind in ("text", "date", "field"):
            parts.append({kind: value})
    begin = int(start) if start.isascii() and start.isdigit() and len(start) < 10 else 0
    return Rule(tuple(parts), restart, begin)


def faults(key: str, rule: Rule) -> list[str]:
    """What is wrong with a rule; nothing where it can number."""
    try:
        numbering.check(rule, dict(numbering.ALL[key].fields))
    except ValidationError as error:
        return error.messages
    return []


def hints(rule: Rule) -> list[str]:
    """What is worth knowing about a rule that can number."""
    found = []
    width = next((part["seq"] for part in rule.parts if "seq" in part), 1)
    if rule.start >= 10**width:
        found.append(f"起始号比 {width} 位长，号码会超出位数。")
    elif width < 4:
        found.append(f"一个周期内超过 {10**width - 1:,} 份后，流水号会自动多出一位。")
    if rule.keys:
        found.append("字段取拼音首字母、字母和数字，最多 8 位；字段没有填写时这一段不出现。")
    return found


@transaction.atomic
def save(key: str, rule: Rule, *, version: int, by) -> NumberRule:
    """Store the rule of a kind of document; what comes next is numbered by it, what has a number keeps it. Stale where `version`
    is not the present one, ValidationError where the rule cannot number."""
    numbering.check(rule, dict(numbering.ALL[key].fields))
    row = NumberRule.objects.select_for_update().filter(key=key).first()
    before = numbering.Rule(tuple(row.parts), row.restart, row.start, row.version) if row else numbering.ALL[key].first
    if before.version != version:
        raise Stale
    changes = oplog.differences(
        [
            ("组成", described(key, before), described(key, rule)),
            ("重新开始", numbering.Restart(before.restart).label, numbering.Restart(rule.restart).label),
            ("起始号", before.start, rule.start),
        ]
    )
    row = row or NumberRule(key=key, version=0)
    if row.pk is not None and not changes:
        return row
    row.parts, row.restart, row.start = list(rule.parts), rule.restart, rule.start
    row.version += 1
    row.save()
    oplog.record("numbering.updated", numbering.ALL[key].label, by=by, text="修改编号规则", changes=changes)
    return row
