"""The same person at two customers: found by name and number, and what the kept contact takes over from the other."""

from crm.records.fields import name_key

from ..models import Contact

NUMBERS = ("mobile", "phone", "email")
_NOT_FILLED = {"name", "customer", "owner"}


def _signs(contact: Contact) -> set[tuple[str, str, str]]:
    name = name_key(contact.name)
    return {(name, one, value.casefold()) for one in NUMBERS if (value := getattr(contact, one))}


def doubles(there: list[Contact], came: list[Contact]) -> dict[int, Contact]:
    """{id of a contact that comes: the contact already there who is the same person}: same name and same mobile, phone or
    mail address."""
    known: dict[tuple, Contact] = {}
    for contact in there:
        for sign in _signs(contact):
            known.setdefault(sign, contact)
    return {
        contact.pk: match
        for contact in came
        if (match := next((known[sign] for sign in sorted(_signs(contact)) if sign in known), None)) is not None
    }


def missing(kept: Contact, other: Contact) -> tuple[dict, dict]:
    """What the kept contact lacks and the other has: ({attribute: value}, {key of a custom field: value})."""
    plain = {
        field.attname: value
        for field in Contact._meta.concrete_fields
        if field.editable and not field.primary_key and field.name not in _NOT_FILLED
        if getattr(kept, field.attname) in (None, "", False) and (value := getattr(other, field.attname))
    }
    extra = {key: value for key, value in other.extra.items() if kept.extra.get(key) in (None, "", [])}
    return plain, extra
