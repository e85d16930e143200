"""The module of invoices: applications with approval, and the invoices made out on them."""

from django.utils import timezone

from approvals import states
from approvals.models import Status
from crm.records import modules
from crm.records.columns import Column
from crm.records.modules import Bulk, Module, View
from customers.module.builtin import in_team, mine, of_subordinates, recently, starred
from customers.module.customer import CUSTOMER

from ..invoices import approving, following, nightly, services  # noqa: F401  announce themselves
from ..invoices.forms import VoidForm
from ..invoices.tab import TAB as TITLES
from ..models import Contract, Invoice, InvoiceGrant
from .contract import CHIPS

SENTENCES = {
    Status.APPROVED: "已通过审批的发票不能修改或删除；开错了请用“作废”",
    Status.PENDING: "审批中不能修改，请先撤回再编辑",
}
CUSTOMER.tabs.append(TITLES)
modules.TO_DO.append(modules.ToDo("待开的发票", "invoice", "waiting"))


def chips(invoice: Invoice, fields) -> list[dict]:
    """Its status, and whether the invoice is made out."""
    if not fields.readable("status"):
        return []
    label = invoice.get_voided_as_display() if invoice.status == Status.VOID else ""
    found = [{"label": f"已{label}" if label else invoice.get_status_display(), "css": CHIPS.get(invoice.status, "")}]
    if invoice.status == Status.APPROVED and fields.readable("issued_on"):
        found.append({"label": "已开票", "css": "k-chip-accent"} if invoice.issued_on else {"label": "待开票"})
    return found


def _of(*statuses):
    return lambda rows, user: rows.filter(status__in=statuses)


def waiting(rows, user):
    """待开票: approved, no number yet."""
    return rows.filter(status=Status.APPROVED, issued_on=None)


def issued(rows, user):
    return rows.filter(status=Status.APPROVED, issued_on__isnull=False)


def issued_this_month(rows, user):
    return issued(rows, user).filter(issued_on__gte=timezone.localdate().replace(day=1))


def adds(parent, user) -> bool:
    """An application begins at a contract on which the person may invoice."""
    return isinstance(parent, Contract) and services.billable(user).filter(pk=parent.pk).exists()


def _submit(rows, *, by, form=None):
    return services.each(rows, lambda invoice: services.submit(invoice, by=by))


def _void(rows, *, by, form):
    data = form.cleaned_data
    return services.each(rows, lambda invoice: services.void(invoice, kind=data["kind"], reason=data["reason"], by=by))


def _standing(invoice) -> bool:
    return invoice.status == Status.APPROVED


INVOICE = modules.register(
    Module(
        name="invoice",
        label="发票",
        icon="invoice",
        model=Invoice,
        prefix="invoices",
        order=60,
        form="contracts.invoices.forms.InvoiceForm",
        importer="contracts.invoices.importing.INVOICES",
        filters="contracts.invoices.filters.InvoiceFilters",
        grant_model=InvoiceGrant,
        parents=("contract", "customer"),
        adds=adds,
        closed=states.closings(sentences=SENTENCES),
        functions=(("issue", "登记开票"), ("void", "作废"), ("history", "导入历史发票")),
        search={"name": ("title", "number", "invoice_number")},
        search_placeholder="抬头、申请编号、发票号码",
        picked=("number",),
        columns=[
            Column("title", sort="title", css="k-w-name", m="title", default=True),
            Column("number", css="k-w-120", m="sub", default=True),
            Column("contract", paths=("contract__name",), css="k-w-name", m="sub", default=True),
            Column("customer", paths=("customer__name",), css="k-w-name", default=True),
            Column("amount", css="k-w-104", m="pair", default=True),
            Column("status", css="k-w-72", m="side", default=True),
            Column("invoice_number", css="k-w-120", m="pair", default=True),
            Column("issued_on", css="k-w-104", m="pair", default=True),
            Column("kind", css="k-w-120", default=True),
            Column("owner", css="k-w-96", m="sub", default=True),
            Column("contract_number", "合同编号", paths=("contract__number",), css="k-w-120"),
            Column("created_by", css="k-w-88"),
            Column("created_at", sort="created_at", css="k-w-104"),
            Column("updated_at", sort="updated_at", css="k-w-104"),
            *[
                Column(key, css="k-w-104")
                for key in (
                    "wanted_on",
                    "tax_number",
                    "bank",
                    "account",
                    "address",
                    "phone",
                    "content",
                    "receiver",
                    "remark",
                    "submitted_at",
                    "approved_at",
                    "voided_at",
                    "voided_as",
                    "void_reason",
                )
            ],
        ],
        views=[
            View("all", "全部", count=True),
            View("mine", "我负责的", mine, count=True),
            View("pending", "审批中", _of(Status.PENDING), count=True, needs=("status",)),
            View("waiting", "待开票", waiting, count=True, needs=("status", "issued_on")),
            View("issued", "已开票", issued, needs=("status", "issued_on")),
            View("month", "本月开票", issued_this_month, needs=("status", "issued_on")),
            View("drafts", "未提交", _of(*services.FREE), needs=("status",)),
            View("void", "已作废", _of(Status.VOID), needs=("status",)),
            View("subordinates", "下属发票", of_subordinates),
            View("starred", "我关注的", starred),
            View("recent", "最近更新", recently, order="-updated_at"),
            View("team", "团队发票", in_team),
        ],
        sections=(
            (
                "开票申请",
                (
                    "number",
                    "contract",
                    "contract_number",
                    "customer",
                    "kind",
                    "amount",
                    "wanted_on",
                    "content",
                    "receiver",
                    "remark",
                ),
            ),
            ("抬头", ("title", "tax_number", "bank", "account", "address", "phone")),
            (
                "审批与开票",
                (
                    "status",
                    "submitted_at",
                    "approved_at",
                    "invoice_number",
                    "issued_on",
                    "voided_at",
                    "voided_as",
                    "void_reason",
                    "created_by",
                    "created_at",
                    "updated_at",
                ),
            ),
        ),
        facts=("amount", "contract", "customer", "number", "invoice_number", "issued_on", "owner"),
        chips=chips,
        create_from=lambda form, *, by: services.create_invoice(
            form.instance, by=by, save_title=form.cleaned_data.get("save_title", False)
        ),
        texts={"transfer_body": "合同和抬头不变。"},
        verbs={
            "create": services.create_invoice,
            "update": services.update_invoice,
            "delete": services.delete_invoices,
            "restore": services.restore_invoices,
        },
        bulk=[
            Bulk(
                "submit",
                "提交审批",
                "approval",
                "edit",
                _submit,
                "提交 {n} 个开票申请？",
                "提交（{n} 个）",
                body="提交后生成申请编号，审批中不能修改，可以撤回。",
                shown=lambda invoice: invoice.status in services.FREE,
                views=("all", "mine", "drafts"),
                done="已提交",
            ),
            Bulk(
                "issue",
                "登记开票",
                "invoice",
                "issue",
                None,
                "",
                "",
                page="/invoices/issue/",
                one="登记开票",
                shown=lambda invoice: _standing(invoice) and not invoice.issued_on,
                views=("all", "mine", "waiting"),
            ),
            Bulk(
                "correct",
                "更正发票号码",
                "edit",
                "issue",
                None,
                "",
                "",
                page="/invoices/issue/",
                one="更正发票号码",
                shown=lambda invoice: _standing(invoice) and invoice.issued_on is not None,
                views=("issued", "month"),
            ),
            Bulk(
                "void",
                "作废",
                "x",
                "void",
                _void,
                "作废 {n} 张发票？",
                "作废（{n} 张）",
                form=VoidForm,
                body="作废或红冲后不能恢复，金额回到合同，可以重新开票。",
                danger=True,
                shown=_standing,
                views=("all", "mine", "waiting", "issued", "month"),
                done="已作废",
            ),
        ],
    )
)
