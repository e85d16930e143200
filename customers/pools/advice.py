"""Settings of a pool that contradict each other or do nothing: told before they are saved, never refused."""

from django.contrib.auth import get_user_model

from orgs.models import Role

from . import book, kinds


def warnings(kind: kinds.Kind, pool: book.Facts) -> list[str]:
    """Sentences about the pool as it would be; a handful of statements whatever its size."""
    served = pool.owners()
    return [
        *_rules(kind, pool),
        *_reminders(pool),
        *_limits(kind, pool),
        *_people(kind, pool, served),
        *_others(kind, pool, served),
    ]


def _rules(kind: kinds.Kind, pool: book.Facts):
    for rule in kind.rules:
        if rule.key not in pool.rules:
            continue
        for key in rule.stopped_by:
            if key in pool.exempt:
                spared = kind.exemption(key).label
                yield f"“{rule.label}”不会回收任何{kind.of.label}：符合的都{spared}，而“{spared}”的不回收。"
        general, levels = pool.rules[rule.key]
        if levels and not any(days is not None for days in levels.values()):
            yield f"“{rule.label}”按级别，但每个级别都没有填天数：只回收没有级别的{kind.of.label}（{general:,} 天）。"


def _days(pool: book.Facts) -> list[int]:
    """Every number of days of the rules that are on."""
    return [days for general, levels in pool.rules.values() for days in (general, *levels.values()) if days is not None]


def _reminders(pool: book.Facts):
    least = min(_days(pool), default=None)
    late = [offset for offset in pool.reminders if least is not None and offset > least]
    if late:
        days = "、".join(str(offset) for offset in sorted(late, reverse=True))
        yield f"提前 {days} 天的提醒比最短的回收天数（{least:,} 天）还长，这些规则到期前不会按它提醒。"
    if pool.reminders and least is None:
        yield "设置了提醒，但没有打开任何回收规则：不会提醒任何人。"


def _limits(kind: kinds.Kind, pool: book.Facts):
    label = kind.of.label
    if pool.claim_limit == 0:
        yield f"每人每天最多领取 0 个：除{kind.label}管理员外，谁都不能领取。不限制请留空。"
    if pool.view_limit == 0:
        yield f"每人每天最多打开 0 个：除{kind.label}管理员外，谁都不能打开{kind.label}里的{label}。不限制请留空。"
    if pool.former_days and pool.freeze_days > pool.former_days:
        yield (
            f"新入池的 {pool.freeze_days:,} 天内谁都不能领取，比原负责人要等的 {pool.former_days:,} 天还长，"
            "原负责人的等待不起作用。"
        )


def _people(kind: kinds.Kind, pool: book.Facts, served: list[int] | None):
    people = get_user_model().objects.filter(is_active=True)
    if served is not None:
        people = people.filter(pk__any=served)
        if not people.exists():
            yield f"没有服务任何在职员工：不会回收任何{kind.of.label}，也没有人能在这里领取。"
            return
    function = f"{kind.module}.claim"
    roles = [role.pk for role in Role.objects.all() if role.is_super or function in role.permissions]
    if not people.filter(roles__in=roles).exists():
        yield f"成员里没有人有“领取”权限，只能由有“{kind.assign_label}”权限的人{kind.assign_label}出去。"


def _others(kind: kinds.Kind, pool: book.Facts, served: list[int] | None):
    for other in book.of(kind.module):
        if other.pk == pool.pk:
            continue
        differing = [
            rule.label
            for rule in kind.rules
            if rule.key in pool.rules and rule.key in other.rules and pool.rules[rule.key] != other.rules[rule.key]
        ]
        if differing and (number := _shared(served, other.owners())):
            names = "、".join(f"“{label}”" for label in differing)
            yield (
                f"“{other.name}”也服务其中 {number:,} 位员工，{names}的天数不同：先到期的一条先回收，{kind.of.label}"
                f"进入那条规则的{kind.label}；同一天到期时，进入排在前面的{kind.label}。"
            )


def _shared(one: list[int] | None, other: list[int] | None) -> int:
    """How many active employees two pools serve both; one statement."""
    people = get_user_model().objects.filter(is_active=True)
    for served in (one, other):
        if served is not None:
            people = people.filter(pk__any=served)
    return people.count()
