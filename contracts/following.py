"""What contracts do when records of others change past their verbs: undo, merge."""

from crm.records.undoing.services import on_put_back
from customers.merging import carrying

from . import outcomes
from .models import Contract


@on_put_back
def _counted(module, changes) -> None:
    """Records came back: the dates of the customers concerned are counted anew."""
    if module.name == "contract":
        former = {change.before["customer_id"] for change in changes if "customer_id" in change.before}
        outcomes.recount(former | {change.record.customer_id for change in changes})
    elif module.name == "customer":
        ids = [change.record.pk for change in changes]
        outcomes.recount(Contract.objects.filter(customer_id__any=ids).order_by().values_list("customer_id", flat=True))


def _named(contacts: list[int]) -> set[int]:
    """Those of these contacts that sign a contract."""
    return set(
        Contract.objects.filter(customer_signer__in=contacts).order_by().values_list("customer_signer", flat=True)
    )


def _folded(journal, source: int, target: int) -> None:
    """A contact was folded into another one: the kept one signs from now on."""
    journal.move(Contract.objects.filter(customer_signer=source), customer_signer_id=target)


carrying.on_fold(named=_named, move=_folded)
