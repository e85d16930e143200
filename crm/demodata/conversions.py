"""线索转化 in the demo: leads that became customers, and some that meet customers who are there already."""

from crm.records.followups import services as followups
from crm.records.models import DictionaryItem
from customers.models import Customer
from leads.conversion import services
from leads.conversion.making import Wanted
from leads.conversion.services import Options
from leads.models import Lead
from leads.services import create_lead
from opportunities import pipelines

# owner, company, contact, mobile, position, summary, amount of the opportunity (None: none)
CONVERTED = (
    (
        "13800000012",
        "苏州澄湖精密机械有限公司",
        "钱文涛",
        "13912340001",
        "设备部经理",
        "想给两条产线做数据采集",
        180000,
    ),
    ("13800000013", "杭州望江纺织科技有限公司", "沈梦洁", "13912340002", "信息主管", "替换用了六年的旧系统", 96000),
    ("13800000022", "佛山岭南照明电器有限公司", "梁志恒", "13912340003", "副总经理", "展会上看过样机", None),
)
OPEN = (
    ("13800000012", "昆山润泽包装材料有限公司", "陆一鸣", "13912340004", "采购主管", "咨询设备联网方案"),
    ("13800000013", "嘉兴南湖食品机械有限公司", "俞佳宁", "13912340005", "厂长", "官网留言，希望报价"),
)
TALKS = ("电话沟通了现场情况，对方希望先看演示。", "发送了方案和报价，约好下周上门。")


def make(people: dict) -> int:
    """Leads with their talks; most are converted. Answers how many leads there are."""
    phone = DictionaryItem.objects.get(dictionary="followup.method", label="电话")
    pipeline = pipelines.default()
    for owner, company, contact, mobile, position, summary, amount in CONVERTED:
        seller = people[owner]
        one = _lead(seller, company, contact, mobile, position, summary)
        for text in TALKS:
            followups.write(one, _values(phone, text), by=seller)
        wanted = Wanted(pipeline, pipelines.first_stage(pipeline), amount=amount) if amount else None
        services.convert(Lead.objects.get(pk=one.pk), by=seller, options=Options(opportunity=wanted))
    for owner, *values in OPEN:
        _lead(people[owner], *values)
    # one that meets a customer of its own seller, one that meets a colleague's
    known = Customer.objects.live().filter(owner=people["13800000012"]).order_by("pk").first()
    _lead(people["13800000012"], known.name, "吴思远", "13912340006", "技术总监", "分厂也想上同一套")
    _lead(people["13800000022"], known.name, "吴思远", "13912340006", "技术总监", "华南工厂的新项目")
    return len(CONVERTED) + len(OPEN) + 2


def _lead(seller, company, contact, mobile, position, summary) -> Lead:
    lead = Lead(
        name=f"{company[:44]}咨询",
        company=company,
        contact_name=contact,
        mobile=mobile,
        position=position,
        summary=summary,
        owner=seller,
    )
    return create_lead(lead, by=seller)


def _values(method, text: str) -> dict:
    empty = {"topic": None, "title": "", "next_contact_at": None, "place": "", "purpose": "", "result": ""}
    return {**empty, "method": method, "content": text}
