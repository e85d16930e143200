"""What may be done with a record that needs approval, by its status: the one table that the gate, bulk actions, imports and
services obey."""

from crm.records.modules import Closed

from .models import Status

ALWAYS = {"view", "print", "export", "follow", "share", "transfer", "attach"}
FREE = ALWAYS | {"create", "edit", "delete", "submit"}
TABLE: dict[str, frozenset[str]] = {
    Status.DRAFT: frozenset(FREE),
    Status.REJECTED: frozenset(FREE),
    Status.WITHDRAWN: frozenset(FREE),
    Status.PENDING: frozenset(ALWAYS | {"withdraw"}),
    # amend 变更, void 作废, renew 续签, pay 回款与计划, bill 开票, finish 完成与关闭, issue 登记发票, settle 标记提成
    Status.APPROVED: frozenset(ALWAYS | {"amend", "void", "renew", "pay", "bill", "finish", "issue", "settle"}),
    Status.VOID: frozenset(ALWAYS - {"share", "transfer", "attach"}),
}
SENTENCES = {
    Status.DRAFT: "还没有通过审批，不能这样做；请先提交",
    Status.REJECTED: "审批没有通过，不能这样做；请修改后重新提交",
    Status.WITHDRAWN: "审批已撤回，不能这样做；请重新提交",
    Status.PENDING: "审批中不能修改，请先撤回再编辑",
    Status.APPROVED: "已通过审批的不能直接修改或删除；请用“变更”或“作废”",
    Status.VOID: "已作废，只能查看",
}


def allows(status: str, action: str) -> bool:
    """Whether a record in this status may be acted on so, whoever asks."""
    return action in TABLE[status]


def closings(field: str = "status", sentences: dict[str, str] | None = None) -> tuple[Closed, ...]:
    """The table as `Module.closed` takes it."""
    said = {**SENTENCES, **(sentences or {})}
    return tuple(Closed(field, (status,), actions, said[status]) for status, actions in TABLE.items())
