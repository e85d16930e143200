"""At which contracts a person may write plans and payments."""

from contracts.models import Contract
from crm.records import fieldset, modules

from . import figures


def payable(user):
    """Approved contracts in the person's reach that are neither finished nor shut."""
    return Contract.objects.allowed(user, "pay").exclude(execution__in=figures.ENDED)


def may_pay(user, contract: Contract) -> bool:
    """The same of one contract: one statement, none where its state says no."""
    return figures.is_open(contract) and payable(user).filter(pk=contract.pk).exists()


def reads_rest(user) -> bool:
    """Whether the person may read what contracts and plans still lack: what proposes amounts tells it."""
    contract, plan = (fieldset.of(modules.get(name), user) for name in ("contract", "payment_plan"))
    return contract.readable("amount") and all(map(plan.readable, ("amount", "received", "pending")))
