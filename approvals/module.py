"""What approvals declare to crm.records: the centre in the navigation, its figure, the step line on record pages, and the module
of requests."""

from datetime import timedelta

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from crm.records import modules, scope
from crm.records.columns import Column
from crm.records.models import Star
from crm.records.modules import Badge, Module, NavPage, View
from orgs import pages

from . import states
from .inbox import panel, queries
from .models import Status
from .requests import declared  # noqa: F401  announces the types
from .requests.models import Request, RequestGrant
from .requests.services import create_request

modules.BADGES["approvals"] = Badge("待我审批", "条待审批", "/approvals/", queries.waiting_expression)
modules.NAV.append(NavPage("审批", "/approvals/", "approval", "", 10, "协作", badge="approvals"))
modules.PANELS.append(panel.build)
pages.PAGES.append(
    pages.Page(
        "admin.approvals", "通用审批", "/settings/requests/", "approval", "请假、报销、用印等申请：类型、表单字段和编号"
    )
)

CHIPS = {
    Status.PENDING: "k-chip-warning",
    Status.APPROVED: "k-chip-success",
    Status.REJECTED: "k-chip-danger",
}


def chips(request, fields) -> list[dict]:
    """Its status, where the person may read it."""
    if not fields.readable("status"):
        return []
    return [{"label": request.get_status_display(), "css": CHIPS.get(request.status, "")}]


def mine(rows, user):
    return scope.of_owners(rows, [user.pk])


def starred(rows, user):
    stars = Star.objects.filter(user=user, content_type=ContentType.objects.get_for_model(rows.model))
    return scope.within(rows, stars.values("object_id"))


def recently(rows, user):
    return rows.filter(updated_at__gte=timezone.now() - timedelta(days=30))


def of_status(*statuses):
    return lambda rows, user: rows.filter(status__in=statuses)


REQUEST = modules.register(
    Module(
        name="request",
        label="通用审批",
        icon="note",
        model=Request,
        prefix="requests",
        group="协作",
        order=120,
        form="approvals.requests.forms.RequestForm",
        filters="approvals.requests.filters.RequestFilters",
        grant_model=RequestGrant,
        closed=states.closings(sentences={Status.APPROVED: "已通过审批的申请不能再修改或删除，需要更改请另外发起"}),
        without=("import", "transfer", "bulk_edit"),
        search={"name": ("title", "number")},
        search_placeholder="标题、编号、拼音首字母",
        verbs={"create": create_request},
        columns=[
            Column("title", sort="title", css="k-w-name", m="title", default=True),
            Column("type", paths=("type__name",), css="k-w-104", m="sub", default=True),
            Column("number", css="k-w-120", m="sub", default=True),
            Column("status", css="k-w-72", m="side", default=True),
            Column("owner", "申请人", css="k-w-96", m="sub", default=True),
            Column("submitted_at", css="k-w-104", default=True),
            Column("approved_at", css="k-w-104"),
            Column("created_by", css="k-w-88"),
            Column("created_at", sort="created_at", css="k-w-104", default=True),
            Column("updated_at", sort="updated_at", css="k-w-104"),
        ],
        views=[
            View("all", "全部", count=True),
            View("mine", "我的申请", mine, count=True),
            View("draft", "草稿", of_status(Status.DRAFT), needs=("status",)),
            View("pending", "审批中", of_status(Status.PENDING), needs=("status",)),
            View("approved", "已通过", of_status(Status.APPROVED), needs=("status",)),
            View("refused", "已拒绝或撤回", of_status(Status.REJECTED, Status.WITHDRAWN), needs=("status",)),
            View("starred", "我关注的", starred),
            View("recent", "最近更新", recently, order="-updated_at"),
        ],
        sections=(
            (
                "申请内容",
                (
                    "type",
                    "number",
                    "title",
                    "status",
                    "submitted_at",
                    "approved_at",
                    "created_by",
                    "created_at",
                    "updated_at",
                ),
            ),
        ),
        facts=("type", "number", "owner", "submitted_at", "approved_at"),
        chips=chips,
    )
)
