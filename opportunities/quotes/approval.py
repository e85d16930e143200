"""Approval of a version before it leaves the house: whether a flow asks for it, and the one table of what its state allows. A
version is asked for by the flow its opportunity's owner would take, so that everybody sees the same state of it."""

from django.core.exceptions import ValidationError
from django.db.models import Max

from approvals import flows
from approvals.models import Flow, Status

from ..models import Quotation, QuotationState, QuotationVersion

KEY = "quotation"
NONE, OPEN = "none", "open"  # no flow asks for it; one does and nobody has submitted it yet
LABELS = {
    OPEN: "待提交审批",
    Status.PENDING: "审批中",
    Status.APPROVED: "审批已通过",
    Status.REJECTED: "审批已拒绝",
    Status.WITHDRAWN: "审批已撤回",
}
CHIPS = {
    OPEN: "k-chip-warning",
    Status.PENDING: "k-chip-warning",
    Status.APPROVED: "k-chip-success",
    Status.REJECTED: "k-chip-danger",
}
# revise 出新版本, issue 发邮件、生成链接、标记为已发出, decide 客户的答复, contract 转为合同
KEEP, OUT = {"revise", "void", "delete"}, {"issue", "decide", "contract"}
TABLE: dict[str, frozenset[str]] = {
    NONE: frozenset(KEEP | OUT),
    OPEN: frozenset(KEEP | {"submit"}),
    Status.PENDING: frozenset(),
    Status.APPROVED: frozenset(KEEP | OUT),
    Status.REJECTED: frozenset(KEEP | {"submit"}),
    Status.WITHDRAWN: frozenset(KEEP | {"submit"}),
}
OVER = (QuotationState.VOID, QuotationState.REJECTED)
WAITS = "审批中的报价单不能这样做，请先撤回审批。"


def values(quotation: Quotation, version: QuotationVersion) -> dict:
    """What conditions of a flow ask of a version."""
    deal = quotation.opportunity
    return {
        "amount": version.total,
        "discount": version.discount,
        "line_discount": version.lines.aggregate(most=Max("discount"))["most"],
        "level": deal.customer.level_id,
        "pipeline": deal.pipeline_id,
        "owner": deal.owner_id,
        "owner_department": deal.owner.department_id if deal.owner_id else None,
    }


def needed(quotation: Quotation, version: QuotationVersion) -> bool:
    """Whether an enabled flow asks for the approval of this version."""
    if not Flow.objects.filter(document=KEY, enabled=True).exists():
        return False
    person = quotation.opportunity.owner or quotation.created_by
    return flows.choose(KEY, submitter=person, values=values(quotation, version)) is not None


def standing(quotation: Quotation, version: QuotationVersion) -> str:
    """How a version stands: a key of TABLE."""
    if version.approval in (Status.PENDING, Status.APPROVED):
        return version.approval
    return (version.approval or OPEN) if needed(quotation, version) else NONE


def allowed(quotation: Quotation, state: str) -> frozenset[str]:
    """What may be done with a quotation whose newest version stands so."""
    found = set(TABLE[state])
    if quotation.state in OVER:
        found -= {"submit"}
    if quotation.state == QuotationState.SENT and state != Status.PENDING:
        found |= {"decide"}  # it was out before a flow asked for it
    return frozenset(found)


def refusal(quotation: Quotation, action: str, version: QuotationVersion | None = None) -> str:
    """Why this may not be done with a quotation, or with one version of it, now; "" where it may."""
    if quotation.current.approval == Status.PENDING:
        return WAITS
    version = version or quotation.current
    if action in allowed(quotation, standing(quotation, version)):
        return ""
    if action == "submit":
        return "这份报价单现在不能提交审批。"
    return f"V{version.number} 还没有通过审批，请先提交审批。"


def check(quotation: Quotation, action: str, version: QuotationVersion | None = None) -> None:
    """ValidationError where `refusal` has a reason; asked under the lock of the quotation."""
    if reason := refusal(quotation, action, version):
        raise ValidationError(reason)


def lacking(quotation: Quotation, version: QuotationVersion) -> bool:
    """Whether paper must say 未审批."""
    return standing(quotation, version) not in (NONE, Status.APPROVED)


def chip(state: str) -> dict | None:
    """{label, css} of how a version stands; None where no flow asks for it."""
    return {"label": LABELS[state], "css": CHIPS.get(state, "")} if state in LABELS else None
