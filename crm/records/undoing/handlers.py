"""Which acts can be taken back, and on which rows a person may do so. Modules above register theirs."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Handler:
    """`rows(module, user, own)` = the rows on which `user` may take the act back (`own`: it was theirs); `text` stands in the
    log of each record. `code` is the last part of the log's code. An act that also moved what hangs on records: `check(entry)`
    refuses in words, `after(entry, lines, by)` puts it back once the records of these lines are, `stays(entry)` = [(what,
    why)] of what stays where it is. `days` = the parameter that says for how long; `page(entry)` = where it is taken back, when
    not at /undo/; `disabled_too`: former owners get their records back though disabled; `refuse(lines, lock)` = {record: why it
    stays} of records of the act whose consequences were built upon (`lock`: until the transaction ends)."""

    action: str
    label: str
    icon: str
    text: str
    rows: Callable
    check: Callable | None = None
    after: Callable | None = None
    stays: Callable | None = None
    days: str = "undo_days"
    page: Callable | None = None
    disabled_too: bool = False
    refuse: Callable | None = None

    @property
    def code(self) -> str:
        return f"{self.action}_undone"


ALL: dict[str, Handler] = {}


def register(action: str, label: str, *, icon: str, rows: Callable, **hooks: Callable) -> Handler:
    """Declare an act that can be taken back; the name must be new."""
    if action in ALL:
        raise ValueError(f"undo of {action!r} is registered twice")
    ALL[action] = Handler(action, label, icon, f"撤销{label}", rows, **hooks)
    return ALL[action]


def get(action: str) -> Handler | None:
    """The handler, None for an act whose module is gone."""
    return ALL.get(action)


def _transferred(module, user, own: bool):
    """Whoever gave a record away may have lost sight of it and can still take it back; others need it in their reach."""
    if own and module.may(user, "transfer"):
        return module.model.objects.live()
    return module.model.objects.allowed(user, "transfer")


register("edit", "批量编辑", icon="edit", rows=lambda module, user, own: module.model.objects.allowed(user, "edit"))
register(
    "delete",
    "删除",
    icon="trash",
    rows=lambda module, user, own: module.rows(user, "delete", trashed=True),
)
register("transfer", "转移", icon="transfer", rows=_transferred)
