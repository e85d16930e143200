"""Invoices for tests: plain functions."""

from datetime import date

from contracts.invoices import services
from contracts.models import Contract, Invoice
from contracts.tests import factories

DAY = date(2026, 11, 20)


def draft(owner, at: Contract | None = None, amount="1000", title="云澜智造科技", **more) -> Invoice:
    """An application on a contract of ¥120,000."""
    at = at or Contract.objects.filter(owner=owner, status="approved").first() or factories.approved(owner)
    return services.create_invoice(Invoice(contract=at, title=title, amount=amount, owner=owner, **more), by=owner)


def approved(owner, at: Contract | None = None, **more) -> Invoice:
    return services.submit(draft(owner, at, **more), by=owner)


def pending(invoice: Invoice) -> Invoice:
    """As if a flow were enabled: the application waits."""
    from approvals import services as approvals

    real = approvals.submit
    approvals.submit = lambda *args, **kwargs: None
    try:
        return services.submit(invoice, by=invoice.owner)
    finally:
        approvals.submit = real


def issued(owner, number: str, at: Contract | None = None, **more) -> Invoice:
    made = approved(owner, at, **more)
    return services.issue(made, number=number, on=DAY, version=made.version, by=owner)


def figures(contract: Contract) -> tuple[str, str]:
    """(已开票, 待审批开票) as they stand on the contract."""
    found = Contract.objects.get(pk=contract.pk)
    return str(found.invoiced), str(found.invoicing)
