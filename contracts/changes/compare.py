"""What differs between two versions of a contract, in words: for the log, for approvers, for whoever reads."""

from dataclasses import dataclass
from types import SimpleNamespace

from crm.records import fieldset, modules
from crm.records.custom import definitions, values
from crm.records.services import display
from opportunities.quotes.changes import ADDED, REMOVED, LineChange, lines_between
from products.lines import figures
from products.lines.tab import Sight

from ..lines.declared import DOCUMENT
from ..models import Contract
from .data import lines_of

# Fields a change may touch, in the order people read them.
SHOWN = (
    "name",
    "opportunity",
    "kind",
    "amount",
    "discount",
    "signed_on",
    "starts_on",
    "ends_on",
    "customer_signer",
    "company_signer",
    "remind_days",
    "remark",
)


def _text(field, value) -> str:
    if field.name == "discount":
        return f"{figures.plain(field.to_python(value))}%" if value is not None else ""
    return display(field, value if field.is_relation or value is None else field.to_python(value))


def field_changes(old: dict, new: dict) -> list[dict]:
    """[{"key", "label", "old", "new"}] of the fields, custom ones too, whoever reads."""
    found = []
    for name in SHOWN:
        field = Contract._meta.get_field(name)
        was, now = (data["fields"].get(field.attname) for data in (old, new))
        if was != now and (texts := (_text(field, was), _text(field, now)))[0] != texts[1]:
            found.append({"key": name, "label": str(field.verbose_name), "old": texts[0], "new": texts[1]})
    extras = [data["fields"].get("extra") or {} for data in (old, new)]
    for key, one in definitions.custom("contract").items():
        was, now = (extra.get(key) for extra in extras)
        if was != now and not one.retired:
            texts = [values.text(one, value)[:2000] for value in (was, now)]
            found.append({"key": key, "label": one.label, "old": texts[0], "new": texts[1]})
    return found


def flat(changes: list[LineChange]) -> list[dict]:
    """Changes of lines as pairs of words."""
    found = []
    for one in changes:
        label = f"产品 {one.name}"
        if one.kind == ADDED:
            found.append({"label": label, "old": "", "new": one.text})
        elif one.kind == REMOVED:
            found.append({"label": label, "old": one.text, "new": ""})
        else:
            found += [{"label": f"{label} {part.label}", "old": part.old, "new": part.new} for part in one.changes]
    return found


def for_log(old: dict, new: dict) -> list[dict]:
    """All differences, each with the key of the field whose rights it obeys; lines tell money, so they obey the amount."""
    everything = SimpleNamespace(money=True, list_price=False)
    lines = flat(lines_between(lines_of(old), lines_of(new), everything))
    return field_changes(old, new) + [{"key": DOCUMENT.total, **one} for one in lines]


@dataclass(frozen=True)
class Difference:
    """What a person may read of it: `head` = fields, `lines` = product lines."""

    head: list[dict]
    lines: list[LineChange]

    @property
    def empty(self) -> bool:
        return not self.head and not self.lines

    @property
    def pairs(self) -> list[dict]:
        return [*self.head, *flat(self.lines)]


def between(old: dict, new: dict, user) -> Difference:
    """The differences as far as `user` may read them, in the company's words."""
    fields, sight = fieldset.of(modules.get("contract"), user), Sight(DOCUMENT, user)
    head = fields.log_changes(field_changes(old, new))
    head = [{**one, "label": fields.label(one["key"], one["label"])} for one in head]
    seen = SimpleNamespace(money=sight.money, list_price=sight.prices)
    return Difference(head, lines_between(lines_of(old), lines_of(new), seen))
