"""Pages of 申请移交: asking, the list, one request, deciding on it."""

from functools import wraps

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.views.decorators.http import require_http_methods, require_safe

from crm.records import modules
from crm.records.undoing import entries
from crm.records.views.base import deny, go, render_page
from orgs.views.base import Pager, move_errors

from ..models import Customer, TransferRequest
from . import services
from .forms import AgreeForm, AskForm, RefuseForm

CRUMB = {"label": "移交申请", "list_url": services.PAGE}
State = TransferRequest.State
DOTS = {
    State.WAITING: "warning",
    State.AGREED: "success",
    State.REFUSED: "danger",
    State.WITHDRAWN: "idle",
    State.LAPSED: "idle",
}


def for_customers(view):
    """The page is for whoever holds 查看 of customers."""

    @wraps(view)
    def guarded(request, *args, **kwargs):
        module = modules.get("customer")
        if not module.may(request.user, "view"):
            deny(module, "view")
        return view(request, *args, **kwargs)

    return guarded


def found(request, pk: int) -> TransferRequest:
    """A request the person may read, else 404."""
    rows = services.visible(request.user).select_related("customer", "asked_by__department", "owner", "decided_by")
    row = rows.filter(pk=pk).first()
    if row is None:
        raise Http404
    return row


def shown(row: TransferRequest, user, seen) -> dict:
    """A request as the pages read it; the customer is a link where it may be opened."""
    state = State(row.shown_state)
    return {
        "row": row,
        "url": f"{services.PAGE}{row.pk}/",
        "customer_url": modules.get("customer").url(pk=row.customer_id) if row.customer_id in seen else "",
        "state": state.label,
        "dot": DOTS[state],
        "open": state == State.WAITING,
        "mine": row.asked_by_id == user.pk,
    }


def seen_by(user, rows) -> set[int]:
    ids = [row.customer_id for row in rows]
    return set(Customer.objects.allowed(user, "view").filter(pk__any=ids).values_list("pk", flat=True))


@require_safe
@for_customers
def index(request):
    """/transfer-requests/?tab=received|sent"""
    user, sent = request.user, request.GET.get("tab") == "sent"
    rows = TransferRequest.objects.filter(asked_by=user) if sent else services.received(user)
    pager = Pager(request, rows.select_related("customer", "asked_by", "owner", "decided_by"))
    on_page = list(pager.rows)
    seen = seen_by(user, on_page)
    return render_page(
        request,
        "customers/transfer_requests.html",
        {
            "tabs": [
                {
                    "label": "我收到的",
                    "url": services.PAGE,
                    "active": not sent,
                    "count": services.waiting(user),
                },
                {"label": "我发出的", "url": f"{services.PAGE}?tab=sent", "active": sent, "count": None},
            ],
            "sent": sent,
            "rows": [shown(row, user, seen) for row in on_page],
            "pager": pager.context(),
            "nav_active": "customer",
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@for_customers
def ask(request):
    """/transfer-requests/new/?customer=<token of 查重>"""
    customer = services.asked_for(request.GET.get("customer", "")[:500], request.user)
    if customer is None:
        raise Http404("链接已过期，请重新查重。")
    form = AskForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            services.ask(customer, form.cleaned_data["reason"], by=request.user)
        except ValidationError as error:
            move_errors(form, error)
        else:
            messages.success(request, "已申请，请等待负责人处理")
            return go(request, _here(request) or f"{services.PAGE}?tab=sent")
    owner = customer.owner
    held = f"现由{owner.name}（{owner.department_name}）负责。" if owner else "在公海中。"
    return confirm(
        request,
        form,
        heading=f"申请移交“{customer.name}”？",
        body=f"{held}申请会发给负责人，同意后客户转移给您。",
        submit_label="申请移交",
        back_url="/duplicates/",
        module={"label": "查重", "list_url": "/duplicates/"},
    )


def _here(request) -> str:
    return request.htmx.current_url_abs_path or "" if request.htmx and request.htmx.target == "dialog" else ""


def confirm(request, form, **context):
    page = {"module": CRUMB, "fields": form, "action": request.get_full_path(), "nav_active": "customer", **context}
    status = 422 if request.htmx and form is not None and form.is_bound else 200
    return render_page(request, "records/confirm.html", page, status=status)


@require_safe
@for_customers
def detail(request, pk: int):
    """/transfer-requests/<pk>/: who asks for what and why; whoever may decide finds the buttons here."""
    row = found(request, pk)
    user = request.user
    item = shown(row, user, seen_by(user, [row]))
    may = item["open"] and services.may_decide(row, user)
    return render_page(
        request,
        "customers/transfer_request.html",
        {
            **item,
            "may_decide": may,
            "why_not": "您没有转移这个客户的权限，请由您的上级处理。"
            if item["open"] and not may and not item["mine"]
            else "",
            "nav_active": "customer",
        },
    )


def to_decide(request, pk: int) -> TransferRequest:
    """A request the person may decide on: 404 out of sight, 403 in words where it is theirs or not theirs to decide."""
    row = found(request, pk)
    if row.asked_by_id == request.user.pk:
        raise PermissionDenied("不能处理自己的申请，可以撤回。")
    if row.is_open and not services.may_decide(row, request.user):
        raise PermissionDenied("您没有转移这个客户的权限，请由负责人的上级处理。")
    return row


def too_late(request, row: TransferRequest):
    """The answer to whoever comes to a request that is over, None while it is open."""
    if row.is_open:
        return None
    who = f"由{row.decided_by.name}处理" if row.decided_by else "结束"
    return refused(request, "不能再处理", ValidationError(f"这个申请已{who}：{State(row.shown_state).label}。"))


def refused(request, heading: str, error: ValidationError):
    context = {
        "heading": heading,
        "reasons": error.messages,
        "module": CRUMB,
        "back_url": services.PAGE,
        "nav_active": "customer",
    }
    return render_page(request, "orgs/refused.html", context, status=422)


@require_http_methods(["GET", "HEAD", "POST"])
@for_customers
def agree(request, pk: int):
    """/transfer-requests/<pk>/agree/: as 转移, to whoever asked."""
    row = to_decide(request, pk)
    if over := too_late(request, row):
        return over
    module = modules.get("customer")
    rows = Customer.objects.allowed(request.user, "transfer").filter(pk=row.customer_id)
    form = AgreeForm(request.POST if request.method == "POST" else None, user=request.user, module=module, rows=rows)
    if form.is_bound and form.is_valid():
        data = form.cleaned_data
        try:
            with entries.watch() as undo:
                services.agree(
                    row,
                    by=request.user,
                    answer=data["answer"],
                    keep=data.get("keep") or "",
                    until=data.get("until"),
                    children=data.get("children") or (),
                )
        except ValidationError as error:
            return refused(request, "没有移交", error)
        messages.success(request, "已同意，客户已转移", extra_tags=f"undo:{undo[-1]}" if undo else "")
        return go(request, services.PAGE)
    return confirm(
        request,
        form,
        heading=f"把“{row.customer.name}”移交给{row.asked_by.name}？",
        body="客户的负责人改为申请人；阶段、跟进和其他内容不变。",
        submit_label="同意并移交",
        back_url=f"{services.PAGE}{pk}/",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@for_customers
def refuse(request, pk: int):
    """/transfer-requests/<pk>/refuse/"""
    row = to_decide(request, pk)
    if over := too_late(request, row):
        return over
    form = RefuseForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            services.refuse(row, form.cleaned_data["answer"], by=request.user)
        except ValidationError as error:
            return refused(request, "没有拒绝", error)
        messages.success(request, "已拒绝")
        return go(request, services.PAGE)
    return confirm(
        request,
        form,
        heading=f"拒绝{row.asked_by.name}的移交申请？",
        body=f"客户“{row.customer.name}”不变，理由会发给申请人。",
        submit_label="拒绝申请",
        danger=True,
        back_url=f"{services.PAGE}{pk}/",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@for_customers
def withdraw(request, pk: int):
    """/transfer-requests/<pk>/withdraw/: one's own request."""
    row = found(request, pk)
    if row.asked_by_id != request.user.pk:
        raise PermissionDenied("只能撤回自己的申请。")
    back = f"{services.PAGE}?tab=sent"
    if request.method == "POST":
        try:
            services.withdraw(row, by=request.user)
        except ValidationError as error:
            return refused(request, "没有撤回", error)
        messages.success(request, "已撤回")
        return go(request, back)
    return confirm(
        request,
        None,
        heading="撤回移交申请？",
        body=f"负责人不再需要处理您对“{row.customer.name}”的申请。",
        submit_label="撤回申请",
        back_url=back,
    )
