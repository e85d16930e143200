"""Verbs of requests: save, submit, withdraw, and how their approval ends.

Lock order: approval, then the request.
"""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from crm.records import modules, numbering, search, services
from crm.records.custom import definitions, values

from .. import services as approvals
from .. import states
from ..models import Approval, Status
from .models import Request, RequestType

GONE = "这份申请已被删除。"
OFF = "这种审批已停用，不能再提交，请联系管理员。"


def key_of(kind: RequestType | int) -> str:
    """The key of its documents in the registry."""
    return f"request:{kind if isinstance(kind, int) else kind.pk}"


def locked(pk: int) -> Request:
    """The live request, locked (ValidationError where it is gone)."""
    found = Request.objects.live().select_for_update(of=("self",)).filter(pk=pk).first()
    if found is None:
        raise ValidationError(GONE)
    return found


def check_complete(request: Request, *, by) -> None:
    """ValidationError for a field its form demands that is empty; other types' fields do not bind it."""
    known = definitions.custom("request")
    demanded = [known[key] for key in request.type.keys if key in known]
    values.check_required(modules.get("request"), values.present(request, demanded), by=by)


@transaction.atomic
def create_request(request: Request, *, by, complete: bool = True) -> Request:
    """Save a draft of an enabled type; it belongs to who writes it."""
    kind = RequestType.objects.filter(pk=request.type_id).first()
    if kind is None or not kind.enabled:
        raise ValidationError({"type": "这种审批已停用，请重新选择"})
    request.owner = request.owner or by
    if complete:
        check_complete(request, by=by)
    return services.create(request, by=by, complete=False)


@transaction.atomic
def submit_request(request: Request, *, by, chosen: dict | None = None, note: str = "") -> Request:
    """Send a request into approval; it gets its number the first time. ValidationError where its status forbids it or a field
    is missing."""
    current = locked(request.pk)
    if not states.allows(current.status, "submit"):
        raise ValidationError("只有草稿、已拒绝和已撤回的申请可以提交。")
    if not current.type.enabled:
        raise ValidationError(OFF)
    try:
        check_complete(current, by=by)
    except ValidationError as error:
        raise ValidationError(error.messages) from None
    number = current.number or take_number(current.type)
    now = timezone.now()
    Request.objects.filter(pk=current.pk).update(
        status=Status.PENDING, number=number, submitted_at=now, updated_at=now, version=F("version") + 1
    )
    current.refresh_from_db()
    search.index(modules.get("request"), [current])
    services.log(current, code="request.submitted", by=by, text=f"提交审批，编号 {number}")
    approvals.submit(current, document=key_of(current.type_id), by=by, chosen=chosen, note=note)
    current.refresh_from_db()
    return current


def declare_numbers(kind: RequestType) -> None:
    """Announce how requests of a type are numbered, until the company has a rule of its own for them."""

    def taken(numbers: list[str]):
        return Request.objects.filter(type=kind, number__any=numbers).values_list("number", flat=True)

    numbering.declare(key_of(kind), kind.name, kind.pattern, taken=taken)


def take_number(kind: RequestType) -> str:
    """The next number of the type; one that exists already (another rule made it) is passed over."""
    declare_numbers(kind)
    return numbering.take(key_of(kind))[0]


def pending(request: Request) -> Approval | None:
    """Its approval under way."""
    rows = Approval.objects.filter(document=key_of(request.type_id), object_id=request.pk)
    return rows.filter(state=Approval.State.PENDING).first()


def settle(pk: int, outcome: str, *, approval, by) -> None:
    """Carry out how the approval of a request ended."""
    current, now = locked(pk), timezone.now()
    status = {"approved": Status.APPROVED, "withdrawn": Status.WITHDRAWN}.get(outcome, Status.REJECTED)
    more = {"approved_at": now} if outcome == "approved" else {}
    Request.objects.filter(pk=pk).update(status=status, updated_at=now, version=F("version") + 1, **more)
    services.log(current, code=f"request.{outcome}", by=by, text=f"审批{Status(status).label[1:]}")
