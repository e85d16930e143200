"""Invoices of the demo company: titles of its customers, applications in every state that needs nobody to decide. `wait` sends
some into approval once flows are enabled."""

from datetime import timedelta
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from approvals.models import Status
from contracts import numbering as numbers
from contracts.invoices import counting, services, titles
from contracts.models import Contract, Invoice, InvoiceTitle
from crm.records import numbering
from crm.records.models import DictionaryItem
from customers.models import Customer

BANKS = ("招商银行苏州分行", "中国工商银行上海张江支行", "中国建设银行杭州滨江支行", "交通银行深圳科技园支行")
CHARS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
STATES = ("issued", "waiting", "draft", "issued", "void", "rejected", "red", "withdrawn", "draft", "waiting")
CONTENTS = ("*信息技术服务*软件实施服务", "*软件*智能排产系统", "*信息技术服务*年度维护服务")


def _tax_number(place: int) -> str:
    """A 统一社会信用代码 that checks and belongs to nobody: no district has the number 000000."""
    stem = f"91000000MA{place:07d}"
    total = sum(CHARS.index(char) * pow(3, n, 31) for n, char in enumerate(stem))
    return stem + CHARS[(31 - total % 31) % 31]


def _titles(customers: list[Customer]) -> None:
    for place, customer in enumerate(customers):
        first = InvoiceTitle(
            customer=customer,
            name=customer.name,
            tax_number=_tax_number(place + 1),
            bank=BANKS[place % len(BANKS)],
            account=f"5129000{place:08d}",
            address=customer.address[:200],
            phone="0512-65550186",
        )
        titles.keep(first, default=True, by=customer.owner)
        if place % 5 == 2:
            titles.keep(
                InvoiceTitle(customer=customer, name=f"{customer.name[:90]}分公司"), default=False, by=customer.owner
            )


def make(people: dict) -> int:
    """Titles and invoices on the approved contracts, each state at least three times where there are enough contracts; how many
    invoices. Before any approval flow is enabled."""
    rows = Contract.objects.live().filter(status=Status.APPROVED, owner__is_active=True, customer__deleted_at=None)
    contracts = list(rows.select_related("customer__owner", "owner").order_by("pk"))
    customers = {one.customer_id: one.customer for one in contracts if one.customer.owner_id}
    _titles(list(customers.values()))
    kinds = list(DictionaryItem.objects.filter(dictionary="invoice.kind"))
    finance = people["13800000011"]
    made = 0
    for place in range(3 * len(STATES) if contracts else 0):
        contract = contracts[place % len(contracts)]
        contract.refresh_from_db()
        amount = min(contract.amount * Decimal("0.2"), counting.left(contract)).quantize(Decimal("1.00"))
        if amount > 0:
            _one(contract, STATES[place % len(STATES)], place, amount, kinds, finance)
            made += 1
    return made


@transaction.atomic
def _one(contract: Contract, state: str, place: int, amount: Decimal, kinds: list, finance) -> None:
    by, today = contract.owner, timezone.localdate()
    filled = next(iter(titles.of(contract.customer_id)), {"name": contract.customer.name})
    values = {"title" if name == "name" else name: value for name, value in filled.items() if name != "id"}
    invoice = Invoice(
        contract=contract,
        owner=by,
        amount=amount,
        kind=kinds[place % len(kinds)],
        content=CONTENTS[place % len(CONTENTS)],
        wanted_on=today + timedelta(days=place % 9),
        **values,
    )
    services.create_invoice(invoice, by=by)
    if state in ("rejected", "withdrawn"):
        _decided(invoice, state, by=by)
    elif state != "draft":
        invoice = services.submit(invoice, by=by)
    if state in ("issued", "red"):
        invoice = services.issue(
            invoice,
            number=f"2651200000{place:010d}",
            on=max(today - timedelta(days=3 * place), contract.signed_on) if contract.signed_on <= today else today,
            version=invoice.version,
            by=finance,
        )
    if state in ("void", "red"):
        reason = "客户要求换抬头重开" if state == "void" else "跨月退货，红字冲销"
        services.void(invoice, kind=state, reason=reason, by=finance)


def _decided(invoice: Invoice, state: str, *, by) -> None:
    """As an approval of long ago left it."""
    number = numbering.take("invoice", values=numbers.values(invoice))[0]
    Invoice.objects.filter(pk=invoice.pk).update(status=Status.PENDING, number=number, submitted_at=timezone.now())
    services.settle(invoice.pk, state, approval=None, by=by)


def wait(count: int = 3) -> int:
    """Submit some of the drafts, which then wait where a flow is enabled; how many."""
    rows = Invoice.objects.live().filter(status=Status.DRAFT).select_related("owner").order_by("pk")[:count]
    for invoice in rows:
        services.submit(invoice, by=invoice.owner)
    return len(rows)
