"""Nobody decides on what they submitted, nobody decides twice, and no amount that is none gets past a form."""

from types import SimpleNamespace

import pytest

from approvals.models import Approval, Assignment
from approvals.tests.factories import change, flow, status, step, submitted, todo
from contracts.models import Contract, ContractVersion, Invoice
from contracts.tests import factories as papers
from crm.tests import money
from orgs import services as orgs
from orgs.tests.factories import client_for, employee
from payments.models import Payment, PaymentPlan
from payments.services import create_plan

pytestmark = pytest.mark.django_db


@pytest.fixture
def site():
    """陈's own contract waits for 判, a contract of 林 for 陈 and then 判."""
    who = money.people()
    flow(who.judge, step(who.manager, who.judge, mode="any"), step(who.judge), name="合同审批")
    own, mine = submitted(who.manager, name="经理自己的合同")
    other, theirs = submitted(who.owner, name="销售的合同")
    return SimpleNamespace(who=who, own=own, mine=mine, other=other, theirs=theirs)


def act(who, approval: Approval, verb: str, **data):
    return client_for(who).post(f"/approvals/{approval.pk}/{verb}/", {"comment": "好", **data})


def test_who_submitted_it_decides_on_it_through_no_door(site):
    manager, before = site.who.manager, money.fingerprint()
    assert not Assignment.objects.filter(step__approval=site.mine, employee=manager).exists()
    open_ = todo(site.mine, site.who.judge)
    client = client_for(manager)
    assert site.mine.title not in client.get("/approvals/").content.decode()
    for verb in ("approve", "reject", "send_back", "hand_over", "add_approver"):
        for given in ({}, {"assignment": open_}):
            assert act(manager, site.mine, verb, **given).status_code in (403, 409), verb
            assert client.get(f"/approvals/{site.mine.pk}/{verb}/").status_code in (403, 409)
    for verb in ("approve", "reject"):
        client.post("/approvals/decide/", {"ids": open_, "verb": verb, "confirmed": "1", "comment": "好"})
    assert client.post("/contracts/bulk/approve/", {"ids": site.own.pk, "confirmed": "1"}).status_code == 404
    for body in ({"person": manager.pk}, {"people": manager.pk, "where": "before"}):
        verb = "hand_over" if "person" in body else "add_approver"
        answer = act(site.who.judge, site.mine, verb, **body)
        assert "不能交给发起人审批自己提交的单据" in answer.content.decode(), verb
    assert money.fingerprint() == before


def test_an_administrator_forces_nothing_they_submitted(site):
    keeper = employee("孔", ["super"])
    _, approval = submitted(keeper, name="超管的合同")
    before = money.fingerprint()
    assert act(keeper, approval, "force").status_code == 409
    assert act(site.who.owner, site.theirs, "force").status_code == 409  # who may force nothing at all
    assert act(site.who.owner, site.theirs, "stop").status_code == 409
    assert money.fingerprint() == before


def test_a_decision_counts_once_and_never_after_the_end(site):
    manager, judge = site.who.manager, site.who.judge
    first = todo(site.theirs, manager)
    assert act(manager, site.theirs, "approve", assignment=first).status_code == 302
    before = money.fingerprint()
    for verb in ("approve", "reject"):  # the second tab, and the list
        assert act(manager, site.theirs, verb, assignment=first).status_code == 409
    client_for(manager).post("/approvals/decide/", {"ids": first, "verb": "approve", "confirmed": "1"})
    assert money.fingerprint() == before and status(site.other) == "pending"
    second = todo(site.theirs, judge)
    assert act(judge, site.theirs, "approve", assignment=first).status_code == 409  # of another person
    assert act(site.who.owner, site.theirs, "withdraw").status_code == 302
    before = money.fingerprint()
    for verb in ("approve", "reject", "hand_over"):
        assert act(judge, site.theirs, verb, assignment=second, person=manager.pk).status_code == 409
    assert money.fingerprint() == before and status(site.other) == "withdrawn"


def test_an_edited_flow_and_a_disabled_approver_move_no_approval_that_runs(site):
    manager, judge = site.who.manager, site.who.judge
    running, used = todo(site.theirs, manager), site.theirs.flow_version.flow
    change(used, judge, steps=[{**step(judge), "key": "neu", "name": "只剩一步"}])
    assert act(manager, site.theirs, "approve", assignment=running).status_code == 302
    assert status(site.other) == "pending"  # two steps, as when it began
    third, approval = submitted(site.who.owner, name="新流程")
    assert list(approval.steps.values_list("name", flat=True)) == ["只剩一步"]
    clerk = employee("临", ["super"])
    act(judge, approval, "hand_over", person=clerk.pk)
    held = todo(approval, clerk)
    client = client_for(clerk)
    orgs.disable_employee(clerk, by=None)
    before = money.fingerprint()
    client.post(f"/approvals/{approval.pk}/approve/", {"assignment": held})
    assert money.fingerprint() == before and status(third) == "pending"
    assert not Assignment.objects.filter(step__approval=approval, employee=clerk, state="open").exists()


# Amounts ----------------------------------------------------------------------------------------------------------------------
BAD = ("NaN", "-1", "1e30", "0.001", "1" * 30, "Infinity", "\x00", '"><img src=x onerror=1>', "9" * 10_000)


@pytest.fixture
def signed():
    who = money.people()
    made = papers.approved(who.owner)
    plan = create_plan(PaymentPlan(contract=made, amount=1000, due_on=money.DAY), by=who.owner)
    return SimpleNamespace(who=who, contract=made, plan=plan, client=client_for(who.owner))


def forms(site) -> dict:
    """{name: (address, the other fields, the field of the money)}."""
    made, owner = site.contract, site.who.owner.pk
    at = {"contract": made.pk, "owner": owner, "title": "云澜", "type": "receipt", "paid_on": "2026-11-02"}
    at |= {"due_on": "2026-12-01", "amount": "10", "submit_now": "on"}
    written = {"customer": made.customer_id, "name": "新", "signed_on": "2026-11-01", "owner": owner, "_submit": "1"}
    changed = {"name": "改", "signed_on": "2026-11-01", "reason": "调整", "edition": "1", "send": "1"}
    received = {"customer": made.customer_id, "shown": made.customer_id, "paid_on": "2026-11-02", "amount": "10"}
    return {
        "contract": ("/contracts/new/", written, "amount"),
        "change": (f"/contracts/{made.pk}/change/", changed, "amount"),
        "plan": ("/payment-plans/new/", at, "amount"),
        "plan again": (f"/payment-plans/{site.plan.pk}/edit/", {**at, "version": site.plan.version}, "amount"),
        "payment": ("/payments/new/", at, "amount"),
        "part": ("/payments/new/", at, f"part_{site.plan.pk}"),
        "invoice": ("/invoices/new/", at, "amount"),
        "receive": ("/payments/receive/", {**received, f"part-p{site.plan.pk}": "10"}, "amount"),
        "receive part": ("/payments/receive/", received, f"part-p{site.plan.pk}"),
    }


def test_what_is_no_amount_gets_past_no_form(signed):
    before = money.fingerprint()
    for name, (url, data, field) in forms(signed).items():
        for bad in BAD:
            if bad == "\x00" and "part" in field:
                continue  # an empty part is none
            answer = signed.client.post(url, {**data, field: bad})
            assert answer.status_code in (200, 422), (name, bad[:20])
            assert "<img src=x" not in answer.content.decode(), name
        assert money.fingerprint() == before, name


def test_nothing_is_paid_planned_or_invoiced_beyond_the_contract_by_a_cent(signed):
    made, client = signed.contract, signed.client
    at = {"contract": made.pk, "owner": signed.who.owner.pk, "title": "云澜", "type": "receipt", "submit_now": "on"}
    at |= {"paid_on": "2026-11-02", "due_on": "2026-12-01"}
    rooms = {"payments": ("120000.01", "120000"), "payment-plans": ("119000.01", "119000")}
    rooms["invoices"] = ("120000.01", "120000")
    for prefix, (over, fits) in rooms.items():
        before = money.fingerprint()
        assert client.post(f"/{prefix}/new/", {**at, "amount": over}).status_code == 200, prefix
        assert money.fingerprint() == before, prefix
        assert client.post(f"/{prefix}/new/", {**at, "amount": fits}).status_code == 302, prefix
    assert (Payment.objects.get().status, Invoice.objects.get().status) == ("approved", "draft")
    assert Contract.objects.get().received == 120000 and ContractVersion.objects.count() == 1


def test_a_contract_with_payments_is_deleted_by_nobody(signed):
    made = signed.contract
    client = client_for(signed.who.owner)
    at = {"contract": made.pk, "type": "receipt", "amount": "5", "paid_on": "2026-11-02", "submit_now": "on"}
    client.post("/payments/new/", at)
    Contract.objects.filter(pk=made.pk).update(status="rejected")  # whatever its status says
    before = money.fingerprint()
    for person in (signed.who.owner, signed.who.manager, signed.who.judge):
        client_for(person).post("/contracts/bulk/delete/", {"ids": made.pk, "confirmed": "1"})
    assert money.fingerprint() == before


def test_of_two_people_who_save_one_plan_the_second_is_asked(signed):
    url, plan = f"/payment-plans/{signed.plan.pk}/edit/", signed.plan
    typed = {"due_on": "2026-12-01", "remind_days": "3", "version": plan.version}
    other = client_for(signed.who.manager)
    assert signed.client.post(url, {**typed, "amount": "1200"}).status_code == 302
    before = money.fingerprint()
    answer = other.post(url, {**typed, "amount": "900"})
    assert answer.status_code == 409 and "1200" in answer.content.decode().replace(",", "")
    assert money.fingerprint() == before
