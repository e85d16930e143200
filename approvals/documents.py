"""What can be approved: modules register their kinds of document, the engine knows nothing else of them."""

from collections.abc import Callable
from dataclasses import dataclass

from .registry import Registry


@dataclass(frozen=True)
class Fact:
    """Something conditions may ask of a document. `kind`: "money", "number", "percent", "choice", "employee", "department",
    "text", "date", "check"; `choices()` = [(stored value, label)] where it is chosen."""

    key: str
    label: str
    kind: str
    choices: Callable[[], list[tuple]] | None = None


@dataclass(frozen=True)
class Document:
    """
    key      "contract", "contract_change", "contract_void", "payment", "invoice", "quotation", "customer", "request:<form id>"
    model    the class of its subjects, a record type or what stands `under` one: whoever sees it may see its approval
    facts    () -> the Facts conditions may ask, custom fields included; the engine adds submitter and department
    values   (subject, payload) -> {fact key: value}, as they would be once approved
    title    (subject) -> one line, e.g. "HT-202611-0004 云澜智造 MES 一期"
    amount   (subject, payload) -> Decimal or None
    settle   (subject id, outcome, *, approval, by) with outcome "approved" | "rejected" | "withdrawn" | "stopped": carries it
             out in the transaction that ends the approval; `approval` is None where no flow is enabled
    changes  (subject, payload, user) -> [{"label", "old", "new"}] the approver is shown, as far as the user may read the fields
    settable the fields "after approval" may set: [Fact]
    set_field (subject id, field key, value, *, approval, by): sets one of them, in the transaction that ends the approval; a
             ValidationError is noted and told to the flow's administrator, the approval stands
    places   (subject ids, user) -> {subject id: its address} of those the person may read; by default the pages of its record type
    under    the foreign key to the record a subject stands under, for a class that is no record type: approvers get their right
             to look there, and its log keeps what happens; such a document has `places`
    shows_amount (user) -> whether they may read the amount; by default the right of the field "amount" of its record type
    """

    key: str
    label: str
    model: type
    facts: Callable[[], list[Fact]]
    values: Callable[..., dict]
    title: Callable[..., str]
    settle: Callable[..., None]
    amount: Callable = lambda subject, payload: None
    changes: Callable = lambda subject, payload, user: []
    settable: Callable[[], list[Fact]] = list
    set_field: Callable[..., None] | None = None
    places: Callable | None = None
    shows_amount: Callable | None = None
    under: str = ""


ALL: dict[str, Document] = Registry()


def register(document: Document) -> Document:
    """Announce a kind of document (ValueError when the key is taken)."""
    if document.key in ALL:
        raise ValueError(f"document {document.key} is registered twice")
    ALL[document.key] = document
    return document
