"""From the `where` of a URL to a condition: everything is checked against the catalogue, nothing unknown reaches the ORM."""

import json
from dataclasses import dataclass, field
from datetime import UTC
from decimal import Decimal, InvalidOperation

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db.models import Q

from ..custom.types import Moment
from . import dates, operands

MOST = 30  # conditions
LONGEST = 8000  # characters of the parameter
SPECIAL_PEOPLE = {"me": "本人", "subordinates": "本人及下属", "department": "本部门同事"}
SPECIAL_DEPARTMENTS = {"mine": "本部门"}


class Unknown(ValueError):
    """What was not understood, in a sentence."""


@dataclass
class Parsed:
    """`q` = the condition (None without any), `count` of its parts, `problems` in words, `words` for chips and tooltips."""

    q: Q | None = None
    count: int = 0
    problems: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)


def parse(text: str, module, user) -> Parsed:
    """The condition of a `where` parameter. Any problem drops the whole of it: half a condition would show other rows than
    the person asked for."""
    found = Parsed()
    if not text:
        return found
    try:
        if len(text) > LONGEST:
            raise Unknown("条件太长")
        try:
            tree = json.loads(text)
        except (ValueError, RecursionError):
            raise Unknown("格式不正确") from None
        reader = _Reader(operands.catalogue(module, user), user)
        found.q = reader.group(tree, depth=1)
        found.count, found.words = reader.count, reader.words
    except Unknown as problem:
        found.problems.append(f"高级筛选已忽略：{problem}。")
    return found


class _Reader:
    def __init__(self, known, user):
        self.known, self.user, self.count, self.words = known, user, 0, []

    def group(self, tree, *, depth: int) -> Q | None:
        if not isinstance(tree, dict) or tree.get("m") not in ("and", "or") or not isinstance(tree.get("c"), list):
            raise Unknown("格式不正确")
        parts = []
        for one in tree["c"]:
            if isinstance(one, dict) and "c" in one:
                if depth == 2:
                    raise Unknown("最多两层分组")
                part = self.group(one, depth=depth + 1)
            else:
                part = self.condition(one)
            if part is not None:
                parts.append(part)
        if not parts:
            return None
        whole = parts[0]
        for part in parts[1:]:
            whole = whole & part if tree["m"] == "and" else whole | part
        return whole

    def condition(self, one) -> Q:
        self.count += 1
        if self.count > MOST:
            raise Unknown(f"最多 {MOST} 个条件")
        if not isinstance(one, dict) or not isinstance(one.get("f"), str) or not isinstance(one.get("o"), str):
            raise Unknown("格式不正确")
        operand = self.known.get(one["f"])
        if operand is None:
            raise Unknown(f"没有“{one['f'][:40]}”这个字段，它可能已停用或您没有权限")
        label = next((label for key, label, _ in operand.operators if key == one["o"]), None)
        if label is None:
            raise Unknown(f"“{operand.label}”不能用“{one['o'][:20]}”比较")
        values = one.get("v", [])
        values = values if isinstance(values, list) else [values]
        takes = next(number for key, _, number in operand.operators if key == one["o"])
        if takes and (not values or (takes < 9 and len(values) != takes) or len(values) > 200):
            raise Unknown(f"请填写“{operand.label}”的值")
        if any(not isinstance(value, str | int | float) or isinstance(value, bool) for value in values):
            raise Unknown(f"“{operand.label}”的值无效")
        value, shown = self.value(operand, one["o"], values) if takes else (None, "")
        self.words.append(" ".join(filter(None, (operand.label, label, shown))))
        return operand.build(one["o"], value)

    # Values -----------------------------------------------------------------------------------------------------------
    def value(self, operand, operator: str, values: list):
        """(checked value, its words)."""
        if operand.kind in ("number", "count"):
            return self.numbers(operand, values)
        if operand.kind == "date":
            return self.dates(operand, operator, values)
        if operand.kind == "person":
            return self.people(operand, values)
        if operand.kind == "department":
            return self.departments(operand, values)
        if operand.kind == "choice":
            known = {str(key): (key, label) for key, label in operand.options()}
            if strange := [value for value in values if str(value) not in known]:
                raise Unknown(f"“{operand.label}”没有“{str(strange[0])[:40]}”这个选项")
            pairs = [known[str(value)] for value in values]
            return [key for key, _ in pairs], "、".join(label for _, label in pairs)
        text = str(values[0]).replace("\x00", "").strip()[:200]
        if not text:
            raise Unknown(f"请填写“{operand.label}”的值")
        return text, text

    def numbers(self, operand, values):
        found = []
        for value in values:
            try:
                number = Decimal(str(value).replace(",", "").strip())
            except InvalidOperation:
                raise Unknown(f"“{operand.label}”应为数字") from None
            if not number.is_finite() or abs(number) >= 10**15:
                raise Unknown(f"“{operand.label}”应为数字")
            found.append(number)
        if len(found) == 2 and found[0] > found[1]:
            found.reverse()
        return (found if len(found) > 1 else found[0]), " 到 ".join(f"{number:,f}" for number in found)

    def dates(self, operand, operator: str, values):
        spans = []
        for value in values:
            try:
                spans.append(dates.span(str(value)))
            except (ValueError, OverflowError):
                raise Unknown(f"“{operand.label}”的日期“{str(value)[:20]}”无效") from None
        low, high = {
            "on": lambda: spans[0],
            "before": lambda: (None, spans[0][0]),
            "after": lambda: (spans[0][1], None),
            "between": lambda: (min(spans[0][0], spans[1][0]), max(spans[0][1], spans[1][1])),
        }[operator]()
        custom = operand.key.rpartition(".")[2][1:].isdigit()
        return tuple(self.edge(day, operand, custom) for day in (low, high)), " 到 ".join(
            dates.words(str(value)) for value in values
        )

    @staticmethod
    def edge(day, operand, custom: bool):
        """A day in the terms its column compares in."""
        if day is None:
            return None
        if operand.moment:
            moment = dates.moment(day)
            return moment.astimezone(UTC).strftime(Moment.form) if custom else moment
        return day.isoformat() if custom else day

    def people(self, operand, values):
        ids, shown = set(), []
        numbers = [
            int(value) for value in values if str(value).isascii() and str(value).isdigit() and len(str(value)) < 19
        ]
        names = dict(get_user_model().objects.filter(pk__any=numbers).values_list("pk", "name")) if numbers else {}
        for value in values:
            if value == "me":
                ids.add(self.user.pk)
            elif value == "subordinates":
                ids |= self.user.subordinate_ids()
            elif value == "department":
                rows = get_user_model().objects.filter(department_id=self.user.department_id)
                ids |= set(rows.values_list("pk", flat=True))
            elif str(value).isascii() and str(value).isdigit() and int(value) in names:
                ids.add(int(value))
            else:
                raise Unknown(f"“{operand.label}”的人员无效")
            shown.append(SPECIAL_PEOPLE.get(value) or names[int(value)])
        return sorted(ids), "、".join(shown)

    def departments(self, operand, values):
        known = dict(apps.get_model("orgs", "Department").objects.values_list("pk", "name"))
        ids, shown = [], []
        for value in values:
            if value == "mine":
                ids.append(self.user.department_id)
                shown.append(SPECIAL_DEPARTMENTS[value])
            elif str(value).isascii() and str(value).isdigit() and int(value) in known:
                ids.append(int(value))
                shown.append(known[int(value)])
            else:
                raise Unknown(f"“{operand.label}”的部门无效")
        return ids, "、".join(shown)
