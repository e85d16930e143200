"""What 线索分配 adds: its message, the periodic job, the settings page, the bulk action of leads and their pools."""

from crm.notices import kinds as messages
from crm.records.modules import Bulk
from crm.records.periodic import periodic
from orgs import pages
from orgs.handover import parts
from orgs.services import oplog

from ..models import AssignmentRule
from . import services, wording
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


def _handed(rows: list, field: str, names: dict, by, text: str) -> None:
    """The system log says who stands in a rule for somebody who left."""
    label = str(AssignmentRule._meta.get_field(field).verbose_name)
    for rule in rows:
        changes = [{"label": label, "old": str(getattr(rule, field)), "new": names[rule.pk]}]
        oplog.record("lead_rule.handed", wording.target(rule), by=by, text=text, changes=changes)


for _key, _field, _label in (
    ("lead_rules_fixed", "person", "固定分给他的线索分配规则"),
    ("lead_rules_fallback", "fallback_person", "分不出去时转给他的线索分配规则"),
):
    parts.register(
        parts.Part(
            _key,
            _label,
            rows=lambda person, field=_field: AssignmentRule.objects.filter(**{field: person}).select_related(field),
            field=_field,
            written=_handed,
        )
    )


@periodic("lead_rules", "分配等待中的线索", schedule="每 5 分钟", period="%Y-%m-%d %H:%M")
def waiting(now) -> str:
    """Leads that came outside working time, or when nobody could take them."""
    return f"分配 {services.run(now):,} 个"
