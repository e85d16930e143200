"""Customers and their contacts, spread over sellers, managers and the year behind us."""

from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from django.utils import timezone
from pypinyin import lazy_pinyin

from crm.records import modules, search
from crm.records.models import DictionaryItem
from customers.models import Contact, Customer
from orgs import services

from . import words

# phone of the owner -> (how many customers, their cities)
PLAN = {
    "13800000012": (112, ["苏州市", "苏州市", "苏州市", "无锡市", "常州市", "南通市", "上海市"]),
    "13800000013": (96, ["杭州市", "杭州市", "杭州市", "宁波市", "嘉兴市", "绍兴市", "湖州市"]),
    "13800000022": (88, ["广州市", "广州市", "深圳市", "深圳市", "佛山市", "东莞市", "厦门市"]),
    "13800000011": (24, ["上海市", "苏州市", "杭州市", "宁波市"]),
    "13800000021": (20, ["广州市", "深圳市", "佛山市"]),
}
BOSS = {"13800000012": "13800000011", "13800000013": "13800000011", "13800000022": "13800000021"}
REGION = {"江苏省": "华东", "浙江省": "华东", "上海市": "华东", "广东省": "华南", "福建省": "华南"}
KINDS = (
    "type",
    "level",
    "status",
    "intent",
    "relation",
    "industry",
    "source",
    "nature",
    "annual_turnover",
    "region",
    "employees",
)


@dataclass
class Made:
    customers: list[Customer] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)


def working_time(days_ago: int, pick: Random):
    """A moment of that many days ago in working hours, never later than now."""
    day = timezone.localtime() - timedelta(days=days_ago)
    at = day.replace(hour=pick.randint(9, 17), minute=pick.randint(0, 59), second=pick.randint(0, 59), microsecond=0)
    return min(at, timezone.localtime() - timedelta(minutes=pick.randint(1, 4)))


def make(people: dict, pick: Random) -> Made:
    """Customers of every seller and manager, each with one to three contacts, search lines written."""
    items = _dictionary()
    made, names = Made(), set()
    for phone, (number, cities) in PLAN.items():
        for place in range(number):
            owner = people[phone]
            by = people[BOSS[phone]] if phone in BOSS and pick.random() < 0.2 else owner
            made.customers.append(
                _customer(owner, by, _days_ago(place, number), pick.choice(cities), items, names, pick)
            )
    made.customers.sort(key=lambda customer: customer.created_at)
    Customer.objects.bulk_create(made.customers, batch_size=500)
    for customer in made.customers:
        made.contacts += _contacts(customer, pick)
    Contact.objects.bulk_create(made.contacts, batch_size=500)
    search.index(modules.get("customer"), made.customers)
    search.index(modules.get("contact"), made.contacts)
    return made


def _days_ago(place: int, number: int) -> int:
    """The newest few of an owner are of today and this week, the rest runs back over a year."""
    return (0, 0, 1, 2, 3, 5)[place] if place < 6 else 6 + round(354 * ((place - 6) / number) ** 1.15)


def _dictionary() -> dict[str, dict[str, DictionaryItem]]:
    known = set(DictionaryItem.objects.filter(dictionary="customer.industry").values_list("label", flat=True))
    for label in words.TRADES:
        if label not in known:
            services.add_item("customer.industry", label, by=None)
    items: dict[str, dict[str, DictionaryItem]] = {}
    for item in DictionaryItem.objects.filter(dictionary__in=[f"customer.{kind}" for kind in KINDS]):
        items.setdefault(item.dictionary.split(".")[1], {})[item.label] = item
    return items


def _name(city: str, trade: str, names: set, pick: Random) -> tuple[str, str]:
    while True:
        brand = pick.choice(words.BRAND_FIRST) + pick.choice(words.BRAND_SECOND)
        if brand not in names:
            names.add(brand)
            return f"{city.removesuffix('市')}{brand}{trade}{pick.choice(words.LEGAL)}", brand


def _customer(owner, by, days: int, city: str, items, names: set, pick: Random) -> Customer:
    industry = pick.choices(list(words.TRADES), weights=[20, 9, 9, 6, 12, 8, 8, 8, 7, 9, 4])[0]
    name, brand = _name(city, pick.choice(words.TRADES[industry]), names, pick)
    province, area, postcode, streets = words.CITIES[city]
    created = working_time(days, pick)
    dealt = days > 45 and pick.random() < 0.3
    followed = working_time(pick.randint(0, min(days, 60)), pick) if days else None
    values = {
        "industry": industry,
        "region": REGION[province],
        "source": pick.choice(["电话营销", "网络营销", "老客户介绍", "市场活动", "其他"]),
        "nature": pick.choices(["民营", "合资", "国企", "事业单位", "其他"], weights=[12, 3, 2, 1, 1])[0],
        "annual_turnover": pick.choice(["10-20万", "20-50万", "50万以上", "50万以上"]),
        "employees": pick.choice(["5-20人", "20-50人", "50人以上"]),
        "relation": pick.choices(["终端客户", "渠道", "合作伙伴"], weights=[8, 2, 1])[0],
    }
    if dealt:
        values |= {
            "type": "成交客户",
            "level": pick.choice(["A 重点", "A 重点", "B 普通"]),
            "status": "合作中",
            "intent": "高",
        }
    else:
        warm = pick.random() < 0.5
        values |= {
            "type": "意向客户" if warm else "潜在客户",
            "level": pick.choice(["A 重点", "B 普通", "B 普通"] if warm else ["B 普通", "C 非优先", "C 非优先"]),
            "status": pick.choice(["需求沟通", "方案报价"] if warm else ["初步接触", "初步接触", "暂停"]),
            "intent": pick.choice(["高", "中"] if warm else ["中", "低"]),
        }
    last = followed if followed and followed > created else None
    customer = Customer(
        name=name,
        owner=owner,
        created_by=by,
        created_at=created,
        received_at=created,
        updated_at=last or created,
        postcode=postcode,
        province=province,
        city=city,
        address=f"{pick.choice(streets)} {pick.randint(8, 988)} 号"
        + pick.choice(
            [
                "",
                f" {pick.randint(1, 12)} 号楼",
                f" {pick.randint(2, 22)} 层",
                f" {pick.randint(3, 18)}0{pick.randint(1, 9)} 室",
            ]
        ),
        phone=f"{area}-{pick.randint(5000, 8899)}0{pick.randint(100, 999)}",
        website=f"www.{''.join(lazy_pinyin(brand))}.example" if pick.random() < 0.6 else "",
        rating=pick.choices([3, 2, 1, None], weights=[3, 5, 3, 1] if not dealt else [6, 3, 1, 0])[0],
        satisfaction=pick.choice([4, 4, 5, 5, 3]) if dealt else None,
        credit=pick.choice([3, 4, 4, 5]) if dealt else None,
        deal_status=Customer.DealStatus.DEALT if dealt else Customer.DealStatus.OPEN,
        last_followed_at=last,
        locked=dealt and pick.random() < 0.15,
        next_contact_at=_next(pick) if pick.random() < 0.55 and last else None,
        remark=pick.choice(words.REMARKS) if pick.random() < 0.6 else "",
        **{kind: items[kind][label] for kind, label in values.items()},
    )
    customer.clean_fields(exclude=["owner", "created_by", "deleted_by", *KINDS])
    customer.clean()
    return customer


def _next(pick: Random):
    day = timezone.localtime() + timedelta(days=pick.randint(1, 21))
    return day.replace(hour=pick.choice([9, 10, 14, 15, 16]), minute=pick.choice([0, 30]), second=0, microsecond=0)


def _contacts(customer: Customer, pick: Random) -> list[Contact]:
    found = []
    for place, (position, department, decider) in enumerate(pick.sample(words.POSITIONS, pick.choice([1, 1, 2, 2, 3]))):
        female = pick.random() < 0.42
        surname = pick.choice(words.SURNAMES)
        name = surname + pick.choice(words.GIVEN_FEMALE if female else words.GIVEN_MALE)
        created = customer.created_at + timedelta(minutes=0 if not place else pick.randint(5, 60 * 24 * 30))
        created = min(created, timezone.now())
        contact = Contact(
            customer=customer,
            owner=customer.owner,
            created_by=customer.created_by,
            created_at=created,
            updated_at=created,
            name=name,
            salutation="女士" if female else "先生",
            gender="f" if female else "m",
            position=position,
            department=department,
            is_decider=decider,
            is_primary=not place,
            mobile=f"1{pick.choice(['36', '37', '38', '39', '50', '58', '86', '88'])}00{pick.randint(10, 99)}{pick.randint(0, 9999):04d}",
            email=f"{''.join(lazy_pinyin(name))}@{''.join(lazy_pinyin(customer.name[2:4]))}.example"
            if pick.random() < 0.7
            else "",
            qq=str(pick.randint(10_000_000, 999_999_999)) if pick.random() < 0.3 else "",
            wechat="".join(lazy_pinyin(name)) + str(pick.randint(10, 99)) if pick.random() < 0.5 else "",
            birthday=(timezone.localdate() - timedelta(days=pick.randint(25 * 365, 55 * 365)))
            if pick.random() < 0.3
            else None,
        )
        contact.clean_fields(exclude=["owner", "created_by", "deleted_by", "customer"])
        contact.clean()
        found.append(contact)
    return found
