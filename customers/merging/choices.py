"""Which fields a person chooses between when customers become one, and what each customer has there."""

from dataclasses import dataclass, field

from crm.records import fieldset, modules
from crm.records.custom.definitions import Type

from ..models import Customer

ADDRESS = "full_address"
_PARTS = {ADDRESS: ("province", "city", "address")}
# Facts that follow from what is merged: dates from the follow-ups, 已成交 and 锁定 where one of them is.
DERIVED = ("next_contact_at", "deal_status", "locked")
POOL = "公海"


@dataclass
class Row:
    """One field: `texts` = {customer id: as people read it}; `same` where there is nothing to choose; `pick` = the customer
    whose value is offered first."""

    key: str
    label: str
    texts: dict[int, str]
    same: bool
    pick: int
    errors: list[str] = field(default_factory=list)


def _stored(customer: Customer, key: str, custom) -> tuple:
    if key in custom:
        return (customer.extra.get(key),)
    names = _PARTS.get(key, (key,))
    return tuple(getattr(customer, Customer._meta.get_field(name).attname) for name in names)


def _empty(values: tuple) -> bool:
    return all(value in (None, "", []) for value in values)


def keys(user) -> list[str]:
    """Fields the person may change, in the order of the form: hidden, masked and read-only ones keep the survivor's value."""
    fields, form = fieldset.of(modules.get("customer"), user), modules.get("customer").form_class
    named: list[str] = []
    for name in form.Meta.fields:
        key = next((whole for whole, parts in _PARTS.items() if name in parts), name)
        if key not in named and name not in DERIVED:
            named.append(key)
    named += [key for key, one in fields.custom.items() if one.type != Type.FILES]
    return [key for key in named if fields.editable(key) and fields.in_form(key)]


def rows(customers: list[Customer], survivor: Customer, user) -> list[Row]:
    """The rows of the page, those with nothing to choose last; where the survivor has nothing the first that has is offered."""
    fields = fieldset.of(modules.get("customer"), user)
    wanted = keys(user)
    columns = {key: fields.by_key[key] for key in wanted if key in fields.by_key}
    fields.prepare(list(columns.values()), customers)
    first = [survivor, *(one for one in customers if one.pk != survivor.pk)]
    found = []
    for key, column in columns.items():
        stored = {one.pk: _stored(one, key, fields.custom) for one in customers}
        texts = {one.pk: column.text(column.value(one)) for one in customers}
        if key == "owner":
            texts = {
                one.pk: f"{one.owner.name} {one.owner.department_name}".strip() if one.owner else POOL
                for one in customers
            }
        same = all(value == stored[survivor.pk] for value in stored.values())
        if same and _empty(stored[survivor.pk]):
            continue
        pick = next((one.pk for one in first if not _empty(stored[one.pk])), survivor.pk)
        found.append(Row(key, column.label, texts, same, pick))
    return sorted(found, key=lambda row: row.same)


def values(customers: list[Customer], survivor: Customer, picks: dict[str, int], user) -> dict:
    """{field name or key of a custom field: value} the survivor takes from the picked customers; fields the person may not
    change are left out whatever was sent."""
    by_pk = {one.pk: one for one in customers}
    custom = fieldset.of(modules.get("customer"), user).custom
    new = {}
    for key in keys(user):
        source = by_pk.get(picks.get(key, survivor.pk), survivor)
        if source is survivor:
            continue
        if key in custom:
            new[key] = source.extra.get(key)
        else:
            new |= {name: getattr(source, name) for name in _PARTS.get(key, (key,))}
    if survivor.deal_status != (dealt := max(one.deal_status for one in customers)):
        new["deal_status"] = dealt
    if not survivor.locked and any(one.locked for one in customers):
        new["locked"] = True
    return new


def joined_files(customers: list[Customer], survivor: Customer, user) -> dict[str, list[int]]:
    """{key: ids} of custom fields with files, which are united, as far as the person may change them."""
    fields, found = fieldset.of(modules.get("customer"), user), {}
    for key, one in fields.custom.items():
        if one.type == Type.FILES and fields.editable(key):
            ids = sorted({pk for customer in customers for pk in customer.extra.get(key) or []})
            if ids != sorted(survivor.extra.get(key) or []):
                found[key] = ids
    return found
