"""What leads declare to crm.records."""

from django.db.models import Q

from crm.records import areas, dictionaries, modules, numbering
from crm.records.columns import Column
from crm.records.modules import Closed, Module, View, flag
from customers.module.builtin import in_team, mine, of_subordinates, recently, starred, this_month, this_week, today
from customers.pools import access
from customers.pools import kinds as pooled
from customers.pools.columns import DeadlineColumn
from customers.pools.kinds import Kind, Rule
from customers.pools.place import RELEASE
from customers.pools.quotas import Quota

from .conversion import declared as conversion
from .models import Lead, LeadGrant, Status
from .rules.declared import BY_RULES
from .services import create_lead
from .webforms import declared as webforms  # noqa: F401  its message, limits and place in the navigation

dictionaries.declare("lead.campaign", "市场活动", "线索")
dictionaries.declare("lead.dead_reason", "线索失效原因", "线索")
numbering.declare("lead", "线索编号", "XS-{yyyy}{mm}-{seq:4}")

CLOSED = Closed(
    "status",
    (Status.CONVERTED,),
    frozenset({"view", "export", "print", "transfer", "share", "delete"}),
    "已转化的线索只能查看",
)


def _of_status(status: str):
    return lambda rows, user: rows.filter(status=status)


LEADS = pooled.register(
    Kind(
        module="lead",
        label="线索池",
        prefix="lead-pool",
        rules=(
            Rule(
                "followup",
                "没有新跟进",
                "没有新跟进",
                "{days} 天无新跟进",
                event="last_followed_at",
                where=Q(status__in=(Status.NEW, Status.FOLLOWING)),
                only=lambda record: record.status in (Status.NEW, Status.FOLLOWING),
                since="最近一次跟进",
            ),
            Rule(
                "convert",
                "没有转化",
                "没有转化",
                "{days} 天未转化",
                where=Q(status__in=(Status.NEW, Status.FOLLOWING)),
                only=lambda record: record.status in (Status.NEW, Status.FOLLOWING),
                lead="得到后",
            ),
        ),
        exemptions=(),
        closed=None,
        filters="leads.filters.PoolFilters",
        masked=("lead.mobile", "lead.phone", "lead.email"),
        bulk=(BY_RULES,),
    )
)
modules.NAV.append(modules.NavPage("线索池", "/lead-pool/", "pool", "lead.view", order=11))

LEAD = modules.register(
    Module(
        name="lead",
        label="线索",
        icon="lead",
        model=Lead,
        prefix="leads",
        order=10,
        form="leads.forms.LeadForm",
        importer="leads.importing.LEADS",
        filters="leads.filters.LeadFilters",
        grant_model=LeadGrant,
        followed=True,
        quota=Quota("lead"),
        closed=CLOSED,
        received="received_at",
        unowned=lambda user: access.trashed(pooled.get("lead"), user).values("pk"),
        functions=(
            ("claim", "领取"),
            ("release", "放入线索池"),
            ("assign", "指派"),
            ("lock", "锁定"),
            ("convert", "转化"),
            ("form", "公开表单"),
            ("history", "导入原创建人和时间"),
        ),
        search={"name": ("name", "company", "number"), "phone": ("mobile", "phone"), "contact": ("contact_name",)},
        search_placeholder="名称、公司、电话、联系人、拼音首字母",
        columns=[
            Column("name", sort="name", css="k-w-name", m="title", default=True),
            Column("number", css="k-w-120"),
            Column("company", css="k-w-name"),
            Column("contact_name", css="k-w-96", m="sub", default=True),
            Column(
                "tel",
                "电话",
                paths=("mobile", "phone"),
                combine=lambda mobile, phone: mobile or phone,
                kind="phone",
                css="k-w-120",
                m="pair",
                default=True,
            ),
            Column("status", css="k-w-72", m="side", default=True),
            Column("source", css="k-w-104", default=True),
            Column("chance", kind="percent", css="k-w-72"),
            Column("summary", css="k-w-addr", default=True),
            Column("owner", css="k-w-96", m="sub", default=True),
            Column("created_by", css="k-w-88"),
            Column("created_at", sort="created_at", css="k-w-104", default=True),
            DeadlineColumn("lead"),
            Column("updated_at", sort="updated_at", css="k-w-104"),
            Column("mobile", kind="phone", css="k-w-120"),
            Column("phone", kind="phone", css="k-w-120"),
            Column(
                "full_address",
                "地址",
                paths=("province", "city", "address"),
                combine=areas.line,
                css="k-w-addr",
            ),
            Column("assigned_by", paths=("assigned_by__name",), css="k-w-88"),
            Column("converted_by", paths=("converted_by__name",), css="k-w-88"),
            *[
                Column(key, css="k-w-104")
                for key in (
                    "email",
                    "position",
                    "campaign",
                    "industry",
                    "level",
                    "province",
                    "city",
                    "address",
                    "description",
                    "next_contact_at",
                    "last_followed_at",
                    "locked",
                    "assigned_at",
                    "dead_reason",
                    "dead_note",
                    "ended_at",
                    "remark",
                )
            ],
        ],
        views=[
            View("all", "全部", count=True),
            View("mine", "我的线索", mine, count=True),
            View("subordinates", "下属线索", of_subordinates),
            View("starred", "我关注的", starred),
            View("new", "未分配", _of_status(Status.NEW)),
            View("following", "跟进中", _of_status(Status.FOLLOWING)),
            View("converted", "已转化", _of_status(Status.CONVERTED)),
            View("dead", "已失效", _of_status(Status.DEAD)),
            View("today", "今日创建", today),
            View("week", "本周新建", this_week),
            View("month", "本月新建", this_month),
            View("recent", "最近更新", recently, order="-updated_at"),
            View("team", "团队线索", in_team),
        ],
        sections=(
            (
                "基本信息",
                (
                    "name",
                    "number",
                    "company",
                    "status",
                    "chance",
                    "source",
                    "campaign",
                    "industry",
                    "level",
                    "summary",
                    "description",
                ),
            ),
            ("联系方式", ("contact_name", "position", "mobile", "phone", "email", "full_address")),
            (
                "其他",
                (
                    "remark",
                    "next_contact_at",
                    "last_followed_at",
                    "assigned_by",
                    "assigned_at",
                    "dead_reason",
                    "dead_note",
                    "converted_by",
                    "ended_at",
                    "created_by",
                    "created_at",
                    "updated_at",
                ),
            ),
        ),
        facts=("owner", "contact_name", "mobile", "source", "chance", "last_followed_at", "next_contact_at"),
        verbs={"create": create_lead},
        side=(conversion.became,),
        bulk=[
            conversion.CONVERT,
            RELEASE,
            BY_RULES,
            flag("locked", True, key="lock", label="锁定", icon="lock", action="lock"),
            flag("locked", False, key="unlock", label="解锁", icon="lock", action="lock"),
        ],
    )
)
