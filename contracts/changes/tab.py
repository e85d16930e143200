"""The 版本 tab of a contract: what it said, what is proposed."""

from crm.records import fieldset, modules, scope
from crm.records.modules import Tab

from ..models import ContractVersion
from .services import may_amend

State = ContractVersion.State
ROWS = 50
CHIPS = {
    State.PENDING: "k-chip-warning",
    State.EFFECTIVE: "k-chip-success",
    State.REJECTED: "k-chip-danger",
}


def visible(contract, rights):
    """The versions a person may see: drafts are for those who may write them."""
    found = contract.versions.select_related("by")
    return found if "amend" in rights else found.exclude(state=State.DRAFT)


def rows_of(contract, versions, user) -> list[dict]:
    """Versions as a list shows them."""
    module = modules.get("contract")
    money = fieldset.of(module, user).by_key.get("amount")
    return [
        {
            "version": one,
            "chip": CHIPS.get(one.state, ""),
            "amount": _money(money, one),
            "url": module.url(f"versions/{one.number}", contract.pk),
        }
        for one in versions
    ]


def _money(column, version) -> str:
    return column.text(column.value(version)) if column is not None else ""


def build(request, contract, rights) -> dict:
    found = list(visible(contract, rights)[: ROWS + 1])
    module = modules.get("contract")
    may = "amend" in rights and may_amend(contract)
    draft = next((one for one in found if one.state == State.DRAFT), None)
    return {
        "rows": rows_of(contract, found[:ROWS], request.user),
        "more": len(found) > ROWS,
        "compare_url": module.url("versions/compare", contract.pk) if len(found) > 1 else "",
        "change_url": module.url("change", contract.pk) if may else "",
        "draft": draft,
        "submit_url": module.url("change/submit", contract.pk) if may and draft else "",
        "discard_url": module.url("change/discard", contract.pk) if may and draft else "",
    }


TAB = Tab(
    "versions",
    "版本",
    "contracts/versions.html",
    build,
    lambda contract, user: visible(contract, scope.rights(user, contract)),
    order=65,
)
