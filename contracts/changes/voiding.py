"""作废: an approved contract ends with a reason, once its approval (or nobody) says so."""

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from approvals import services as approvals
from approvals.models import Status
from crm.records import services
from crm.records.fields import LongText

from .. import hooks
from ..models import Contract
from .data import State
from .services import hold, standing

REASON = LongText("作废原因", max_length=500, blank=False, required_message="请填写作废原因")


def _refuse(contract: Contract, reader) -> None:
    """ValidationError with the figures (as `reader` may read them) where money or invoices stand on it."""
    money = [
        (label, (key,), figure)
        for label, key in (
            ("已回款", "received"),
            ("审批中的回款", "pending"),
            ("已开票", "invoiced"),
            ("审批中的开票", "invoicing"),
        )
        if (figure := getattr(contract, key))
    ]
    if money:
        raise ValidationError(f"合同还有{standing(money, reader)}，请先退款或作废这些回款和发票")
    if sentence := hooks.blocked([contract.pk], "void").get(contract.pk):
        raise ValidationError(sentence)


def _said(reason: str) -> list[dict]:
    """The reason for the log, where it obeys the rights on its field."""
    return [{"key": "void_reason", "label": "作废原因", "old": "", "new": reason}]


def _ask(current: Contract, reason: str, *, by, chosen: dict | None) -> None:
    """Send a locked, allowed contract into the approval of its 作废."""
    if current.changing:
        word = "变更" if current.changing == "change" else "作废"
        raise ValidationError(f"{word}正在审批中，请先等待审批结束或撤回")
    if current.status != Status.APPROVED:
        raise ValidationError("只有已通过的合同可以作废")
    _refuse(current, by)
    Contract.objects.filter(pk=current.pk).update(
        changing="void", void_reason=reason, updated_at=timezone.now(), version=F("version") + 1
    )
    services.log(current, code="contract.void_submitted", by=by, text="申请作废", changes=_said(reason))
    current.refresh_from_db()
    approvals.submit(current, document="contract_void", by=by, payload={"reason": reason}, chosen=chosen, note=reason)


@transaction.atomic
def void_many(rows, reason: str, *, by, chosen: dict | None = None) -> tuple[int, list[tuple[str, str]]]:
    """Ask for the 作废 of allowed contracts, each wholly or not at all. Returns how many, and (title, reason) of the rest."""
    reason = REASON.clean_value(reason)
    done, failures = 0, []
    found = hold(list(rows.order_by().values_list("pk", flat=True)))
    may = set(
        Contract.objects.allowed(by, "void").filter(pk__any=[one.pk for one in found]).values_list("pk", flat=True)
    )
    for current in found:
        try:
            if current.pk not in may:
                raise ValidationError("已不能作废：不在您负责的范围内，或状态刚刚变了")
            with transaction.atomic():
                _ask(current, reason, by=by, chosen=chosen)
        except ValidationError as error:
            failures.append((current.name, "；".join(error.messages)))
        else:
            done += 1
    return done, failures


@transaction.atomic
def void(contract: Contract, reason: str, *, by, chosen: dict | None = None) -> Contract:
    """The same of one. ValidationError where it cannot be."""
    reason = REASON.clean_value(reason)
    current = next(iter(hold([contract.pk])), None)
    if current is None:
        raise ValidationError("合同已被删除。")
    if not Contract.objects.allowed(by, "void").filter(pk=current.pk).exists():
        raise PermissionDenied("这份合同不在您负责的范围内，或状态刚刚变了。")
    _ask(current, reason, by=by, chosen=chosen)
    current.refresh_from_db()
    return current


def settle_void(pk: int, outcome: str, *, approval, by) -> None:
    """Carry out how the approval of a 作废 ended."""
    current = next(iter(hold([pk])), None)
    if current is None or current.changing != "void":
        raise ValidationError("这份作废申请已经不在了。")
    now = timezone.now()
    rows = Contract.objects.filter(pk=pk)
    if outcome != "approved":
        word = "已撤回" if outcome == "withdrawn" else "没有通过"
        rows.update(changing="", void_reason="", updated_at=now, version=F("version") + 1)
        services.log(current, code=f"contract.void_{outcome}", by=by, text=f"作废申请{word}，合同继续生效")
        return
    _refuse(current, by)
    current.versions.filter(state=State.DRAFT).delete()
    rows.update(status=Status.VOID, voided_at=now, changing="", updated_at=now, version=F("version") + 1)
    services.log(current, code="contract.voided", by=by, text="合同作废", changes=_said(current.void_reason))
    hooks.tell([pk], "voided", by=by)
