"""What modules add to the frame around the pages: pages of the side bar, boxes of the workbench, polled figures."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class NavPage:
    """A page of the navigation that is no module's list; `function` opens it ("": everybody). `badge` = the figure of BADGES
    beside it."""

    label: str
    url: str
    icon: str
    function: str
    order: float
    group: str = "销售"
    badge: str = ""


NAV: list[NavPage] = []


@dataclass(frozen=True)
class ToDo:
    """A box of 待办事项 on the workbench: how many of a person's own records stand in a view of a module."""

    label: str
    module: str
    view: str


TO_DO: list[ToDo] = []

# Figures of the frame that are polled, each with a box on the workbench: key -> Badge.
BADGES: dict[str, "Badge"] = {}


@dataclass(frozen=True)
class Badge:
    """`expression(user)` = a subquery of the figure (NULL for none), `url` the list it counts, `unit` how it is read aloud."""

    label: str
    unit: str
    url: str
    expression: Callable
