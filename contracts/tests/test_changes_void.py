"""作废: with a reason, never while money or invoices stand, and what it leaves behind."""

from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from approvals import services as approvals
from contracts import hooks
from contracts.changes import services, voiding
from contracts.models import Contract
from contracts.tests import factories
from crm.records.models import OperationLog
from orgs.tests.factories import client_for, department, employee

from .test_changes import propose

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager(db):
    return employee("经理", ["sales_manager"], department("华东"))


def test_a_contract_is_void_with_its_reason_and_says_so(manager):
    made, told = factories.approved(manager), []
    propose(made, manager)
    hooks.AFTER.append(lambda ids, what, by: told.append((ids, what)))
    try:
        found = voiding.void(made, "客户取消", by=manager)
    finally:
        hooks.AFTER.pop()
    assert (found.status, found.changing, found.void_reason) == ("void", "", "客户取消") and found.voided_at
    assert told == [([made.pk], "voided")]
    log = OperationLog.objects.get(code="contract.voided")
    assert [(one["key"], one["new"]) for one in log.changes] == [("void_reason", "客户取消")]
    assert not made.versions.filter(state="draft").exists()
    with pytest.raises(PermissionDenied):
        voiding.void(made, "再来", by=manager)
    with pytest.raises(ValidationError, match="只能查看"):
        propose(made, manager)


@pytest.mark.parametrize("name", ["received", "pending", "invoiced", "invoicing"])
def test_it_is_refused_with_the_figures_while_money_or_invoices_stand(manager, name):
    made = factories.approved(manager)
    Contract.objects.filter(pk=made.pk).update(**{name: Decimal("0.01")})
    with pytest.raises(ValidationError, match="¥0.01"):
        voiding.void(made, "错", by=manager)
    assert Contract.objects.get(pk=made.pk).status == "approved"


def test_whoever_stands_above_may_object(manager):
    made = factories.approved(manager)
    hooks.BLOCKERS.append(lambda ids, action: {made.pk: "有未完成的工单"} if action == "void" else {})
    try:
        with pytest.raises(ValidationError, match="工单"):
            voiding.void(made, "错", by=manager)
    finally:
        hooks.BLOCKERS.pop()


def test_one_that_waits_is_neither_changed_nor_void_again_and_comes_back_when_rejected(manager, monkeypatch):
    made = factories.approved(manager)
    monkeypatch.setattr(approvals, "submit", lambda *args, **kwargs: None)
    voiding.void(made, "客户取消", by=manager)
    for again in (lambda: voiding.void(made, "再来", by=manager), lambda: propose(made, manager)):
        with pytest.raises(ValidationError, match="作废正在审批中"):
            again()
    voiding.settle_void(made.pk, "rejected", approval=None, by=manager)
    now = Contract.objects.get(pk=made.pk)
    assert (now.status, now.changing, now.void_reason, now.voided_at) == ("approved", "", "", None)


def test_receipts_that_came_meanwhile_stop_the_approval(manager, monkeypatch):
    made = factories.approved(manager)
    monkeypatch.setattr(approvals, "submit", lambda *args, **kwargs: None)
    voiding.void(made, "客户取消", by=manager)
    Contract.objects.filter(pk=made.pk).update(received=1)
    with pytest.raises(ValidationError, match="¥1.00"):
        voiding.settle_void(made.pk, "approved", approval=None, by=manager)
    assert Contract.objects.get(pk=made.pk).status == "approved"


def test_a_pending_change_holds_it_up(manager, monkeypatch):
    made = factories.approved(manager)
    monkeypatch.setattr(approvals, "submit", lambda *args, **kwargs: None)
    propose(made, manager)
    services.submit_change(made, revision=1, by=manager)
    with pytest.raises(ValidationError, match="变更正在审批中"):
        voiding.void(made, "错", by=manager)


def test_selected_ones_are_void_each_wholly_or_not_at_all(manager):
    good, paid = (factories.approved(manager, name=name) for name in ("好", "已收"))
    Contract.objects.filter(pk=paid.pk).update(received=5)
    other = factories.contract(manager, name="草稿")
    client = client_for(manager)
    ids = ",".join(str(one.pk) for one in (good, paid, other))
    answer = client.post("/contracts/bulk/void/", {"ids": ids, "confirmed": "1", "reason": "客户取消"})
    assert "¥5.00" in answer.content.decode()
    states = dict(Contract.objects.values_list("name", "status"))
    assert states == {"好": "void", "已收": "approved", "草稿": "draft"}


def test_a_seller_cannot_and_a_reason_is_demanded(manager):
    seller = employee("卖", ["seller"], department("华东三"))
    made = factories.approved(seller)
    assert client_for(seller).post("/contracts/bulk/void/", {"ids": made.pk}).status_code == 403
    own = factories.approved(manager)
    for reason in ("", "  ", "长" * 501, "x" * 10_000):
        with pytest.raises(ValidationError):
            voiding.void(own, reason, by=manager)
    with pytest.raises(PermissionDenied):
        voiding.void(made, "错", by=manager)
    assert Contract.objects.filter(status="void").count() == 0
