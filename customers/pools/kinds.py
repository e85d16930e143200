"""What a pooled type of record declares: its reclaim rules, what can be exempted, who goes along."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from django.db.models import Q

from crm.records import modules


@dataclass(frozen=True)
class Rule:
    """A reclaim rule. Its clock starts at `event` (the field of the last such event; a missing one counts from creation, or
    where `required` switches the rule off for that record), at the earliest on the day the present owner received the
    record. `only(record)` and `where` say the same of a row and of a query: which records it is about. `words` has {days}.
    `lead` stands before the number of days on the settings page, `since` names the event there; while one of the exemptions
    `stopped_by` is ticked the rule never takes anything."""

    key: str
    label: str
    sentence: str  # after the number of days on the settings page
    words: str  # the reason that is kept: "30 天无新跟进"
    event: str = ""
    required: bool = False
    where: Q = Q()
    only: Callable = lambda record: True
    lead: str = "连续"
    since: str = ""
    stopped_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exemption:
    """Records a pool may spare: `where(day)` for a query, `holds(record, day)` for a row, on the day of the run. `ends`
    names a date field after which it holds no longer."""

    key: str
    label: str
    where: Callable[[date], Q]
    ends: str = ""
    holds: Callable = lambda record, day: False


@dataclass(frozen=True)
class Kind:
    """`children` = [(module, foreign key)] whose owner goes along; `masked` = field keys hidden in a pool by default; `leading` =
    the first columns of a pool's list; `facts` = fields that rules and exemptions read of a row; `entering` = {field: value}
    of records that fall into a pool; `assigned(by, now)` = {field: value} of those somebody is given out of it."""

    module: str
    label: str
    prefix: str
    rules: tuple[Rule, ...]
    exemptions: tuple[Exemption, ...]
    children: tuple[tuple[str, str], ...] = ()
    masked: tuple[str, ...] = ()
    filters: str = ""  # the search row of the pool's list
    level: str = "level_id"
    closed: Exemption | None = None  # records in a final state, which no rule takes
    bulk: tuple = ()  # further bulk actions of its pools
    leading: tuple[str, ...] = ("name", "industry", "rating", "phone")
    facts: tuple[str, ...] = ()
    entering: dict = field(default_factory=dict)
    assigned: Callable = lambda by, now: {}
    assign_label: str = "分配"

    @property
    def of(self):
        """The module of the records."""
        return modules.get(self.module)

    @property
    def model(self):
        return self.of.model

    def rule(self, key: str) -> Rule:
        return next(rule for rule in self.rules if rule.key == key)

    def exemption(self, key: str) -> Exemption | None:
        return next((one for one in self.exemptions if one.key == key), None)


ALL: dict[str, Kind] = {}


def register(kind: Kind) -> Kind:
    """Declare a pooled type; its module must be new."""
    if kind.module in ALL:
        raise ValueError(f"{kind.module} is pooled already")
    ALL[kind.module] = kind
    return kind


def get(module: str) -> Kind:
    return ALL[module]


def find(module: str) -> Kind | None:
    return ALL.get(module)
