"""What quotations add: their numbers, parameters, message, periodic job, the tab of the opportunity, the page of all."""

from django.utils import timezone

from crm.notices import kinds as messages
from crm.records import modules, numbering, params
from crm.records.params import Param
from crm.records.periodic import periodic

from ..models import Quotation
from ..module.opportunity import OPPORTUNITY
from . import reminding
from .tab import TAB

numbering.declare(
    "quotation",
    "报价单编号",
    "BJ-{yyyy}{mm}-{seq:4}",
    fields=(("department", "负责人部门"), ("customer", "客户名称")),
    taken=numbering.borne(Quotation),
)
params.declare(
    Param("quotation_days", "报价有效天数", 30, "新建报价单时，有效期默认从今天起这么多天。", low=1, high=366),
    Param(
        "quotation_remind_days",
        "报价到期提醒（天）",
        3,
        "发出的报价单到期前这么多天，给商机负责人发一条消息；0 表示不提醒。",
        high=90,
    ),
)
messages.register("quotation", "报价单到期提醒", "商机", icon="note", order=25)
OPPORTUNITY.tabs.append(TAB)
modules.NAV.append(modules.NavPage("报价单", "/quotations/", "note", "opportunity.view", order=41))


@periodic("quotation_reminders", "报价单到期提醒", schedule="每天 08:20")
def morning(now) -> str:
    """One message to each owner with quotations that run out soon."""
    return f"提醒 {reminding.run(timezone.localtime(now).date()):,} 人"
