"""Payment plans and payments of the demo company: every state, some overdue, refunds, receipts of a customer over contracts."""

from datetime import datetime, time, timedelta
from decimal import Decimal
from random import Random

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from approvals.models import Status
from contracts.models import Contract
from crm.loading import load
from crm.records import modules, numbering, search
from crm.records.models import DictionaryItem, OperationLog
from payments import figures, services
from payments.models import Payment, PaymentAllocation, PaymentPlan
from payments.services import allotting
from payments.services.plans import shares

RATIOS = ("30/40/30", "50/50", "30/60/10", "20/30/30/20", "100")
WAITING, DRAFTS, ENDED, REFUNDS, VOIDS, FEWEST = 5, 4, 4, 4, 3, 12
REMARKS = ("首付款", "进度款", "到货款", "验收款", "质保金")


def make(people: dict, pick: Random) -> int:
    """Plans over the approved contracts there are, and what came in of them; returns how many payments. The last ones go
    through the services, so that they wait where a flow is enabled."""
    contracts = [
        one
        for one in Contract.objects.live().filter(status=Status.APPROVED).select_related("owner").order_by("pk")
        if figures.is_open(one) and one.amount >= 1000
    ]
    if len(contracts) < FEWEST:
        return 0
    methods = list(DictionaryItem.objects.filter(dictionary="payment.method", active=True)[:4])
    plans = _plans(contracts, methods, pick)
    made = _receipts(contracts, plans, methods, pick)
    made += _others(contracts, methods, pick)
    figures.rewrite([one.pk for one in contracts])
    search.index(modules.get("payment"), list(Payment.objects.all()))
    search.index(modules.get("payment_plan"), list(PaymentPlan.objects.all()))
    return made + _waiting(contracts, methods)


def _at(day, hour: int = 10) -> datetime:
    return min(timezone.make_aware(datetime.combine(day, time(hour))), timezone.now())


def _plans(contracts, methods, pick) -> dict[int, list[PaymentPlan]]:
    found: dict[int, list[PaymentPlan]] = {}
    for place, contract in enumerate(contracts):
        if place % 8 == 7:
            continue  # nobody planned it yet
        weights = [Decimal(one) for one in pick.choice(RATIOS).split("/")]
        every = pick.choice((30, 45, 60, 90))
        for period, amount in enumerate(shares(contract.amount, weights), 1):
            due = contract.signed_on + timedelta(days=7 + every * (period - 1))
            found.setdefault(contract.pk, []).append(
                PaymentPlan(
                    contract=contract,
                    customer_id=contract.customer_id,
                    owner=contract.owner,
                    created_by=contract.owner,
                    created_at=_at(contract.signed_on),
                    updated_at=_at(contract.signed_on),
                    period=period,
                    amount=amount,
                    due_on=due,
                    method=pick.choice(methods),
                    remark=REMARKS[min(period, len(REMARKS)) - 1],
                )
            )
    PaymentPlan.objects.bulk_create([plan for plans in found.values() for plan in plans])
    _log(
        PaymentPlan,
        [(one.pk, one.created_at, one.created_by_id, "created", "新建") for p in found.values() for one in p],
    )
    return found


def _payment(contract, day, amount, methods, pick, status=Status.APPROVED, **more) -> Payment:
    at = _at(day, 15)
    counts = status in (Status.APPROVED, Status.VOID)
    return Payment(
        contract=contract,
        customer_id=contract.customer_id,
        owner=contract.owner,
        created_by=contract.owner,
        created_at=at,
        updated_at=at,
        paid_on=day,
        amount=amount,
        method=pick.choice(methods),
        status=status,
        submitted_at=None if status == Status.DRAFT else at,
        approved_at=at if counts else None,
        version=1 if status == Status.DRAFT else 3,
        **more,
    )


def _save(payments: list[Payment]) -> int:
    """Insert them with numbers of their months and their log."""
    payments.sort(key=lambda one: (one.paid_on, one.contract_id))
    for one in payments:
        if one.status != Status.DRAFT:
            one.number = numbering.take("payment", day=one.paid_on)[0]
    Payment.objects.bulk_create(payments)
    words = {
        Status.APPROVED: "审批通过",
        Status.REJECTED: "审批拒绝",
        Status.WITHDRAWN: "审批撤回",
        Status.VOID: "作废",
    }
    rows = []
    for one in payments:
        rows.append((one.pk, one.created_at, one.created_by_id, "created", "新建"))
        if one.status != Status.DRAFT:
            text = f"提交审批，编号 {one.number}"
            rows.append((one.pk, one.created_at, one.created_by_id, "submitted", text))
            code = "voided" if one.status == Status.VOID else one.status
            rows.append((one.pk, one.updated_at, one.created_by_id, code, words[one.status]))
    _log(Payment, rows)
    return len(payments)


def _receipts(contracts, plans, methods, pick) -> int:
    """Most plans that are due were paid, some in part, some not at all; a few refunds."""
    today, found, parts = timezone.localdate(), [], []
    for contract in contracts:
        for plan in plans.get(contract.pk, ()):
            if plan.due_on > today + timedelta(days=5):
                continue
            luck = pick.random()
            share = Decimal(1) if luck < 0.66 else Decimal("0.4") if luck < 0.82 else Decimal(0)
            amount = (plan.amount * share).quantize(Decimal("0.01"))
            if amount:
                day = min(max(plan.due_on + timedelta(days=pick.randint(-6, 12)), contract.signed_on), today)
                one = _payment(contract, day, amount, methods, pick, remark=plan.remark)
                if day < today - timedelta(days=60) and pick.random() < 0.7:
                    one.settled_at = _at(day + timedelta(days=40))
                found.append(one)
                parts.append((one, plan, amount))
    paid = [part for part in parts if part[2] > 500][:REFUNDS]
    for receipt, plan, amount in paid:
        back = (amount / 10).quantize(Decimal("0.01"))
        one = _payment(receipt.contract, today, back, methods, pick, type=Payment.Type.REFUND, remark="多收退回")
        found.append(one)
        parts.append((one, plan, back))
    number = _save(found)
    rows = [PaymentAllocation(payment=one, plan=plan, amount=amount) for one, plan, amount in parts]
    PaymentAllocation.objects.bulk_create(rows)
    return number


def _others(contracts, methods, pick) -> int:
    """Drafts, rejected, withdrawn and voided ones: they count nowhere."""
    today, found = timezone.localdate(), []
    kinds = [Status.DRAFT] * DRAFTS + [Status.REJECTED] * ENDED + [Status.WITHDRAWN] * ENDED + [Status.VOID] * VOIDS
    for place, status in enumerate(kinds):
        contract = contracts[(place * 5 + 2) % len(contracts)]
        more = {"voided_at": timezone.now(), "void_reason": "银行退票"} if status == Status.VOID else {}
        day = max(today - timedelta(days=3 + place), contract.signed_on)
        found.append(_payment(contract, min(day, today), Decimal(1000 + 500 * place), methods, pick, status, **more))
    return _save(found)


def _waiting(contracts, methods) -> int:
    """Submitted by the services: they wait where a flow is enabled."""
    done = 0
    for contract in contracts:
        plans = allotting.plans_of(contract.pk)
        free = allotting.rooms(plans, Payment.Type.RECEIPT)
        lacks = next((free[plan.pk] for plan in plans if free[plan.pk] > 100), None)
        if lacks is None or done == WAITING:
            continue
        made = Payment(
            contract=contract,
            amount=(lacks / 2).quantize(Decimal("0.01")),
            paid_on=timezone.localdate(),
            method=methods[0],
            remark="客户今天打款",
        )
        services.submit(services.create_payment(made, by=contract.owner), by=contract.owner)
        done += 1
    return done


def _log(model, rows: list[tuple]) -> None:
    kind, name = ContentType.objects.get_for_model(model).pk, modules.of_model(model).name
    load(
        OperationLog,
        ["object_id", "created_at", "actor_id", "code", "text", "changes", "content_type_id"],
        [(pk, at, actor, f"{name}.{code}", text, [], kind) for pk, at, actor, code, text in rows],
    )
