"""The pools of 开海科技: whom they serve, their rules, caps, and what lies in them with its history."""

from datetime import timedelta
from random import Random

from django.utils import timezone

from crm.records import services
from crm.records.models import DictionaryItem, OperationLog
from customers.models import Customer, OwnerCap, Pool, PoolEvent
from customers.pools import book, declared
from customers.pools.services import enter, follow, note
from orgs.models import Department, Role

KIND = declared.CUSTOMERS
RELEASED = ("暂无需求", "联系不上", "价格不合适", "选择了竞争对手")
IN_POOLS = {"华东公海": 26, "华南公海": 9, "全国公海": 11}
SELLERS = {
    "华东公海": ("13800000012", "13800000013"),
    "华南公海": ("13800000022",),
    "全国公海": ("13800000012", "13800000022"),
}


def make(people: dict, pick: Random) -> None:
    """Three pools with rules, two caps, and customers that fell into the pools in the last weeks."""
    level = dict(DictionaryItem.objects.filter(dictionary="customer.level").values_list("label", "pk"))
    everyone = Pool.objects.get(kind="customer", is_default=True)
    shared = {"claim_limit": 10, "view_limit": 50, "former_days": 7, "reminders": [7, 3, 1]}
    values = {"name": "全国公海", "rules": {"deal": {"on": True, "days": 365, "levels": {}}}, "order": 30, **shared}
    Pool.objects.filter(pk=everyone.pk).update(**values)
    for place, (name, department) in enumerate({"华东公海": "华东销售部", "华南公海": "华南销售部"}.items(), 1):
        head = Department.objects.get(name=department)
        pool = Pool.objects.create(
            name=name,
            order=place * 10,
            everyone=False,
            rules={"followup": {"on": True, "days": 60, "levels": {str(level["A 重点"]): 75}}},
            exempt=["dealt", "opportunity", "contract"],
            hidden=list(KIND.masked),
            **shared,
        )
        pool.departments.set([head])
        pool.admins.set([head.manager])
    for role, limit in (("seller", 200), ("sales_manager", 300)):
        OwnerCap.objects.create(role=Role.objects.get(code=role), limit=limit, uncounted=["dealt"])
    OwnerCap.objects.create(what=OwnerCap.What.LOCK, limit=50)
    book.touch("customer")
    falls = []
    for name, number in IN_POOLS.items():
        pool = next(one for one in book.of("customer") if one.name == name)
        owners = [people[phone] for phone in SELLERS[name]]
        free = (
            Customer.objects.live().filter(owner__in=owners, locked=False, deal_status=0).order_by("created_at", "pk")
        )
        for customer in list(free.select_related("owner")[5 : 5 + number]):
            at, by_rule = timezone.localtime() - timedelta(days=pick.randint(0, 20)), pick.random() < 0.6
            latest = timezone.localtime() - timedelta(minutes=9)
            at = at.replace(hour=0, minute=30, second=0) if by_rule else min(at, latest)
            falls.append((at, customer, pool, by_rule))
    for at, customer, pool, by_rule in sorted(falls, key=lambda fall: (fall[0], fall[1].pk)):
        _fall(customer, pool, pick, at=at, by_rule=by_rule)


def _fall(customer, pool, pick: Random, *, at, by_rule: bool) -> None:
    """Put one customer into the pool at that time: by a rule of the night, or by its owner for a reason."""
    owner, actor = customer.owner, None if by_rule else customer.owner
    text = "60 天无新跟进，规则自动回收" if by_rule else f"手动放入：{pick.choice(RELEASED)}"
    action = "reclaimed" if by_rule else "released"
    enter(KIND, [customer.pk], pool, reason=text, now=at)
    services.log(customer, code=f"customer.{action}", by=actor, text=f"{text}，进入“{pool.name}”")
    follow(KIND, [customer.pk], owner=None, by=actor, now=at, text="随客户进入公海", code=action)
    note(KIND, [(customer.pk, pool.pk, owner.pk, text, "")], action=action, by=actor, now=at)
    OperationLog.objects.filter(object_id=customer.pk, code=f"customer.{action}").update(created_at=at)
    PoolEvent.objects.filter(object_id=customer.pk).update(told=True)
