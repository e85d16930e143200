"""The mapping: which field of a lead goes where. Name, contact name and owner have fixed places and stand not in it."""

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction

from crm.records import fieldset, modules
from crm.records.custom import definitions
from crm.records.custom.definitions import Type
from orgs.services import oplog

from ..models import ConversionMapping
from . import values
from .values import Field

SOURCES = (
    "mobile",
    "phone",
    "email",
    "position",
    "province",
    "city",
    "address",
    "industry",
    "level",
    "source",
    "campaign",
    "chance",
    "summary",
    "description",
    "next_contact_at",
    "remark",
)
TARGETS = {
    "customer": (
        "type level status intent relation industry source nature postcode annual_turnover rating region province city "
        "address phone website employees satisfaction credit next_contact_at remark"
    ).split(),
    "contact": (
        "salutation position department mobile phone email qq wechat birthday is_decider address postcode remark"
    ).split(),
    "opportunity": "amount expected_on source competitors next_contact_at remark".split(),
}
DEFAULTS = {
    "mobile": "contact.mobile",
    "phone": "customer.phone",
    "email": "contact.email",
    "position": "contact.position",
    "province": "customer.province",
    "city": "customer.city",
    "address": "customer.address",
    "industry": "customer.industry",
    "level": "customer.level",
    "source": "customer.source",
    "summary": "opportunity.remark",
    "next_contact_at": "customer.next_contact_at",
    "remark": "customer.remark",
}


class Stale(Exception):
    """Somebody saved the mapping since its page was opened."""


@dataclass(frozen=True)
class Row:
    """A field of leads and where it goes (None: nowhere)."""

    source: Field
    target: Field | None


def _all(module, names, stamp: str) -> list[Field]:
    # files stay where they are: the record's own go along, those under a field obey the rights of that field
    own = [one for one in definitions.custom(module.name, stamp).values() if not one.retired and one.type != Type.FILES]
    return [values.of_model(module, name) for name in names] + [values.of_custom(module, one) for one in own]


def sources(user) -> list[Field]:
    """The fields of leads that can go somewhere."""
    return _all(modules.get("lead"), SOURCES, definitions.stamp_of(user))


def targets(user) -> list[Field]:
    """The fields something can go to, those of customers first."""
    stamp = definitions.stamp_of(user)
    return [field for name, names in TARGETS.items() for field in _all(modules.get(name), names, stamp)]


def label(field: Field, user) -> str:
    """The company's name of a field."""
    module = modules.get(field.module)
    fallback = "" if field.definition else str(module.model._meta.get_field(field.name).verbose_name)
    return fieldset.of(module, user).label(field.name, fallback)


def load(*, lock: bool = False) -> ConversionMapping:
    """The row; `lock` holds every other conversion until the transaction ends."""
    rows = ConversionMapping.objects.select_for_update() if lock else ConversionMapping.objects
    return rows.order_by("pk").first() or ConversionMapping.objects.create()


def rows(mapping: ConversionMapping, user) -> list[Row]:
    """Every field of leads with its place now; what the company named and no longer exists or fits goes nowhere."""
    there = {field.key: field for field in targets(user)}
    named = mapping.targets
    taken, found = {key for key in named.values() if key}, []
    for source in sources(user):
        wanted = named.get(source.name)
        if wanted is None:
            wanted = DEFAULTS.get(source.name, "")
            wanted = "" if wanted in taken else wanted
        target = there.get(wanted)
        found.append(Row(source, target if target is not None and values.fits(source, target) else None))
    return found


@transaction.atomic
def save(chosen: dict[str, str], *, version: int, by) -> ConversionMapping:
    """Keep {lead field: target or ""}. Stale where somebody saved since `version`; ValidationError where a target does not fit
    or is named twice."""
    mapping = load(lock=True)
    if mapping.version != version:
        raise Stale
    there = {field.key: field for field in targets(by)}
    before = {row.source.name: row.target for row in rows(mapping, by)}
    faults, used, known = {}, {}, {field.name: field for field in sources(by)}
    for name, source in known.items():
        wanted = chosen.get(name, "")
        if not wanted:
            continue
        target = there.get(wanted)
        if target is None or not values.fits(source, target):
            faults[name] = ["请选择列表中的选项"]
        elif wanted in used:
            faults[name] = [f"“{label(known[used[wanted]], by)}”已经选了这个字段"]
        used.setdefault(wanted, name)
    if faults:
        raise ValidationError(faults)
    mapping.targets = {name: chosen.get(name, "") for name in known}
    after = {row.source.name: row.target for row in rows(mapping, by)}
    changes = oplog.differences(
        (label(known[name], by), words(before[name], by), words(after[name], by)) for name in known
    )
    if changes:
        mapping.version += 1
        mapping.save()
        oplog.record("lead.mapping", "线索转化", by=by, text="修改字段对应", changes=changes)
    return mapping


def words(target: Field | None, user) -> str:
    """客户 · 电话"""
    return f"{modules.get(target.module).label} · {label(target, user)}" if target else "不带过去"
