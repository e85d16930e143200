"""What payments have to say when contracts change: they object, and follow."""

from django.db.models import Exists, OuterRef

from contracts import hooks
from contracts.models import Contract
from crm.records.undoing.services import on_put_back

from . import figures
from .models import Payment, PaymentPlan


def objections(ids: list[int], action: str) -> dict[int, str]:
    """{contract: sentence}: a contract with plans or payments is not deleted; one with money received, or a payment that waits
    for approval, is not voided; one with a payment that waits is neither finished nor shut."""
    found: dict[int, str] = {}
    live = Payment.objects.live().filter(contract=OuterRef("pk"))
    if action == "delete":
        plans = PaymentPlan.objects.live().filter(contract=OuterRef("pk"))
        rows = Contract.objects.filter(pk__any=list(ids))
        for pk in rows.filter(Exists(live)).values_list("pk", flat=True):
            found[pk] = "合同下有回款，不能删除"
        for pk in rows.filter(Exists(plans)).values_list("pk", flat=True):
            found.setdefault(pk, "合同下有回款计划，请先删除计划")
        return found
    sums = figures.of_contracts(ids)
    for pk, one in sums.items():
        if one.coming or one.going:
            found[pk] = "有审批中的回款，请等审批结束或撤回"
        elif action == "void" and one.received:
            found[pk] = "有已通过的回款，请先退款或作废回款"
    return found


def taken(pk: int):
    """What came in and what waits to; a refund that still waits may be refused, so it gives no room."""
    return figures.of_contracts([pk]).get(pk, figures.Sums()).taken


def follow(ids: list[int], what: str, *, by) -> None:
    """The figures of contracts that changed; with the customer of a contract that of what hangs on it."""
    figures.rewrite(figures.lock(ids))


hooks.BLOCKERS.append(objections)
hooks.TAKEN.append(taken)
hooks.AFTER.append(follow)


@on_put_back
def _counted(module, changes) -> None:
    """Plans and payments came back, or went, past their verbs."""
    if module.name in ("payment_plan", "payment"):
        figures.rewrite(figures.lock({change.record.contract_id for change in changes}))
