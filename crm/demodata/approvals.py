"""Approval flows of the demo company for what contracts' own flow leaves, requests in every state, a change and a 作废 under way,
quotations that wait for their approval."""

from datetime import timedelta
from decimal import Decimal

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from approvals import flows, shape
from approvals import services as approvals
from approvals.models import Approval, Assignment, Flow, Request, RequestType
from approvals.requests import services as requests
from contracts.changes import services as changes
from contracts.changes import voiding
from contracts.models import Contract
from crm.records import modules
from crm.records.models import FieldDefinition
from opportunities.models import Opportunity
from opportunities.quotes import approving
from orgs.models import Employee, Role

from .quotations import offer

ASKED = (
    # (type, title, {label: value}, how it went); days are counted from today
    ("请假", "年假三天", {"请假类型": 1, "请假开始": 5, "请假结束": 8, "请假天数": "3", "事由": "回老家"}, "pending"),
    ("请假", "病假一天", {"请假类型": 3, "请假开始": -6, "请假结束": -5, "请假天数": "1", "事由": "发烧"}, "approved"),
    ("请假", "事假半天", {"请假类型": 2, "请假开始": 2, "请假结束": 2, "请假天数": "0.5", "事由": "办证"}, "draft"),
    ("费用报销", "苏州拜访客户的交通费", {"报销金额": "386.50", "费用类别": 1, "事由": "高铁与打车"}, "pending"),
    ("费用报销", "客户招待", {"报销金额": "1280", "费用类别": 5, "事由": "云澜智造来访"}, "rejected"),
    ("费用报销", "展会住宿", {"报销金额": "960", "费用类别": 2, "事由": "两晚"}, "approved"),
    ("费用报销", "办公用品", {"报销金额": "215", "费用类别": 4, "事由": "打印纸与墨盒"}, "withdrawn"),
    ("用印", "采购框架协议用印", {"印章": 2, "文件名称": "采购框架协议", "用印份数": "2", "事由": "签约"}, "pending"),
    ("用印", "投标文件用印", {"印章": 1, "文件名称": "投标文件", "用印份数": "4", "事由": "参加投标"}, "approved"),
    ("用印", "收据用印", {"印章": 3, "文件名称": "收据", "用印份数": "1", "事由": "客户要求"}, "withdrawn"),
    ("出差", "去合肥验收", {"出差地点": "合肥", "出差开始": 9, "出差结束": 11, "事由": "项目验收"}, "draft"),
    ("出差", "去宁波回访", {"出差地点": "宁波", "出差开始": -20, "出差结束": -18, "事由": "年度回访"}, "rejected"),
    ("出差", "去常州谈续签", {"出差地点": "常州", "出差开始": 3, "出差结束": 4, "事由": "框架续签"}, "rejected"),
    ("出差", "去无锡培训", {"出差地点": "无锡", "出差开始": 6, "出差结束": 6, "事由": "上线培训"}, "withdrawn"),
    ("出差", "去上海参展", {"出差地点": "上海", "出差开始": 12, "出差结束": 15, "事由": "行业展会"}, "draft"),
)
OFFERED = ("pending", "approved", "rejected", "pending", "withdrawn", "approved", "rejected")
LARGE = Decimal(100_000)  # quotations from here on need approval
COMMENTS = {"approved": "同意", "rejected": "请补充说明后重新提交", "withdrawn": "改期，先撤回"}


def _boss(name: str = "直属上级", **more) -> dict:
    return {**shape.new_step("boss", name), "who": [{"kind": "supervisor", "level": 1}], **more}


def _finance(name: str) -> dict:
    roles = [Role.objects.get(code="finance").pk]
    return {**shape.new_step("finance", name), "who": [{"kind": "role", "ids": roles}], "hours": 24}


def _flow(document: str, name: str, note: str, *steps: dict, by: Employee, **more) -> None:
    values = {"name": name, "note": note, "administrator": by, "departments": [], "employees": []}
    definition = {**shape.EMPTY, "steps": list(steps), **more}
    made = flows.save_flow(Flow(document=document), values=values, definition=definition, version=0, by=by)
    flows.enable(made, by=by)


def make_flows(people: dict[str, Employee]) -> None:
    """One flow for each kind of document that counts money, and one for each type of request."""
    by = people["13800000003"]
    _flow("contract_change", "合同变更审批", "变更先由上级，再由财务", _boss(), _finance("财务审核"), by=by)
    _flow("contract_void", "合同作废审批", "作废由上级决定", _boss(), by=by)
    _flow("payment", "回款确认", "财务核对到账", _finance("财务核对"), by=by)
    _flow("invoice", "开票审批", "上级审核，财务开票", _boss(), _finance("财务开票"), by=by)
    large = {"m": "and", "c": [{"f": "amount", "o": "gte", "v": str(LARGE)}]}
    _flow("quotation", "大额报价审批", "十万元起的报价由上级决定", _boss(), by=by, condition=large)
    for kind in RequestType.objects.order_by("order"):
        steps = [_boss()] + ([_finance("财务审核")] if kind.name == "费用报销" else [])
        _flow(requests.key_of(kind), f"{kind.name}审批", "", *steps, by=by)


def make(people: dict[str, Employee]) -> int:
    """Requests of the sellers, three changes and a 作废 that wait; how many requests. Flows are enabled."""
    sellers = [people[phone] for phone in ("13800000012", "13800000013", "13800000022")]
    for place, (kind, title, said, way) in enumerate(ASKED):
        _ask(sellers[place % len(sellers)], RequestType.objects.get(name=kind), title, said, way)
    _changes()
    _offers()
    return len(ASKED)


def _offers() -> None:
    """Large quotations of open opportunities, the states of OFFERED in turn."""
    rows = Opportunity.objects.live().filter(state="open", lines_total__gte=LARGE, quotations=None)
    mine = rows.filter(owner__is_active=True, owner__supervisor__isnull=False)
    for deal, way in zip(mine.select_related("owner", "customer").order_by("pk"), OFFERED, strict=False):
        made = offer(deal)
        approving.submit(made, by=deal.owner, note="客户本周内要报价")
        _decide(made, "quotation", way, by=deal.owner)


def _ask(by: Employee, kind: RequestType, title: str, said: dict, way: str) -> None:
    types = {row.label: row for row in FieldDefinition.objects.filter(module="request")}
    now, values = timezone.now().replace(minute=0, second=0, microsecond=0), {}
    for label, value in said.items():
        row = types[label]
        if row.type in ("date", "moment"):
            at = now + timedelta(days=value)
            value = timezone.localdate(at).isoformat() if row.type == "date" else at.isoformat()
        values[f"f{row.pk}"] = value
    made = requests.create_request(Request(type=kind, title=title, owner=by, extra=values), by=by)
    if way != "draft":
        made = requests.submit_request(made, by=by)
        _decide(made, requests.key_of(kind), way, by=by)


def _decide(record, document: str, way: str, *, by: Employee) -> None:
    kind = ContentType.objects.get_for_model(record)
    found = Approval.objects.get(content_type=kind, object_id=record.pk, document=document, state="pending")
    if way == "withdrawn":
        approvals.withdraw(found.pk, by=by, comment=COMMENTS[way])
    elif way != "pending":
        verb = approvals.approve if way == "approved" else approvals.reject
        waiting = Assignment.objects.filter(step__approval=found, state=Assignment.State.OPEN)
        while (one := waiting.select_related("employee").first()) is not None:
            verb(one.pk, by=one.employee, comment=COMMENTS[way])


def _changes() -> None:
    """Three contracts of sellers are being changed, one is to be void."""
    rows = Contract.objects.live().filter(status="approved", changing="", owner__is_active=True, received=0, invoiced=0)
    free = [
        one
        for one in rows.select_related("owner").order_by("-signed_on", "pk")[:40]
        if Contract.objects.allowed(one.owner, "amend").filter(pk=one.pk).exists()
    ]
    for contract in free[:3]:
        until = (contract.ends_on or timezone.localdate()) + timedelta(days=90)
        draft = changes.save_change(
            contract,
            {"ends_on": until, "remark": f"{contract.remark}\n延期三个月，价格不变".strip()},
            rows=None,
            discount=contract.discount,
            reason="客户要求延期三个月",
            edition=contract.edition,
            revision=0,
            by=contract.owner,
        )
        changes.submit_change(contract, revision=draft.revision, by=contract.owner)
    bosses = [one for one in free[3:] if one.amount < Decimal(1_000_000) and one.owner.supervisor_id]
    for contract in bosses[:1]:
        by = contract.owner.supervisor
        if modules.get("contract").may(by, "void"):
            voiding.void(contract, "客户改由集团统一签约", by=by)
