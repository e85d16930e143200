"""What customers declare."""

from dataclasses import replace

from crm.notices import kinds
from crm.records import areas, dictionaries, fieldset, modules, params
from crm.records.columns import Column
from crm.records.modules import Bulk, Module, Tab, View, flag

from .. import summary
from ..care.tab import TAB as CARE_TAB
from ..churn import declared as churn
from ..duplicates import rules  # noqa: F401  declares its parameters
from ..duplicates.finding import hints
from ..duplicates.views import RELATED
from ..merging import carried, undo  # noqa: F401  what goes along, and the way back
from ..models import Contact, Customer, CustomerGrant
from ..models.links import PARENT, SUBSIDIARY
from ..pools import access
from ..pools import kinds as pooled
from ..pools.columns import DeadlineColumn
from ..pools.declared import CUSTOMERS
from ..pools.place import release_bulk
from ..pools.quotas import Quota
from ..pools.services import lock_records
from ..relations.queries import relations_of
from ..relations.views import relations_tab
from ..services import create_customer, delete_customers, purge_customers, restore_customers, switch_name_rule
from .builtin import ending, in_team, mine, of_subordinates, recently, starred, this_month, this_week, today

for _code, _label in {
    "type": "客户类型",
    "level": "客户级别",
    "status": "客户状态",
    "intent": "客户意向",
    "relation": "关系类型",
    "industry": "客户行业",
    "source": "客户信息来源",
    "nature": "公司性质",
    "annual_turnover": "年营业额",
    "region": "地区",
    "employees": "员工数",
}.items():
    dictionaries.declare(f"customer.{_code}", _label, "客户")
modules.NAV.append(modules.NavPage("查重", "/duplicates/", "eye", "customer.view", order=35))
dictionaries.declare("customer.link", "客户关系", "客户", fixed=(PARENT, SUBSIDIARY))
kinds.register("merge", "客户合并", "客户与公海", icon="link", order=15)
params.on_change("duplicate_names", switch_name_rule)


def customer_chips(customer, fields) -> list[dict]:
    """Facts that decide what to do next, as chips beside the name, as far as the person may read them."""
    found = []
    if customer.level_id and fields.readable("level"):
        found.append({"label": customer.level.label, "css": "k-chip-accent"})
    if fields.readable("deal_status"):
        dealt = customer.deal_status == Customer.DealStatus.DEALT
        found.append({"label": customer.get_deal_status_display(), "css": "k-chip-success" if dealt else ""})
    for key in ("industry", "status"):
        if (item := getattr(customer, key)) and fields.readable(key):
            found.append({"label": item.label})
    if customer.locked and fields.readable("locked"):
        found.append({"label": "已锁定", "css": "k-chip-warning"})
    return churn.chips(customer, fields) + found


def primary_card(customer, user) -> list[dict]:
    """Side card: the primary contact, as far as the person may see it."""
    if not user.has_function("contact.view"):
        return []
    contact = Contact.objects.allowed(user, "view").filter(customer=customer, is_primary=True).first()
    fields = fieldset.of(modules.get("contact"), user)
    keys = ("salutation", "position", "mobile", "email")
    return [
        {
            "title": "首要联系人",
            "template": "customers/primary.html",
            "contact": contact,
            "shown": {key: fields.shown(contact, key) for key in keys} if contact else {},
            "decider": contact is not None and contact.is_decider and fields.readable("is_decider"),
            "tel": contact.mobile if contact and fields.readable("mobile") else "",
            "url": f"/customers/{customer.pk}/?tab=contacts",
            "url_label": "全部",
        }
    ]


def related_card(customer, user) -> list[dict]:
    """Side card: other customers with the same phone or domain. It asks for itself once the page stands, and goes away where
    there are none."""
    return [
        {"title": RELATED, "template": "customers/related_card.html", "load_url": f"/customers/{customer.pk}/related/"}
    ]


CUSTOMER = modules.register(
    Module(
        name="customer",
        label="客户",
        icon="customer",
        model=Customer,
        prefix="customers",
        order=20,
        form="customers.forms.CustomerForm",
        importer="customers.importing.CUSTOMERS",
        filters="customers.filters.CustomerFilters",
        grant_model=CustomerGrant,
        followed=True,
        quota=Quota("customer"),
        closed=churn.CLOSED,
        received="received_at",
        unowned=lambda user: access.trashed(pooled.get("customer"), user).values("pk"),
        functions=(
            ("claim", "领取"),
            ("release", "放入公海"),
            ("assign", "分配"),
            ("lock", "锁定"),
            ("deal", "改成交状态"),
            ("merge", "合并"),
            ("mail", "发送邮件"),
            ("churn", "恢复流失客户"),
            ("history", "导入原创建人和时间"),
        ),
        search={"name": ("name",), "phone": ("phone",)},
        search_related=(("contact", "customer_id"),),
        search_placeholder="名称、电话、联系人、拼音首字母",
        columns=[
            Column("name", sort="name", css="k-w-name", m="title", default=True),
            Column("industry", css="k-w-104", m="sub", default=True),
            Column("rating", kind="stars", css="k-w-72", m="sub", default=True),
            Column(
                "full_address",
                "客户联系地址",
                paths=("province", "city", "address"),
                combine=areas.line,
                css="k-w-addr",
                default=True,
            ),
            Column("owner", css="k-w-96", m="sub", default=True),
            Column("created_by", css="k-w-88", default=True),
            Column("created_at", sort="created_at", css="k-w-104", default=True),
            DeadlineColumn("customer"),
            Column("updated_at", sort="updated_at", css="k-w-104"),
            *[
                Column(key, css="k-w-104")
                for key in (
                    "type",
                    "level",
                    "status",
                    "intent",
                    "relation",
                    "source",
                    "nature",
                    "annual_turnover",
                    "region",
                    "province",
                    "city",
                    "address",
                    "postcode",
                )
            ],
            Column("phone", kind="phone", css="k-w-120", m="pair"),
            *[
                Column(key, css="k-w-104")
                for key in (
                    "website",
                    "employees",
                    "satisfaction",
                    "credit",
                    "deal_status",
                    "next_contact_at",
                    "last_followed_at",
                    "locked",
                    "remark",
                    "churn_state",
                    "churn_since",
                    "churn_hold",
                )
            ],
        ],
        views=[
            View("all", "全部", count=True),
            View("mine", "我的客户", mine, count=True),
            View("subordinates", "下属客户", of_subordinates),
            View("starred", "我关注的", starred),
            View("today", "今日创建", today),
            View("week", "本周新建", this_week),
            View("month", "本月新建", this_month),
            View("recent", "最近更新", recently, order="-updated_at"),
            View("team", "团队客户", in_team),
            View("ending", "即将到期", ending),
            *churn.VIEWS,
        ],
        sections=(
            (
                "基本信息",
                (
                    "name",
                    "type",
                    "level",
                    "status",
                    "intent",
                    "relation",
                    "industry",
                    "source",
                    "nature",
                    "annual_turnover",
                    "employees",
                    "rating",
                    "satisfaction",
                    "credit",
                    "deal_status",
                ),
            ),
            ("联系方式", ("region", "full_address", "postcode", "phone", "website")),
            ("其他", ("remark", "next_contact_at", "last_followed_at", "created_by", "created_at", "updated_at")),
        ),
        facts=("owner", "phone", "full_address", "source", "last_followed_at", "next_contact_at", "created_at"),
        chips=customer_chips,
        side=(summary.card, churn.card, primary_card, related_card),
        create_from=lambda form, *, by: create_customer(
            form.instance, by=by, contact=form.contact(), pool=form.cleaned_data.get("pool")
        ),
        tabs=[
            CARE_TAB,
            Tab("relations", "关联客户", "customers/relations.html", relations_tab, relations_of, order=65),
        ],
        texts={"delete_body": "客户和它的联系人进入回收站，还原时一起回来。"},
        duplicate_hint=hints,
        verbs={"delete": delete_customers, "restore": restore_customers, "purge": purge_customers},
        bulk=[
            release_bulk(CUSTOMERS, done="放入客户池成功"),
            replace(
                flag(
                    "locked",
                    True,
                    key="lock",
                    label="锁定",
                    icon="lock",
                    action="lock",
                    body="锁定的客户不会被自动收回公海。",
                ),
                run=lambda rows, *, by, form=None: lock_records(rows, by=by),
            ),
            flag("locked", False, key="unlock", label="解锁", icon="lock", action="lock"),
            Bulk("mail", "发送邮件", "mail", "mail", None, "", "", page="/customers/mail/"),
            Bulk("merge", "合并", "link", "merge", None, "", "", page="/customers/merge/", one="合并到…"),
            *churn.BULK,
        ],
    )
)
