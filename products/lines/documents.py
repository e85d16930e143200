"""Which record types have product lines: what the service, the editor and the 使用情况 tab of a product know of them."""

from collections.abc import Callable
from dataclasses import dataclass

from crm.records import modules

from ..pricing import Buyer


@dataclass(frozen=True)
class Document:
    """
    module  name of its module; the model has `discount` (per cent) and `lines_total` (None without lines)
    line    the class of its lines, a ProductLine with related_name="lines"
    buyer   buyer(record) -> pricing.Buyer: whose price list applies
    total   the field of the record that equals the total of its lines while there are any
    joins   relations `buyer` reads
    shows   columns of the module that 使用情况 shows beside the line
    """

    module: str
    line: type
    buyer: Callable[[object], Buyer]
    total: str = "amount"
    joins: tuple[str, ...] = ()
    shows: tuple[str, ...] = ()

    @property
    def parent(self) -> str:
        """The name of the line's foreign key to its document."""
        return self.model._meta.get_field("lines").field.name

    @property
    def model(self) -> type:
        return modules.get(self.module).model


ALL: dict[str, Document] = {}


def register(document: Document) -> Document:
    """Announce a record type with product lines."""
    ALL[document.module] = document
    return document


def of(model: type) -> Document:
    """The document of a record class (LookupError when its records have no product lines)."""
    module = modules.of_model(model)
    if module.name not in ALL:
        raise LookupError(f"{module.name} has no product lines")
    return ALL[module.name]
