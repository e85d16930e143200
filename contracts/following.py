"""What contracts do when records of others change past their verbs: undo, merge."""

from approvals.models import Status
from crm.records.undoing.services import on_put_back
from customers.merging import carrying
from customers.models import Contact
from opportunities import services as opportunities

from . import outcomes
from .models import Contract, ContractVersion


@on_put_back
def _counted(module, changes) -> None:
    """Records came back: the dates of the customers concerned are counted anew."""
    if module.name == "contract":
        former = {change.before["customer_id"] for change in changes if "customer_id" in change.before}
        outcomes.recount(former | {change.record.customer_id for change in changes})
    elif module.name == "customer":
        ids = [change.record.pk for change in changes]
        outcomes.recount(Contract.objects.filter(customer_id__any=ids).order_by().values_list("customer_id", flat=True))


SIGNER = "data__fields__customer_signer_id"


def _versions(contacts: list[int]):
    """The versions of contracts that name one of these contacts as their signer."""
    theirs = Contact.objects.filter(pk__any=contacts).values("customer_id")
    return ContractVersion.objects.filter(contract__customer_id__in=theirs, **{f"{SIGNER}__in": contacts})


def _named(contacts: list[int]) -> set[int]:
    """Those of these contacts that sign a contract, or would by a version of one."""
    signing = Contract.objects.filter(customer_signer__in=contacts).order_by()
    found = set(signing.values_list("customer_signer", flat=True))
    return found | set(_versions(contacts).order_by().values_list(SIGNER, flat=True))


def _folded(journal, source: int, target: int) -> None:
    """A contact was folded into another one: the kept one signs from now on, and in what is proposed."""
    journal.move(Contract.objects.filter(customer_signer=source), customer_signer_id=target)
    rows = ContractVersion.objects.filter(**{SIGNER: source})
    for version in rows.only("data"):
        data = {**version.data, "fields": {**version.data["fields"], "customer_signer_id": target}}
        journal.move(ContractVersion.objects.filter(pk=version.pk), data=data)


def _stands(opportunity: int) -> str:
    """A contract and its opportunity have one customer."""
    found = Contract.objects.filter(opportunity=opportunity).exclude(status=Status.VOID).first()
    return f"商机已有合同“{found.name}”，不能换到别的客户" if found else ""


opportunities.STANDING.append(_stands)


carrying.on_fold(named=_named, move=_folded)
