"""The records a lead becomes, as its fields and the mapping say; nothing is written here."""

from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import models

from crm.records import areas, fieldset, modules
from customers.merging import contacts
from customers.models import Contact, Customer
from opportunities.models import Opportunity, Pipeline, Stage
from opportunities.stages import lacking

from . import mapping, matching, values

UNNAMED = "联系人"  # a number without a name


@dataclass
class Wanted:
    """The opportunity that is asked for: `name` empty = the company's 商机, `amount` and `expected_on` None = by the mapping."""

    pipeline: Pipeline
    stage: Stage
    name: str = ""
    amount: object = None
    expected_on: object = None


@dataclass
class Values:
    """What the mapping makes of one lead: {module: {field name or key of a custom field: value}}."""

    of: dict[str, dict] = field(default_factory=lambda: {"customer": {}, "contact": {}, "opportunity": {}})


def read(lead, rows: list[mapping.Row], user) -> Values:
    """The mapped values of a lead; ValidationError names the field that cannot take its value."""
    found, faults = Values(), []
    for row in rows:
        if row.target is None:
            continue
        try:
            value = values.carried(lead, row.source, row.target)
        except ValidationError as error:
            faults += _fault(row, error, user)
            continue
        if value not in (None, "", []):
            found.of[row.target.module][row.target.name] = value
    if faults:
        raise ValidationError(faults)
    place = found.of["customer"]
    if "province" in place or "city" in place:
        place["province"], place["city"] = areas.place(place.get("province", ""), place.get("city", ""))
    return found


def _fault(row: mapping.Row, error: ValidationError, user) -> list[str]:
    """The sentence about a field, without the value where the person may not read it."""
    fields = [(row.source.module, row.source.name), (row.target.module, row.target.name)]
    readable = all(fieldset.of(modules.get(module), user).readable(key) for module, key in fields)
    words = "；".join(error.messages) if readable else "内容不符合要求"
    return [f"{modules.get(row.target.module).label}的{mapping.label(row.target, user)}：{words}"]


def fill(record, new: dict) -> None:
    """Set these values on a record that is not saved yet."""
    names = {one.name for one in record._meta.concrete_fields}
    for name, value in new.items():
        if name in names:
            setattr(record, name, value)
        else:
            record.extra[name] = value


def _checked(record, by):
    """The checks of the model that cost no statement; related rows are those the lead has."""
    record.created_by = by
    relations = {one.name for one in record._meta.concrete_fields if isinstance(one, models.ForeignKey)}
    record.clean_fields(exclude=relations)
    record.clean()
    return record


def customer(lead, made: Values, *, by) -> Customer:
    """The new customer, owned as the lead."""
    record = Customer(name=matching.company_of(lead), owner=lead.owner)
    fill(record, made.of["customer"])
    record.last_followed_at = lead.last_followed_at
    return _checked(record, by)


def has_contact(lead) -> bool:
    """Whether there is anybody to make a contact of."""
    return bool(lead.contact_name or lead.mobile)


def contact_name(lead) -> str:
    return lead.contact_name or UNNAMED


def contact(lead, made: Values, of: Customer, *, primary: bool, by) -> Contact:
    """The new contact, owned as the lead."""
    record = Contact(customer=of, name=contact_name(lead), owner=lead.owner, is_primary=primary)
    fill(record, made.of["contact"])
    return _checked(record, by)


def same_person(lead, made: Values, there: list[Contact]) -> Contact | None:
    """The contact of a customer who is the lead's: same name and a number or mail address in common."""
    record = Contact(name=contact_name(lead))
    fill(record, made.of["contact"])
    return contacts.doubles(there, [record]).get(None)


def opportunity(lead, made: Values, of: Customer, wanted: Wanted, decider: Contact | None, *, by) -> Opportunity:
    """The new opportunity; ValidationError where its stage demands fields that stay empty."""
    record = Opportunity(
        name=wanted.name or opportunity_name(lead),
        customer=of,
        owner=lead.owner,
        pipeline=wanted.pipeline,
        stage=wanted.stage,
        decider=decider,
    )
    fill(record, made.of["opportunity"])
    for name in ("amount", "expected_on"):
        if (value := getattr(wanted, name)) is not None:
            setattr(record, name, value)
    if keys := lacking(record, wanted.stage):
        company = fieldset.of(modules.get("opportunity"), by)
        labels = [company.label(key) for key in keys]
        raise ValidationError(f"商机进入“{wanted.stage.name}”前须填写：{'、'.join(labels)}")
    return record


def opportunity_name(lead) -> str:
    """云澜智造的商机"""
    return f"{matching.company_of(lead)[:47]}的商机"


def missing(record, new: dict) -> dict:
    """Those of the values whose field is still empty on a record that exists; an address is one thing."""
    names = {one.name for one in record._meta.concrete_fields}
    found = {}
    for name, value in new.items():
        now = getattr(record, name) if name in names else record.extra.get(name)
        if now in (None, "", [], False):
            found[name] = value
    if isinstance(record, Customer) and (record.province or record.city):
        found.pop("province", None)
        found.pop("city", None)
    return found
