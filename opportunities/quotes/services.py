"""Verbs of quotations: create, a new version, what became of it. Each runs in one transaction under the lock of the
opportunity, asks the gate again and leaves a row in the opportunity's log."""

from datetime import date
from decimal import Decimal

from django.apps import apps
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone

from crm.records import formatting, numbering, services
from crm.records.fields import Text
from products import arithmetic
from products.lines import SAID

from ..models import Opportunity, Quotation, QuotationLine, QuotationState, QuotationVersion
from . import approval, queries

LINES = 200
VALUES = ("title", "contact", "valid_until", "terms", "note")
REASON = Text("作废原因", max_length=200, blank=False, required_message="请填写作废原因")
NOTE = Text("说明", max_length=200)
STALE = "这份报价单刚被同事修改过，请刷新后再试；您填写的内容还在。"


def locked_opportunity(pk: int, *, by, action: str = "edit") -> Opportunity:
    """The opportunity under lock; PermissionDenied where `by` may not (any more) do `action` on it."""
    found = Opportunity.objects.select_for_update(of=("self",)).filter(pk=pk).first()
    if found is None or not Opportunity.objects.allowed(by, action).filter(pk=pk).exists():
        raise PermissionDenied("商机已关闭、删除或不在您负责的范围内。")
    return found


def locked(quotation: Quotation, *, by, action: str = "edit", version: int | None = None) -> Quotation:
    """The quotation and its opportunity under lock; ValidationError when it changed since `version` or is gone."""
    opportunity = locked_opportunity(quotation.opportunity_id, by=by, action=action)
    found = next(iter(services.hold(Quotation.objects.filter(pk=quotation.pk), "current")), None)
    if found is None:
        raise ValidationError("报价单已被删除。")
    if version is not None and found.version != version:
        raise ValidationError(STALE)
    found.opportunity = opportunity
    return found


def keep(quotation: Quotation, *names: str) -> None:
    """Save these fields and count the version up."""
    quotation.version += 1
    quotation.updated_at = timezone.now()
    quotation.save(update_fields=[*names, "version", "updated_at"])


def note(quotation: Quotation, code: str, text: str, *, by, changes: list | None = None) -> None:
    """A row in the log of the opportunity. Sums go into `changes` with the key "amount", so that field rights cover them."""
    services.log(quotation.opportunity, code=f"opportunity.{code}", by=by, text=text, changes=changes)


def _write_version(quotation: Quotation, number: int, values: dict, *, by) -> QuotationVersion:
    """A version out of `values` and the present lines, discount and names of the opportunity."""
    opportunity = quotation.opportunity
    lines = list(opportunity.lines.order_by("order", "pk"))
    if not lines:
        raise ValidationError("商机还没有产品明细，请先添加产品再报价。")
    if len(lines) > LINES:
        raise ValidationError(f"一份报价单最多 {LINES} 行产品，这个商机有 {len(lines)} 行。")
    contact, today = values.get("contact"), timezone.localdate()
    if contact is not None and contact.customer_id != opportunity.customer_id:
        raise ValidationError({"contact": "联系人应是该客户的联系人"})
    if values["valid_until"] is None or values["valid_until"] < today:
        raise ValidationError({"valid_until": "有效期不能早于今天"})
    if (values["valid_until"] - today).days > 3660:
        raise ValidationError({"valid_until": "有效期最长 10 年"})
    seller, top = opportunity.owner, apps.get_model("orgs", "Department").objects.filter(parent=None).first()
    sums = [line.subtotal for line in lines]
    found = QuotationVersion(
        quotation=quotation,
        number=number,
        contact_name=contact.name if contact else "",
        customer_name=opportunity.customer.name,
        company=top.name if top else "",
        seller_name=seller.name,
        seller_phone=seller.phone,
        seller_email=seller.email,
        subtotal=arithmetic.total(sums, Decimal(0)),
        discount=opportunity.discount,
        total=arithmetic.total(sums, opportunity.discount),
        created_by=by,
        **{name: values.get(name) if name in ("contact", "valid_until") else values.get(name, "") for name in VALUES},
    )
    found.full_clean()
    found.save(force_insert=True)
    QuotationLine.objects.bulk_create(
        QuotationLine(version=found, **{name: getattr(line, name) for name in SAID}) for line in lines
    )
    return found


def _sums(version: QuotationVersion, before: QuotationVersion | None = None) -> list[dict]:
    old = formatting.money(before.total) if before else ""
    return [{"key": "amount", "label": "报价总额", "old": old, "new": formatting.money(version.total)}]


@transaction.atomic
def create_quotation(opportunity: Opportunity, values: dict, *, by) -> Quotation:
    """A new quotation with its first version; `values` = {title, contact or None, valid_until, terms, note}. The number is
    taken at once. ValidationError by field, or without lines."""
    opportunity = locked_opportunity(opportunity.pk, by=by)
    owner = opportunity.owner
    known = {
        "department": owner.department.name if owner is not None and owner.department_id else "",
        "customer": opportunity.customer.name,
    }
    quotation = Quotation(opportunity=opportunity, number=numbering.take("quotation", values=known)[0], created_by=by)
    quotation.save(force_insert=True)
    quotation.current = _write_version(quotation, 1, values, by=by)
    quotation.save(update_fields=["current"])
    note(quotation, "quoted", f"新建报价单 {quotation.number}", by=by, changes=_sums(quotation.current))
    return quotation


@transaction.atomic
def revise(quotation: Quotation, values: dict, *, version: int, by) -> QuotationVersion:
    """A new version out of the opportunity's present lines; the quotation is a draft again. `version` = what the page showed.
    An accepted or void one is refused."""
    found = locked(quotation, by=by, version=version)
    if found.state in (QuotationState.ACCEPTED, QuotationState.VOID):
        raise ValidationError(f"{found.get_state_display()}的报价单不能再出新版本，请新建一份报价单。")
    approval.check(found, "revise")
    before = found.current
    made = _write_version(found, before.number + 1, values, by=by)
    found.current, found.state, found.reminded_at = made, QuotationState.DRAFT, None
    found.decided_on, found.decided_version, found.decided_note = None, None, ""
    keep(found, "current", "state", "reminded_at", "decided_on", "decided_version", "decided_note")
    note(found, "requoted", f"报价单 {found.number} 新版本 V{made.number}", by=by, changes=_sums(made, before))
    return made


def issue(quotation: Quotation, version: QuotationVersion) -> None:
    """Note on a locked quotation that a version leaves the house. ValidationError for a void one, one out of validity and one that
    is to be approved first."""
    if quotation.state == QuotationState.VOID:
        raise ValidationError("已作废的报价单不能再发出。")
    approval.check(quotation, "issue", version)
    if version.valid_until < timezone.localdate():
        raise ValidationError(f"V{version.number} 的有效期已过，请先出新版本。")
    quotation.sent_at = quotation.sent_at or timezone.now()
    if quotation.state == QuotationState.DRAFT and version.pk == quotation.current_id:
        quotation.state = QuotationState.SENT
    keep(quotation, "sent_at", "state")


@transaction.atomic
def mark_sent(quotation: Quotation, *, by) -> Quotation:
    """It was handed over on paper or by chat."""
    found = locked(quotation, by=by)
    if found.state != QuotationState.DRAFT:
        raise ValidationError("只有草稿可以标记为已发出。")
    issue(found, found.current)
    note(found, "quotation_sent", f"报价单 {found.number} V{found.current.number} 标记为已发出", by=by)
    return found


@transaction.atomic
def decide(
    quotation: Quotation, accepted: bool, *, on: date, number: int, words: str = "", by, version: int | None = None
) -> Quotation:
    """What the customer answered, on which day, to which version (its number)."""
    found = locked(quotation, by=by, action="follow", version=version)
    if found.state == QuotationState.VOID:
        raise ValidationError("报价单已作废。")
    if found.state in (QuotationState.ACCEPTED, QuotationState.REJECTED):
        raise ValidationError(f"报价单{found.get_state_display()}，不能重复登记。")
    chosen = found.versions.filter(number=number).first()
    if chosen is None:
        raise ValidationError({"number": "请选择列表中的选项"})
    approval.check(found, "decide", chosen)
    if on > timezone.localdate():
        raise ValidationError({"on": "答复日期不能晚于今天"})
    if on < timezone.localtime(chosen.created_at).date():
        raise ValidationError({"on": f"答复日期不能早于 V{number} 的创建日期"})
    found.state = QuotationState.ACCEPTED if accepted else QuotationState.REJECTED
    found.decided_on, found.decided_version, found.decided_note = on, chosen, NOTE.clean_value(words)
    found.sent_at = found.sent_at or timezone.now()
    keep(found, "state", "decided_on", "decided_version", "decided_note", "sent_at")
    text = f"报价单 {found.number} V{number} {found.get_state_display()}（{formatting.day(on)}）"
    code = "quotation_accepted" if accepted else "quotation_rejected"
    note(found, code, f"{text}：{found.decided_note}" if found.decided_note else text, by=by)
    return found


@transaction.atomic
def void(quotation: Quotation, reason: str, *, by) -> Quotation:
    """Withdraw it with a reason; its links stop working."""
    found = locked(quotation, by=by)
    if found.state == QuotationState.VOID:
        raise ValidationError("报价单已作废。")
    approval.check(found, "void")
    found.void_reason = REASON.clean_value(reason)
    found.state, found.decided_on, found.decided_version = QuotationState.VOID, None, None
    keep(found, "state", "void_reason", "decided_on", "decided_version")
    note(found, "quotation_void", f"作废报价单 {found.number}：{found.void_reason}", by=by)
    return found


@transaction.atomic
def delete_quotation(quotation: Quotation, *, by) -> None:
    """Delete a draft that never left the house; its number is not given again."""
    found = locked(quotation, by=by)
    if found.state != QuotationState.DRAFT or found.sent_at is not None:
        raise ValidationError("只能删除没有发出过的草稿；发出过的报价单可以作废。")
    approval.check(found, "delete")
    note(found, "quotation_deleted", f"删除报价单 {found.number}", by=by)
    found.delete()


def check_prices(hide: bool, *, by) -> None:
    """Nobody gives away prices they may not read."""
    if not hide and not queries.sight(by).money:
        raise ValidationError({"hide_prices": "您的角色看不到金额，只能发出隐藏价格的报价单。"})
