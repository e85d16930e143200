"""Verbs of 变更: write a change, throw it away, send it into approval, carry it out.

The approved version stays in force until the new one is approved. Lock order: approval, customers, opportunities, contracts.
"""

from collections.abc import Iterable
from decimal import Decimal

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone

from approvals import services as approvals
from approvals import states
from approvals.models import Status
from crm.records import fieldset, formatting, modules, search, services
from crm.records.custom import definitions, values
from crm.records.custom.definitions import Type
from opportunities import counting
from opportunities.models import Opportunity
from products import arithmetic
from products.lines import SAID, figures
from products.lines.services import TOO_MUCH, LineFaults, Row, priced
from products.models import Product

from .. import hooks
from ..lines.declared import DOCUMENT
from ..models import Contract, ContractLine, ContractVersion
from ..services import FIELDS, execution_of, snapshot
from . import compare
from .data import State, hang, lines_of, open_change, overlay, starting_point

REASON = ContractVersion._meta.get_field("reason")
NO_REASON = "请填写变更原因"
WAITING = "变更正在审批中，请先撤回再修改"
VOIDING = "作废正在审批中，不能变更"
SAME = "没有任何变化，不需要变更"
MOVED = "合同的客户或商机刚刚变了，请刷新后再试"


class Stale(Exception):
    """The change was saved, sent or thrown away by somebody else meanwhile; `draft` is what stands now (or None)."""

    def __init__(self, draft: ContractVersion | None):
        super().__init__("stale change")
        self.draft = draft


def hold(ids: Iterable[int], more: Iterable[int] = ()) -> list[Contract]:
    """These live contracts under lock, their customers and opportunities (and the opportunities `more`) before them."""
    rows = Contract.objects.live().filter(pk__any=list(ids))
    before = {pk: (customer, deal) for pk, customer, deal in rows.values_list("pk", "customer_id", "opportunity_id")}
    counting.lock(customer for customer, _ in before.values())
    deals = {deal for _, deal in before.values() if deal} | {deal for deal in more if deal}
    if deals:
        services.hold(Opportunity.objects.filter(pk__any=sorted(deals)))
    found = services.hold(rows, "customer", "owner__department", "opportunity")
    if any((one.customer_id, one.opportunity_id) != before.get(one.pk) for one in found):
        raise ValidationError(MOVED)
    return found


def held(pk: int, *, by, action: str, more: Iterable[int] = ()) -> Contract:
    """One contract under lock, the gate asked again: ValidationError where it is gone or its state forbids the action,
    PermissionDenied where it is not this person's to act on."""
    found = next(iter(hold([pk], more)), None)
    if found is None:
        raise ValidationError("合同已被删除。")
    if refusal := modules.get("contract").refusal(found, action, by):
        raise ValidationError(refusal)
    if not Contract.objects.allowed(by, action).filter(pk=pk).exists():
        raise PermissionDenied("这份合同不在您负责的范围内。")
    return found


def standing(figures: list[tuple[str, tuple[str, ...], Decimal]], reader) -> str:
    """What stands on a contract, in words: [(label, the fields it is made of, figure)], figures only where `reader` may read
    these fields."""
    fields = fieldset.of(modules.get("contract"), reader) if reader is not None else None
    return "、".join(
        f"{label} {formatting.money(figure)}" if fields is not None and all(map(fields.readable, keys)) else label
        for label, keys, figure in figures
    )


def refuse_below(contract: Contract, amount: Decimal, *, by, reader) -> None:
    """ValidationError with the figures (as `reader` may read them) where an amount lies below what was paid, planned or
    invoiced; whoever holds 超额回款 may go below."""
    if by is not None and by.has_function("payment.over"):
        return
    received = max(
        [contract.received, contract.received + contract.pending, *(taken(contract.pk) for taken in hooks.TAKEN)]
    )
    below = [
        one
        for one in (
            ("回款（含审批中）", ("received", "pending"), received),
            ("计划回款", ("planned",), contract.planned),
            ("开票（含审批中）", ("invoiced", "invoicing"), contract.invoiced + contract.invoicing),
        )
        if one[2] > amount
    ]
    if below:
        wanted = standing([("变更后的合同金额", ("amount",), amount)], reader)
        raise ValidationError(f"{wanted} 低于{standing(below, reader)}，不能这样变更")


def _data_of(contract: Contract, lines: list[ContractLine]) -> dict:
    for place, line in enumerate(lines):
        line.order = place
    hang(contract, lines)
    return snapshot(contract)


def _priced(contract: Contract, rows: list[Row], discount, *, by) -> tuple[list, Decimal, Decimal | None]:
    """(lines, discount, total) of rows typed for a proposed version; LineFaults where they cannot be."""
    lines, percent = priced(DOCUMENT, contract, rows, discount=discount, by=by)
    total = arithmetic.total((line.subtotal for line in lines), percent) if lines else None
    if total is not None and total > figures.MOST:
        raise LineFaults({}, general=f"合计{TOO_MUCH}")
    return lines, percent if lines else Decimal("0.00"), total


def proposed(contract: Contract, data: dict, rows: list[Row] | None, discount, *, by) -> Contract:
    """The contract a change from `data` would make with these lines (None: as they were); its amount is their total while
    there are any."""
    found = overlay(contract, data)
    if rows is not None:
        lines, found.discount, found.lines_total = _priced(found, rows, discount, by=by)
        hang(found, lines)
    if found.lines_total is not None:
        found.amount = found.lines_total
    return found


@transaction.atomic
def save_change(
    contract: Contract, new: dict, *, rows: list[Row] | None, discount, reason: str, edition: int, revision: int, by
) -> ContractVersion:
    """Keep a proposed change: `new` = {field or key of a custom field: value}, `rows` = the product lines (None: untouched), on top
    of what `starting_point` says. `edition` and `revision` = the version in force and the saving of the draft (0 without one)
    the page was opened at; Stale for others. Nothing of the contract itself changes."""
    current = held(contract.pk, by=by, action="amend")
    if current.changing:
        raise ValidationError(WAITING if current.changing == "change" else VOIDING)
    draft, data, _ = starting_point(current)
    if current.edition != edition or (draft.revision if draft else 0) != revision:
        raise Stale(draft)
    made = proposed(current, data, rows, discount, by=by)
    plain, custom, files = values.split(new, definitions.custom("contract"))
    if files or not set(plain) <= set(compare.SHOWN) - {"discount"}:
        raise ValidationError("有的内容不能通过变更修改")
    values.check_required(modules.get("contract"), {**plain, **custom}, by=by)
    for name, value in plain.items():
        if name != DOCUMENT.total or made.lines_total is None:
            setattr(made, name, value)
    values.put(made, custom)
    made.full_clean()
    data, reason = snapshot(made), REASON.clean_value(reason)
    if draft is None:
        number = (current.versions.aggregate(most=Max("number"))["most"] or 0) + 1
        draft = ContractVersion(contract=current, number=number, state=State.DRAFT, by=by)
        text = f"起草第 {number} 版变更"
    else:
        if draft.data == data and draft.reason == reason:
            return draft
        draft.revision += 1
        text = f"修改第 {draft.number} 版变更草稿"
    draft.data, draft.amount, draft.reason, draft.by = data, made.amount, reason, by
    draft.save()
    changes = compare.for_log(snapshot(current), data)
    services.log(current, code="contract.change_saved", by=by, text=text, changes=changes)
    return draft


@transaction.atomic
def discard_change(contract: Contract, *, by) -> None:
    """Throw the draft of a change away; its number is free again."""
    current = held(contract.pk, by=by, action="amend")
    draft = open_change(current)
    if draft is None:
        raise ValidationError("变更草稿已经不在了。")
    if draft.state != State.DRAFT:
        raise ValidationError(WAITING)
    draft.delete()
    services.log(current, code="contract.change_discarded", by=by, text=f"放弃第 {draft.number} 版变更草稿")


@transaction.atomic
def submit_change(
    contract: Contract, *, revision: int, by, chosen: dict | None = None, note: str = ""
) -> ContractVersion:
    """Send the draft (as it was at `revision`, else Stale) into approval; without an enabled flow it takes effect at once."""
    wanted = ContractVersion.objects.filter(contract=contract.pk, state=State.DRAFT).first()
    deal = wanted.data["fields"].get("opportunity_id") if wanted else None
    current = held(contract.pk, by=by, action="amend", more=[deal])
    if current.changing:
        raise ValidationError(WAITING if current.changing == "change" else VOIDING)
    draft = open_change(current)
    if draft is None or draft.revision != revision or wanted is None or draft.pk != wanted.pk:
        raise Stale(draft)
    if not draft.reason:
        raise ValidationError({"reason": NO_REASON})
    changes = compare.for_log(snapshot(current), draft.data)
    if not changes:
        raise ValidationError(SAME)
    refuse_below(current, draft.amount, by=by, reader=by)
    _applicable(current, draft)
    now = timezone.now()
    ContractVersion.objects.filter(pk=draft.pk).update(state=State.PENDING, submitted_at=now, by=by)
    Contract.objects.filter(pk=current.pk).update(changing="change", updated_at=now, version=F("version") + 1)
    text = f"提交第 {draft.number} 版变更：{draft.reason}"
    services.log(current, code="contract.change_submitted", by=by, text=text, changes=changes)
    current.refresh_from_db()
    approvals.submit(
        current, document="contract_change", by=by, payload={"version": draft.pk}, chosen=chosen, note=note
    )
    draft.refresh_from_db()
    return draft


def settle_change(pk: int, outcome: str, *, approval, by) -> None:
    """Carry out how the approval of a change ended."""
    pending = ContractVersion.objects.filter(contract=pk, state=State.PENDING).first()
    current = next(iter(hold([pk], [pending.data["fields"].get("opportunity_id")] if pending else [])), None)
    version = ContractVersion.objects.filter(contract=pk, state=State.PENDING).first()
    if current is None or version is None or current.status != Status.APPROVED:
        raise ValidationError("这份变更已经不在了，合同可能刚被删除或作废。")
    if outcome != "approved":
        state = State.WITHDRAWN if outcome == "withdrawn" else State.REJECTED
        ContractVersion.objects.filter(pk=version.pk).update(state=state, decided_at=timezone.now())
        Contract.objects.filter(pk=pk).update(changing="", updated_at=timezone.now(), version=F("version") + 1)
        text = f"第 {version.number} 版变更{state.label}，第 {current.edition} 版继续生效"
        services.log(current, code=f"contract.change_{outcome}", by=by, text=text)
        return
    submitter = approval.submitter if approval is not None else by
    refuse_below(current, version.amount, by=submitter, reader=by)
    take_effect(current, version, by=by)


def _applicable(current: Contract, version: ContractVersion) -> Contract:
    """The contract as the version makes it, checked; ValidationError says what stands in the way by now."""
    fresh = overlay(current, version.data)
    kept = {key: current.extra[key] for key in _files() if key in current.extra}
    fresh.extra = {key: value for key, value in fresh.extra.items() if key not in _files()} | kept
    wanted = {line.product_id: line.name for line in fresh.lines.all()}
    there = set(Product.objects.filter(pk__any=list(wanted)).values_list("pk", flat=True)) if wanted else set()
    if gone := [name for pk, name in wanted.items() if pk not in there]:
        raise ValidationError(f"产品“{gone[0]}”已被彻底删除，请修改变更的产品明细")
    fresh.full_clean()
    return fresh


def _files() -> set[str]:
    return {key for key, one in definitions.custom("contract").items() if one.type == Type.FILES}


def take_effect(current: Contract, version: ContractVersion, *, by) -> None:
    """Make the locked contract what the version says; the version in force becomes a former one."""
    before, now, module = snapshot(current), timezone.now(), modules.get("contract")
    fresh = _applicable(current, version)
    fresh.status, fresh.edition, fresh.changing = Status.APPROVED, version.number, ""
    columns = {name: getattr(fresh, name) for name in FIELDS}
    Contract.objects.filter(pk=current.pk).update(
        **columns,
        execution=execution_of(fresh),
        edition=version.number,
        changing="",
        updated_at=now,
        version=F("version") + 1,
    )
    ContractLine.objects.filter(contract=current).delete()
    ContractLine.objects.bulk_create(
        ContractLine(contract=current, **{name: getattr(line, name) for name in SAID})
        for line in lines_of(version.data)
    )
    current.versions.filter(state=State.EFFECTIVE).update(state=State.FORMER)
    ContractVersion.objects.filter(pk=version.pk).update(
        state=State.EFFECTIVE, decided_at=now, effective_at=now, data=snapshot(fresh)
    )
    values.claim(module, [fresh])
    if fresh.name != current.name:
        search.index(module, [fresh])
    text = f"第 {version.number} 版变更生效：{version.reason}"
    services.log(current, code="contract.changed", by=by, text=text, changes=compare.for_log(before, version.data))
    hooks.tell([current.pk], "changed", by=by)


def may_amend(contract: Contract) -> bool:
    """Whether a change may be written now, as far as the contract itself goes."""
    return states.allows(contract.status, "amend") and not contract.changing
