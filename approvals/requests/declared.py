"""What the approval engine knows of requests: each type is a kind of document of its own."""

from decimal import Decimal

from crm.records import fieldset, modules
from crm.records.custom import definitions
from crm.records.custom.definitions import Type

from .. import registry
from ..conditions import custom_facts
from ..documents import Document
from . import services
from .models import Request, RequestType

UNREAD = object()
_seen: dict = {"stamp": UNREAD}


def money_key(kind: RequestType) -> str:
    """The field that is the amount of a request: the first one of money."""
    known = definitions.custom("request")
    return next((key for key in kind.keys if key in known and known[key].type == Type.MONEY), "")


def document_of(kind: RequestType) -> Document:
    """The kind of document a type is; its fields are read when they are asked for."""
    pk = kind.pk

    def keys() -> list[str]:
        return next((one.keys for one in RequestType.objects.filter(pk=pk)), [])

    def facts():
        known = {fact.key: fact for fact in custom_facts("request")}
        return [known[key] for key in keys() if key in known]

    def values(request, payload):
        return {key: request.extra.get(key) for key in request.type.keys}

    def amount(request, payload):
        value = request.extra.get(money_key(request.type))
        return Decimal(str(value)) if value is not None else None

    def shows_amount(user) -> bool:
        key = money_key(kind)
        return bool(key) and fieldset.of(modules.get("request"), user).readable(key)

    return Document(
        key=services.key_of(kind),
        label=kind.name,
        model=Request,
        facts=facts,
        values=values,
        title=lambda request: f"{request.number} {request.title}".strip(),
        settle=services.settle,
        amount=amount,
        shows_amount=shows_amount,
    )


def documents() -> dict[str, Document]:
    """Every type, those that are off included: what was submitted goes on."""
    _seen["stamp"] = definitions.known()
    kinds = list(RequestType.objects.all())
    for kind in kinds:
        services.declare_numbers(kind)
    return {services.key_of(kind): document_of(kind) for kind in kinds}


def changed() -> bool:
    """Whether a type may have changed since they were read: changes of types turn the stamp of the fields."""
    return _seen["stamp"] != definitions.known()


def forget() -> None:
    """Read the types again at the next look; every process does once the stamp of the fields turned."""
    definitions.touch()
    _seen["stamp"] = UNREAD


registry.SOURCES.append((documents, changed))
