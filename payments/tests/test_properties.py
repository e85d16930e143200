"""After any sequence of plans, payments, refunds, invoices, changes, decisions and voids every figure equals a recomputation in
fractions."""

from decimal import Decimal
from fractions import Fraction

import pytest
from django.core.exceptions import ValidationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from approvals.models import Status
from contracts import services as contracts
from contracts.changes import services as changes
from contracts.changes.data import open_change
from contracts.invoices import services as billing
from contracts.models import ContractVersion, Invoice
from payments import services, states
from payments.models import Payment, PaymentAllocation, PaymentPlan

from .factories import ago, approved, fresh

cents = st.integers(1, 7000).map(lambda n: f"{n // 100}.{n % 100:02d}")
place = st.integers(0, 30)
outcomes = st.sampled_from(["approved", "approved", "rejected", "withdrawn"])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("plan"), cents, st.integers(-40, 40)),
        st.tuples(st.just("change"), place, cents),
        st.tuples(st.just("drop"), place, st.none()),
        st.tuples(st.just("pay"), cents, st.none()),
        st.tuples(st.just("refund"), cents, st.none()),
        st.tuples(st.just("decide"), place, outcomes),
        st.tuples(st.just("again"), place, st.none()),
        st.tuples(st.just("void"), place, st.none()),
        st.tuples(st.just("delete"), place, st.none()),
        st.tuples(st.just("back"), place, st.none()),
        st.tuples(st.just("amend"), st.one_of(cents, st.sampled_from(["0.01", "50", "100.01", "140"])), st.booleans()),
        st.tuples(st.just("settle change"), outcomes, st.none()),
        st.tuples(st.just("bill"), cents, st.none()),
        st.tuples(st.just("settle bill"), place, outcomes),
        st.tuples(st.just("void bill"), place, st.none()),
        st.tuples(st.just("delete bill"), place, st.none()),
    ),
    min_size=3,
    max_size=25,
)


def nth(rows, number):
    found = list(rows.order_by("pk"))
    return found[number % len(found)] if found else None


def act(contract, person, step):
    """One step; what the rules refuse raises."""
    what, first, second = step
    plans, payments = contract.plans.filter(deleted_at=None), contract.payments.filter(deleted_at=None)
    if what == "plan":
        services.create_plan(PaymentPlan(contract=contract, amount=Decimal(first), due_on=ago(second)), by=person)
    elif what in ("pay", "refund"):
        kind = Payment.Type.RECEIPT if what == "pay" else Payment.Type.REFUND
        made = Payment(contract=contract, amount=Decimal(first), paid_on=ago(0), type=kind)
        services.submit(services.create_payment(made, by=person), by=person)
    elif what == "change" and (one := nth(plans, first)):
        services.update_plan(one, {"amount": Decimal(second)}, version=one.version, by=person)
    elif what == "drop" and (one := nth(plans, first)):
        services.delete_plans(plans.filter(pk=one.pk), by=person)
    elif what == "decide" and (one := nth(payments.filter(status=Status.PENDING), first)):
        services.settle(one.pk, second, approval=None, by=person)
    elif what == "again" and (one := nth(payments.exclude(status__in=("pending", "approved", "void")), first)):
        services.submit(one, by=person)
    elif what == "void" and (one := nth(payments.filter(status=Status.APPROVED), first)):
        services.void(payments.filter(pk=one.pk), by=person, reason="测试")
    elif what == "delete" and (one := nth(payments, first)):
        services.delete_payments(payments.filter(pk=one.pk), by=person)

    elif what == "back" and (one := nth(contract.plans.exclude(deleted_at=None), first)):
        services.restore_plans(PaymentPlan.objects.trashed().filter(pk=one.pk), by=person)
    else:
        paper(contract, person, step)


def paper(contract, person, step):
    """A step on the contract itself or on its invoices."""
    what, first, second = step
    invoices = contract.invoices.filter(deleted_at=None)
    if what == "amend":
        now, draft = fresh(contract), open_change(contract)
        more = {"rows": None, "discount": 0, "reason": "调整", "edition": now.edition, "by": person}
        before = draft.revision if draft else 0
        kept = changes.save_change(contract, {"amount": Decimal(first)}, revision=before, **more)
        if second:
            changes.submit_change(contract, revision=kept.revision, by=person)
    elif what == "settle change" and fresh(contract).changing:
        changes.settle_change(contract.pk, first, approval=None, by=person)
    elif what == "bill":
        made = Invoice(contract=contract, title="云澜智造", amount=Decimal(first), owner=person)
        billing.submit(billing.create_invoice(made, by=person), by=person)
    elif what == "settle bill" and (one := nth(invoices.filter(status=Status.PENDING), first)):
        billing.settle(one.pk, second, approval=None, by=person)
    elif what == "void bill" and (one := nth(invoices.filter(status=Status.APPROVED), first)):
        billing.void(one, kind="void", reason="测试", by=person)
    elif what == "delete bill" and (one := nth(invoices.filter(status__in=billing.FREE), first)):
        billing.delete_invoices(Invoice.objects.filter(pk=one.pk), by=person)


def signed(payment) -> Fraction:
    return Fraction(payment.amount) * (1 if payment.type == Payment.Type.RECEIPT else -1)


def check(contract):
    """Everything once more from the rows, in fractions."""
    contract = fresh(contract)
    payments = [one for one in contract.payments.all() if one.deleted_at is None]
    by_status = {status: [one for one in payments if one.status == status] for status in ("approved", "pending")}
    received = sum(map(signed, by_status["approved"]), Fraction(0))
    coming = sum((Fraction(one.amount) for one in by_status["pending"] if signed(one) > 0), Fraction(0))
    going = sum((Fraction(one.amount) for one in by_status["pending"] if signed(one) < 0), Fraction(0))
    assert Fraction(contract.received) == received and Fraction(contract.pending) == coming - going
    assert 0 <= received - going and received + coming <= Fraction(contract.amount)
    planned = overdue = Fraction(0)
    for one in contract.plans.filter(deleted_at=None):
        parts = list(PaymentAllocation.objects.filter(plan=one).select_related("payment"))
        got = {"approved": Fraction(0), "pending": Fraction(0)}
        for part in parts:
            if part.payment.status in got and part.payment.deleted_at is None:
                got[part.payment.status] += Fraction(part.amount) * (1 if signed(part.payment) > 0 else -1)
        assert (Fraction(one.received), Fraction(one.pending)) == (got["approved"], got["pending"])
        assert 0 <= got["approved"] <= Fraction(one.amount)
        planned += Fraction(one.amount)
        late = one.due_on < ago(0)
        if late:
            overdue += max(Fraction(one.amount) - got["approved"] - max(got["pending"], Fraction(0)), Fraction(0))
        full = got["approved"] >= Fraction(one.amount)
        expected = "paid" if full else "overdue" if late else "part" if got["approved"] > 0 else "open"
        assert states.of(one) == expected
        assert [key for key, _ in states.CHOICES if PaymentPlan.objects.filter(states.condition(key), pk=one.pk)] == [
            expected
        ]
    assert (Fraction(contract.planned), Fraction(contract.overdue)) == (planned, overdue)
    assert planned <= Fraction(contract.amount)
    check_paper(contract)
    for one in by_status["approved"] + by_status["pending"]:
        parts = sum((Fraction(part.amount) for part in one.allocations.all()), Fraction(0))
        assert parts <= Fraction(one.amount)


def check_paper(contract):
    """What was invoiced, and that the contract is what its version in force says."""
    made = [one for one in contract.invoices.all() if one.deleted_at is None]
    invoiced, invoicing = (
        sum((Fraction(one.amount) for one in made if one.status == status), Fraction(0))
        for status in ("approved", "pending")
    )
    assert (Fraction(contract.invoiced), Fraction(contract.invoicing)) == (invoiced, invoicing)
    assert invoiced + invoicing <= Fraction(contract.amount)
    versions = list(contract.versions.all())
    [force] = [one for one in versions if one.state == ContractVersion.State.EFFECTIVE]
    assert (force.number, force.amount) == (contract.edition, contract.amount)
    waiting = [one for one in versions if one.state == ContractVersion.State.PENDING]
    assert contract.changing == ("change" if waiting else "")


@pytest.mark.django_db
def test_figures_and_states_equal_an_independent_recomputation_after_any_sequence(staff, waiting):
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(steps)
    def run(sequence):
        contract = approved(staff.ann, amount="100.01", name="性质")
        contracts.settle(contract.pk, "approved", approval=None, by=staff.ann)
        for step in sequence:
            try:
                act(contract, staff.ann, step)
            except ValidationError:
                pass
        check(contract)

    run()


@pytest.mark.django_db
def test_a_refund_that_waits_gives_a_change_no_room(staff, waiting):
    contract = approved(staff.ann, amount="100")
    contracts.settle(contract.pk, "approved", approval=None, by=staff.ann)
    for step in (("pay", "50", None), ("decide", 0, "approved"), ("pay", "30", None), ("refund", "30", None)):
        act(contract, staff.ann, step)
    with pytest.raises(ValidationError, match="低于回款（含审批中） ¥80.00"):
        act(contract, staff.ann, ("amend", "79.99", True))
    act(contract, staff.ann, ("amend", "80", True))
    for step in (("settle change", "approved", None), ("decide", 1, "rejected"), ("decide", 0, "approved")):
        act(contract, staff.ann, step)
    check(contract)
