"""What opportunities declare."""

from django.utils import timezone

from crm.records import dictionaries, modules
from crm.records.columns import Column
from crm.records.modules import Closed, Face, Module, View
from customers.module.builtin import in_team, mine, of_subordinates, recently, starred, this_month

from .. import following, nightly  # noqa: F401  hooks, and what happens by itself
from .. import idle as quiet
from ..lines.declared import EXPORT
from ..lines.declared import TAB as LINES
from ..models import Competitor, Opportunity, OpportunityGrant, StageEntry, State
from ..services import create_opportunity, delete_opportunities, restore_opportunities, update_opportunity
from ..tabs import TABS
from .bulk import BULK
from .views import due_this_month, idle, overdue

dictionaries.declare("opportunity.close_reason", "输单与无效原因", "商机")
dictionaries.declare("opportunity.role", "决策人角色", "商机")
modules.ADMIN_FUNCTIONS["admin.sales"] = "销售设置"
for _label, _view in (("停滞的商机", "idle"), ("逾期未成交的商机", "overdue")):
    modules.TO_DO.append(modules.ToDo(_label, "opportunity", _view))

CLOSED = Closed(
    "state",
    (State.WON, State.LOST, State.VOID),
    frozenset({"view", "export", "print", "follow", "transfer", "share", "delete", "reopen"}),
    "已关闭的商机只能查看和跟进；请先重新打开",
)


CHIPS = {State.WON: "k-chip-success", State.LOST: "k-chip-danger", State.VOID: ""}


def opportunity_chips(opportunity, fields) -> list[dict]:
    """The end it came to, or that nothing happens, as chips beside the name."""
    if not fields.readable("state"):
        return []
    if opportunity.state != State.OPEN:
        found = [{"label": opportunity.get_state_display(), "css": CHIPS[opportunity.state]}]
        if opportunity.close_reason and fields.readable("close_reason"):
            found.append({"label": opportunity.close_reason.label})
        return found
    found = []
    if (days := quiet.shown(opportunity, fields)) is not None:
        found.append({"label": f"停滞 {days} 天", "css": "k-chip-warning"})
    if opportunity.expected_on and opportunity.expected_on < timezone.localdate() and fields.readable("expected_on"):
        found.append({"label": "逾期未成交", "css": "k-chip-danger"})
    return found


def _of_state(state: str):
    return lambda rows, user: rows.filter(state=state)


OPPORTUNITY = modules.register(
    Module(
        name="opportunity",
        label="商机",
        icon="opportunity",
        model=Opportunity,
        prefix="opportunities",
        order=40,
        form="opportunities.forms.OpportunityForm",
        importer="opportunities.importing.OPPORTUNITIES",
        filters="opportunities.filters.OpportunityFilters",
        grant_model=OpportunityGrant,
        followed=True,
        parents=("customer",),
        closed=CLOSED,
        faces=(
            Face("看板", "kanban", "board", needs=("pipeline", "stage", "state")),
            Face("预测", "report", "forecast", needs=("amount", "expected_on", "stage", "state")),
        ),
        functions=(("reopen", "重新打开"), ("history", "导入原创建人和时间")),
        search={"name": ("name",)},
        search_placeholder="商机名称、拼音首字母",
        columns=[
            Column("name", sort="name", css="k-w-name", m="title", default=True),
            Column("customer", paths=("customer__name",), css="k-w-name", m="sub", default=True),
            Column("pipeline", css="k-w-104"),
            Column("stage", css="k-w-104", m="side", default=True),
            Column("state", css="k-w-72", default=True),
            Column("amount", css="k-w-104", m="pair", default=True),
            Column("expected_on", css="k-w-104", m="pair", default=True),
            Column("owner", css="k-w-96", m="sub", default=True),
            Column("created_by", css="k-w-88"),
            Column("created_at", sort="created_at", css="k-w-104", default=True),
            Column("updated_at", sort="updated_at", css="k-w-104"),
            Column("decider", paths=("decider__name",), css="k-w-96"),
            *[
                Column(key, css="k-w-104")
                for key in (
                    "source",
                    "competitors",
                    "discount",
                    "stage_since",
                    "moved_at",
                    "next_contact_at",
                    "last_followed_at",
                    "closed_at",
                    "close_reason",
                    "close_note",
                    "remark",
                )
            ],
        ],
        views=[
            View("all", "全部", count=True),
            View("mine", "我负责的", mine, count=True),
            View("subordinates", "下属商机", of_subordinates),
            View("starred", "我关注的", starred),
            View("open", "进行中", _of_state(State.OPEN), needs=("state",)),
            View("won", "赢单", _of_state(State.WON), needs=("state",)),
            View("lost", "输单", _of_state(State.LOST), needs=("state",)),
            View("void", "无效", _of_state(State.VOID), needs=("state",)),
            View("due", "本月预计成交", due_this_month, needs=("state", "expected_on")),
            View("overdue", "逾期未成交", overdue, needs=("state", "expected_on")),
            View("idle", "停滞", idle, needs=("state", "moved_at", "last_followed_at")),
            View("month", "本月新建", this_month),
            View("recent", "最近更新", recently, order="-updated_at"),
            View("team", "团队商机", in_team),
        ],
        sections=(
            (
                "基本信息",
                (
                    "name",
                    "customer",
                    "pipeline",
                    "stage",
                    "state",
                    "amount",
                    "discount",
                    "expected_on",
                    "decider",
                    "source",
                    "competitors",
                ),
            ),
            (
                "其他",
                (
                    "remark",
                    "next_contact_at",
                    "last_followed_at",
                    "closed_at",
                    "close_reason",
                    "close_note",
                    "created_by",
                    "created_at",
                    "updated_at",
                ),
            ),
        ),
        facts=("customer", "amount", "expected_on", "owner", "decider", "last_followed_at", "next_contact_at"),
        chips=opportunity_chips,
        tabs=[LINES, *TABS],
        bulk=[*BULK, EXPORT],
        inherent=(StageEntry, Competitor),
        texts={"transfer_body": "阶段、产品和跟进记录不变。"},
        verbs={
            "create": create_opportunity,
            "update": update_opportunity,
            "delete": delete_opportunities,
            "restore": restore_opportunities,
        },
    )
)
