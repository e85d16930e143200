"""What leads declare to crm.records."""

from dataclasses import replace

from django.db.models import Case, F, Q, Value, When

from crm.records import areas, dictionaries, fieldset, modules, numbering
from crm.records.columns import Column
from crm.records.modules import Bulk, Closed, Module, View, flag
from customers.module.builtin import (
    ending,
    in_team,
    mine,
    of_subordinates,
    recently,
    starred,
    this_month,
    this_week,
    today,
)
from customers.pools import access
from customers.pools import kinds as pooled
from customers.pools.columns import DeadlineColumn
from customers.pools.forms import AssignForm
from customers.pools.kinds import Kind, Rule
from customers.pools.place import release_bulk
from customers.pools.quotas import Quota
from customers.pools.services import lock_records

from . import undo  # noqa: F401  the way back from 指派
from .conversion import declared as conversion
from .duplicates import hints
from .forms import GiveUpForm
from .models import Lead, LeadGrant, Status
from .plan.tab import CARD, TAB, to_be_done
from .rules.declared import BY_RULES
from .services import OPEN, assign, assigned, create_lead, give_up, resume
from .webforms import declared as webforms  # noqa: F401  its message, limits and place in the navigation

dictionaries.declare("lead.campaign", "市场活动", "线索")
dictionaries.declare("lead.dead_reason", "线索失效原因", "线索")
numbering.declare(
    "lead",
    "线索编号",
    "XS-{yyyy}{mm}-{seq:4}",
    fields=(("department", "负责人部门"), ("source", "线索来源")),
    taken=numbering.borne(Lead),
)

KEPT_DOORS = frozenset({"view", "export", "print", "transfer", "share", "delete"})
CLOSED = (
    Closed("status", (Status.CONVERTED,), KEPT_DOORS, "已转化的线索只能查看、转移和删除"),
    Closed("status", (Status.DEAD,), KEPT_DOORS | {"revive"}, "已失效的线索只能查看、转移和删除；请先恢复跟进"),
    Closed("status", (Status.NEW,), None, "未分配的线索只能由创建人删除", denies=frozenset({"delete"}), own=True),
)


STATES = {
    Status.NEW: "",
    Status.FOLLOWING: "k-chip-accent",
    Status.CONVERTED: "k-chip-success",
    Status.DEAD: "k-chip-warning",
}


def _of_status(status: str):
    return lambda rows, user: rows.filter(status=status)


def chips(lead: Lead, fields) -> list[dict]:
    """What decides what to do next, beside the name, as far as the person may read it."""
    found = []
    if fields.readable("status"):
        found.append({"label": lead.get_status_display(), "css": STATES[lead.status]})
    found += [
        {"label": item.label} for key in ("level", "source") if (item := getattr(lead, key)) and fields.readable(key)
    ]
    if lead.locked and fields.readable("locked"):
        found.append({"label": "已锁定", "css": "k-chip-warning"})
    return found


def dead_card(lead: Lead, user) -> list[dict]:
    """Side card of a lead that was given up: why."""
    fields = fieldset.of(LEAD, user)
    if lead.status != Status.DEAD or not fields.readable("dead_reason"):
        return []
    note = lead.dead_note if fields.readable("dead_note") else ""
    return [{"title": "终止开发", "template": "leads/dead_card.html", "lead": lead, "note": note}]


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
        leading=("name", "contact_name", "source", "mobile"),
        facts=("status",),
        entering={"status": Status.NEW, "assigned_by": None, "assigned_at": None},
        assigned=assigned,
        assign_label="指派",
    )
)
modules.TO_DO.append(modules.ToDo("待执行的开发计划", "lead", "plan"))
modules.TO_DO.append(modules.ToDo("待进入线索池的线索", "lead", "ending"))
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
        handed={"status": Case(When(status=Status.NEW, then=Value(Status.FOLLOWING)), default=F("status"))},
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
                "联系电话",
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
            View("new", "未分配", _of_status(Status.NEW), needs=("status",)),
            View("following", "跟进中", _of_status(Status.FOLLOWING), needs=("status",)),
            View("converted", "已转化", _of_status(Status.CONVERTED), needs=("status",)),
            View("dead", "已失效", _of_status(Status.DEAD), needs=("status",)),
            View("today", "今日创建", today),
            View("week", "本周新建", this_week),
            View("month", "本月新建", this_month),
            View("recent", "最近更新", recently, order="-updated_at"),
            View("team", "团队线索", in_team),
            View("plan", "待执行计划", to_be_done),
            View("ending", "即将到期", ending),
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
        chips=chips,
        side=(conversion.became, CARD, dead_card),
        tabs=[TAB],
        create_from=lambda form, *, by: create_lead(form.instance, by=by, pool=form.cleaned_data.get("pool")),
        verbs={"create": create_lead},
        duplicate_hint=hints,
        bulk=[
            conversion.CONVERT,
            Bulk(
                "assign",
                "指派",
                "transfer",
                "assign",
                lambda rows, *, by, form: assign(rows, form.cleaned_data["owner"], by=by),
                "指派 {n} 个{label}",
                "指派（{n} 个）",
                form=AssignForm,
                body="指派后由对方跟进，并会收到一条消息。",
                shown=lambda lead: lead.status in OPEN,
                done="指派成功",
            ),
            BY_RULES,
            replace(release_bulk(LEADS, done="放入线索池成功"), shown=lambda lead: lead.status in OPEN),
            Bulk(
                "give-up",
                "终止开发",
                "flag",
                "edit",
                lambda rows, *, by, form: give_up(rows, by=by, **form.cleaned_data),
                "终止开发 {n} 个{label}？",
                "终止开发（{n} 个）",
                form=GiveUpForm,
                body="终止后为已失效，不能编辑和跟进，也不会被回收；可以恢复跟进。",
                danger=True,
                shown=lambda lead: lead.status in OPEN,
            ),
            Bulk(
                "resume",
                "恢复跟进",
                "undo",
                "revive",
                lambda rows, *, by, form=None: resume(rows, by=by),
                "恢复跟进 {n} 个{label}？",
                "恢复跟进（{n} 个）",
                shown=lambda lead: lead.status == Status.DEAD,
                views=("dead",),
            ),
            replace(
                flag("locked", True, key="lock", label="锁定", icon="lock", action="lock"),
                run=lambda rows, *, by, form=None: lock_records(rows, by=by),
            ),
            flag("locked", False, key="unlock", label="解锁", icon="lock", action="lock"),
        ],
    )
)
