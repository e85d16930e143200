"""Requests, flows and approvals for tests: plain functions."""

from approvals.models import Approval, Assignment, Flow, Request, RequestType
from approvals.requests import services
from approvals.tests import factories
from crm.records.models import FieldDefinition


def kind(name: str = "用印") -> RequestType:
    return RequestType.objects.get(name=name)


def field(label: str) -> str:
    """The key of a custom field of requests."""
    return f"f{FieldDefinition.objects.get(module='request', label=label).pk}"


def seal_values() -> dict:
    return {field("印章"): 1, field("文件名称"): "采购框架协议", field("用印份数"): 2, field("事由"): "签约"}


def cost_values(amount="1200") -> dict:
    return {field("报销金额"): str(amount), field("费用类别"): 1, field("事由"): "拜访客户"}


def trip_values() -> dict:
    days = {field("出差开始"): "2026-12-01", field("出差结束"): "2026-12-03"}
    return {field("出差地点"): "苏州", **days, field("事由"): "拜访"}


def draft(owner, title="盖章申请", name: str = "用印", values: dict | None = None) -> Request:
    extra = {"用印": seal_values, "出差": trip_values, "费用报销": cost_values}[name]() if values is None else values
    return services.create_request(Request(type=kind(name), title=title, owner=owner, extra=extra), by=owner)


def flow(administrator, *steps, name: str = "用印", **more) -> Flow:
    """An enabled flow for a type of request."""
    return factories.flow(administrator, *steps, document=services.key_of(kind(name)), name=f"{name}流程", **more)


def submitted(owner, title="盖章申请", **more) -> Approval:
    """A request under way."""
    request = services.submit_request(draft(owner, title, **more), by=owner)
    return Approval.objects.get(object_id=request.pk, state="pending")


def open_of(approval, person) -> Assignment:
    return Assignment.objects.get(step__approval=approval, employee=person, state="open")
