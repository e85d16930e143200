"""System parameters: one table, one page. Each has a default, a range and a sentence."""

from collections.abc import Callable
from dataclasses import dataclass

from django.core.cache import cache
from django.db import transaction

from .models.system import Parameter


@dataclass(frozen=True)
class Param:
    """`kind` is "int" (with low..high), "bool" or "choice" (with `choices`)."""

    key: str
    label: str
    default: object
    sentence: str
    kind: str = "int"
    low: int = 0
    high: int = 100_000
    choices: tuple = ()


PARAMS = {
    param.key: param
    for param in [
        Param(
            "page_size",
            "列表每页行数",
            15,
            "新员工打开列表时每页显示的行数。",
            kind="choice",
            choices=((15, "15"), (30, "30"), (50, "50"), (100, "100")),
        ),
        Param(
            "duplicate_names",
            "客户重名",
            "forbid",
            "禁止：同名客户不能保存；提醒：保存前提示可能重复。比较时忽略全半角、大小写和空格。",
            kind="choice",
            choices=(("forbid", "禁止"), ("warn", "提醒")),
        ),
        Param(
            "children_follow_parent",
            "看得到客户就看得到其联系人和商机",
            True,
            "关闭后，只有客户的负责人能看到客户下别人负责的联系人和商机。",
            kind="bool",
        ),
        Param(
            "created_by_me_visible",
            "创建人始终可见",
            False,
            "打开后，员工能看到自己创建、现由他人负责的记录（只读）。",
            kind="bool",
        ),
        Param(
            "tag_create",
            "员工可以新建标签",
            True,
            "打标签和导入时，没有的标签直接新建；关闭后只有数据字典的管理员能新建。",
            kind="bool",
        ),
        Param(
            "churn_months",
            "流失预警（月）",
            6,
            "最近一次成交（没有成交的从创建算起）超过这个月数的客户每晚进入流失预警；0 表示不预警。",
            high=120,
        ),
        Param(
            "export_background",
            "后台导出的行数",
            2000,
            "导出超过这个行数时转到后台任务，完成后发消息。",
            low=100,
            high=100_000,
        ),
        Param("export_days", "导出文件保留天数", 7, "过期的导出文件会自动删除。", low=1, high=90),
        Param(
            "recycle_days",
            "回收站保留天数",
            30,
            "删除超过这个天数的记录每晚自动彻底清除，附件一并删除。",
            low=1,
            high=3650,
        ),
        Param(
            "undo_days",
            "撤销保留天数",
            30,
            "批量编辑、删除、转移和导入在这个天数内可以撤销，前提是记录之后没有被改动。",
            low=1,
            high=365,
        ),
        Param("handover_undo_days", "交接撤销保留天数", 7, "离职交接在这个天数内可以撤销。", low=1, high=90),
        Param(
            "bulk_limit",
            "一次批量操作的最大行数",
            50_000,
            "“选择全部”超过这个行数时请缩小筛选范围。",
            low=100,
            high=200_000,
        ),
        Param(
            "mail_per_minute",
            "群发邮件每分钟封数",
            60,
            "全公司发给客户的邮件按这个速度发出，避免被邮件服务商限制。",
            low=1,
            high=300,
        ),
        Param("mail_per_day", "每人每天群发封数", 2000, "一位员工一天最多给客户发这么多封邮件。", low=1, high=100_000),
        Param("session_idle_hours", "闲置退出（小时）", 8, "超过这个时间没有操作需要重新登录。", low=1, high=336),
        Param("signin_log_days", "登录日志保留天数", 365, "更早的登录日志会自动清除。", low=30, high=3650),
    ]
}

_CACHE = "params"
_HOOKS: dict[str, Callable] = {}


def declare(*found: Param) -> None:
    """Add parameters of a module above; their keys must be new."""
    for param in found:
        if param.key in PARAMS:
            raise ValueError(f"parameter {param.key} is declared twice")
        PARAMS[param.key] = param


def on_change(key: str, hook: Callable) -> None:
    """Have `hook(value)` run in the transaction that stores a new value; a ValidationError from it refuses the change.
    Modules above register what a parameter of theirs means for existing rows."""
    _HOOKS[PARAMS[key].key] = hook


def all_values() -> dict:
    """Every parameter with its present value; read from the cache, which `store` empties."""
    values = cache.get(_CACHE)
    if values is None:
        values = {param.key: param.default for param in PARAMS.values()}
        values |= {row.key: row.value for row in Parameter.objects.filter(key__in=PARAMS)}
        cache.set(_CACHE, values, 60)
    return values


def get(key: str):
    """The present value of a declared parameter (KeyError for an undeclared one)."""
    values = all_values()  # those of an older process know no new parameter yet
    return values[key] if key in values else PARAMS[key].default


@transaction.atomic
def store(key: str, value) -> None:
    """Keep a checked value; a value equal to the default leaves no row."""
    if key in _HOOKS and value != get(key):
        _HOOKS[key](value)
    if value == PARAMS[key].default:
        Parameter.objects.filter(key=key).delete()
    else:
        Parameter.objects.update_or_create(key=key, defaults={"value": value})
    cache.delete(_CACHE)
    transaction.on_commit(lambda: cache.delete(_CACHE))  # again: a reader in between cached the old value
