"""What the approval engine knows of contracts."""

from django.core.exceptions import ValidationError

from approvals import documents
from approvals.conditions import custom_facts
from approvals.documents import Document, Fact
from crm.records import services as records
from crm.records.custom import definitions, types
from crm.records.models import DictionaryItem
from customers.models import Customer

from . import services
from .models import Contract, ContractVersion


def _offered(code: str):
    return lambda: list(DictionaryItem.objects.filter(dictionary=code, active=True).values_list("pk", "label"))


def facts() -> list[Fact]:
    """What conditions may ask of a contract, the custom fields included."""
    return [
        Fact("amount", "合同金额", "money"),
        Fact("discount", "整单折扣（%）", "percent"),
        Fact("kind", "合同类型", "choice", _offered("contract.kind")),
        Fact("level", "客户级别", "choice", _offered("customer.level")),
        Fact("owner", "负责人", "employee"),
        Fact("signed_on", "签约日期", "date"),
        Fact("name", "合同名称", "text"),
        Fact("renewal", "续签", "check"),
        *custom_facts("contract"),
    ]


def values(contract: Contract, payload: dict) -> dict:
    level = Customer.objects.filter(pk=contract.customer_id).values_list("level_id", flat=True).first()
    return {
        "amount": contract.amount,
        "discount": contract.discount,
        "kind": contract.kind_id,
        "level": level,
        "owner": contract.owner_id,
        "signed_on": contract.signed_on,
        "name": contract.name,
        "renewal": contract.renewed_from_id is not None,
        **contract.extra,
    }


def settable() -> list[Fact]:
    """What an approval may set afterwards: nothing the parties agreed on."""
    return [
        Fact("kind", "合同类型", "choice", _offered("contract.kind")),
        Fact("remark", "备注", "text"),
        *custom_facts("contract"),
    ]


def _stored(definition, value):
    """What a flow says, as a custom field keeps it: numbers as numbers, several options as a list."""
    kind = types.of(definition)
    return kind.clean([value] if kind.storage == "list" and value is not None else value, definition)


def set_field(pk: int, key: str, value, *, approval, by) -> None:
    """Set one of them on the approved contract, with a version and a log row."""
    contract = services.locked(pk)
    if key not in {fact.key for fact in settable()}:
        raise ValidationError("审批通过后不能设置这个字段。")
    if key == "kind":
        value = DictionaryItem.objects.filter(dictionary="contract.kind", pk=value).first() if value else None
    elif key == "remark":
        value = value or ""
    else:
        value = _stored(definitions.custom("contract")[key], value)
    saved = records.update(contract, {key: value}, version=contract.version, by=by, text="审批通过后自动设置")
    saved.versions.filter(state=ContractVersion.State.EFFECTIVE).update(data=services.snapshot(saved))


documents.register(
    Document(
        key="contract",
        label="合同",
        model=Contract,
        facts=facts,
        values=values,
        title=lambda contract: f"{contract.number} {contract.name}".strip(),
        settle=services.settle,
        amount=lambda contract, payload: contract.amount,
        settable=settable,
        set_field=set_field,
    )
)
