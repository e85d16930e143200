"""What is done to selected payments, and to one from its page: submit, void, mark and unmark 提成结算."""

from django.core.exceptions import ValidationError

from approvals import states
from crm.records.modules import Bulk

from .. import services
from ..forms import VoidForm


def _submit(rows, *, by, form=None):
    done, failures = 0, []
    for payment in rows.order_by("pk"):
        try:
            services.submit(payment, by=by)
        except ValidationError as error:
            failures.append((str(payment), "；".join(error.messages)))
        else:
            done += 1
    return done, failures


def _void(rows, *, by, form):
    return services.void(rows, by=by, reason=form.cleaned_data["reason"])


def _settle(settled: bool):
    return lambda rows, *, by, form=None: services.set_settled(rows, by=by, settled=settled)


def _may(action: str):
    return lambda payment: states.allows(payment.status, action)


SUBMIT = Bulk(
    "submit",
    "提交审批",
    "approval",
    "submit",
    _submit,
    "提交 {n} 个{label}审批？",
    "提交（{n} 个）",
    body="提交后不能修改；审批通过后计入已回。没有启用审批流程时直接通过。",
    shown=_may("submit"),
    done="已提交",
    views=("all", "mine", "drafts", "subordinates", "starred", "recent", "team"),
)
VOID = Bulk(
    "void",
    "作废",
    "x",
    "void",
    _void,
    "作废 {n} 个{label}？",
    "作废（{n} 个）",
    form=VoidForm,
    body="作废后不再计入已回，记录保留，不能恢复。",
    danger=True,
    shown=_may("void"),
    done="已作废",
)
SETTLE = Bulk(
    "settle",
    "标记提成已结算",
    "check",
    "settle",
    _settle(True),
    "把 {n} 个{label}标记为提成已结算？",
    "标记（{n} 个）",
    body="只有已通过的回款可以标记。",
    shown=lambda payment: states.allows(payment.status, "settle") and payment.settled_at is None,
)
UNSETTLE = Bulk(
    "unsettle",
    "取消提成结算",
    "undo",
    "settle",
    _settle(False),
    "取消 {n} 个{label}的提成结算标记？",
    "取消标记（{n} 个）",
    shown=lambda payment: states.allows(payment.status, "settle") and payment.settled_at is not None,
)
