"""变更 and 作废 as documents of the approval engine, and as actions of the contract."""

from approvals import documents
from approvals.documents import Document, Fact
from approvals.models import Status
from crm.records import modules
from crm.records.modules import Bulk

from .. import approving
from ..models import Contract, ContractVersion
from ..services import snapshot
from . import compare, voiding
from .data import overlay
from .forms import VoidForm
from .services import settle_change
from .voiding import settle_void

DELTA = Fact("delta", "金额变动", "money")


def _version(contract: Contract, payload: dict) -> ContractVersion | None:
    return contract.versions.filter(pk=payload.get("version")).first()


def _wanted(contract: Contract, payload: dict) -> Contract:
    """The contract as it would be."""
    version = _version(contract, payload)
    return overlay(contract, version.data) if version else contract


def _values(contract: Contract, payload: dict) -> dict:
    wanted = _wanted(contract, payload)
    return {**approving.values(wanted, payload), "delta": wanted.amount - contract.amount}


def _changes(contract: Contract, payload: dict, user) -> list[dict]:
    """The differences to the version this one was written against: the one in force, or the one it replaced."""
    version = _version(contract, payload)
    if version is None:
        return []
    S = ContractVersion.State
    if version.state in (S.EFFECTIVE, S.FORMER):
        former = contract.versions.filter(number__lt=version.number, effective_at__isnull=False).first()
        old = former.data if former else version.data
    else:
        old = snapshot(contract)
    return [{"label": "变更原因", "old": "", "new": version.reason}, *compare.between(old, version.data, user).pairs]


def _void_changes(contract: Contract, payload: dict, user) -> list[dict]:
    return [{"label": "作废原因", "old": "", "new": payload.get("reason", "")}]


documents.register(
    Document(
        key="contract_change",
        label="合同变更",
        model=Contract,
        facts=lambda: [*documents.ALL["contract"].facts(), DELTA],
        values=_values,
        title=lambda contract: f"{contract.number} {contract.name} 变更".strip(),
        settle=settle_change,
        amount=lambda contract, payload: _wanted(contract, payload).amount,
        changes=_changes,
    )
)
documents.register(
    Document(
        key="contract_void",
        label="合同作废",
        model=Contract,
        facts=lambda: documents.ALL["contract"].facts(),
        values=lambda contract, payload: approving.values(contract, payload),
        title=lambda contract: f"{contract.number} {contract.name} 作废".strip(),
        settle=settle_void,
        amount=lambda contract, payload: contract.amount,
        changes=_void_changes,
    )
)


def _void(rows, *, by, form):
    return voiding.void_many(rows, form.cleaned_data["reason"], by=by, chosen=form.chosen())


VOID = Bulk(
    "void",
    "作废",
    "x",
    "void",
    _void,
    "作废 {n} 个{label}？",
    "作废（{n} 个）",
    form=VoidForm,
    body="作废审批通过后合同只能查看，不能恢复；有回款或发票的合同不能作废，商机保持赢单。",
    danger=True,
    shown=lambda contract: contract.status == Status.APPROVED and not contract.changing,
)


def chips(contract: Contract) -> list[dict]:
    """What waits on an approved contract."""
    if not contract.changing:
        return []
    found = [{"label": contract.get_changing_display(), "css": "k-chip-warning"}]
    if contract.changing == "change":
        version = contract.versions.filter(state=ContractVersion.State.PENDING).first()
        if version is not None:
            found.append({"label": f"第 {version.number} 版待批，第 {contract.edition} 版生效中"})
    return found


def actions(contract: Contract, rights) -> list[dict]:
    """What the header of the contract's page offers."""
    if "amend" not in rights or contract.changing or contract.status != Status.APPROVED:
        return []
    return [{"label": "变更", "url": modules.get("contract").url("change", contract.pk), "icon": "edit"}]
