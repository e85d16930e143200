"""Bulk data for measuring: a company of any size in the proportions of a real one (manage.py seed). The same --seed gives the
same rows. Nothing goes through the services; what they would keep (search lines, log, name keys) is written alongside."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from contracts.models import Contract, ContractVersion
from crm.loading import reset_sequences
from crm.records.models import FollowUp, FollowUpLink, OperationLog, SearchRow, Star
from customers.models import Contact, Customer, CustomerGrant
from leads.models import Lead
from opportunities.models import Opportunity, StageEntry
from orgs.models import Department, Employee
from payments.models import Payment, PaymentAllocation, PaymentPlan
from products.models import Category, Product

from . import company, deals, goods, payments, records, sales, tables

PASSWORD = "kaihai-demo"  # noqa: S105  of measuring companies only


@dataclass(frozen=True)
class Size:
    """How much of each."""

    customers: int
    employees: int
    departments: int
    grants: int
    products: int
    opportunities: int
    leads: int
    contracts: int

    @classmethod
    def of(cls, customers: int, employees: int | None = None) -> "Size":
        """The proportions of performance.md, scaled to that many customers."""
        employees = employees or max(20, min(2000, customers // 50))
        return cls(
            customers=customers,
            employees=employees,
            departments=max(6, min(200, employees // 10)),
            grants=customers * 3 // 10,
            products=max(40, min(2000, customers // 500)),
            opportunities=customers * 3 // 10,
            leads=customers // 10,
            contracts=customers // 5,
        )


def seed(size: Size, *, number: int = 1, report: Callable[[str], None] = lambda line: None) -> dict[str, int]:
    """Load everything in one transaction and analyse the tables; {what: how many}."""
    pick, now = random.Random(number), int(timezone.now().timestamp())
    made: dict[str, int] = {}
    loaded = [Customer, Contact, CustomerGrant, OperationLog, SearchRow, Star, Product, FollowUp, FollowUpLink]
    loaded += [Opportunity, StageEntry, Lead, Contract, ContractVersion]

    def step(name: str, work: Callable[[], int]) -> None:
        start = time.monotonic()
        made[name] = work()
        report(f"{name} {made[name]:,}（{time.monotonic() - start:.1f} 秒）")

    with transaction.atomic():
        people = company.make(size, pick, now, PASSWORD)
        made["部门"], made["员工"] = people.departments, len(people.ids)
        report(f"部门 {people.departments:,}，员工 {len(people.ids):,}")
        with tables.without_indexes(loaded, report=report):
            customers = records.Customers(size, people, pick, now)
            step("客户", customers.load)
            step("联系人", customers.load_contacts)
            step("团队成员", customers.load_grants)
            step("关注", customers.load_stars)
            step("操作记录", customers.load_log)
            step("跟进记录", customers.load_followups)
            step("产品", lambda: goods.load_products(size, people, pick, now))
            step("搜索行", customers.load_search)
            selling = sales.Sales(size, customers, random.Random(number + 1_000_003), now)
            step("商机", selling.load_opportunities)
            step("商机阶段", selling.load_entries)
            step("线索", selling.load_leads)
            step("商机和线索的操作记录", selling.load_log)
            step("商机和线索的搜索行", selling.load_search)
            signing = deals.Contracts(size, customers, random.Random(number + 2_000_003), now)
            step("合同", signing.load)
            step("合同版本", signing.load_versions)
            step("合同的操作记录", signing.load_log)
            step("合同的搜索行", signing.load_search)
        step("成交的客户", signing.figures)
        money = payments.Money(
            size, random.Random(number + 2_000_003), now, signing.first
        )  # needs the contracts with their indexes
        with tables.without_indexes([PaymentPlan, Payment, PaymentAllocation], report=report):
            step("回款计划", money.load_plans)
            step("回款", money.load_payments)
        step("合同的回款金额", money.keep_figures)
        step("回款的操作记录", money.load_log)
        step("回款的搜索行", money.load_search)
        loaded += [PaymentPlan, Payment, PaymentAllocation]
        reset_sequences([*loaded, Category, Department, Employee])
    start = time.monotonic()
    tables.analyse([*loaded, Department, Employee])
    report(f"统计信息（{time.monotonic() - start:.1f} 秒）")
    return made
