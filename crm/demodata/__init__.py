"""The demo company 开海科技: made by `manage.py demo`. Everything is invented; dates are relative to today."""

import random

from django.db import transaction

from contracts.models import Contract
from crm.records.models import FollowUp
from opportunities.models import Opportunity
from orgs.models import Employee

from . import (
    approvals,
    care,
    company,
    contracts,
    conversions,
    customers,
    duplicates,
    fields,
    followups,
    intake,
    invoices,
    leads,
    mailing,
    opportunities,
    payments,
    pools,
    prices,
    products,
    quotations,
    story,
    ties,
)


def exists() -> bool:
    """Whether the demo company stands in this database."""
    return Employee.objects.filter(phone=company.ACCOUNTS[0][0]).exists()


def _offers() -> None:
    """Product lines and quotations of the open opportunities, which stay as old as they are."""
    rows = Opportunity.objects.live().filter(state="open").select_related("owner", "customer").order_by("pk")
    moments = dict(rows.values_list("pk", "updated_at"))
    prices.give_lines(rows, random.Random(20240504))
    quotations.make(list(rows.filter(lines_total__gt=0)))
    found = list(rows)
    for one in found:
        one.updated_at = moments[one.pk]
    Opportunity.objects.bulk_update(found, ["updated_at"])


def make() -> dict[str, int]:
    """Create everything in one transaction; {what: how many}. The choice of words is the same in every database."""
    pick = random.Random(20240501)
    with transaction.atomic():
        people = company.make(story.start_of_year())
        made = customers.make(people, pick)
        goods = products.make(people, pick)
        names = [customer.name for customer in made.customers[:2]]
        found = leads.make(people, names, random.Random(20240503))
        said = followups.make(people, made, pick, more=found.said)
        posted = mailing.make(people, made, random.Random(20240502))
        deals = opportunities.make(people, random.Random(20240503))
        signed = contracts.make(people, random.Random(20240506))
        sent = intake.make(people, random.Random(20240503))
        story.make(people, made, goods, [*said, *posted, *found.log, *deals, *signed, *sent], pick)
        ties.make(people)
        fields.make(people, made.customers, pick)
        pools.make(people, pick)
        duplicates.make(people, made)
        care.make(people)
        prices.make(people)
        _offers()
        conversions.make(people)
        contracts.make_open(people)
        invoices.make(people)
        approvals.make_flows(people)
        invoices.wait()
        received = payments.make(people, random.Random(20240505))
        asked = approvals.make(people)
        story.in_order()
        company.sign_ins(people, pick)
    return {
        "部门": len(company.DEPARTMENTS) + 1,
        "员工": len(people),
        "客户": len(made.customers) + duplicates.NUMBER,
        "联系人": len(made.contacts) + duplicates.NUMBER,
        "商机": opportunities.NUMBER,
        "合同": Contract.objects.count(),
        "跟进记录": FollowUp.objects.count(),
        "产品": len(goods),
        "线索": len(found.leads),
        "回款": received,
        "通用审批": asked,
    }
