"""Rules in words: for their page and the system log."""

from collections.abc import Iterable
from dataclasses import dataclass

from crm.records import formatting
from crm.records.models import DictionaryItem

from ..models import AssignmentRule, WebForm

DAYS = "一二三四五六日"
CONDITIONS = (
    ("source", "来源"),
    ("industry", "行业"),
    ("campaign", "市场活动"),
    ("areas", "地区"),
    ("forms", "公开表单"),
)
GONE = "（已删除）"


@dataclass
class Words:
    """The names rules need, read once for all of them."""

    items: dict[int, str]
    forms: dict[int, str]

    @classmethod
    def of(cls, rules: Iterable[AssignmentRule]) -> "Words":
        wanted = [rule.conditions for rule in rules]
        ids = {pk for one in wanted for key in ("source", "industry", "campaign") for pk in one.get(key, ())}
        forms = {pk for one in wanted for pk in one.get("forms", ())}
        return cls(
            dict(DictionaryItem.objects.filter(pk__in=ids).values_list("pk", "label")) if ids else {},
            dict(WebForm.objects.filter(pk__in=forms).values_list("pk", "name")) if forms else {},
        )

    def conditions(self, rule: AssignmentRule) -> list[tuple[str, str]]:
        """[("来源", "网络营销、电话咨询"), ...]; empty for all leads."""
        found = []
        for key, label in CONDITIONS:
            if key in rule.conditions:
                values = rule.conditions[key]
                names = [value.replace("/", " ") for value in values] if key == "areas" else self._names(key, values)
                found.append((label, "、".join(names)))
        return found

    def _names(self, key: str, ids: list[int]) -> list[str]:
        known = self.forms if key == "forms" else self.items
        return [known.get(pk, GONE) for pk in ids]

    def group(self, rule: AssignmentRule) -> str:
        """Whom the rule names."""
        if rule.way == AssignmentRule.Way.FIXED:
            return rule.person.name
        return "、".join(one.name for one in (*rule.departments.all(), *rule.people.all()))

    def described(self, rule: AssignmentRule) -> list[tuple[str, str]]:
        """Every setting as (label, text), for the differences in the system log."""
        conditions = dict(self.conditions(rule))
        return [
            ("名称", rule.name),
            *((label, conditions.get(label, "")) for _, label in CONDITIONS),
            ("分配方式", rule.get_way_display()),
            ("分给", self.group(rule)),
            ("工作时间", hours(rule)),
            ("放假", "、".join(rule.holidays)),
            ("补班", "、".join(rule.workdays)),
            ("上限", caps(rule)),
            ("没有人可以接收时", fallback(rule)),
        ]


def weekdays(days: list[int]) -> str:
    """周一至周五 · 周一、周三 · 每天."""
    days = sorted(days)
    if days == list(range(7)):
        return "每天"
    if len(days) > 2 and days == list(range(days[0], days[-1] + 1)):
        return f"周{DAYS[days[0]]}至周{DAYS[days[-1]]}"
    return "、".join(f"周{DAYS[day]}" for day in days) or "只在补班的日期"


def hours(rule: AssignmentRule) -> str:
    """周一至周五 09:00–18:00."""
    times = f" {rule.opens:%H:%M}–{rule.closes:%H:%M}" if rule.opens else " 全天"
    return weekdays(rule.days) + times


def caps(rule: AssignmentRule) -> str:
    """每人每天 20 个，跟进中 100 个; "" without any."""
    parts = []
    if rule.daily_cap is not None:
        parts.append(f"每人每天 {rule.daily_cap:,} 个")
    if rule.open_cap is not None:
        parts.append(f"每人跟进中 {rule.open_cap:,} 个")
    return "，".join(parts)


def fallback(rule: AssignmentRule) -> str:
    """What happens to a lead nobody can take."""
    if rule.fallback_person_id:
        return f"转给{rule.fallback_person.name}"
    return f"放入“{rule.fallback_pool.name}”" if rule.fallback_pool_id else "在线索池里等待"


def target(rule: AssignmentRule) -> str:
    """How the system log names a rule."""
    return f"线索分配规则“{rule.name}”"


def when(rule: AssignmentRule, now) -> str:
    """From when the rule gives leads out, seen from now."""
    at = rule.works_from(now)
    if at is None:
        return "没有工作时间"
    return "现在" if at == now else f"{formatting.moment(at)} 起"
