"""How leads come to 开海科技: two assignment rules, two public forms, and what was sent through them."""

from datetime import time, timedelta
from random import Random

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from crm.records.models import DictionaryItem, OperationLog
from customers.models import PoolEvent
from leads.models import AssignmentRule, Lead, WebForm
from leads.rules import setting_services
from leads.webforms import services
from orgs.models import Department

# (form, days ago, answers)
SENT = [
    (
        "官网",
        6,
        {
            "contact_name": "邵文博",
            "mobile": "13912340011",
            "company": "澄湖精工",
            "province": "江苏省",
            "city": "苏州市",
        },
    ),
    (
        "官网",
        5,
        {
            "contact_name": "梁思雨",
            "mobile": "13912340012",
            "company": "越秀山食品",
            "province": "广东省",
            "city": "广州市",
        },
    ),
    (
        "官网",
        4,
        {
            "contact_name": "孟繁",
            "mobile": "13912340013",
            "company": "西溪云仓",
            "province": "浙江省",
            "city": "杭州市",
        },
    ),
    ("展会", 3, {"contact_name": "郭晓东", "mobile": "13912340014", "company": "金鸡湖自动化"}),
    ("展会", 3, {"contact_name": "汤佳慧", "mobile": "13912340015", "company": "运河包装"}),
    (
        "官网",
        1,
        {
            "contact_name": "马骁",
            "mobile": "13912340016",
            "company": "太湖光学",
            "province": "江苏省",
            "city": "无锡市",
        },
    ),
]
WORDS = ("想了解报价和上线周期。", "现在用表格管理客户，想换成系统。", "请安排一次演示，下周都有空。", "")


LOGGED = ("created_at", "content_type_id", "object_id", "actor_id", "code", "text", "changes")


def make(people: dict, pick: Random) -> list[tuple]:
    """Rules for the two regions, a form of the web site and one of a fair, and a week of submissions. Answers the log rows of
    these (see story.make), which it takes out of the log: they are older than what was made before."""
    admin, market = people["13800000003"], people["13800000051"]
    named = dict(DictionaryItem.objects.filter(dictionary="customer.source").values_list("label", "pk"))
    campaign = DictionaryItem.objects.filter(dictionary="lead.campaign").first()
    week = {"days": [0, 1, 2, 3, 4], "opens": time(9), "closes": time(18), "daily_cap": 20}
    south = {"areas": ["广东省", "福建省", "海南省", "广西壮族自治区"]}
    for name, department, head, conditions in (
        ("华南线索", "华南销售部", "13800000021", south),
        ("其余线索轮流", "华东销售部", "13800000011", {}),
    ):
        values = {"name": name, "conditions": conditions, "fallback_person": people[head], **week}
        groups = [Department.objects.get(name=department)]
        setting_services.save_rule(AssignmentRule(), values, [], groups, version=1, by=admin)
    ask = [("contact_name", True), ("mobile", True), ("company", True)]
    forms = {}
    for key, values, asks, source in (
        (
            "官网",
            {
                "name": "官网 · 预约演示",
                "title": "预约开海 CRM 演示",
                "intro": "留下联系方式，顾问会在一个工作日内与您联系。",
            },
            [*ask, ("area", False), ("description", False)],
            "网络营销",
        ),
        (
            "展会",
            {
                "name": "春季展会登记",
                "title": "开海科技展台登记",
                "thanks": "谢谢参观，资料会发到您的手机。",
                "campaign": campaign,
            },
            [*ask, ("position", False)],
            "市场活动",
        ),
    ):
        values["asks"] = [{"key": name, "label": "", "required": must, "hint": ""} for name, must in asks]
        values["source_id"] = named.get(source)
        forms[key] = services.save_form(WebForm(), values, [market], version=1, by=market)
    made = []
    for key, ago, answers in SENT:
        day = timezone.localtime() - timedelta(days=ago)
        made.append(_send(forms[key], answers, pick, at=_working(day).replace(hour=10, minute=pick.randint(0, 59))))
    kind = ContentType.objects.get_for_model(Lead)
    log = OperationLog.objects.filter(content_type=kind, object_id__in=made).order_by("pk")
    rows = list(log.values_list(*LOGGED))
    log.delete()
    return rows


def _working(day):
    """The day itself, or the Friday before a weekend."""
    return day - timedelta(days=max(0, day.weekday() - 4))


def _send(form: WebForm, answers: dict, pick: Random, *, at) -> int:
    """The lead of one submission at that time: what stands in the logs and histories is of then."""
    words = pick.choice(WORDS) if form.name.startswith("官网") else ""
    lead = services.submit(form, {**answers, "description": words}, {}, now=at)
    Lead.objects.filter(pk=lead.pk).update(created_at=at, updated_at=at)
    OperationLog.objects.filter(object_id=lead.pk, code__startswith="lead.").update(created_at=at)
    PoolEvent.objects.filter(object_id=lead.pk, pool__kind="lead").update(created_at=at)
    return lead.pk
