"""Custom fields of the demo company with values, a masked field for one role, and views people share."""

import json
from random import Random
from urllib.parse import urlencode

from crm.records import saved
from crm.records.custom import definitions
from crm.records.fieldset import MASKED
from crm.records.models import SavedView
from customers.models import Customer
from orgs import services
from orgs.models import Role
from orgs.services import fields as verbs
from products.models import Product

SECTION = "采购与预算"
PLANS = ("一期设备", "二期扩建", "软件服务", "维保续约")
FIELDS = [  # module, changes
    (
        "customer",
        {
            "type": "choices",
            "label": "年采购计划",
            "section": SECTION,
            "hint": "明年打算采购什么，可以多选",
            "options": [{"id": n, "label": label, "off": False} for n, label in enumerate(PLANS, 1)],
        },
    ),
    ("customer", {"type": "money", "label": "年采购预算", "section": SECTION}),
    ("customer", {"type": "date", "label": "首次合作日期", "section": SECTION}),
    ("product", {"type": "percent", "label": "标准毛利率", "hint": "按标准价和成本价估算"}),
]


def make(people: dict, customers: list[Customer], pick: Random) -> None:
    """Define the fields and fill them for most customers and every product."""
    boss = people["13800000001"]
    plan, budget, since, margin = (verbs.create_field(module, dict(changes), by=boss) for module, changes in FIELDS)
    filled = []
    for customer in customers:
        if pick.random() < 0.6:
            chosen = sorted(pick.sample(range(1, len(PLANS) + 1), pick.randint(1, 2)))
            customer.extra = {plan.key: chosen, budget.key: pick.randint(3, 90) * 10_000}
            if customer.deal_status == Customer.DealStatus.DEALT:
                customer.extra[since.key] = customer.created_at.date().isoformat()
            filled.append(customer)
    Customer.objects.bulk_update(filled, ["extra"], batch_size=200)
    goods = list(Product.objects.all())
    for product in goods:
        product.extra = {margin.key: pick.randint(12, 65)}
    Product.objects.bulk_update(goods, ["extra"], batch_size=200)
    services.update_role(
        Role.objects.get(code="service"), {"field_rights": {"contact": {"mobile": MASKED, "phone": MASKED}}}, by=None
    )
    definitions.touch()
    where = {
        "m": "and",
        "c": [
            {"f": plan.key, "o": "in", "v": ["2", "4"]},
            {"f": "last_followed_at", "o": "before", "v": ["ago:30"]},
        ],
    }
    view = SavedView(user=people["13800000011"], module="customer")
    changes = {
        "name": "待唤醒的续约客户",
        "query": urlencode({"where": json.dumps(where), "sort": "-updated_at"}),
        "columns": ["name", "level", plan.key, budget.key, "owner", "last_followed_at", "next_contact_at"],
        "shared": "departments",
        "departments": [people["13800000011"].department_id],
    }
    saved.save_view(view, changes, by=people["13800000011"])
