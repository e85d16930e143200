"""Verbs of contracts beyond those every record has.

Lock order everywhere: approval, customers, opportunities, contracts, payment plans, payments, invoices. `hold` takes them so.
"""

from collections.abc import Iterable

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from approvals import services as approvals
from approvals import states
from approvals.models import Approval, Status
from crm.records import modules, numbering, search, services
from crm.records.custom import definitions
from crm.records.custom import values as custom
from customers.models import Customer
from customers.services import check_customers_live
from opportunities.counting import lock as lock_customers
from opportunities.models import Opportunity
from products.lines import SAID

from . import hooks
from . import numbering as numbers
from .models import Contract, ContractVersion, Execution

CHANGED = "合同刚被别人修改，请核对后再试。"
GONE = "合同已被删除。"


# Locks ------------------------------------------------------------------------------------------------------------------
def locked(pk: int) -> Contract:
    """The live contract, locked by itself (ValidationError where it is gone): for what touches neither its customer nor its
    opportunity."""
    found = Contract.objects.live().select_for_update(of=("self",)).filter(pk=pk).first()
    if found is None:
        raise ValidationError(GONE)
    return found


def hold(ids: Iterable[int]) -> list[Contract]:
    """These live contracts under lock in id order, their customers and opportunities before them. ValidationError where one went
    to another customer or opportunity while it waited."""
    ids = sorted(set(ids))
    names = ("pk", "customer_id", "opportunity_id")
    rows = Contract.objects.live().filter(pk__any=ids).order_by()
    before = set(rows.values_list(*names))
    behind = {pk for _, _, pk in before if pk}
    theirs = Opportunity.objects.filter(pk__any=sorted(behind)).values_list("customer_id", flat=True)
    lock_customers({customer for _, customer, _ in before} | set(theirs if behind else ()))
    if behind:
        deals = Opportunity.objects.filter(pk__any=sorted(behind)).select_for_update(of=("self",)).order_by("pk")
        list(deals.values_list("pk", flat=True))
    found = services.hold(Contract.objects.live().filter(pk__any=ids))
    if {tuple(getattr(one, name) for name in names) for one in found} - before:
        raise ValidationError(CHANGED)
    return found


def held(pk: int) -> Contract:
    """`hold` of one contract; ValidationError where it is gone."""
    found = hold([pk])
    if not found:
        raise ValidationError(GONE)
    return found[0]


def _customer_open(customer_id: int, *others: int) -> None:
    """Lock the customer a contract goes to (and `others`, before any contract); ValidationError where it went to the recycle bin
    meanwhile."""
    lock_customers([customer_id, *others])
    if not Customer.objects.live().filter(pk=customer_id).exists():
        raise ValidationError({"customer": "该客户已被删除或合并，请重新选择"})


# Keeping ----------------------------------------------------------------------------------------------------------------
@transaction.atomic
def create_contract(contract: Contract, *, by, complete: bool = True) -> Contract:
    """Save a draft."""
    if contract.customer_id:
        _customer_open(contract.customer_id)
    return services.create(contract, by=by, complete=complete)


@transaction.atomic
def update_contract(contract: Contract, values: dict, *, version: int, by) -> Contract:
    """Save a draft again. services.Stale for another version, ValidationError where its status forbids it."""
    if (customer := values.get("customer")) is not None and customer.pk != contract.customer_id:
        _customer_open(customer.pk, contract.customer_id)
    current = held(contract.pk)
    if current.version != version:
        raise services.Stale(current)
    if not states.allows(current.status, "edit"):
        raise ValidationError(states.SENTENCES[current.status])
    return services.update(contract, values, version=version, by=by)


def _check_delete(found: list[Contract], along: str) -> None:
    """ValidationError where one of these may not go to the recycle bin. What an import made of history may (version 1: nobody
    touched it since), so that the import can be taken back; voided ones go along with their customer."""
    for contract in found:
        history = contract.version == 1 and not along
        if states.allows(contract.status, "delete") or history or (along and contract.status == Status.VOID):
            continue
        words = f"合同“{contract.name}”{contract.get_status_display()}"
        raise ValidationError(f"{words}，不能随客户删除。" if along else f"{words}，不能删除。")
    if blocked := hooks.blocked([contract.pk for contract in found], "delete"):
        raise ValidationError(list(dict.fromkeys(blocked.values())))


@transaction.atomic
def delete_contracts(rows, *, by, now=None, along: str = "") -> int:
    """Move contracts to the recycle bin (see services.delete); ValidationError where one must stay. Returns how many."""
    found = hold(rows.order_by().values_list("pk", flat=True))
    _check_delete(found, along)
    ids = [contract.pk for contract in found]
    moved = services.delete(Contract.objects.filter(pk__any=ids), by=by, now=now, along=along)
    _tell(found, "deleted", by=by)
    return moved


@transaction.atomic
def purge_contracts(rows, *, by) -> int:
    """Delete contracts of the recycle bin for good; one may follow another of them (续签). Returns how many."""
    ids = list(rows.filter(deleted_at__isnull=False).order_by().values_list("pk", flat=True))
    Contract.objects.filter(pk__any=ids, renewed_from__in=ids).update(renewed_from=None)
    return services.purge(rows, by=by)


@transaction.atomic
def restore_contracts(rows, *, by) -> int:
    """Take contracts out of the recycle bin; their customer must be live."""
    lock_customers(rows.order_by().values_list("customer_id", flat=True))
    check_customers_live(rows)
    found = list(Contract.objects.filter(pk__in=rows.order_by().values("pk")))
    moved = services.restore(rows, by=by)
    _tell(found, "restored", by=by)
    return moved


def _tell(found: list[Contract], what: str, *, by) -> None:
    """Only approved contracts count for anybody."""
    if ids := [contract.pk for contract in found if contract.status == Status.APPROVED]:
        hooks.tell(ids, what, by=by)


# Approval ---------------------------------------------------------------------------------------------------------------
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
    current = held(contract.pk)
    if not states.allows(current.status, "submit"):
        raise ValidationError("只有草稿、已拒绝和已撤回的合同可以提交。")
    check_customers_live(Contract.objects.filter(pk=current.pk))
    current.clean()  # its opportunity or signer may belong to another customer by now
    demanded = custom.present(current, definitions.of("contract"))  # copies and imports begin without
    custom.check_required(modules.get("contract"), demanded, by=by)
    number = current.number or numbering.take("contract", values=numbers.values(current))[0]
    Contract.objects.filter(pk=current.pk).update(
        status=Status.PENDING,
        number=number,
        submitted_at=timezone.now(),
        updated_at=timezone.now(),
        version=F("version") + 1,
    )
    current.refresh_from_db()
    given = [{"key": "number", "label": "合同编号", "old": "", "new": number}] if number != contract.number else []
    services.log(current, code="contract.submitted", by=by, text="提交审批", changes=given)
    if number != contract.number:
        search.index(modules.get("contract"), [current])
    approvals.submit(current, document="contract", by=by, chosen=chosen, note=note)
    current.refresh_from_db()
    return current


def withdraw(contract: Contract, *, by, comment: str = "") -> Contract:
    """Take a contract out of approval again; only who submitted it may."""
    waiting = Approval.objects.filter(
        content_type=ContentType.objects.get_for_model(Contract),
        object_id=contract.pk,
        document="contract",
        state=Approval.State.PENDING,
    ).first()
    if waiting is None:
        raise ValidationError("合同不在审批中。")
    approvals.withdraw(waiting.pk, by=by, comment=comment)
    contract.refresh_from_db()
    return contract


def settle(pk: int, outcome: str, *, approval, by) -> None:
    """Carry out how the approval of a contract ended."""
    current, now = held(pk), timezone.now()
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


def snapshot(contract: Contract, lines: Iterable | None = None) -> dict:
    """What a contract says, as ContractVersion.data keeps it: figures and dates as text. `lines` where they are known."""

    def plain(value):
        return value if value is None or isinstance(value, int | str | bool | dict | list) else str(value)

    lines = contract.lines.all() if lines is None else lines
    return {
        "fields": {name: plain(getattr(contract, name)) for name in FIELDS},
        "lines": [{name: plain(getattr(line, name)) for name in SAID} for line in lines],
    }
