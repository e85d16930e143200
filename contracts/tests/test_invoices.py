"""What invoices promise: the sum stays within the contract to the cent, figures are right at every door, acts are refused by
status, every one leaves a log row."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from contracts import hooks
from contracts.invoices import counting, services
from contracts.models import Contract, Invoice
from contracts.tests import factories
from contracts.tests.billing import DAY, approved, draft, figures, issued, pending
from crm.records import services as records
from crm.records.models import OperationLog
from crm.records.periodic import run as run_periodic
from customers import services as customers
from customers.models import Customer
from orgs.tests.factories import department, employee

pytestmark = pytest.mark.django_db


@pytest.fixture
def seller():
    return employee("甲", ["seller"], department("华东"))


@pytest.fixture
def at(seller):
    return factories.approved(seller, amount="1000.00")


def codes(invoice):
    return list(
        OperationLog.objects.filter(object_id=invoice.pk, code__startswith="invoice.")
        .order_by("pk")
        .values_list("code", flat=True)
    )


def rows(*invoices):
    return Invoice.objects.filter(pk__in=[one.pk for one in invoices])


def test_an_application_gets_its_number_with_the_first_submission_and_counts_from_then(seller, at):
    made = draft(seller, at, amount="400")
    assert (made.number, figures(at)) == ("", ("0.00", "0.00"))
    assert made.customer_id == at.customer_id
    made = services.submit(made, by=seller)
    assert made.number.startswith("KP-") and made.number.endswith("-0001") and made.status == "approved"
    assert figures(at) == ("400.00", "0.00")
    assert codes(made) == ["invoice.created", "invoice.submitted", "invoice.approved"]


def test_the_contract_is_invoiced_in_full_and_not_a_cent_beyond(seller, at):
    for _ in range(3):
        approved(seller, at, amount="0.10")
    approved(seller, at, amount="999.69")
    assert figures(at) == ("999.99", "0.00")
    with pytest.raises(ValidationError, match="还能开 ¥0.01"):
        draft(seller, at, amount="0.02")
    approved(seller, at, amount="0.01")
    assert figures(at) == ("1000.00", "0.00")
    with pytest.raises(ValidationError):
        draft(seller, at, amount="0.01")


def test_what_waits_counts_too_and_two_drafts_cannot_both_be_submitted(seller, at):
    first, second = draft(seller, at, amount="600"), draft(seller, at, amount="600")
    first = pending(first)
    assert figures(at) == ("0.00", "600.00")
    with pytest.raises(ValidationError, match="还能开 ¥400.00"):
        services.submit(second, by=seller)
    services.settle(first.pk, "rejected", approval=None, by=seller)
    assert figures(at) == ("0.00", "0.00")
    assert services.submit(second, by=seller).number.endswith("-0002")
    first.refresh_from_db()
    number = first.number
    with transaction.atomic():
        services.void(second, kind="void", reason="重开", by=seller)
    assert services.submit(first, by=seller).number == number


def test_void_and_red_give_the_amount_back_and_want_a_reason(seller, at):
    one = issued(seller, "26512000000000000001", at, amount="700")
    for wrong in ("", " \n "):
        with pytest.raises(ValidationError, match="原因"):
            services.void(one, kind="red", reason=wrong, by=seller)
    services.void(one, kind="red", reason="客户退货", by=seller)
    one.refresh_from_db()
    assert (one.status, one.voided_as, one.void_reason, figures(at)) == ("void", "red", "客户退货", ("0.00", "0.00"))
    assert codes(one)[-1] == "invoice.voided" and one.voided_at is not None
    with pytest.raises(ValidationError):
        services.void(one, kind="void", reason="再来", by=seller)
    assert issued(seller, "26512000000000000001", at, amount="1000").status == "approved"  # its number is free again
    plain = approved(seller, factories.approved(seller))
    with pytest.raises(ValidationError, match="不能红冲"):
        services.void(plain, kind="red", reason="还没有号码", by=seller)


def test_a_number_is_registered_once_corrected_with_a_log_row_and_never_twice(seller, at):
    one, other = issued(seller, " 2651 2000-1 ", at, amount="1"), approved(seller, at, amount="2")
    assert (one.invoice_number, one.issued_on) == ("26512000-1", DAY)
    with pytest.raises(ValidationError, match="另一张发票"):
        services.issue(other, number="26512000-1", on=DAY, version=other.version, by=seller)
    with pytest.raises(records.Stale):
        services.issue(one, number="9", on=DAY, version=one.version - 1, by=seller)
    services.issue(one, number="26512000-2", on=DAY, version=one.version, by=seller)
    line = OperationLog.objects.filter(code="invoice.corrected").get()
    assert [(one["old"], one["new"]) for one in line.changes] == [("26512000-1", "26512000-2")]
    with pytest.raises(IntegrityError), transaction.atomic():
        Invoice.objects.filter(pk=other.pk).update(invoice_number="26512000-2")


@pytest.mark.parametrize("number", ["", "\x00", " ", "1" * 41, "发票", '"><img src=x onerror=1>', "=1+1", "a" * 10_000])
def test_a_wrong_invoice_number_is_refused(seller, at, number):
    one = approved(seller, at)
    with pytest.raises(ValidationError):
        services.issue(one, number=number, on=DAY, version=one.version, by=seller)


def test_a_day_to_come_or_of_long_ago_is_refused(seller, at):
    one = approved(seller, at)
    for day in (timezone.localdate() + timedelta(days=1), DAY.replace(year=1900)):
        with pytest.raises(ValidationError):
            services.issue(one, number="1", on=day, version=one.version, by=seller)


@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "1e30", "0.001", "Infinity", "abc", None])
def test_a_wrong_amount_is_refused_and_writes_nothing(seller, at, amount):
    with pytest.raises((ValidationError, TypeError)):
        draft(seller, at, amount=amount)
    assert not Invoice.objects.exists()


ACTS = {
    "submit": lambda one, by: services.submit(one, by=by),
    "issue": lambda one, by: services.issue(one, number="77", on=DAY, version=one.version, by=by),
    "void": lambda one, by: services.void(one, kind="void", reason="错", by=by),
    "edit": lambda one, by: services.update_invoice(one, {"amount": one.amount + 1}, version=one.version, by=by),
}
MAY = {
    "draft": {"submit", "edit"},
    "rejected": {"submit", "edit"},
    "withdrawn": {"submit", "edit"},
    "pending": set(),
    "approved": {"issue", "void"},
    "void": set(),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("status", MAY)
def test_every_act_in_every_status_works_or_changes_nothing(seller, at, status, act):
    one = draft(seller, at, amount="10")
    if status != "draft":
        one = pending(one)
    if status in ("rejected", "withdrawn", "approved", "void"):
        services.settle(one.pk, "approved" if status == "void" else status, approval=None, by=seller)
    if status == "void":
        services.void(one, kind="void", reason="错", by=seller)
    one.refresh_from_db()
    assert one.status == status
    before = Invoice.objects.filter(pk=one.pk).values().get(), figures(at), OperationLog.objects.count()
    if act in MAY[status]:
        ACTS[act](one, seller)
        assert OperationLog.objects.count() > before[2]
    else:
        with pytest.raises(ValidationError):
            ACTS[act](one, seller)
        after = Invoice.objects.filter(pk=one.pk).values().get(), figures(at), OperationLog.objects.count()
        assert after == before


def test_an_invoice_stands_on_approved_contracts_of_ones_own_only(seller, at):
    stranger = employee("丙", ["seller"], department("华南"))
    waits, theirs = factories.contract(seller, name="草稿"), factories.approved(stranger)
    for contract in (waits, theirs):
        with pytest.raises(ValidationError):
            draft(seller, contract)
    finance = employee("财", ["finance"])
    assert services.billable(finance).count() == 2 and services.billable(seller).get() == at
    assert not services.billable(employee("无", [])).exists()
    one = draft(seller, at, amount="5")
    Contract.objects.filter(pk=at.pk).update(status="void")
    with pytest.raises(ValidationError, match="不能开票"):
        services.submit(one, by=seller)


def test_a_draft_goes_to_another_contract_and_takes_its_customer_along(seller, at):
    there = factories.approved(seller, at=Customer.objects.create(name="另一家", owner=seller), amount="50")
    one = draft(seller, at, amount="60")
    with pytest.raises(ValidationError, match="还能开 ¥50.00"):
        services.update_invoice(one, {"contract": there}, version=one.version, by=seller)
    services.update_invoice(one, {"contract": there, "amount": 50}, version=one.version, by=seller)
    one.refresh_from_db()
    assert (one.contract, one.customer) == (there, there.customer)


def test_contracts_with_invoices_are_neither_deleted_nor_voided(seller, at):
    one = approved(seller, at)
    assert "不能删除" in hooks.blocked([at.pk], "delete")[at.pk]
    assert "先撤回或作废" in hooks.blocked([at.pk], "void")[at.pk]
    services.void(one, kind="void", reason="错", by=seller)
    assert hooks.blocked([at.pk], "void") == {}


def test_a_customer_with_standing_invoices_is_not_deleted_and_drafts_come_back_with_it(seller, at):
    one = approved(seller, at, amount="10")
    with pytest.raises(ValidationError):
        services.delete_invoices(rows(one), by=seller, along="customer_id")
    waits = draft(seller, at, amount="10")
    services.delete_invoices(rows(waits), by=seller)
    assert not Invoice.objects.live().filter(pk=waits.pk).exists()
    services.restore_invoices(rows(waits), by=seller)
    assert Invoice.objects.live().filter(pk=waits.pk).exists() and figures(at) == ("10.00", "0.00")
    services.delete_invoices(rows(waits), by=seller)
    Contract.objects.filter(pk=at.pk).update(deleted_at=timezone.now())
    with pytest.raises(ValidationError, match="先还原合同"):
        services.restore_invoices(rows(waits), by=seller)
    assert customers.check_customers_live(rows(waits)) is None


def test_the_night_corrects_figures_that_are_wrong(seller, at):
    pending(draft(seller, at, amount="0.20"))
    approved(seller, at, amount="0.10")
    Contract.objects.filter(pk=at.pk).update(invoiced=5, invoicing=0)
    assert run_periodic("invoice_figures", by_hand=True).result == "更正 1 份合同"
    assert figures(at) == ("0.10", "0.20")
    assert run_periodic("invoice_figures", by_hand=True).result == "更正 0 份合同"
    assert counting.left(Contract.objects.get(pk=at.pk)) == at.amount - counting.Decimal("0.30")
