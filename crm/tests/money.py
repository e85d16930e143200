"""A company with a contract, payment, invoice, request and plan in every status, and what is compared before and after a request."""

import hashlib
from datetime import date
from decimal import Decimal
from types import SimpleNamespace

from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile

from approvals import services as approvals
from approvals.models import Approval, Assignment, Request
from approvals.requests import services as requests
from approvals.tests import asking
from approvals.tests.factories import flow, step
from contracts import execution
from contracts import services as contracts
from contracts.changes import services as changes
from contracts.changes import voiding
from contracts.invoices import services as invoices
from contracts.models import Contract, Invoice
from contracts.tests import factories as papers
from customers.models import Customer
from opportunities.tests.factories import customer
from orgs.tests.factories import department, employee
from payments import figures
from payments import services as payments
from payments.models import Payment, PaymentPlan

STATUSES = ("draft", "pending", "approved", "rejected", "withdrawn", "void")
OF_CONTRACTS = (*STATUSES, "finished", "shut", "changing", "voiding")
WATCHED = (
    "contracts_",
    "payments_",
    "approvals_",
)  # the tables of contracts, invoices, plans, payments, versions, approvals
BESIDES = {"opportunities_opportunity", "customers_customer", "records_followup", "records_attachment"}
DOCUMENTS = ("contract", "contract_change", "contract_void", "payment", "invoice")
DAY = date(2026, 11, 2)


def tables() -> dict:
    """{table: model} of what nobody may change unasked."""
    found = {model._meta.db_table: model for model in apps.get_models(include_auto_created=True)}
    return {name: model for name, model in found.items() if name.startswith(WATCHED) or name in BESIDES}


def rows_of(model) -> str:
    """A hash of all rows of a table."""
    rows = repr(list(model._base_manager.order_by("pk").values_list()))
    return hashlib.md5(rows.encode(), usedforsecurity=False).hexdigest()


def fingerprint(names=None) -> dict:
    """{table: hash of its rows}."""
    return {name: rows_of(model) for name, model in tables().items() if names is None or name in names}


def people() -> SimpleNamespace:
    """林 sells under 陈 in 华东; 丁 sells elsewhere; 判 decides everything; 同 is whom records are given to."""
    east, south = department("华东"), department("华南")
    manager = employee("陈", ["sales_manager"], east)
    return SimpleNamespace(
        manager=manager,
        owner=employee("林", ["seller"], east, supervisor=manager),
        mate=employee("同", ["seller"], east, supervisor=manager),
        stranger=employee("丁", ["seller"], south),
        finance=employee("钱", ["finance"], south),
        executive=employee("总", ["executive"]),
        nobody=employee("宁", []),
        judge=employee("判", ["super"]),
    )


def decide(record, judge, *, no: bool = False) -> None:
    """判 says yes (or no) to what waits on the record."""
    waiting = Assignment.objects.get(
        step__approval__object_id=record.pk,
        step__approval__state="pending",
        step__approval__content_type__model=record._meta.model_name,
        employee=judge,
        state="open",
    )
    if no:
        approvals.reject(waiting.pk, by=judge, comment="不行")
    else:
        approvals.approve(waiting.pk, by=judge)


def led(record, status: str, submit, judge):
    """Lead a draft to a status through its approval; `submit(record)` sends it."""
    if status == "draft":
        return record
    submit(record)
    if status in ("approved", "rejected"):
        decide(record, judge, no=status == "rejected")
    elif status == "withdrawn":
        approval = Approval.objects.get(
            object_id=record.pk, state="pending", content_type__model=record._meta.model_name
        )
        approvals.withdraw(approval.pk, by=approval.submitter)
    record.refresh_from_db()
    return record


def contract(who, status: str, name: str, at: Customer) -> Contract:
    """A contract of ¥120,000 in one of OF_CONTRACTS."""
    made = papers.contract(who.owner, at=at, name=name)
    first = status if status in STATUSES[:5] else "approved"
    made = led(made, first, lambda one: contracts.submit(one, by=who.owner), who.judge)
    only = Contract.objects.filter(pk=made.pk)
    if status in ("void", "voiding"):
        voiding.void(made, "重签", by=who.manager)
        if status == "void":
            decide(made, who.judge)
    elif status == "finished":
        execution.finish(only, by=who.owner)
    elif status == "shut":
        execution.shut(only, by=who.owner, reason="不做了")
    elif status == "changing":
        amend(made, who.owner, amount=Decimal("130000"))
    return only.get()


def amend(made: Contract, by, **values):
    """A change of an approved contract, sent into approval."""
    now = Contract.objects.get(pk=made.pk)
    more = {"rows": None, "discount": 0, "reason": "追加", "edition": now.edition, "revision": 0}
    draft = changes.save_change(now, values, by=by, **more)
    return changes.submit_change(now, revision=draft.revision, by=by)


def payment(who, status: str, at: Contract) -> Payment:
    made = Payment(contract=at, amount=Decimal("100"), paid_on=DAY, remark=status)
    made = payments.create_payment(made, by=who.owner)
    first = "approved" if status in ("void", "settled") else status
    made = led(made, first, lambda one: payments.submit(one, by=who.owner), who.judge)
    only = Payment.objects.filter(pk=made.pk)
    if status == "void":
        payments.void(only, by=who.manager, reason="重复")
    elif status == "settled":
        payments.set_settled(only, by=who.manager, settled=True)
    return only.get()


def invoice(who, status: str, at: Contract) -> Invoice:
    made = Invoice(contract=at, title=f"云澜{status}", amount=Decimal("100"), owner=who.owner)
    made = invoices.create_invoice(made, by=who.owner)
    first = "approved" if status in ("void", "issued") else status
    made = led(made, first, lambda one: invoices.submit(one, by=who.owner), who.judge)
    if status == "issued":
        invoices.issue(made, number="2612000001", on=DAY, version=made.version, by=who.manager)
    elif status == "void":
        invoices.void(made, kind="void", reason="抬头错", by=who.manager)
    return Invoice.objects.get(pk=made.pk)


def request(who, status: str) -> Request:
    """No verb voids a request; one that came into that state otherwise is closed all the same."""
    made = asking.draft(who.owner, f"用印{status}")
    made = led(
        made,
        "approved" if status == "void" else status,
        lambda one: requests.submit_request(one, by=who.owner),
        who.judge,
    )
    if status == "void":
        Request.objects.filter(pk=made.pk).update(status="void")
    return Request.objects.get(pk=made.pk)


def plan(who, at: Contract) -> PaymentPlan:
    """A plan at a contract in whatever status."""
    more = {"contract": at, "customer_id": at.customer_id, "owner": who.owner, "created_by": who.owner}
    made = PaymentPlan.objects.create(amount=Decimal("1000"), due_on=DAY, period=1, **more)
    figures.rewrite([at.pk])
    return made


def enable_flows(who) -> None:
    """判 decides on everything."""
    for document in DOCUMENTS:
        flow(who.judge, step(who.judge), document=document, name=f"{document}流程")
    asking.flow(who.judge, step(who.judge))


def every_status() -> SimpleNamespace:
    """{kind: {status: record}} with the people and the contract money hangs on."""
    who = people()
    at = customer(who.owner, "云澜")
    enable_flows(who)
    base = led(
        papers.contract(who.owner, at=at, name="底单", amount="999999"),
        "approved",
        lambda one: contracts.submit(one, by=who.owner),
        who.judge,
    )
    under = {status: contract(who, status, f"计划{status}", at) for status in OF_CONTRACTS}
    records = {
        "contract": {status: contract(who, status, f"合同{status}", at) for status in OF_CONTRACTS},
        "payment": {status: payment(who, status, base) for status in (*STATUSES, "settled")},
        "invoice": {status: invoice(who, status, base) for status in (*STATUSES, "issued")},
        "request": {status: request(who, status) for status in STATUSES},
        "payment_plan": {status: plan(who, one) for status, one in under.items()},
    }
    return SimpleNamespace(who=who, at=at, base=base, records=records)


def scan() -> SimpleUploadedFile:
    return SimpleUploadedFile("扫描件.txt", b"x")
