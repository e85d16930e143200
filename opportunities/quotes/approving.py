"""What the approval engine knows of quotations, and the verb that submits one."""

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from approvals import documents
from approvals import services as approvals
from approvals.coming import SubmitForm
from approvals.documents import Document, Fact
from approvals.inbox import panel
from approvals.models import Approval, Status
from crm.records import services as records
from crm.records.models import DictionaryItem

from ..models import Opportunity, Pipeline, Quotation, QuotationState, QuotationVersion
from . import approval as rules
from . import changes, queries
from .services import keep, locked, note

SHOWN = 20  # approvals of a quotation that are looked through for those of a version


def _levels() -> list[tuple]:
    return list(DictionaryItem.objects.filter(dictionary="customer.level", active=True).values_list("pk", "label"))


def facts() -> list[Fact]:
    """What conditions may ask of a quotation."""
    return [
        Fact("amount", "报价总额", "money"),
        Fact("discount", "整单折扣（%）", "percent"),
        Fact("line_discount", "最大产品折扣（%）", "percent"),
        Fact("level", "客户级别", "choice", _levels),
        Fact("pipeline", "商机组", "choice", lambda: list(Pipeline.objects.values_list("pk", "name"))),
        Fact("owner", "负责人", "employee"),
        Fact("owner_department", "负责人的部门", "department"),
    ]


def version_of(quotation: Quotation, payload: dict) -> QuotationVersion:
    """The version an approval is about."""
    return quotation.versions.filter(pk=payload.get("version")).first() or quotation.current


def title(quotation: Quotation) -> str:
    current = quotation.current
    return f"{quotation.number} V{current.number} {current.title}"


def differences(quotation: Quotation, payload: dict, user) -> list[dict]:
    """What changed since the version that was approved last, as far as the person may read it."""
    version = version_of(quotation, payload)
    former = quotation.versions.filter(number__lt=version.number, approval=Status.APPROVED).order_by("-number").first()
    if former is None:
        return []
    found = changes.between(former, version, queries.sight(user))
    pairs = [{"label": one.label, "old": one.old, "new": one.new} for one in found.head]
    for line in found.lines:
        if line.kind == changes.ADDED:
            pairs.append({"label": f"新增 {line.name}", "old": "", "new": line.text})
        elif line.kind == changes.REMOVED:
            pairs.append({"label": f"删除 {line.name}", "old": line.text, "new": ""})
        pairs += [{"label": f"{line.name} {one.label}", "old": one.old, "new": one.new} for one in line.changes]
    return pairs


def places(ids, user) -> dict[int, str]:
    """{quotation: its page} of those whose opportunity the person sees."""
    rows = queries.visible(user).filter(pk__in=ids).order_by().values_list("pk", flat=True)
    return {pk: f"/quotations/{pk}/" for pk in rows}


@transaction.atomic
def submit(quotation: Quotation, *, by, version: int | None = None, chosen: dict | None = None, note: str = "") -> None:
    """Send the newest version into approval; `version` = that of the quotation the page showed. ValidationError where its state
    forbids it, or keyed by step where somebody is to be chosen."""
    found = locked(quotation, by=by, action="follow", version=version)
    rules.check(found, "submit")
    current = found.current
    if found.state == QuotationState.DRAFT and current.valid_until < timezone.localdate():
        raise ValidationError(f"V{current.number} 的有效期已过，请先出新版本。")
    _set(found, current, Status.PENDING)
    approvals.submit(found, document=rules.KEY, by=by, payload={"version": current.pk}, chosen=chosen, note=note)


def submit_form(quotation: Quotation, *, by, data=None) -> SubmitForm:
    """The steps to come, the people `by` chooses, a note."""
    payload = {"version": quotation.current_id}
    return SubmitForm(data, document=rules.KEY, subject=quotation, user=by, payload=payload)


def settle(pk: int, outcome: str, *, approval, by) -> None:
    """Carry out how the approval of a version ended: the opportunity is locked before the quotation. One that is gone with its
    opportunity leaves nothing to do."""
    deal = Quotation.objects.filter(pk=pk).values_list("opportunity", flat=True).first()
    if deal is None:
        return
    opportunity = Opportunity.objects.select_for_update(of=("self",)).get(pk=deal)
    found = next(iter(records.hold(Quotation.objects.filter(pk=pk), "current")), None)
    if found is None:
        return
    found.opportunity = opportunity
    status = {"approved": Status.APPROVED, "withdrawn": Status.WITHDRAWN}.get(outcome, Status.REJECTED)
    version = version_of(found, approval.payload if approval is not None else {})
    _set(found, version, status)
    words = rules.LABELS[status].removeprefix("审批")
    note(found, f"quotation_{outcome}", f"报价单 {found.number} V{version.number} 审批{words}", by=by)


def _set(quotation: Quotation, version: QuotationVersion, status: str) -> None:
    version.approval = status
    version.save(update_fields=["approval"])
    keep(quotation)


def panel_of(quotation: Quotation, version: QuotationVersion, user) -> dict | None:
    """The step line of a version's last approval with what the person may do there; None where it never had one."""
    kind = ContentType.objects.get_for_model(Quotation)
    rows = Approval.objects.filter(content_type=kind, object_id=quotation.pk, document=rules.KEY)
    joins = ("submitter", "content_type", "flow_version__flow__administrator")
    found = rows.select_related(*joins).order_by("-pk")[:SHOWN]
    mine = next((one for one in found if one.payload.get("version") == version.pk), None)
    return panel.of(quotation, mine, user) if mine is not None else None


documents.register(
    Document(
        key=rules.KEY,
        label="报价单",
        model=Quotation,
        facts=facts,
        values=lambda quotation, payload: rules.values(quotation, version_of(quotation, payload)),
        title=title,
        settle=settle,
        amount=lambda quotation, payload: version_of(quotation, payload).total,
        changes=differences,
        places=places,
        under="opportunity",
        shows_amount=lambda user: queries.sight(user).money,
    )
)
