"""What invoices do when records of others change: contracts that go, customers that merge, acts that are undone."""

from crm.records.undoing.services import on_put_back
from customers.merging import carrying

from .. import hooks
from ..models import Invoice, InvoiceTitle
from . import counting


def _blocker(ids: list[int], action: str) -> dict[int, str]:
    """A contract with invoices is not deleted; one with standing invoices is not voided."""
    if action not in ("delete", "void"):
        return {}
    rows = Invoice.objects.live().filter(contract__any=list(ids))
    if action == "void":
        rows = rows.filter(status__in=counting.COUNTED)
    words = "有发票或开票申请，不能删除" if action == "delete" else "有审批中或已通过的发票，请先撤回或作废"
    return dict.fromkeys(rows.order_by().values_list("contract_id", flat=True), f"合同{words}")


hooks.BLOCKERS.append(_blocker)


@on_put_back
def _counted(module, changes) -> None:
    """Invoices that count came back: their contracts are counted anew."""
    if module.name == "invoice":
        contracts = {change.record.contract_id for change in changes if change.record.status in counting.COUNTED}
        counting.recount(contracts)


def _titles(journal, source: int, target: int) -> None:
    """A title both customers have stays once; the survivor keeps its default."""
    there = InvoiceTitle.objects.filter(customer=target)
    journal.drop(InvoiceTitle.objects.filter(customer=source, name__in=list(there.values_list("name", flat=True))))
    came = InvoiceTitle.objects.filter(customer=source)
    if there.filter(is_default=True).exists():
        journal.move(came.filter(is_default=True), is_default=False)
    journal.move(came, customer_id=target)


carrying.register(
    "发票抬头",
    "个",
    move=_titles,
    count=lambda ids: InvoiceTitle.objects.filter(customer__in=list(ids)).count(),
)
