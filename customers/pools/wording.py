"""Pools in words: for their settings pages and the system log."""

from crm.records import formatting, modules
from crm.records.fields import DictionaryField
from crm.records.models import DictionaryItem
from orgs import fieldrights, tree
from orgs.models import OrgLog

from ..models import Pool
from . import kinds


def levels_of(kind: kinds.Kind, stored: dict | None = None) -> list[tuple[int, str]]:
    """The levels of a pooled type in their order; retired ones only where the stored rules still name them."""
    field = next((one for one in kind.model._meta.fields if one.attname == kind.level), None)
    if not isinstance(field, DictionaryField):
        return []
    named = {int(pk) for rule in (stored or {}).values() for pk in rule.get("levels") or {}}
    items = DictionaryItem.objects.filter(dictionary=field.code)
    return [(item.pk, item.label) for item in items if item.active or item.pk in named]


def hidable(kind: kinds.Kind) -> list[tuple[str, str]]:
    """(key, label) of every field a pool may hide, of the records and of what goes along with them."""
    found = []
    for name in (kind.module, *(child for child, _ in kind.children)):
        module = modules.get(name)
        for row in fieldrights.restrictable(module):
            label = row["label"]
            found.append((f"{name}.{row['key']}", label if module.label in label else f"{module.label}{label}"))
    return found


def brief(rule: kinds.Rule, days: int) -> str:
    """跟进 30 天: what a rule waits for and how long, where there is little room."""
    return f"{rule.label.removeprefix('没有').removeprefix('新')} {days:,} 天"


def boundary(rule: kinds.Rule, days: list[int]) -> str:
    """Which night takes a record by this rule, and where the counting starts."""
    start = "现负责人得到的那天" if not rule.since else f"{rule.since}、或现负责人得到的那天（取较晚的一天）"
    numbers = "、".join(f"{number:,}" for number in days) or "N"
    more = "，没有合同的不受影响" if rule.required else "，没有发生过的从创建算起" if rule.event else ""
    return f"从{start}起{more}，第 {numbers} 天的次日凌晨 00:30 回收"


def rule_text(rule: dict, levels: dict[int, str]) -> str:
    """关闭 · 30 天 · A 重点 45 天、B 普通不回收、其他 30 天."""
    if not rule.get("on"):
        return "关闭"
    found, days = rule.get("levels") or {}, rule.get("days")
    if not found:
        return f"{days:,} 天"
    pairs = [(levels.get(int(pk), "已删除的级别"), value) for pk, value in found.items()] + [("其他", days)]
    return "、".join(f"{label} {value:,} 天" if value is not None else f"{label}不回收" for label, value in pairs)


def members_text(pool: Pool) -> str:
    if pool.everyone:
        return "所有员工"
    ways = tree.ways()
    names = [ways.get(one.pk, one.name) for one in pool.departments.all()] + [one.name for one in pool.members.all()]
    return "、".join(names) or "没有选择"


def limit_text(value: int | None) -> str:
    return "不限" if value is None else f"{value:,} 个"


def described(kind: kinds.Kind, pool: Pool) -> list[tuple[str, str]]:
    """Every setting of a stored pool as (label, text), for the differences in the system log."""
    levels = dict(levels_of(kind, pool.rules))
    fields = dict(hidable(kind))
    spared = [one.label for one in kind.exemptions if one.key in pool.exempt]
    return [
        ("名称", pool.name),
        *((rule.label, rule_text(pool.rules.get(rule.key) or {}, levels)) for rule in kind.rules),
        ("不回收", "、".join(spared)),
        ("提前提醒", "、".join(f"{days} 天" for days in pool.reminders)),
        ("每人每天最多领取", limit_text(pool.claim_limit)),
        ("每人每天最多打开", limit_text(pool.view_limit)),
        ("原负责人等待", f"{pool.former_days:,} 天"),
        ("新入池冻结", f"{pool.freeze_days:,} 天"),
        ("隐藏的字段", "、".join(fields.get(key, key) for key in pool.hidden)),
        ("成员", members_text(pool)),
        ("管理员", "、".join(one.name for one in pool.admins.all())),
    ]


def last_change(pool: Pool) -> str:
    """Who changed the pool last and when, for the sentence of a conflict."""
    row = OrgLog.objects.filter(target=target(pool)).select_related("actor").first()
    if row is None:
        return "别人"
    labels = "、".join(change["label"] for change in row.changes)
    return f"{row.actor.name if row.actor else '系统'} 在 {formatting.moment(row.created_at)} " + (
        f"改了{labels}" if labels else f"{row.text}"
    )


def target(pool: Pool) -> str:
    """How the system log names a pool."""
    return f"{kinds.get(pool.kind).label}“{pool.name}”"
