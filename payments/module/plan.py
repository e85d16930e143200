"""The module of payment plans (回款计划)."""

from crm.records import modules
from crm.records.columns import Column
from crm.records.modules import Face, Module, View
from customers.module.builtin import in_team, mine, of_subordinates, recently, starred

from .. import approving, hooks, nightly, numbering, settings, states  # noqa: F401  announce themselves
from ..columns import KeptColumn, LackColumn, StateColumn
from ..models import PaymentPlan, PaymentPlanGrant
from ..services import create_plan, delete_plans, restore_plans, update_plan
from .views import overdue, paid, soon, this_month_due, unpaid

# Who sees an open contract in their reach registers payments at it; submitting is part of editing.
modules.FUNCTION_OF.setdefault("pay", "view")
modules.FUNCTION_OF.setdefault("submit", "edit")
for _label, _view in (("逾期的回款", "overdue"), ("7 天内到期的回款", "soon")):
    modules.TO_DO.append(modules.ToDo(_label, "payment_plan", _view))

NEEDS = ("amount", "received", "due_on")


def plan_chips(plan, fields) -> list[dict]:
    """Where it stands, beside the name."""
    if not fields.readable("state"):
        return []
    css = {"paid": "k-chip-success", "overdue": "k-chip-danger", "part": "k-chip-warning"}
    label = states.words(plan.amount, plan.received, plan.due_on, plan.contract.status, plan.contract.execution)
    return [{"label": label, "css": css.get(states.of(plan), "")}]


PLAN = modules.register(
    Module(
        name="payment_plan",
        label="回款计划",
        icon="calendar",
        model=PaymentPlan,
        prefix="payment-plans",
        order=52,
        form="payments.forms.PlanForm",
        importer="payments.importing.PLANS",
        filters="payments.filters.PlanFilters",
        grant_model=PaymentPlanGrant,
        parents=("contract", "customer"),
        shown_by=("contract", "customer"),
        faces=(Face("账龄", "report", "aging", needs=NEEDS),),
        functions=(("history", "导入原创建人和时间"),),
        search={"name": ("remark",)},
        search_placeholder="备注",
        columns=[
            Column(
                "period",
                combine=lambda period: f"第 {period} 期",
                kind="text",
                css="k-w-120",
                m="title",
                default=True,
            ),
            Column("contract", paths=("contract__name",), css="k-w-name", m="sub", default=True),
            Column("contract_number", "合同编号", paths=("contract__number",), css="k-w-120"),
            Column("customer", paths=("customer__name",), css="k-w-name", m="sub", default=True),
            Column("due_on", sort="due_on", css="k-w-104", m="pair", default=True),
            Column("amount", css="k-w-120", m="pair", default=True),
            KeptColumn("received", kind="money", css="k-w-120", m="pair", default=True),
            KeptColumn("pending", kind="money", css="k-w-104"),
            LackColumn(),
            StateColumn(),
            Column("method", css="k-w-88", default=True),
            Column("owner", css="k-w-96", m="sub", default=True),
            Column("remind_days", css="k-w-104"),
            Column("remark", css="k-w-name"),
            Column("created_by", css="k-w-88"),
            Column("created_at", css="k-w-104"),
            Column("updated_at", sort="updated_at", css="k-w-104"),
        ],
        views=[
            View("all", "全部", count=True),
            View("unpaid", "未回清", unpaid, needs=NEEDS),
            View("overdue", "逾期", overdue, needs=NEEDS),
            View("soon", "7 天内到期", soon, needs=NEEDS),
            View("due", "本月到期", this_month_due, needs=NEEDS),
            View("paid", "已回", paid, needs=NEEDS),
            View("mine", "我负责的", mine, count=True),
            View("subordinates", "下属的", of_subordinates),
            View("starred", "我关注的", starred),
            View("recent", "最近更新", recently, order="-updated_at"),
            View("team", "团队计划", in_team),
        ],
        sections=(
            (
                "基本信息",
                (
                    "period",
                    "contract",
                    "contract_number",
                    "customer",
                    "amount",
                    "due_on",
                    "method",
                    "received",
                    "pending",
                    "lacks",
                    "state",
                    "remind_days",
                ),
            ),
            ("其他", ("remark", "created_by", "created_at", "updated_at")),
        ),
        facts=("contract", "customer", "due_on", "amount", "received", "lacks", "owner"),
        chips=plan_chips,
        picked=("contract", "amount"),
        default_order="-due_on",
        texts={"transfer_body": "只换计划的负责人，合同和回款不变。"},
        verbs={
            "create": create_plan,
            "update": update_plan,
            "delete": delete_plans,
            "restore": restore_plans,
        },
    )
)
