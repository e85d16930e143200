"""The 回款 tab of a contract and of a customer, and the money bar beside a contract."""

from decimal import Decimal

from django.utils import timezone

from approvals.models import Status
from crm.records import fieldset, modules
from crm.records.formatting import money
from crm.records.modules import Tab

from . import figures, states
from .columns import PlansColumn
from .figures import ZERO
from .models import Payment, PaymentPlan
from .offering import may_pay, reads_rest

SHOWN = 120  # plans, payments of one page
DOTS = {
    Status.PENDING: "k-dot-warning",
    Status.APPROVED: "k-dot-success",
    Status.REJECTED: "k-dot-danger",
}


def percent(part: Decimal, whole: Decimal) -> str:
    """A share to one decimal, never rounded up to 100."""
    if not whole:
        return "0"
    found = (part * 100 / whole).quantize(Decimal("0.1"))
    if found == 100 and part < whole:
        found = Decimal("99.9")
    return f"{found.normalize():f}"


def bar(whole: Decimal, *parts: tuple[str, Decimal]) -> list[dict]:
    """Rectangles of a money bar over 100: (name, amount) each, cut where it is full."""
    found, place = [], Decimal(0)
    for name, amount in parts:
        width = min(max(amount, ZERO) * 100 / whole if whole else ZERO, 100 - place)
        if width > 0:
            found.append({"name": name, "x": f"{place:.2f}", "width": f"{width:.2f}"})
            place += width
    return found


def _plans(parent: str, record, user, *, may: bool) -> dict | None:
    """The plans the person may see below a contract or a customer, with what may be done with each."""
    module = modules.get("payment_plan")
    if not module.may(user, "view"):
        return None
    fields = fieldset.of(module, user)
    rows = PaymentPlan.objects.allowed(user, "view").filter(**{parent: record})
    rows = rows.select_related("method", "contract").order_by("due_on" if parent == "customer" else "period", "pk")
    plans, sums = list(rows[: SHOWN + 1]), {"amount": ZERO, "received": ZERO}
    shows = fields.readable("amount") and fields.readable("received") and fields.readable("pending")
    writes = {action: user.scope_for(f"payment_plan.{action}") for action in ("edit", "delete")}
    found, today = [], timezone.localdate()
    for plan in plans[:SHOWN]:
        state = states.of(plan, today)
        running = figures.is_open(plan.contract)
        lacks = figures.lacking(plan.amount, plan.received, plan.pending)
        own = {
            action: running and reach is not None and reach.includes(plan.owner_id) for action, reach in writes.items()
        }
        for name in sums:
            sums[name] += getattr(plan, name)
        url = module.url(pk=plan.pk)
        found.append(
            {
                "plan": plan,
                "url": url,
                "due_on": fields.shown(plan, "due_on"),
                "amount": fields.shown(plan, "amount"),
                "received": fields.shown(plan, "received"),
                "method": fields.shown(plan, "method"),
                "state": fields.shown(plan, "state"),
                "dot": states.DOTS.get(state, ""),
                "late": state == "overdue",
                "percent": percent(plan.received, plan.amount),
                "bar": bar(
                    plan.amount,
                    ("received", plan.received),
                    ("pending", plan.pending),
                    ("overdue", lacks if state == "overdue" else ZERO),
                )
                if shows
                else None,
                "pay_url": f"{modules.get('payment').new_url}?contract={plan.contract_id}&plan={plan.pk}"
                if may and running and lacks
                else None,
                "edit_url": f"{url}edit/" if own["edit"] else None,
                "delete_url": f"{module.bulk_url}delete/?ids={plan.pk}"
                if own["delete"] and not (plan.received or plan.pending)
                else None,
            }
        )
    more = f"{module.list_url}?{parent}={record.pk}" if len(plans) > SHOWN else None
    return {
        "rows": found,
        "labels": {key: fields.label(key) for key in ("due_on", "amount", "received", "method", "state")},
        "shows": {key: key in fields.by_key for key in ("due_on", "amount", "received", "method", "state")},
        "bars": shows,
        "sums": {key: money(value) for key, value in sums.items()} if shows and not more else None,
        "percent": percent(sums["received"], sums["amount"]),
        "total": sums["amount"],
        "more_url": more,
    }


def _payments(parent: str, record, user) -> dict | None:
    """The payments the person may see, the newest first."""
    module = modules.get("payment")
    if not module.may(user, "view"):
        return None
    fields = fieldset.of(module, user)
    rows = Payment.objects.allowed(user, "view").filter(**{parent: record})
    rows = list(rows.select_related("method", "created_by", "contract").order_by("-paid_on", "-pk")[: SHOWN + 1])
    periods = next((one for one in fields.columns if isinstance(one, PlansColumn)), None)
    if periods is not None:
        periods.load([payment.pk for payment in rows])
    found = []
    for payment in rows[:SHOWN]:
        amount = fields.shown(payment, "amount")
        refund = payment.type == Payment.Type.REFUND and fields.readable("type")
        found.append(
            {
                "payment": payment,
                "title": module.title_of(payment),
                "url": module.url(pk=payment.pk),
                "paid_on": fields.shown(payment, "paid_on"),
                "periods": fields.shown(payment, "plans"),
                "amount": f"-{amount}" if refund and amount else amount,
                "refund": refund,
                "method": fields.shown(payment, "method"),
                "by": payment.created_by.name if payment.created_by else "",
                "status": fields.shown(payment, "status"),
                "dot": DOTS.get(payment.status, ""),
            }
        )
    keys = ("paid_on", "plans", "amount", "method", "status")
    return {
        "rows": found,
        "labels": {key: fields.label(key) for key in keys},
        "shows": {key: key in fields.by_key for key in keys},
        "more_url": f"{module.list_url}?{parent}={record.pk}" if len(rows) > SHOWN else None,
    }


def contract_tab(request, contract, rights) -> dict:
    """Plans with their bars, then the payments."""
    user = request.user
    plan, payment = modules.get("payment_plan"), modules.get("payment")
    may = may_pay(user, contract)
    adds = {module.name: may and module.may(user, "create") for module in (plan, payment)}
    plans = _plans("contract", contract, user, may=adds["payment"])
    shows = fieldset.of(modules.get("contract"), user).readable("amount")
    query = f"?contract={contract.pk}"
    return {
        "plans": plans,
        "payments": _payments("contract", contract, user),
        "note": _note(contract, plans, shows) if plans and plans["rows"] else "",
        "over": bool(plans and plans["bars"] and shows) and contract.planned > contract.amount,
        "add_url": f"{plan.new_url}{query}" if adds["payment_plan"] else None,
        "generate_url": f"{plan.url('generate')}{query}"
        if adds["payment_plan"] and contract.planned < contract.amount and reads_rest(user)
        else None,
        "pay_url": f"{payment.new_url}{query}" if adds["payment"] else None,
        "waits": contract.status != Status.APPROVED,
    }


def _note(contract, plans: dict, shows: bool) -> str:
    count = f"{len(plans['rows'])} 期"
    if plans["sums"] is None or not shows:
        return count
    if contract.planned == contract.amount:
        return f"{count}，合计等于合同金额"
    if contract.planned > contract.amount:
        return f"{count}，合计超出合同金额 {money(contract.planned - contract.amount)}"
    return f"{count}，还有 {money(contract.amount - contract.planned)} 未计划"


def customer_tab(request, customer, rights) -> dict:
    """The same over all contracts of a customer."""
    user, payment = request.user, modules.get("payment")
    may = payment.may(user, "create")
    return {
        "plans": _plans("customer", customer, user, may=may),
        "payments": _payments("customer", customer, user),
        "contracts": True,
        "receive_url": f"{payment.url('receive')}?customer={customer.pk}" if may and reads_rest(user) else None,
    }


def _rows(parent: str):
    def count(record, user):
        rows = [
            model.objects.allowed(user, "view").filter(**{parent: record})
            for name, model in (("payment_plan", PaymentPlan), ("payment", Payment))
            if modules.get(name).may(user, "view")
        ]
        return rows[-1:]

    return count


FUNCTIONS = ("payment_plan.view", "payment.view")
CONTRACT_TAB = Tab(
    "payments", "回款", "payments/tab.html", contract_tab, _rows("contract"), order=5, functions=FUNCTIONS
)
CUSTOMER_TAB = Tab(
    "payments", "回款", "payments/tab.html", customer_tab, _rows("customer"), order=36, functions=FUNCTIONS
)


def card(contract, user) -> list[dict]:
    """回款进度: what came in, waits, is overdue and is not due yet."""
    fields = fieldset.of(modules.get("contract"), user)
    if not all(map(fields.readable, ("amount", "received", "pending", "overdue"))) or not any(
        map(user.has_function, FUNCTIONS)
    ):
        return []
    if contract.status not in (Status.APPROVED, Status.VOID):
        return []
    whole, received, pending, overdue = contract.amount, contract.received, contract.pending, contract.overdue
    rest = max(whole - received - pending - overdue, ZERO)
    parts = (("received", "已回", received), ("pending", "待审批", pending), ("overdue", "逾期", overdue))
    words = "，".join(f"{label} {percent(amount, whole)}%" for _, label, amount in parts)
    rows = [*parts, ("remaining", "未到期", rest)]
    return [
        {
            "title": "回款进度",
            "figure": f"{percent(received, whole)}%",
            "template": "payments/card.html",
            "bar": bar(whole, *((name, amount) for name, _, amount in parts)),
            "words": words,
            "rows": [{"name": name, "label": label, "amount": amount} for name, label, amount in rows],
        }
    ]


def stand() -> None:
    """Put the tabs and the card on the pages of the modules below."""
    contract, customer = modules.get("contract"), modules.get("customer")
    contract.tabs.append(CONTRACT_TAB)
    customer.tabs.append(CUSTOMER_TAB)
    contract.side = (card, *contract.side)
