"""The module of payments (回款)."""

from django.core.exceptions import ValidationError

from approvals import states
from approvals.models import Status
from crm.records import modules
from crm.records.columns import Column
from crm.records.modules import Module, View
from customers.module.builtin import in_team, mine, of_subordinates, recently, starred

from ..columns import AmountColumn, KeptColumn, PlansColumn
from ..models import Payment, PaymentAllocation, PaymentGrant
from ..services import create_payment, delete_payments, restore_payments, update_payment
from . import plan  # noqa: F401  plans stand before payments
from .bulk import SETTLE, SUBMIT, UNSETTLE, VOID
from .views import of_status, received_this_month, refunds, unsettled

CHIPS = {
    Status.PENDING: "k-chip-warning",
    Status.APPROVED: "k-chip-success",
    Status.REJECTED: "k-chip-danger",
}


def payment_chips(payment, fields) -> list[dict]:
    found = []
    if fields.readable("type") and payment.type == Payment.Type.REFUND:
        found.append({"label": "退款", "css": "k-chip-warning"})
    if fields.readable("status"):
        found.append({"label": payment.get_status_display(), "css": CHIPS.get(payment.status, "")})
    if payment.settled_at and fields.readable("settled_at"):
        found.append({"label": "提成已结算"})
    return found


def create_from(form, *, by) -> Payment:
    """Save what the form says, and submit it where that was ticked."""
    from ..services import submit

    payment = create_payment(form.instance, by=by, parts=form.parts())
    if not form.cleaned_data.get("submit_now"):
        return payment
    try:
        return submit(payment, by=by)
    except ValidationError as error:
        raise ValidationError(error.messages) from None  # what a flow's step lacks is no field of this form


PAYMENT = modules.register(
    Module(
        name="payment",
        label="回款",
        icon="payment",
        model=Payment,
        prefix="payments",
        order=53,
        form="payments.forms.PaymentForm",
        importer="payments.importing.PAYMENTS",
        filters="payments.filters.PaymentFilters",
        grant_model=PaymentGrant,
        parents=("contract", "customer"),
        shown_by=("contract", "customer"),
        closed=states.closings(),
        functions=(
            ("void", "作废"),
            ("settle", "提成结算"),
            ("over", "超额回款"),
            ("history", "导入历史回款"),
        ),
        search={"name": ("number", "remark")},
        search_placeholder="回款编号、备注",
        columns=[
            Column(
                "number",
                combine=lambda number: number or "未提交",
                sort="number",
                css="k-w-120",
                m="title",
                default=True,
            ),
            Column("type", css="k-w-72", default=True),
            Column("contract", paths=("contract__name",), css="k-w-name", m="sub", default=True),
            Column("contract_number", "合同编号", paths=("contract__number",), css="k-w-120"),
            Column("customer", paths=("customer__name",), css="k-w-name", m="sub", default=True),
            PlansColumn(),
            Column("paid_on", sort="paid_on", css="k-w-104", m="pair", default=True),
            AmountColumn("amount", css="k-w-120", m="pair", default=True),
            Column("method", css="k-w-88", default=True),
            Column("status", css="k-w-72", m="side", default=True),
            Column("owner", css="k-w-96", m="sub", default=True),
            Column("settled_at", css="k-w-104"),
            KeptColumn("submitted_at", css="k-w-104"),
            KeptColumn("approved_at", css="k-w-104"),
            KeptColumn("voided_at", css="k-w-104"),
            KeptColumn("void_reason", css="k-w-name"),
            Column("remark", css="k-w-name"),
            Column("created_by", css="k-w-88", default=True),
            Column("created_at", sort="created_at", css="k-w-104"),
            Column("updated_at", sort="updated_at", css="k-w-104"),
        ],
        views=[
            View("all", "全部", count=True),
            View("mine", "我负责的", mine, count=True),
            View("drafts", "待提交", of_status(Status.DRAFT, Status.REJECTED, Status.WITHDRAWN), needs=("status",)),
            View("pending", "审批中", of_status(Status.PENDING), needs=("status",)),
            View("month", "本月回款", received_this_month, needs=("status", "type", "paid_on")),
            View("refunds", "退款", refunds, needs=("type",)),
            View("unsettled", "未结算提成", unsettled, needs=("status", "settled_at")),
            View("void", "已作废", of_status(Status.VOID), needs=("status",)),
            View("subordinates", "下属的", of_subordinates),
            View("starred", "我关注的", starred),
            View("recent", "最近更新", recently, order="-updated_at"),
            View("team", "团队回款", in_team),
        ],
        sections=(
            (
                "基本信息",
                (
                    "number",
                    "type",
                    "contract",
                    "contract_number",
                    "customer",
                    "plans",
                    "paid_on",
                    "amount",
                    "method",
                    "status",
                    "submitted_at",
                    "approved_at",
                    "settled_at",
                ),
            ),
            ("其他", ("remark", "voided_at", "void_reason", "created_by", "created_at", "updated_at")),
        ),
        facts=("contract", "customer", "amount", "paid_on", "plans", "method", "owner"),
        chips=payment_chips,
        picked=("contract", "amount"),
        bulk=[SUBMIT, VOID, SETTLE, UNSETTLE],
        inherent=(PaymentAllocation,),
        create_from=create_from,
        texts={"transfer_body": "只换回款的负责人，合同和审批不变。"},
        verbs={
            "create": create_payment,
            "update": update_payment,
            "delete": delete_payments,
            "restore": restore_payments,
        },
    )
)
