"""What differs between two versions, in words."""

from collections import defaultdict
from dataclasses import dataclass, field

from crm.records import formatting

from ..models import QuotationLine, QuotationVersion
from .queries import Sight
from .sheet import percent, quantity

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
WORDS = {ADDED: "新增", REMOVED: "删除", CHANGED: "修改"}


@dataclass(frozen=True)
class Change:
    label: str
    old: str
    new: str


@dataclass
class LineChange:
    """A line that came, went or changed; `changes` says what of it, `text` what an added or removed one says."""

    kind: str
    name: str
    text: str = ""
    changes: list[Change] = field(default_factory=list)

    @property
    def word(self) -> str:
        return WORDS[self.kind]


def _line_values(line: QuotationLine, seen: Sight) -> list[tuple[str, str]]:
    found = [("名称", line.name), ("单位", line.unit), ("数量", quantity(line.quantity))]
    if seen.list_price:
        found.append(("标准价", formatting.money(line.list_price)))
    if seen.money:
        found += [("单价", formatting.money(line.price)), ("小计", formatting.money(line.subtotal))]
    return [*found, ("备注", line.remark)]


def _said(line: QuotationLine, seen: Sight) -> str:
    amount = f"{quantity(line.quantity)} {line.unit}".strip()
    return f"{amount} × {formatting.money(line.price)} = {formatting.money(line.subtotal)}" if seen.money else amount


def _differing(old: list[tuple[str, str]], new: list[tuple[str, str]]) -> list[Change]:
    return [Change(label, one, two) for (label, one), (_, two) in zip(old, new, strict=True) if one != two]


def lines_between(old: list[QuotationLine], new: list[QuotationLine], seen: Sight) -> list[LineChange]:
    """Lines of the same product belong together, equal ones first, the others in their order."""
    left: dict[int, list[QuotationLine]] = defaultdict(list)
    for line in old:
        left[line.product_id].append(line)
    found, rest = [], []
    for line in new:
        same = [one for one in left[line.product_id] if _line_values(one, seen) == _line_values(line, seen)]
        if same:
            left[line.product_id].remove(same[0])
        else:
            rest.append(line)
    for line in rest:
        if left[line.product_id]:
            before = left[line.product_id].pop(0)
            changes = _differing(_line_values(before, seen), _line_values(line, seen))
            found.append(LineChange(CHANGED, line.name, changes=changes))
        else:
            found.append(LineChange(ADDED, line.name, _said(line, seen)))
    gone = [line for line in old if any(line is one for one in left[line.product_id])]
    return [*found, *(LineChange(REMOVED, line.name, _said(line, seen)) for line in gone)]


def _head(version: QuotationVersion, seen: Sight) -> list[tuple[str, str]]:
    found = [
        ("标题", version.title),
        ("客户联系人", version.contact_name),
        ("报价人", version.seller_name),
        ("有效期至", formatting.day(version.valid_until)),
        ("条款与说明", version.terms),
    ]
    if seen.customer:
        found.append(("客户", version.customer_name))
    if seen.discount:
        found.append(("整单折扣", percent(version.discount)))
    if seen.money:
        found.append(("报价总额", formatting.money(version.total)))
    return found


@dataclass(frozen=True)
class Difference:
    """Between a version and the one before it."""

    before: int
    head: list[Change]
    lines: list[LineChange]

    @property
    def empty(self) -> bool:
        return not self.head and not self.lines


def between(old: QuotationVersion, new: QuotationVersion, seen: Sight) -> Difference:
    """What changed from `old` to `new`, as far as the person may read it: one statement for the lines of both."""
    lines: dict[int, list[QuotationLine]] = {old.pk: [], new.pk: []}
    for line in QuotationLine.objects.filter(version__in=[old, new]):
        lines[line.version_id].append(line)
    return Difference(
        old.number, _differing(_head(old, seen), _head(new, seen)), lines_between(lines[old.pk], lines[new.pk], seen)
    )
