"""变更 of approved contracts: what is proposed, what is in force, what it does to lines, amount, log and limits."""

from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from approvals import services as approvals
from contracts import hooks
from contracts.changes import compare, services
from contracts.changes.data import overlay
from contracts.models import Contract, ContractVersion
from contracts.services import snapshot
from contracts.tests import factories
from crm.records import fieldset
from crm.records.models import OperationLog
from opportunities.tests.quoting import product
from orgs.models import Employee, Role
from orgs.tests.factories import department, employee
from products.lines.services import Row

pytestmark = pytest.mark.django_db
State = ContractVersion.State


@pytest.fixture
def seller(db):
    return employee("甲", ["seller"], department("华东"))


def propose(contract, by, new=None, **more):
    draft = contract.versions.filter(state=State.DRAFT).first()
    return services.save_change(
        contract,
        {"name": "改过的合同"} if new is None else new,
        **{
            "rows": None,
            "discount": "0",
            "reason": "客户要求",
            "edition": Contract.objects.get(pk=contract.pk).edition,
            "revision": draft.revision if draft else 0,
            "by": by,
            **more,
        },
    )


def send(contract, by):
    draft = contract.versions.get(state=State.DRAFT)
    return services.submit_change(contract, revision=draft.revision, by=by)


def consistent(contract) -> Contract:
    """Exactly one version in force, and the contract is what it says."""
    now = Contract.objects.get(pk=contract.pk)
    version = now.versions.get(state=State.EFFECTIVE)
    assert now.edition == version.number and snapshot(now) == version.data and now.amount == version.amount
    assert now.lines_total is None or now.lines_total == now.amount
    return now


def test_a_draft_changes_nothing_and_the_approved_change_everything(seller):
    made = factories.approved(seller)
    item = product("采集网关", "100")
    told = []
    hooks.AFTER.append(lambda ids, what, by: told.append((ids, what)))
    try:
        propose(made, seller, {"name": "二期"}, rows=[Row(item.pk, "90", "3")], discount="10")
        assert consistent(made).name == "一期实施合同" and not told
        sent = send(made, seller)
    finally:
        hooks.AFTER.pop()
    assert sent.state == State.EFFECTIVE and told == [([made.pk], "changed")]
    now = consistent(made)
    assert (now.name, now.amount, now.lines_total, now.discount, now.edition) == (
        "二期",
        Decimal("243.00"),
        Decimal("243.00"),
        Decimal("10.00"),
        2,
    )
    line = now.lines.get()
    assert (line.list_price, line.price, line.quantity, line.subtotal) == (100, 90, 3, 270)
    assert list(now.versions.values_list("number", "state")) == [(2, State.EFFECTIVE), (1, State.FORMER)]
    log = OperationLog.objects.get(code="contract.changed", object_id=made.pk)
    assert "客户要求" in log.text
    said = {one["label"]: (one["old"], one["new"]) for one in log.changes}
    assert said["合同名称"] == ("一期实施合同", "二期") and said["合同金额"] == ("¥120,000.00", "¥243.00")
    assert said["整单折扣（%）"] == ("0%", "10%") and said["产品 采集网关"][1] == "3 × ¥90.00 = ¥270.00"


def test_a_rejected_change_leaves_the_version_in_force_and_can_be_gone_on_with(seller, monkeypatch):
    made = factories.approved(seller)
    monkeypatch.setattr(approvals, "submit", lambda *args, **kwargs: None)
    propose(made, seller, {"amount": Decimal("130000")})
    assert send(made, seller).state == State.PENDING
    now = Contract.objects.get(pk=made.pk)
    assert now.changing == "change" and now.amount == 120000
    with pytest.raises(ValidationError, match="撤回"):
        propose(made, seller)
    services.settle_change(made.pk, "rejected", approval=None, by=seller)
    assert consistent(made).changing == "" and made.versions.get(number=2).state == State.REJECTED
    draft, data, reason = services.starting_point(now)
    assert (draft, data["fields"]["amount"], reason) == (None, "130000.00", "客户要求")
    propose(made, seller, {"amount": Decimal("125000")})
    send(made, seller)
    services.settle_change(made.pk, "approved", approval=None, by=seller)
    assert consistent(made).amount == 125000
    assert Contract.objects.get(pk=made.pk).edition == 3


def test_only_approved_contracts_in_reach_are_changed(seller):
    draft = factories.contract(seller)
    with pytest.raises(ValidationError, match="提交"):
        propose(draft, seller, edition=0)
    made = factories.approved(seller)
    stranger = employee("外", ["seller"], department("华南"))
    with pytest.raises(PermissionDenied):
        propose(made, stranger)
    assert not ContractVersion.objects.filter(state=State.DRAFT).exists()


def test_a_page_that_is_too_old_is_stale(seller):
    made = factories.approved(seller)
    propose(made, seller)
    with pytest.raises(services.Stale):
        propose(made, seller, {"name": "别人"}, revision=0)
    with pytest.raises(services.Stale):
        services.submit_change(made, revision=7, by=seller)
    with pytest.raises(services.Stale):
        propose(made, seller, edition=5)
    assert made.versions.get(state=State.DRAFT).data["fields"]["name"] == "改过的合同"


def test_customer_number_owner_and_status_cannot_be_changed(seller):
    made = factories.approved(seller)
    for name in ("customer_id", "customer", "owner", "number", "status", "received", "edition", "lines_total"):
        with pytest.raises(ValidationError, match="不能通过变更修改"):
            propose(made, seller, {name: 1})


def test_a_reason_and_a_difference_are_demanded(seller):
    made = factories.approved(seller)
    propose(made, seller, reason="")
    with pytest.raises(ValidationError) as refused:
        send(made, seller)
    assert "reason" in refused.value.error_dict
    propose(made, seller, {"name": "一期实施合同"})
    with pytest.raises(ValidationError, match="没有任何变化"):
        send(made, seller)


@pytest.mark.parametrize(
    ("figures", "word"),
    [
        ({"received": 100}, "回款"),
        ({"received": 60, "pending": 40}, "回款"),
        ({"planned": 100}, "计划"),
        ({"invoiced": 50, "invoicing": 50}, "开票"),
    ],
)
def test_below_receipts_plans_or_invoices_is_refused_with_the_figures(seller, figures, word):
    made = factories.approved(seller)
    Contract.objects.filter(pk=made.pk).update(**figures)
    propose(made, seller, {"amount": Decimal("99.99")})
    with pytest.raises(ValidationError, match=word) as refused:
        send(made, seller)
    assert "¥100.00" in refused.value.messages[0] and "¥99.99" in refused.value.messages[0]
    propose(made, seller, {"amount": Decimal("100")})
    assert send(made, seller).state == State.EFFECTIVE


def test_who_holds_the_permission_may_go_below(seller):
    manager = employee("经理", ["sales_manager"], department("华东二"))
    made = factories.approved(manager)
    Contract.objects.filter(pk=made.pk).update(received=100)
    propose(made, manager, {"amount": Decimal("50")})
    assert send(made, manager).state == State.EFFECTIVE


def test_money_that_came_meanwhile_stops_the_approval_and_nothing_changes(seller, monkeypatch):
    made = factories.approved(seller)
    monkeypatch.setattr(approvals, "submit", lambda *args, **kwargs: None)
    propose(made, seller, {"amount": Decimal("50")})
    send(made, seller)
    Contract.objects.filter(pk=made.pk).update(received=60)
    with pytest.raises(ValidationError, match="¥60.00"):
        services.settle_change(made.pk, "approved", approval=None, by=seller)
    now = Contract.objects.get(pk=made.pk)
    assert (now.changing, now.amount) == ("change", 120000)


def test_amounts_nobody_can_mean_are_refused(seller):
    made = factories.approved(seller)
    for amount in (Decimal("-1"), Decimal("1e30"), Decimal("NaN"), Decimal("0.001")):
        with pytest.raises(ValidationError):
            propose(made, seller, {"amount": amount})
    assert not made.versions.filter(state=State.DRAFT).exists()


def test_a_draft_is_thrown_away_with_a_row_in_the_log(seller):
    made = factories.approved(seller)
    propose(made, seller)
    services.discard_change(made, by=seller)
    assert consistent(made).versions.count() == 1
    assert OperationLog.objects.filter(code="contract.change_discarded", object_id=made.pk).exists()
    with pytest.raises(ValidationError):
        services.discard_change(made, by=seller)


def test_lines_keep_their_list_price_and_an_off_shelf_product_stays(seller):
    made, item = factories.approved(seller), product("采集网关", "100")
    propose(made, seller, {}, rows=[Row(item.pk, "90", "3")])
    send(made, seller)
    type(item).objects.filter(pk=item.pk).update(price=500, on_shelf=False)
    propose(made, seller, {}, rows=[Row(item.pk, "80", "3", line=1)])
    send(made, seller)
    assert (consistent(made).lines.get().list_price, made.lines.get().price) == (100, 80)
    with pytest.raises(ValidationError, match="下架"):
        propose(made, seller, {}, rows=[Row(item.pk, "80", "3")])


def test_differences_obey_the_rights_of_the_reader(seller):
    made, item = factories.approved(seller), product("采集网关", "100")
    old = snapshot(Contract.objects.get(pk=made.pk))
    propose(made, seller, {"remark": "机密"}, rows=[Row(item.pk, "90", "3")])
    new = made.versions.get(number=2).data
    found = compare.between(old, new, Employee.objects.get(pk=seller.pk)).pairs
    assert [one["label"] for one in found] == ["合同金额", "备注", "产品 采集网关"]
    assert "¥90.00" in found[2]["new"]
    role = Role.objects.get(code="seller")
    role.field_rights = {"contract": {"amount": fieldset.HIDDEN, "remark": fieldset.MASKED}}
    role.save()
    found = compare.between(old, new, Employee.objects.get(pk=seller.pk)).pairs
    assert [one["label"] for one in found] == ["备注", "产品 采集网关"] and "¥" not in str(found)
    assert "机密" not in str(found) and found[1]["new"].startswith("3")
    fresh = overlay(Contract.objects.get(pk=made.pk), new)
    assert fresh.amount == 270 and [line.name for line in fresh.lines.all()] == ["采集网关"]
