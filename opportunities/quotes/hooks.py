"""What modules above may do with a quotation (转为合同): they register an action, the page of the quotation offers it."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Action:
    """`url(quotation, user)` answers the address of the action, "" where it is not offered to this person now."""

    label: str
    icon: str
    url: Callable
    dialog: bool = False


ACTIONS: list[Action] = []


def register(action: Action) -> None:
    ACTIONS.append(action)


def offered(quotation, user) -> list[dict]:
    """The actions of a quotation as the page shows them."""
    return [
        {"label": one.label, "icon": one.icon, "url": url, "dialog": one.dialog}
        for one in ACTIONS
        if (url := one.url(quotation, user))
    ]
