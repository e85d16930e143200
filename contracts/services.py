"""Verbs of contracts beyond those every record has.

Lock order everywhere: approval, customers, opportunities, contracts, payment plans, payments, invoices.
"""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from approvals import services as approvals
from approvals import states
from approvals.models import Status
from crm.records import numbering, services

from . import hooks
from . import numbering as numbers
from .models import Contract, ContractVersion, Execution


def locked(pk: int) -> Contract:
    """The live contract, locked (ValidationError where it is gone)."""
    found = Contract.objects.live().select_for_update(of=("self",)).filter(pk=pk).first()
    if found is None:
        raise ValidationError("合同已被删除。")
    return found


def execution_of(contract: Contract, today=None) -> str:
    """What the dates say of a contract nobody finished or shut."""
    if contract.execution in (Execution.FINISHED, Execution.SHUT):
        return contract.execution
    today = today or timezone.localdate()
    if contract.starts_on and contract.starts_on > today:
        return Execution.NOT_STARTED
    if contract.ends_on and contract.ends_on < today:
        return Execution.EXPIRED
    return Execution.RUNNING if contract.status == Status.APPROVED else Execution.NOT_STARTED


@transaction.atomic
def submit(contract: Contract, *, by, chosen: dict | None = None, note: str = "") -> Contract:
    """Send a contract into approval; it gets its number the first time. ValidationError where its status forbids it."""
    current = locked(contract.pk)
    if not states.allows(current.status, "submit"):
        raise ValidationError("只有草稿、已拒绝和已撤回的合同可以提交。")
    number = current.number or numbering.take("contract", values=numbers.values(current))[0]
    Contract.objects.filter(pk=current.pk).update(
        status=Status.PENDING,
        number=number,
        submitted_at=timezone.now(),
        updated_at=timezone.now(),
        version=F("version") + 1,
    )
    current.refresh_from_db()
    services.log(current, code="contract.submitted", by=by, text=f"提交审批，编号 {number}")
    approvals.submit(current, document="contract", by=by, chosen=chosen, note=note)
    current.refresh_from_db()
    return current


def settle(pk: int, outcome: str, *, approval, by) -> None:
    """Carry out how the approval of a contract ended."""
    current, now = locked(pk), timezone.now()
    status = {"approved": Status.APPROVED, "withdrawn": Status.WITHDRAWN}.get(outcome, Status.REJECTED)
    current.status = status
    values = {"status": status, "updated_at": now, "version": F("version") + 1}
    if outcome == "approved":
        values |= {"approved_at": now, "edition": 1, "execution": execution_of(current)}
        ContractVersion.objects.create(
            contract=current,
            number=1,
            state=ContractVersion.State.EFFECTIVE,
            data=snapshot(current),
            amount=current.amount,
            by=current.created_by,
            effective_at=now,
        )
    Contract.objects.filter(pk=pk).update(**values)
    services.log(current, code=f"contract.{outcome}", by=by, text=f"审批{Status(status).label[1:]}")
    if outcome == "approved":
        hooks.tell([pk], "approved", by=by)


LINE = (
    "product_id",
    "name",
    "code",
    "unit",
    "list_price",
    "price",
    "quantity",
    "discount",
    "subtotal",
    "remark",
    "order",
)
FIELDS = (
    "name",
    "opportunity_id",
    "kind_id",
    "signed_on",
    "starts_on",
    "ends_on",
    "amount",
    "customer_signer_id",
    "company_signer_id",
    "discount",
    "lines_total",
    "remind_days",
    "remark",
    "extra",
)


def snapshot(contract: Contract) -> dict:
    """What a contract says, as ContractVersion.data keeps it: figures and dates as text."""

    def plain(value):
        return value if value is None or isinstance(value, int | str | bool | dict | list) else str(value)

    return {
        "fields": {name: plain(getattr(contract, name)) for name in FIELDS},
        "lines": [{name: plain(getattr(line, name)) for name in LINE} for line in contract.lines.all()],
    }
