"""Verbs of invoices beyond those every record has.

Lock order everywhere: approval, customers, opportunities, contracts, payment plans, payments, invoices.
"""

from datetime import date
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from approvals import services as approvals
from approvals import states
from approvals.models import Status
from crm.records import fieldset, formatting, modules, numbering, search, services
from crm.records.fields import tidy
from customers.models import Customer
from customers.services import check_customers_live

from .. import numbering as numbers
from ..models import Contract, Invoice
from . import counting, titles

FREE = (Status.DRAFT, Status.REJECTED, Status.WITHDRAWN)
EARLIEST = date(1994, 1, 1)


def billable(user):
    """The contracts on which this person may apply for invoices: approved ones they see, whose owner they may make invoices for
    or which they may work on."""
    reach = user.scope_for("invoice.create")
    rows = Contract.objects.allowed(user, "view").filter(
        status__in=[status for status in Status.values if states.allows(status, "bill")]
    )
    if reach is None:
        return rows.none()
    if reach.everything:
        return rows
    works = Contract.objects.allowed(user, "follow").order_by().values("pk")
    return rows.filter(Q(owner_id__any=reach.owners) | Q(pk__in=works))


def _hold(contract_id: int | None) -> Contract:
    """The live contract an invoice goes to, locked behind its customer."""
    customer = Contract.objects.live().filter(pk=contract_id).values_list("customer_id", flat=True).first()
    list(Customer.objects.filter(pk=customer).select_for_update().values_list("pk", flat=True))
    contract = counting.lock([contract_id]).get(contract_id)
    if contract is None or contract.deleted_at is not None:
        raise ValidationError({"contract": "合同已被删除，请重新选择"})
    if contract.customer_id != customer:
        raise ValidationError({"contract": "合同刚被改到另一个客户，请重新打开页面"})
    return contract


def _check_contract(contract: Contract, *, by) -> None:
    """ValidationError where no invoice may be made on the contract, or not by this person."""
    if not states.allows(contract.status, "bill"):
        raise ValidationError({"contract": "只有已通过审批的合同可以开票"})
    if by is not None and not billable(by).filter(pk=contract.pk).exists():
        raise ValidationError({"contract": "您不能在这份合同上申请开票"})


def check_amount(contract: Contract, amount: Decimal, *, by) -> None:
    """ValidationError where the amount is more than what a locked contract leaves, in figures as far as `by` may read them."""
    left = counting.left(contract)
    if amount <= left:
        return
    if by is not None and not fieldset.of(modules.get("contract"), by).readable("amount"):
        raise ValidationError({"amount": "超过这份合同还能开票的金额"})
    taken = contract.amount - left
    raise ValidationError(
        {
            "amount": f"这份合同还能开 {formatting.money(max(left, Decimal(0)))}："
            f"合同金额 {formatting.money(contract.amount)}，已开票和审批中 {formatting.money(taken)}"
        }
    )


@transaction.atomic
def create_invoice(invoice: Invoice, *, by, save_title: bool = False) -> Invoice:
    """Save an application as a draft; `save_title` keeps its title with the customer."""
    contract = _hold(invoice.contract_id)
    _check_contract(contract, by=by)
    invoice.customer_id = contract.customer_id
    invoice.full_clean()
    check_amount(contract, invoice.amount, by=by)
    services.create(invoice, by=by)
    if save_title:
        titles.keep_from(invoice, by=by)
    return invoice


@transaction.atomic
def update_invoice(invoice: Invoice, values: dict, *, version: int, by) -> Invoice:
    """Save changed fields of an application that is not under way."""
    contract = _hold(values["contract"].pk if values.get("contract") else invoice.contract_id)
    if contract.pk != invoice.contract_id:
        _check_contract(contract, by=by)
        values = {**values, "customer": contract.customer}
    current = Invoice.objects.filter(pk=invoice.pk).values("amount", "contract_id", "status").get()
    if current["status"] not in FREE:
        raise ValidationError(states.SENTENCES[current["status"]])
    amount = values.get("amount", current["amount"])
    if amount is not None and (amount, contract.pk) != (current["amount"], current["contract_id"]):
        check_amount(contract, amount, by=by)
    return services.update(invoice, values, version=version, by=by)


def _locked(pk: int) -> tuple[Contract, Invoice]:
    """A live invoice and its contract, both locked."""
    at = Invoice.objects.live().filter(pk=pk).values_list("contract_id", flat=True).first()
    if at is None:
        raise ValidationError("发票已被删除。")
    contract = counting.lock([at])[at]
    found = Invoice.objects.live().select_for_update(of=("self",)).filter(pk=pk).first()
    if found is None or found.contract_id != at:
        raise ValidationError("发票刚被别人修改，请刷新后再试。")
    return contract, found


def _keep(invoice: Invoice, **values) -> Invoice:
    """Write these columns and a new version of a locked invoice; the invoice as it is then."""
    Invoice.objects.filter(pk=invoice.pk).update(**values, updated_at=timezone.now(), version=F("version") + 1)
    invoice.refresh_from_db()
    return invoice


@transaction.atomic
def submit(invoice: Invoice, *, by, chosen: dict | None = None, note: str = "") -> Invoice:
    """Send an application into approval; it gets its number the first time. From here on it counts against the contract.
    ValidationError where its status, the contract's or the sum forbids it."""
    contract, current = _locked(invoice.pk)
    if not states.allows(current.status, "submit"):
        raise ValidationError("只有草稿、已拒绝和已撤回的开票申请可以提交。")
    if contract.deleted_at is not None or not states.allows(contract.status, "bill"):
        raise ValidationError("合同没有在执行（未通过审批、已作废或已删除），不能开票。")
    try:
        check_amount(contract, current.amount, by=by)
    except ValidationError as error:
        raise ValidationError(error.messages) from None
    number = current.number or numbering.take("invoice", values=numbers.values(current))[0]
    _keep(current, status=Status.PENDING, number=number, submitted_at=timezone.now())
    counting.recount([contract.pk])
    search.index(modules.get("invoice"), [current])
    services.log(current, code="invoice.submitted", by=by, text=f"提交审批，编号 {number}")
    approvals.submit(current, document="invoice", by=by, chosen=chosen, note=note)
    current.refresh_from_db()
    return current


def settle(pk: int, outcome: str, *, approval, by) -> None:
    """Carry out how the approval of an application ended."""
    contract, current = _locked(pk)
    status = {"approved": Status.APPROVED, "withdrawn": Status.WITHDRAWN}.get(outcome, Status.REJECTED)
    more = {"approved_at": timezone.now()} if outcome == "approved" else {}
    _keep(current, status=status, **more)
    counting.recount([contract.pk])
    services.log(current, code=f"invoice.{outcome}", by=by, text=f"审批{Status(status).label[1:]}")


def clean_number(text: str) -> str:
    """An invoice number as it is stored; ValidationError for what is none."""
    found = tidy(text).replace(" ", "")
    if not found:
        raise ValidationError("请填写发票号码")
    if len(found) > 40 or not found.isascii() or not found.replace("-", "").isalnum():
        raise ValidationError("发票号码为最多 40 位数字、字母或“-”")
    return found


def check_day(on: date) -> None:
    if on > timezone.localdate():
        raise ValidationError("开票日期不能晚于今天")
    if on < EARLIEST:
        raise ValidationError("请核对开票日期")


@transaction.atomic
def issue(invoice: Invoice, *, number: str, on: date, version: int, by) -> Invoice:
    """登记开票: the number and day of the invoice made out on an approved application, or their correction. Stale where `version`
    is not the present one."""
    _, current = _locked(invoice.pk)
    if not states.allows(current.status, "issue"):
        raise ValidationError("只有已通过审批的开票申请可以登记发票号码。")
    if current.version != version:
        raise services.Stale(current)
    number = clean_number(number)
    check_day(on)
    if (current.invoice_number, current.issued_on) == (number, on):
        return current
    same = Invoice.objects.live().filter(invoice_number=number).exclude(status=Status.VOID).exclude(pk=current.pk)
    if same.exists():
        raise ValidationError("这个发票号码已登记在另一张发票上")
    changes = [
        {"key": key, "label": label, "old": old, "new": new}
        for key, label, old, new in (
            ("invoice_number", "发票号码", current.invoice_number, number),
            ("issued_on", "开票日期", formatting.day(current.issued_on), formatting.day(on)),
        )
        if old != new
    ]
    again = bool(current.invoice_number)
    _keep(current, invoice_number=number, issued_on=on)
    search.index(modules.get("invoice"), [current])
    text = "更正发票号码" if again else "登记开票"
    services.log(current, code=f"invoice.{'corrected' if again else 'issued'}", by=by, text=text, changes=changes)
    return current


@transaction.atomic
def void(invoice: Invoice, *, kind: str, reason: str, by) -> Invoice:
    """作废 or 红冲 an approved one; its amount may be invoiced again."""
    contract, current = _locked(invoice.pk)
    if not states.allows(current.status, "void"):
        raise ValidationError("只有已通过审批的发票可以作废或红冲。")
    kind, reason = Invoice.VoidedAs(kind), Invoice._meta.get_field("void_reason").clean_value(reason)
    if not reason:
        raise ValidationError("请填写作废原因")
    if kind == Invoice.VoidedAs.RED and not current.invoice_number:
        raise ValidationError("还没有登记发票号码，不能红冲，请用“作废”。")
    _keep(current, status=Status.VOID, voided_at=timezone.now(), voided_as=kind, void_reason=reason)
    counting.recount([contract.pk])
    changes = [{"key": "void_reason", "label": "作废原因", "old": "", "new": reason}]
    services.log(current, code="invoice.voided", by=by, text=kind.label, changes=changes)
    return current


def each(rows, act) -> tuple[int, list[tuple[str, str]]]:
    """`act(invoice)` on each of these rows by itself; (how many, [(title, why not)])."""
    done, refused = 0, []
    for invoice in rows.order_by("pk"):
        try:
            act(invoice)
            done += 1
        except ValidationError as error:
            refused.append((f"{invoice.number} {invoice.title}".strip(), "；".join(error.messages)))
    return done, refused


@transaction.atomic
def delete_invoices(rows, *, by, now=None, along: str = "") -> int:
    """Move invoices to the recycle bin; with their customer only where none is pending or approved."""
    contracts = sorted(set(rows.order_by().values_list("contract_id", flat=True)))
    counting.lock(contracts)
    if along and (count := rows.filter(status__in=counting.COUNTED).count()):
        raise ValidationError(f"有 {count:,} 张审批中或已通过的发票，不能删除；请先撤回或作废。")
    moved = services.delete(rows, by=by, now=now, along=along)
    counting.recount(contracts)
    return moved


@transaction.atomic
def restore_invoices(rows, *, by) -> int:
    """Take invoices out of the recycle bin; customer and contract must be live, and the contract must still have room."""
    contracts = sorted(set(rows.order_by().values_list("contract_id", flat=True)))
    locked = counting.lock(contracts)
    if gone := next((one for one in locked.values() if one.deleted_at is not None), None):
        raise ValidationError(f"发票所属的合同“{gone.name}”在回收站中，请先还原合同。")
    check_customers_live(rows)
    moved = services.restore(rows, by=by)
    counting.recount(contracts)
    if over := next((one for one in locked.values() if counting.left(one) < 0), None):
        raise ValidationError(f"还原后，合同“{over.name}”的发票会超过合同金额。")
    return moved
