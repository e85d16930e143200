"""What 线索分配 adds: its message, the periodic job, the settings page, the bulk action of leads and their pools."""

from crm.notices import kinds as messages
from crm.records.modules import Bulk
from crm.records.periodic import periodic
from orgs import pages

from . import services
from .forms import ByRulesForm

messages.register("lead_given", "新线索分配给我", "客户与公海", icon="lead", order=17)
pages.PAGES.insert(
    next(place for place, page in enumerate(pages.PAGES) if page.function == "admin.settings"),
    pages.Page(
        "admin.sales", "线索分配", "/settings/lead-rules/", "lead", "新线索按来源、地区等分给谁，轮流、工作时间和上限"
    ),
)
BY_RULES = Bulk(
    "by-rules",
    "按规则分配",
    "lead",
    "assign",
    services.bulk,
    "按规则分配 {n} 个{label}？",
    "按规则分配（{n} 个）",
    form=ByRulesForm,
    template="leads/by_rules.html",
    done="分配成功",
    leaves=True,
    shown=lambda lead: lead.status == "new",
)


@periodic("lead_rules", "分配等待中的线索", schedule="每 5 分钟", period="%Y-%m-%d %H:%M")
def waiting(now) -> str:
    """Leads that came outside working time, or when nobody could take them."""
    return f"分配 {services.run(now):,} 个"
