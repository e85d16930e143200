"""What a version of a contract says (`ContractVersion.data`), as the contract it would make."""

import copy

from products.lines import SAID
from products.models import Product

from .. import services
from ..models import Contract, ContractLine, ContractVersion

State = ContractVersion.State
OPEN = (State.DRAFT, State.PENDING)


def overlay(contract: Contract, data: dict, *, lines: bool = True) -> Contract:
    """The contract as the version says it, never to be saved; with its lines, at two statements less than their number
    would cost."""
    found = copy.copy(contract)
    for name, value in data["fields"].items():
        if name not in services.FIELDS:
            continue
        field = Contract._meta.get_field(name.removesuffix("_id"))
        if name == "extra":
            value = copy.deepcopy(value or {})
        elif not field.is_relation and value is not None:
            value = field.to_python(value)
        elif value is not None and value != getattr(contract, field.attname):
            # what a version names may be purged meanwhile, as long as the contract itself does not name it
            there = field.related_model._base_manager.filter(pk=value).exists()
            value = value if there else None
        setattr(found, field.attname, value)
    if lines:
        hang(found, lines_of(data))
    return found


def lines_of(data: dict) -> list[ContractLine]:
    """The lines of a version, in order, unsaved; their place, from 1, stands in for an id. One statement."""
    rows = data["lines"]
    products = Product.objects.select_related("unit").in_bulk({row["product_id"] for row in rows}) if rows else {}
    found = []
    for place, row in enumerate(sorted(rows, key=lambda one: one["order"]), 1):
        line = ContractLine(pk=place)
        for name in SAID:
            field = ContractLine._meta.get_field(name.removesuffix("_id"))
            setattr(line, name, row[name] if field.is_relation else field.to_python(row[name]))
        # a product may be purged while only a version names it
        line.product = products.get(line.product_id) or Product(
            pk=line.product_id, name=line.name, code=line.code, on_shelf=False
        )
        found.append(line)
    return found


def hang(contract: Contract, lines: list) -> None:
    """Make these the lines `contract.lines.all()` answers, without a table."""
    rows = ContractLine.objects.none()
    rows._result_cache, rows._prefetch_done = list(lines), True
    contract.__dict__["_prefetched_objects_cache"] = {"lines": rows}


def open_change(contract: Contract) -> ContractVersion | None:
    """The proposed change that is written or waits for approval."""
    return contract.versions.filter(state__in=OPEN).select_related("by").first()


def starting_point(contract: Contract) -> tuple[ContractVersion | None, dict, str]:
    """(draft or None, data, reason) a change goes on from: the draft; what was rejected or withdrawn last and not replaced
    since; the contract as it is."""
    newest = contract.versions.select_related("by").first()
    if newest is not None and newest.state in OPEN:
        return newest, newest.data, newest.reason
    if newest is not None and newest.state in (State.REJECTED, State.WITHDRAWN):
        return None, newest.data, newest.reason
    return None, services.snapshot(contract), ""
