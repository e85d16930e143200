"""The module of contracts."""

from approvals import states
from approvals.models import Status
from crm.records import dictionaries, modules
from crm.records.columns import Column
from crm.records.modules import Module, View
from customers.module.builtin import in_team, mine, of_subordinates, recently, starred, this_month

from .. import approving, numbering  # noqa: F401  announce themselves
from ..changes import declared as changes
from ..changes.tab import TAB as VERSIONS
from ..lines.declared import TAB as LINES
from ..models import Contract, ContractGrant

dictionaries.declare("contract.kind", "合同类型", "合同")
dictionaries.declare("invoice.kind", "发票类型", "合同")

CHIPS = {
    Status.PENDING: "k-chip-warning",
    Status.APPROVED: "k-chip-success",
    Status.REJECTED: "k-chip-danger",
}


def contract_chips(contract, fields) -> list[dict]:
    """Its status, and how far it is carried out."""
    found = []
    if fields.readable("status"):
        found.append({"label": contract.get_status_display(), "css": CHIPS.get(contract.status, "")})
    if contract.status == Status.APPROVED and fields.readable("execution"):
        found.append({"label": contract.get_execution_display()})
    return [*found, *changes.chips(contract)]


CONTRACT = modules.register(
    Module(
        name="contract",
        label="合同",
        icon="contract",
        model=Contract,
        prefix="contracts",
        order=50,
        form="contracts.forms.ContractForm",
        filters="contracts.filters.ContractFilters",
        grant_model=ContractGrant,
        followed=True,
        parents=("customer",),
        closed=states.closings(),
        without=("import",),
        functions=(
            ("amend", "变更"),
            ("void", "作废"),
            ("finish", "完成与关闭"),
            ("history", "导入历史合同"),
        ),
        search={"name": ("name",)},
        search_placeholder="合同名称、拼音首字母",
        columns=[
            Column("name", sort="name", css="k-w-name", m="title", default=True),
            Column("number", css="k-w-104", m="sub", default=True),
            Column("customer", paths=("customer__name",), css="k-w-name", m="sub", default=True),
            Column("amount", css="k-w-104", m="pair", default=True),
            Column("status", css="k-w-72", m="side", default=True),
            Column("execution", css="k-w-72", default=True),
            Column("signed_on", sort="signed_on", css="k-w-104", default=True),
            Column("owner", css="k-w-96", m="sub", default=True),
            Column("created_by", css="k-w-88"),
            Column("created_at", sort="created_at", css="k-w-104"),
            Column("updated_at", sort="updated_at", css="k-w-104"),
            Column("opportunity", paths=("opportunity__name",), css="k-w-name"),
            Column("customer_signer", paths=("customer_signer__name",), css="k-w-96"),
            *[
                Column(key, css="k-w-104")
                for key in ("kind", "starts_on", "ends_on", "company_signer", "discount", "next_contact_at", "remark")
            ],
        ],
        views=[
            View("all", "全部", count=True),
            View("mine", "我负责的", mine, count=True),
            View("subordinates", "下属合同", of_subordinates),
            View("starred", "我关注的", starred),
            View("month", "本月新建", this_month),
            View("recent", "最近更新", recently, order="-updated_at"),
            View("team", "团队合同", in_team),
        ],
        sections=(
            (
                "基本信息",
                (
                    "number",
                    "name",
                    "customer",
                    "opportunity",
                    "kind",
                    "amount",
                    "discount",
                    "signed_on",
                    "starts_on",
                    "ends_on",
                    "customer_signer",
                    "company_signer",
                    "status",
                    "execution",
                ),
            ),
            ("其他", ("remark", "next_contact_at", "created_by", "created_at", "updated_at")),
        ),
        facts=("amount", "signed_on", "starts_on", "ends_on", "customer_signer", "company_signer", "owner"),
        chips=contract_chips,
        tabs=[LINES, VERSIONS],
        bulk=[changes.VOID],
    )
)
