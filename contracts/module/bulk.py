"""What is done to selected contracts, and to one from its page."""

from django.core.exceptions import ValidationError

from approvals import states
from approvals.models import Status
from crm.records.modules import Bulk

from .. import execution, services
from ..forms import ShutForm
from ..models import Contract


def _submit(rows, *, by, form=None):
    """Each in a transaction of its own: one that is refused keeps none of the others back."""
    done, refused = 0, []
    for contract in Contract.objects.filter(pk__any=list(rows.values_list("pk", flat=True))).order_by("pk"):
        try:
            services.submit(contract, by=by)
            done += 1
        except ValidationError as error:
            refused.append((contract.name, "；".join(error.messages)))
    return done, refused


def _withdraw(rows, *, by, form=None):
    done, refused = 0, []
    for contract in Contract.objects.filter(pk__any=list(rows.values_list("pk", flat=True))).order_by("pk"):
        try:
            services.withdraw(contract, by=by)
            done += 1
        except ValidationError as error:
            refused.append((contract.name, "；".join(error.messages)))
    return done, refused


def _finish(rows, *, by, form=None):
    return execution.finish(rows, by=by)


def _shut(rows, *, by, form):
    return execution.shut(rows, by=by, reason=form.cleaned_data["reason"])


def _resume(rows, *, by, form=None):
    return execution.resume(rows, by=by)


def _going(contract) -> bool:
    return contract.status == Status.APPROVED and contract.execution not in execution.ENDED and not contract.changing


GOING_VIEWS = ("all", "mine", "approved", "ending", "expired", "unpaid", "overdue", "signed")
BULK = [
    Bulk(
        "submit",
        "提交审批",
        "check",
        "submit",
        _submit,
        "提交 {n} 个{label}？",
        "提交（{n} 个）",
        body="提交后不能修改，需要时可以撤回；没有启用审批流程的直接通过。",
        shown=lambda contract: states.allows(contract.status, "submit"),
        done="已提交",
        views=("all", "mine", "draft", "returned"),
    ),
    Bulk(
        "withdraw",
        "撤回审批",
        "undo",
        "withdraw",
        _withdraw,
        "撤回 {n} 个{label}的审批？",
        "撤回（{n} 个）",
        body="只能撤回自己提交的；撤回后可以修改和重新提交。",
        shown=lambda contract: contract.status == Status.PENDING,
        done="已撤回",
        views=("all", "mine", "pending"),
    ),
    Bulk(
        "finish",
        "完成",
        "check",
        "finish",
        _finish,
        "把 {n} 个{label}标为已完成？",
        "完成（{n} 个）",
        body="双方都已履行完毕；完成后不再新增回款计划和回款，可以重新执行。",
        shown=_going,
        done="已完成",
        views=GOING_VIEWS,
    ),
    Bulk(
        "shut",
        "关闭",
        "x",
        "finish",
        _shut,
        "关闭 {n} 个{label}？",
        "关闭（{n} 个）",
        form=ShutForm,
        body="提前结束的合同；关闭后不再新增回款计划和回款，也不再算作未回清。",
        danger=True,
        shown=_going,
        done="已关闭",
        views=GOING_VIEWS,
    ),
    Bulk(
        "resume",
        "重新执行",
        "undo",
        "finish",
        _resume,
        "重新执行 {n} 个{label}？",
        "重新执行（{n} 个）",
        body="执行状态重新按开始和结束日期计算。",
        shown=lambda contract: contract.status == Status.APPROVED and contract.execution in execution.ENDED,
        views=("all", "mine", "approved"),
    ),
]
