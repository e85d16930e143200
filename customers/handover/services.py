"""申请移交: asking the owner of a customer for it, and what becomes of the request."""

from datetime import timedelta
from urllib.parse import urlencode

from django.core import signing
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from crm.notices import kinds
from crm.notices.services import notify
from crm.records import services
from crm.records.periodic import periodic
from orgs import reach
from orgs.models import Employee

from ..models import Customer, TransferRequest

kinds.register("handover_ask", "申请移交", "客户与公海", icon="transfer", mail=True, order=12)
kinds.register("handover_answer", "移交申请的答复", "客户与公海", icon="transfer", order=13)

PAGE = "/transfer-requests/"
_SALT, _VALID = "kaihai.handover", timedelta(days=1)
AT_ONCE = 1000
State = TransferRequest.State


def address(customer: Customer, user) -> str:
    """Where `user` asks for the customer they were shown by 查重; signed, so that nobody reads customers by counting ids."""
    token = signing.dumps([customer.pk, user.pk], salt=_SALT, compress=True)
    return f"{PAGE}new/?{urlencode({'customer': token})}"


def asked_for(token: str, user) -> Customer | None:
    """The live customer of an address made for this person within a day, None for anything else."""
    try:
        pk, person = signing.loads(token, salt=_SALT, max_age=_VALID)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    if person != user.pk:
        return None
    return Customer.objects.live().filter(pk=pk).select_related("owner__department").first()


def visible(user):
    """The requests this person may read: their own, those about their customers, those they may decide."""
    mine = Q(asked_by=user) | Q(owner=user)
    return TransferRequest.objects.filter(mine | Q(customer__in=_transferable(user)))


def received(user):
    """Requests of others about the person's customers or those they may transfer."""
    rows = TransferRequest.objects.exclude(asked_by=user)
    return rows.filter(Q(owner=user) | Q(customer__in=_transferable(user)))


def _transferable(user):
    return Customer.objects.allowed(user, "transfer").order_by().values("pk")


def waiting(user) -> int:
    """How many requests wait for this person's decision."""
    return received(user).open().filter(customer__in=_transferable(user)).count()


def waiting_of(user, customers) -> dict[int, int]:
    """{customer id: request id} of the person's own requests that can still be decided, among these customers."""
    rows = TransferRequest.objects.open().filter(asked_by=user, customer__in=list(customers))
    return dict(rows.values_list("customer_id", "pk"))


def may_decide(request: TransferRequest, user) -> bool:
    """Whether this person may transfer the customer; nobody decides on their own request."""
    return (
        request.asked_by_id != user.pk
        and Customer.objects.allowed(user, "transfer").filter(pk=request.customer_id).exists()
    )


@transaction.atomic
def ask(customer: Customer, reason: str, *, by) -> TransferRequest:
    """Ask the owner of a customer for it, whether `by` may see it or not. A message goes to the owner and to the superiors who
    may transfer it. ValidationError: nobody owns it, it is one's own, or one asked already."""
    customer = services.hold(Customer.objects.filter(pk=customer.pk), "owner")[0]
    if customer.deleted_at:
        raise ValidationError("这个客户已被删除。")
    if customer.owner is None:
        raise ValidationError("这个客户在公海中，没有负责人，不需要申请移交。")
    if customer.owner_id == by.pk:
        raise ValidationError("您就是这个客户的负责人。")
    _lapse(TransferRequest.objects.stale().filter(customer=customer))
    reason = _words("reason", reason)
    request = TransferRequest(customer=customer, asked_by=by, owner=customer.owner, reason=reason)
    try:
        with transaction.atomic():
            request.save(force_insert=True)
    except IntegrityError:
        raise ValidationError("您已经申请过移交这个客户，还在等待处理。") from None
    services.log(customer, code="customer.handover_asked", by=by, text=f"{by.name}申请移交给自己")
    notify(
        [pk for pk in _deciders(customer.owner) if pk != by.pk],
        kind="handover_ask",
        title=f"{by.name}申请把客户“{customer.name}”移交给自己",
        body=reason,
        url=f"{PAGE}{request.pk}/",
    )
    return request


def _words(name: str, text: str) -> str:
    """The checked text of a field; the error stands at it."""
    try:
        return TransferRequest._meta.get_field(name).clean_value(text)
    except ValidationError as error:
        raise ValidationError({name: error.messages}) from None


def _deciders(owner) -> list[int]:
    """The owner, then those above who may transfer the owner's customers."""
    found = [owner.pk] if owner.is_active else []
    above = Employee.objects.filter(pk__in=reach.above(owner.pk) - {owner.pk}, is_active=True)
    for person in above.select_related("department").prefetch_related("roles"):
        scope = person.scope_for("customer.transfer")
        if scope is not None and scope.includes(owner.pk):
            found.append(person.pk)
    return found


@transaction.atomic
def agree(
    request: TransferRequest, *, by, answer: str = "", keep: str = "", until=None, children=()
) -> TransferRequest:
    """Transfer the customer to whoever asked (crm.records.services.transfer: its log, undo entry and message). Other requests
    for it lapse. ValidationError: decided meanwhile, lapsed, one's own, or not within the decider's reach."""
    request = _claim(request, by=by)
    rows = Customer.objects.allowed(by, "transfer").filter(pk=request.customer_id)
    services.transfer(rows, request.asked_by, by=by, keep=keep, until=until, children=children)
    _close(request, State.AGREED, by=by, answer=answer)
    services.log(
        request.customer, code="customer.handover_agreed", by=by, text=f"同意{request.asked_by.name}的移交申请"
    )
    if answer:
        _tell(request, f"{by.name}同意了您对客户“{request.customer.name}”的移交申请", answer)
    _lapse(TransferRequest.objects.stale().filter(customer=request.customer_id))
    return request


@transaction.atomic
def refuse(request: TransferRequest, answer: str, *, by) -> TransferRequest:
    """Refuse with words. ValidationError as for `agree`, and without words."""
    if not answer.strip():
        raise ValidationError({"answer": "请填写拒绝的理由"})
    request = _claim(request, by=by)
    _close(request, State.REFUSED, by=by, answer=answer)
    text = f"拒绝{request.asked_by.name}的移交申请"
    services.log(request.customer, code="customer.handover_refused", by=by, text=text)
    _tell(request, f"{by.name}拒绝了您对客户“{request.customer.name}”的移交申请", answer)
    return request


@transaction.atomic
def withdraw(request: TransferRequest, *, by) -> TransferRequest:
    """Take one's own request back. ValidationError: another's, or decided meanwhile."""
    request = _locked(request)
    if request.asked_by_id != by.pk:
        raise ValidationError("只能撤回自己的申请。")
    _still_waiting(request)
    _close(request, State.WITHDRAWN, by=by)
    services.log(request.customer, code="customer.handover_withdrawn", by=by, text=f"{by.name}撤回移交申请")
    return request


def _locked(request: TransferRequest) -> TransferRequest:
    """The request as it is now, locked after its customer: every service locks in this order."""
    Customer.objects.select_for_update(of=("self",)).get(pk=request.customer_id)
    rows = TransferRequest.objects.select_for_update(of=("self",))
    return rows.select_related("customer", "asked_by", "owner", "decided_by").get(pk=request.pk)


def _still_waiting(request: TransferRequest) -> None:
    if request.state != State.WAITING:
        who = request.decided_by.name if request.decided_by else "系统"
        raise ValidationError(f"这个申请刚刚由{who}处理：{request.get_state_display()}。")


def _claim(request: TransferRequest, *, by) -> TransferRequest:
    """The locked request, if `by` may decide it now."""
    request = _locked(request)
    _still_waiting(request)
    if not request.is_open:
        raise ValidationError("这个客户已换了负责人或已被删除，申请已失效。")
    if request.asked_by_id == by.pk:
        raise ValidationError("不能处理自己的申请，可以撤回。")
    if not may_decide(request, by):
        raise ValidationError("您没有转移这个客户的权限，请由负责人的上级处理。")
    if not request.asked_by.is_active:
        raise ValidationError(f"{request.asked_by.name}已停用，不能接收客户。")
    return request


def _close(request: TransferRequest, state: str, *, by, answer: str = "") -> None:
    request.state, request.decided_by, request.decided_at = state, by, timezone.now()
    request.answer = _words("answer", answer)
    request.save(update_fields=["state", "decided_by", "decided_at", "answer"])


def _tell(request: TransferRequest, title: str, body: str) -> None:
    notify([request.asked_by_id], kind="handover_answer", title=title, body=body, url=f"{PAGE}{request.pk}/")


def _lapse(rows) -> int:
    """End waiting requests that have become pointless; each asker gets one message. Returns how many."""
    locked = rows.select_for_update(of=("self",)).order_by("pk")
    found = list(locked.select_related("customer")[:AT_ONCE])
    if not found:
        return 0
    ids = [request.pk for request in found]
    TransferRequest.objects.filter(pk__in=ids).update(state=State.LAPSED, decided_at=timezone.now())
    services.write_log(
        Customer,
        ((request.customer_id, "移交申请已失效：换了负责人或已删除", []) for request in found),
        code="customer.handover_lapsed",
        by=None,
    )
    told: dict[int, list[str]] = {}
    for request in found:
        told.setdefault(request.asked_by_id, []).append(request.customer.name)
    for person, names in told.items():
        more = f"等 {len(names)} 个客户" if len(names) > 1 else ""
        title = f"您对客户“{names[0]}”{more}的移交申请已失效：客户换了负责人或已删除"
        notify([person], kind="handover_answer", title=title, body="、".join(names[:50]), url=f"{PAGE}?tab=sent")
    return len(found)


@periodic("handover_requests", "移交申请失效", schedule="每天 00:40")
def lapse_requests(now) -> str:
    """End the requests whose customer changed hands or was deleted since."""
    ended = 0
    while True:
        with transaction.atomic():
            count = _lapse(TransferRequest.objects.stale())
        ended += count
        if count < AT_ONCE:
            return f"失效 {ended} 个申请"
