"""Contracts of the demo company: a year of signed ones in every state of execution, drafts, and some on their way to approval."""

import calendar
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from approvals import flows, shape
from approvals import services as approvals
from approvals.models import Assignment, Flow, Status
from contracts import copying, outcomes, services
from contracts.models import Contract, ContractLine, ContractVersion, Execution
from crm.records import modules, numbering, search
from crm.records.models import DictionaryItem
from customers.models import Contact, Customer
from opportunities.models import Opportunity, Quotation, State
from orgs.models import Employee, Role
from products import arithmetic
from products.models import Product

KINDS = ("销售合同", "服务合同", "框架协议")
THINGS = (
    "数据采集平台",
    "产线质量追溯系统",
    "智能排产系统",
    "仓储管理系统",
    "能耗监测系统",
    "年度维保服务",
    "备件供应",
)
AMOUNTS = (36_000, 58_000, 96_000, 128_000, 186_000, 265_000, 430_000, 720_000)
MONTHS = (None, 6, 12, 12, 12, 24, 36)
ENDS = {
    Execution.SHUT: ("客户产线停产，双方协商提前终止", "项目并入集团统一采购"),
    Execution.FINISHED: ("",),
}
VOIDED = ("金额写错，重新签订", "客户更换了签约主体", "重复录入")
EVERY = 12  # of the contracts that are old enough: one finished, one shut, one void each so many


def flow(people: dict[str, Employee]) -> Flow:
    """Contracts go to the supervisor, large ones to finance as well."""
    found = Flow.objects.filter(document="contract").first()
    if found is not None:
        return found
    by, finance = people["13800000003"], Role.objects.get(code="finance")
    boss = {
        **shape.new_step("boss", "直属上级"),
        "who": [{"kind": "supervisor", "level": 1}],
        "hours": 48,
    }
    money = {**shape.new_step("finance", "财务审核"), "who": [{"kind": "role", "ids": [finance.pk]}]}
    values = {"name": "合同审批", "note": "销售合同先由上级审核，再由财务核对金额和账期", "administrator": by}
    values |= {"departments": [], "employees": []}
    definition = {**shape.EMPTY, "steps": [boss, money]}
    made = flows.save_flow(Flow(document="contract"), values=values, definition=definition, version=0, by=by)
    return flows.enable(made, by=by)


# A year of signed ones ------------------------------------------------------------------------------------------------------
def make(people: dict[str, Employee], pick: Random) -> list[tuple]:
    """The contracts of customers who have dealt and of opportunities that were won; returns the log rows that working on them
    would have left (see opportunities.make)."""
    today = timezone.localdate()
    found = []
    for customer in Customer.objects.live().filter(deal_status=Customer.DealStatus.DEALT, owner__isnull=False):
        signed = timezone.localdate(customer.created_at + timedelta(days=20))
        found.append((min(signed, today), customer, None))
    won = Opportunity.objects.live().filter(state=State.WON).select_related("customer")
    found += [(timezone.localdate(deal.closed_at), deal.customer, deal) for deal in won]
    found.sort(key=lambda one: (one[0], one[1].pk))
    kinds = _kinds()
    shelf = list(Product.objects.live().filter(on_shelf=True).select_related("unit").order_by("pk"))
    made = [
        _signed(place, signed, customer, deal, kinds=kinds, shelf=shelf, pick=pick)
        for place, (signed, customer, deal) in enumerate(found)
    ]
    search.index(modules.get("contract"), made)
    outcomes.recount({contract.customer_id for contract in made}, by=None, deal=True)
    return [row for contract in made for row in _log(contract)]


def _kinds() -> list[DictionaryItem]:
    known = {one.label: one for one in DictionaryItem.objects.filter(dictionary="contract.kind")}
    for place, label in enumerate(KINDS):
        if label not in known:
            order = 100 + place
            known[label] = DictionaryItem.objects.create(dictionary="contract.kind", label=label, order=order)
    return [known[label] for label in KINDS]


def _at(day: date, hour: int, pick: Random) -> datetime:
    at = timezone.make_aware(datetime.combine(day, time(hour, pick.randint(0, 59))))
    return min(at, timezone.now() - timedelta(minutes=5))


def _until(starts: date, months: int) -> date:
    year, month = divmod(starts.year * 12 + starts.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(starts.day, last)) - timedelta(days=1)


def _signed(place: int, signed: date, customer: Customer, deal, *, kinds, shelf, pick: Random) -> Contract:
    owner_id, today = customer.owner_id or deal.owner_id, timezone.localdate()
    months = pick.choice(MONTHS)
    late = place % 9 == 8 and (today - signed).days < 60
    starts = today + timedelta(days=20) if late else signed + timedelta(days=pick.choice([0, 1, 7, 15]))
    if place % 8 == 3:  # some end within the month
        ends = today + timedelta(days=pick.randint(2, 28))
    else:
        ends = _until(starts, months) if months else None
    created, approved = _at(signed, 9, pick), _at(signed, 16, pick)
    signers = list(Contact.objects.live().filter(customer=customer).order_by("-is_primary", "pk")[:2])
    contract = Contract(
        name=f"{deal.name if deal else pick.choice(THINGS)}合同",
        number=numbering.take("contract", day=signed)[0],
        customer=customer,
        opportunity=deal,
        kind=pick.choice(kinds),
        signed_on=signed,
        starts_on=starts,
        ends_on=ends,
        amount=(deal.amount if deal else None) or Decimal(pick.choice(AMOUNTS)),
        customer_signer=pick.choice(signers) if signers else None,
        company_signer_id=owner_id,
        owner_id=owner_id,
        created_by_id=owner_id,
        created_at=created,
        updated_at=approved,
        status=Status.APPROVED,
        submitted_at=created,
        approved_at=approved,
        edition=1,
        version=3,
    )
    _ended(contract, place, pick)
    contract.save(force_insert=True)
    if place % 3 == 0:
        _lines(contract, pick.sample(shelf, pick.randint(1, 4)), pick)
    ContractVersion.objects.create(
        contract=contract,
        number=1,
        state=ContractVersion.State.EFFECTIVE,
        data=services.snapshot(contract),
        amount=contract.amount,
        by_id=owner_id,
        effective_at=approved,
    )
    return contract


def _ended(contract: Contract, place: int, pick: Random) -> None:
    """Some are over: finished, shut before their time, void; the others follow their dates."""
    old = (timezone.localdate() - contract.signed_on).days > 40
    turn, ended = place % EVERY if old else -1, contract.approved_at + timedelta(days=30)
    contract.execution = services.execution_of(contract)
    if turn in (1, 2):
        contract.execution = Execution.FINISHED if turn == 1 else Execution.SHUT
        contract.ended_at = contract.updated_at = ended
        contract.end_reason = pick.choice(ENDS[contract.execution])
    elif turn == 5 and contract.opportunity_id is None:
        contract.status, contract.void_reason = Status.VOID, pick.choice(VOIDED)
        contract.voided_at = contract.updated_at = ended


def _lines(contract: Contract, goods: list[Product], pick: Random) -> None:
    lines = []
    for place, product in enumerate(goods):
        price = arithmetic.discounted(product.price, Decimal(pick.choice([0, 0, 3, 5])))
        quantity = Decimal(1 if product.price > 20_000 else pick.randint(2, 12))
        lines.append(
            ContractLine(
                contract=contract,
                product=product,
                name=product.name,
                code=product.code,
                unit=product.unit.label if product.unit else "",
                list_price=product.price,
                price=price,
                quantity=quantity,
                discount=arithmetic.discount_of(product.price, price),
                subtotal=arithmetic.subtotal(price, quantity),
                order=place,
            )
        )
    ContractLine.objects.bulk_create(lines)
    contract.lines_total = contract.amount = arithmetic.total((line.subtotal for line in lines), 0)
    contract.save(update_fields=["lines_total", "amount"])


def _log(contract: Contract) -> list[tuple]:
    kind, by = ContentType.objects.get_for_model(Contract).pk, contract.owner_id
    steps = [
        (contract.created_at, "created", "新建"),
        (contract.submitted_at, "submitted", f"提交审批，编号 {contract.number}"),
        (contract.approved_at, "approved", "审批通过"),
    ]
    if contract.status == Status.VOID:
        steps.append((contract.voided_at, "voided", f"作废：{contract.void_reason}"))
    if contract.ended_at:
        steps.append((contract.ended_at, "ended", "完成" if contract.execution == Execution.FINISHED else "关闭"))
    return [(at, kind, contract.pk, by, f"contract.{code}", text, []) for at, code, text in steps]


# What is going on -----------------------------------------------------------------------------------------------------------
def make_open(people: dict[str, Employee]) -> int:
    """Drafts, one of them out of a quotation and three renewals, and contracts on every way an approval can take, by the services.
    Returns how many."""
    flow(people)
    before = Contract.objects.count()
    quotation = Quotation.objects.filter(state="accepted").select_related("opportunity__owner").first()
    if quotation is not None:
        copying.from_quotation(quotation, by=quotation.opportunity.owner)
    soon = Contract.objects.live().filter(status=Status.APPROVED, ends_on__gte=timezone.localdate())
    for contract in soon.select_related("owner").order_by("ends_on", "pk")[:3]:
        copying.renew(contract, by=contract.owner)
    used = Contract.objects.filter(opportunity__isnull=False).values("opportunity")
    deals = Opportunity.objects.live().filter(state=State.OPEN, amount__gt=0).exclude(pk__in=used)
    ways = ["draft"] * 4 + ["pending", "rejected", "withdrawn"] * 3 + ["half", "approved", "approved"]
    for way, deal in zip(ways, deals.select_related("owner", "customer").order_by("pk"), strict=False):
        _on_its_way(way, deal)
    return Contract.objects.count() - before


def _on_its_way(way: str, deal: Opportunity) -> None:
    by, today = deal.owner, timezone.localdate()
    draft = Contract(
        name=f"{deal.name}合同",
        customer=deal.customer,
        opportunity=deal,
        amount=deal.amount,
        signed_on=today,
        starts_on=today + timedelta(days=7),
        ends_on=_until(today + timedelta(days=7), 12),
        customer_signer=deal.decider,
        company_signer=by,
        owner=by,
    )
    made = services.create_contract(draft, by=by)
    copying.copy_lines(made, deal.lines.all(), discount=deal.discount, by=by)
    if way == "draft":
        return
    made = services.submit(made, by=by, note="账期按框架协议执行")
    if way == "withdrawn":
        services.withdraw(made, by=by, comment="客户要求调整交货日期")
    elif way == "rejected":
        _decide(made, approvals.reject, "付款方式请改为预付三成")
    elif way == "half":
        _decide(made, approvals.approve, "同意")
    elif way == "approved":
        while Contract.objects.get(pk=made.pk).status == Status.PENDING:
            _decide(made, approvals.approve, "同意")


def _decide(contract: Contract, verb, comment: str) -> None:
    kind = ContentType.objects.get_for_model(Contract)
    waiting = Assignment.objects.filter(
        state=Assignment.State.OPEN, step__approval__content_type=kind, step__approval__object_id=contract.pk
    )
    first = waiting.select_related("employee").order_by("pk")[0]
    verb(first.pk, by=first.employee, comment=comment)
