"""What contacts declare."""

from crm.records import dictionaries, modules
from crm.records.columns import Column
from crm.records.modules import Bulk, Module, View

from ..mailing.chips import contact_chips
from ..models import Contact, ContactGrant
from ..relations.queries import customers_card
from ..services import create_contact, restore_contacts, update_contact
from .builtin import mine, recently, this_month, this_week, today

dictionaries.declare("contact.salutation", "尊称", "联系人")

CONTACT = modules.register(
    Module(
        name="contact",
        label="联系人",
        icon="contact",
        model=Contact,
        prefix="contacts",
        order=30,
        form="customers.forms.ContactForm",
        texts={"delete": "你确定要删除联系人?"},
        importer="customers.importing.CONTACTS",
        filters="customers.filters.ContactFilters",
        grant_model=ContactGrant,
        followed=True,
        parents=("customer",),
        functions=(
            ("mail", "发送邮件"),
            ("history", "导入原创建人和时间"),
        ),
        search={"name": ("name",), "phone": ("mobile", "phone")},
        search_placeholder="姓名、电话、拼音首字母",
        columns=[
            Column("name", sort="name", css="k-w-96", m="title", default=True),
            Column("salutation", css="k-w-72", m="sub", default=True),
            Column("customer", "所属客户", paths=("customer__name",), css="k-w-name", m="sub", default=True),
            Column("mobile", kind="phone", css="k-w-120", m="pair"),
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
            Column("qq", css="k-w-104", default=True),
            Column("email", "Email", css="k-w-addr", default=True),
            Column("owner", css="k-w-96", m="sub", default=True),
            Column("created_by", css="k-w-88", default=True),
            Column("created_at", sort="created_at", css="k-w-104", default=True),
            Column("updated_at", sort="updated_at", css="k-w-104"),
            *[
                Column(key, css="k-w-104")
                for key in (
                    "gender",
                    "position",
                    "department",
                    "wechat",
                    "birthday",
                    "is_decider",
                    "is_primary",
                    "address",
                    "postcode",
                    "remark",
                )
            ],
            Column("phone", kind="phone", css="k-w-120"),
        ],
        views=[
            View("all", "全部", count=True),
            View("mine", "我负责的", mine, count=True),
            View("today", "今日添加", today),
            View("week", "本周添加", this_week),
            View("month", "本月新建", this_month),
            View("recent", "最近更新", recently, order="-updated_at"),
            View("recycle", "回收站", page="recycle"),
        ],
        sections=(
            (
                "基本信息",
                (
                    "customer",
                    "name",
                    "salutation",
                    "gender",
                    "position",
                    "department",
                    "is_decider",
                    "is_primary",
                    "birthday",
                ),
            ),
            ("联系方式", ("mobile", "phone", "email", "qq", "wechat", "address", "postcode")),
            ("其他", ("remark", "created_by", "created_at", "updated_at")),
        ),
        side=(customers_card,),
        facts=("customer", "owner", "position", "mobile", "email", "created_at"),
        chips=contact_chips,
        bulk=[Bulk("mail", "发送邮件", "mail", "mail", None, "", "", page="/contacts/mail/")],
        verbs={"restore": restore_contacts, "update": update_contact, "create": create_contact},
    )
)
