"""The demo company 开海科技: made by `manage.py demo`. Everything is invented; dates are relative to today."""

import random

from django.db import transaction

from crm.records.models import FollowUp
from orgs.models import Employee

from . import (
    care,
    company,
    customers,
    duplicates,
    fields,
    followups,
    mailing,
    opportunities,
    pools,
    products,
    story,
    ties,
)


def exists() -> bool:
    """Whether the demo company stands in this database."""
    return Employee.objects.filter(phone=company.ACCOUNTS[0][0]).exists()


def make() -> dict[str, int]:
    """Create everything in one transaction; {what: how many}. The choice of words is the same in every database."""
    pick = random.Random(20240501)
    with transaction.atomic():
        people = company.make(story.start_of_year())
        made = customers.make(people, pick)
        goods = products.make(people, pick)
        said = followups.make(people, made, pick)
        posted = mailing.make(people, made, random.Random(20240502))
        deals = opportunities.make(people, random.Random(20240503))
        story.make(people, made, goods, [*said, *posted, *deals], pick)
        ties.make(people)
        fields.make(people, made.customers, pick)
        pools.make(people, pick)
        duplicates.make(people, made)
        care.make(people)
        company.sign_ins(people, pick)
    return {
        "部门": len(company.DEPARTMENTS) + 1,
        "员工": len(people),
        "客户": len(made.customers) + duplicates.NUMBER,
        "联系人": len(made.contacts) + duplicates.NUMBER,
        "商机": opportunities.NUMBER,
        "跟进记录": FollowUp.objects.count(),
        "产品": len(goods),
    }
