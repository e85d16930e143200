"""What opportunities declare."""

from crm.records import dictionaries, modules
from crm.records.columns import Column
from crm.records.modules import Closed, Module, View
from customers.module.builtin import in_team, mine, of_subordinates, recently, starred, this_month

from ..lines.declared import EXPORT
from ..lines.declared import TAB as LINES
from ..models import Opportunity, OpportunityGrant, State
from ..services import create_opportunity, update_opportunity

dictionaries.declare("opportunity.close_reason", "输单与无效原因", "商机")
modules.ADMIN_FUNCTIONS["admin.sales"] = "销售设置"

CLOSED = Closed(
    "state",
    (State.WON, State.LOST, State.VOID),
    frozenset({"view", "export", "print", "follow", "transfer", "share", "delete", "reopen"}),
    "已关闭的商机只能查看和跟进；请先重新打开",
)


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
            View("open", "进行中", _of_state(State.OPEN)),
            View("won", "赢单", _of_state(State.WON)),
            View("lost", "输单", _of_state(State.LOST)),
            View("void", "无效", _of_state(State.VOID)),
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
        verbs={"create": create_opportunity, "update": update_opportunity},
        tabs=[LINES],
        bulk=[EXPORT],
    )
)
