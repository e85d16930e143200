"""What the approval engine adds: messages, a parameter, periodic jobs, its part of a handover, what disabling somebody means."""

from django.utils import timezone

from crm.notices import kinds as messages
from crm.records import modules, params
from crm.records.periodic import periodic
from orgs.handover import parts
from orgs.models import Employee
from orgs.services import employees

from . import leaving
from .models import Approval, Assignment, Step
from .services import after, handing, telling

messages.register("approval", "等我审批", "审批", icon="approval", mail=True, order=20)
messages.register("approval_done", "审批的结果与进展", "审批", icon="approval", mail=True, order=21)
messages.register("approval_copy", "抄送我的审批", "审批", icon="approval", order=22)
messages.register("approval_nudge", "催办与超时", "审批", icon="approval", mail=True, order=23)

modules.ADMIN_FUNCTIONS["admin.approvals"] = "审批流程"
modules.ADMIN_FUNCTIONS["admin.approval_force"] = "强制通过与终止审批"

params.declare(
    params.Param(
        telling.VIEW_DAYS,
        "审批结束后仍可查看（天）",
        30,
        "审批人和抄送人可以查看等他们审批的单据；审批结束后超过这个天数不再能看到。",
        low=0,
        high=3650,
    )
)

employees.DISABLED.append(handing.pass_on)

parts.register(
    parts.Part(
        "approvals",
        "待处理的审批",
        rows=leaving.rows,
        field="employee",
        choose=leaving.choose,
        barred=leaving.barred,
        written=leaving.written,
        order=30,
    )
)

AT_ONCE = 500


@periodic("approval_limits", "审批时限与代办", schedule="每 5 分钟", period="%Y-%m-%d %H:%M")
def limits(now) -> str:
    """Those who are late are reminded or replaced, what waits for disabled people goes on, calls that were left leave."""
    open_late = Assignment.objects.filter(state=Assignment.State.OPEN, reminded_at=None, step__state=Step.State.OPEN)
    due = open_late.filter(step__due_at__lte=now, step__approval__state=Approval.State.PENDING).order_by("step__due_at")
    late = sum(handing.overdue(pk, now) for pk in dict.fromkeys(due.values_list("step__approval", flat=True)[:AT_ONCE]))
    gone = Employee.objects.filter(
        pk__in=Assignment.objects.filter(
            state__in=("waiting", "open"), step__approval__state=Approval.State.PENDING
        ).values("employee"),
        is_active=False,
    )
    passed = sum(handing.pass_on(person, by=None) for person in gone.order_by("pk")[:AT_ONCE])
    return f"超时 {late:,} 个，转走 {passed:,} 个，调用 {after.sweep(now):,} 次"


@periodic("approval_views", "审批临时查看权到期", schedule="每天 00:25")
def views(now) -> str:
    """The rights to look that approvals gave and that have ended."""
    return f"移除 {telling.forget_grants(timezone.localtime(now).date()):,} 个"
