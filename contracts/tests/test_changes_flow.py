"""变更 and 作废 through real approval flows: approved, rejected, withdrawn, in any order; who decides is named before."""

import random
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from approvals import documents
from approvals import services as approvals
from approvals.models import Approval
from approvals.tests.factories import flow, step, todo
from contracts.changes import services, voiding
from contracts.models import Contract, ContractVersion
from contracts.tests import factories
from opportunities.tests.quoting import product
from orgs.tests.factories import client_for, department, employee
from products.lines.services import Row

from .test_changes import consistent, propose, send

pytestmark = pytest.mark.django_db
State = ContractVersion.State


@pytest.fixture
def team(db):
    east = department("华东")
    boss = employee("经理", ["sales_manager"], east)
    seller = employee("甲", ["seller"], east, supervisor=boss)
    admin = employee("管", ["admin", "super"], department("总部"))
    return seller, boss, admin


def pending(contract, document="contract_change") -> Approval:
    return Approval.objects.get(object_id=contract.pk, document=document, state="pending")


def test_the_approver_sees_the_changes_and_decides(team):
    seller, boss, admin = team
    made, item = factories.approved(seller), product("采集网关", "100")
    flow(admin, step(boss), document="contract_change", name="变更审批")
    propose(made, seller, {"name": "二期"}, rows=[Row(item.pk, "90", "3")])
    assert send(made, seller).state == State.PENDING
    approval = pending(made)
    assert (approval.amount, approval.submitter) == (Decimal("270.00"), seller)
    kind = documents.ALL["contract_change"]
    found = {one["label"]: (one["old"], one["new"]) for one in kind.changes(made, approval.payload, boss)}
    assert found["变更原因"] == ("", "客户要求") and found["合同名称"] == ("一期实施合同", "二期")
    assert found["产品 采集网关"][1] == "3 × ¥90.00 = ¥270.00" and found["合同金额"] == ("¥120,000.00", "¥270.00")
    page = client_for(boss).get(f"/contracts/{made.pk}/").content.decode()
    assert "第 2 版待批，第 1 版生效中" in page
    approvals.approve(todo(approval, boss), by=boss)
    assert consistent(made).name == "二期"
    assert {one["label"] for one in kind.changes(made, approval.payload, boss)} == set(found)  # also afterwards


def test_withdrawn_and_rejected_ones_leave_the_version_in_force(team):
    seller, boss, admin = team
    made = factories.approved(seller)
    flow(admin, step(boss), document="contract_change", name="变更审批")
    for outcome in ("withdrawn", "rejected"):
        propose(made, seller, {"name": outcome})
        send(made, seller)
        approval = pending(made)
        if outcome == "withdrawn":
            approvals.withdraw(approval.pk, by=seller)
        else:
            approvals.reject(todo(approval, boss), by=boss, comment="不行")
        assert consistent(made).name == "一期实施合同" and consistent(made).changing == ""
    assert list(made.versions.values_list("state", flat=True)) == [State.REJECTED, State.WITHDRAWN, State.EFFECTIVE]


def test_money_that_came_meanwhile_is_what_the_approver_reads(team):
    seller, boss, admin = team
    made = factories.approved(seller)
    flow(admin, step(boss), document="contract_change", name="变更审批")
    propose(made, seller, {"amount": Decimal("100")})
    send(made, seller)
    Contract.objects.filter(pk=made.pk).update(received=Decimal("100.01"))
    approval = pending(made)
    with pytest.raises(ValidationError, match="¥100.01"):
        approvals.approve(todo(approval, boss), by=boss)
    approval.refresh_from_db()
    assert approval.state == "pending" and Contract.objects.get(pk=made.pk).amount == 120000
    approvals.reject(todo(approval, boss), by=boss, comment="先退款")
    consistent(made)


def test_a_void_waits_for_its_approval(team):
    seller, boss, admin = team
    made = factories.approved(boss)
    other = employee("副", ["sales_manager"], boss.department)
    flow(admin, step(other), document="contract_void", name="作废审批")
    voiding.void(made, "客户取消", by=boss)
    page = client_for(boss).get(f"/contracts/{made.pk}/").content.decode()
    assert "作废审批中" in page and "已作废：" not in page
    approvals.approve(todo(pending(made, "contract_void"), other), by=other)
    now = Contract.objects.get(pk=made.pk)
    assert (now.status, now.void_reason, now.changing) == ("void", "客户取消", "")
    assert "已作废：客户取消" in client_for(boss).get(f"/contracts/{made.pk}/").content.decode()


def test_whom_the_submitter_names_is_asked_before_it_is_sent(team):
    seller, boss, admin = team
    made, client = factories.approved(seller), client_for(seller)
    flow(admin, step(key="a", name="复核", who=[{"kind": "chosen"}]), document="contract_change", name="变更审批")
    data = {
        "name": "二期",
        "amount": "120000",
        "signed_on": "2026-11-01",
        "reason": "改",
        "edition": "1",
        "revision": "0",
    }
    answer = client.post(f"/contracts/{made.pk}/change/", {**data, "send": "1"})
    assert answer.status_code == 302 and answer["Location"].endswith("/change/submit/")
    page = client.get(answer["Location"]).content.decode()
    assert (
        "由您在下面选择" in page and "<del>一期实施合同</del> → <ins>二期</ins>" in page and 'name="chosen_a"' in page
    )
    for bad in ({}, {"chosen_a": seller.pk}, {"chosen_a": "9" * 30}, {"chosen_a": "x"}):
        assert client.post(answer["Location"], {"revision": "1", **bad}).status_code == 422
    assert client.post(answer["Location"], {"revision": "9", "chosen_a": boss.pk}).status_code == 422
    assert not Approval.objects.exists()
    assert client.post(answer["Location"], {"revision": "1", "chosen_a": boss.pk}).status_code == 302
    approvals.approve(todo(pending(made), boss), by=boss)
    assert consistent(made).name == "二期"


def test_a_void_asks_for_them_in_its_dialog(team):
    seller, boss, admin = team
    made, client = factories.approved(boss), client_for(boss)
    flow(admin, step(key="a", name="复核", who=[{"kind": "chosen"}]), document="contract_void", name="作废审批")
    assert 'name="chosen_a"' in client.get(f"/contracts/bulk/void/?ids={made.pk}").content.decode()
    sent = {"ids": made.pk, "confirmed": "1", "reason": "取消"}
    client.post("/contracts/bulk/void/", sent)
    assert Contract.objects.get(pk=made.pk).changing == ""
    client.post("/contracts/bulk/void/", {**sent, "chosen_a": admin.pk})
    assert Contract.objects.get(pk=made.pk).changing == "void"


@pytest.mark.parametrize("seed", range(8))
def test_whatever_happens_one_version_is_in_force_and_the_contract_is_what_it_says(team, seed):
    seller, boss, admin = team
    rng = random.Random(seed)
    made = factories.approved(seller)
    items = [product(f"网关{n}", "100") for n in range(3)]
    on = flow(admin, step(boss), document="contract_change", name="变更审批")
    assert on.enabled

    def draft():
        kept = [
            Row(one.pk, str(rng.randint(1, 999)), str(rng.randint(1, 9)))
            for one in rng.sample(items, rng.randint(0, 3))
        ]
        new = {"name": f"名{rng.random()}", "amount": Decimal(rng.randint(0, 10**7)) / 100}
        propose(made, seller, new, rows=rng.choice([None, kept]), discount=str(rng.randint(0, 100)))

    def submit():
        send(made, seller)

    def approve():
        approvals.approve(todo(pending(made), boss), by=boss)

    def reject():
        approvals.reject(todo(pending(made), boss), by=boss, comment="不")

    def withdraw():
        approvals.withdraw(pending(made).pk, by=seller)

    def discard():
        services.discard_change(made, by=seller)

    def money():
        Contract.objects.filter(pk=made.pk).update(received=Decimal(rng.randint(0, 300)))

    effects = 0
    for _ in range(40):
        act = rng.choice([draft, draft, submit, submit, approve, approve, reject, withdraw, discard, money])
        before = Contract.objects.get(pk=made.pk).edition
        try:
            act()
        except (ValidationError, ContractVersion.DoesNotExist, Approval.DoesNotExist):
            pass
        now = consistent(made)
        effects += now.edition != before
        assert act in (approve, submit) or now.edition == before
        assert made.versions.filter(state__in=("draft", "pending")).count() <= 1
        waits = made.versions.filter(state="pending").exists()
        assert (now.changing == "change") == waits == Approval.objects.filter(state="pending").exists()
        numbers = list(made.versions.order_by("number").values_list("number", flat=True))
        assert numbers == sorted(set(numbers)) and made.versions.filter(state="former").count() == effects
