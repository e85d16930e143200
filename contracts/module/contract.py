"""The module of contracts."""

from django.utils import timezone

from approvals import states
from approvals.models import Status
from crm.records import dictionaries, modules
from crm.records.modules import Module, View
from customers.module.builtin import in_team, mine, of_subordinates, recently, starred, this_month

from .. import approving, following, numbering  # noqa: F401  announce themselves
from ..changes import declared as changes
from ..changes.tab import TAB as VERSIONS
from ..copying import create_from
from ..lines.declared import EXPORT
from ..lines.declared import TAB as LINES
from ..models import Contract, ContractGrant, ContractVersion, Execution
from ..services import create_contract, delete_contracts, purge_contracts, restore_contracts, update_contract
from .bulk import BULK
from .columns import COLUMNS
from .views import BY_STATUS, SOON

dictionaries.declare("contract.kind", "合同类型", "合同")
dictionaries.declare("invoice.kind", "发票类型", "合同")
for _label, _view in (("被退回的合同", "returned"), ("即将到期的合同", "ending")):
    modules.TO_DO.append(modules.ToDo(_label, "contract", _view))

CHIPS = {
    Status.PENDING: "k-chip-warning",
    Status.APPROVED: "k-chip-success",
    Status.REJECTED: "k-chip-danger",
}


def contract_chips(contract, fields) -> list[dict]:
    """Its status, how far it is carried out, and whether it ends soon."""
    found = []
    if fields.readable("status"):
        found.append({"label": contract.get_status_display(), "css": CHIPS.get(contract.status, "")})
    if contract.status == Status.APPROVED and fields.readable("execution"):
        late = "k-chip-warning" if contract.execution == Execution.EXPIRED else ""
        found.append({"label": contract.get_execution_display(), "css": late})
        if contract.execution == Execution.RUNNING and contract.ends_on and fields.readable("ends_on"):
            days = (contract.ends_on - timezone.localdate()).days
            if 0 <= days <= SOON:
                words = f"还有 {days} 天到期" if days else "今天到期"
                found.append({"label": words, "css": "k-chip-warning"})
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
        importer="contracts.importing.CONTRACTS",
        filters="contracts.filters.ContractFilters",
        grant_model=ContractGrant,
        followed=True,
        parents=("customer",),
        closed=states.closings(),
        functions=(
            ("amend", "变更"),
            ("void", "作废"),
            ("finish", "完成与关闭"),
            ("history", "导入历史合同"),
        ),
        search={"name": ("name",), "number": ("number",)},
        search_related=(("customer", "contracts", "customer"),),
        search_placeholder="合同名称、编号、客户、拼音首字母",
        columns=COLUMNS,
        views=[
            View("all", "全部", count=True),
            View("mine", "我负责的", mine, count=True),
            View("subordinates", "下属合同", of_subordinates),
            View("starred", "我关注的", starred),
            *BY_STATUS,
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
                    "edition",
                ),
            ),
            ("款项", ("planned", "received", "pending", "outstanding", "overdue", "invoiced", "invoicing")),
            (
                "其他",
                (
                    "renewed_from",
                    "quotation",
                    "remind_days",
                    "submitted_at",
                    "approved_at",
                    "ended_at",
                    "end_reason",
                    "voided_at",
                    "void_reason",
                    "remark",
                    "next_contact_at",
                    "last_followed_at",
                    "created_by",
                    "created_at",
                    "updated_at",
                ),
            ),
        ),
        facts=("number", "customer", "amount", "signed_on", "starts_on", "ends_on", "customer_signer", "owner"),
        chips=contract_chips,
        tabs=[LINES, VERSIONS],
        bulk=[*BULK, changes.VOID, EXPORT],
        inherent=(ContractVersion,),
        create_from=create_from,
        texts={"transfer_body": "审批、产品、回款和发票不变。"},
        verbs={
            "create": create_contract,
            "update": update_contract,
            "delete": delete_contracts,
            "restore": restore_contracts,
            "purge": purge_contracts,
        },
    )
)
