"""What a hidden or masked amount must not be told by: forms, proposals, sentences, titles, logs, files that are imported."""

import pytest
from django.core.exceptions import ValidationError

from approvals import documents
from contracts.tests import billing
from crm.records.models import OperationLog
from orgs.tests.factories import client_for, role
from payments import services
from payments.models import Payment

from .factories import approved, fresh, paid, payment, plan, refund

SEEN = "2026-11-01"


def hide(level: int, **fields):
    one = role("seller")
    one.field_rights = {module: dict.fromkeys(keys, level) for module, keys in fields.items()}
    one.save()


def pages(staff, contract, one, draft):
    """Everything that reads or writes money of the contract, as text."""
    client = client_for(staff.ann)
    for url in (
        f"/payments/new/?contract={contract.pk}&plan={one.pk}",
        f"/payment-plans/new/?contract={contract.pk}",
        f"/payments/{draft.pk}/edit/",
        f"/payment-plans/{one.pk}/edit/",
        f"/payment-plans/generate/?contract={contract.pk}",
        f"/payments/receive/?customer={contract.customer_id}",
        f"/contracts/{contract.pk}/?tab=payments",
        f"/payments/{draft.pk}/?tab=log",
        f"/invoices/new/?contract={contract.pk}",
        f"/invoices/titles/?contract={contract.pk}",
        "/payments/?totals=sum",
        "/payment-plans/?totals=sum",
        "/",
    ):
        yield url, client.get(url).content.decode()
    new = {
        "contract": contract.pk,
        "paid_on": SEEN,
        "due_on": SEEN,
        "submit_now": "on",
        "title": "某公司",
        "owner": staff.ann.pk,
    }
    part = {f"part_{one.pk}": "78000"}
    for url, data in (
        ("/payments/new/", {**new, "type": "receipt", "amount": "999999"}),
        ("/payments/new/", {**new, "type": "refund", "amount": "999999"}),
        ("/payments/new/", {**new, "type": "receipt", "amount": "80000", **part}),
        ("/payment-plans/new/", {**new, "amount": "999999"}),
        ("/invoices/new/", {**new, "amount": "999999"}),
        (f"/payment-plans/{one.pk}/edit/", {"due_on": SEEN, "amount": "100", "version": fresh(one).version}),
        (
            "/payments/receive/",
            {"customer": contract.customer_id, "shown": contract.customer_id, "paid_on": SEEN, "amount": "999999"},
        ),
    ):
        response = client.post(url, data)
        assert response.status_code in (200, 302, 403, 422), url
        yield f"POST {url}", response.content.decode()


# contract ¥526,000, plan ¥123,456 of it paid ¥45,678.90: what is left of either
WHOLE, LEFT, REST = ("526,000", "526000"), ("480,321", "480321"), ("402,544", "402544")
PLANNED, LACKS, RECEIVED = ("123,456", "123456"), ("77,777", "77777"), ("45,678", "45678")


@pytest.mark.parametrize("level", (0, 1))
@pytest.mark.parametrize(
    ("fields", "secret"),
    [
        ({"contract": ["amount"]}, (*WHOLE, *LEFT, *REST)),
        ({"payment_plan": ["amount"]}, (*PLANNED, *LACKS, *REST)),
        (
            {
                "payment_plan": ["received"],
                "payment": ["amount"],
                "contract": ["received", "pending", "overdue"],
            },
            (*RECEIVED, *LACKS, *LEFT),
        ),
    ],
)
def test_no_form_proposal_or_sentence_tells_a_hidden_amount(staff, fields, secret, level):
    contract = approved(staff.ann, amount="526000")
    one = plan(contract, "123456")
    paid(contract, "45678.90")
    draft = payment(contract, "400", parts={one.pk: 400})
    hide(level, **fields)
    for url, text in pages(staff, contract, one, draft):
        assert not [figure for figure in secret if figure in text], (url, secret)


def test_titles_and_log_lines_hold_no_amounts(staff):
    contract = approved(staff.ann, amount="526000")
    one = plan(contract, "123456")
    made = paid(contract, "45678.90", parts={one.pk: 45678})
    assert documents.ALL["payment"].title(made) == f"{made.number} 回款 {contract.name}"
    invoice = billing.approved(staff.ann, contract, amount="1234")
    assert documents.ALL["invoice"].title(invoice) == f"{invoice.number} {invoice.title}"
    assert not OperationLog.objects.filter(text__contains="¥").exists()
    hide(0, payment=["amount"])
    text = client_for(staff.ann).get(f"/payments/{made.pk}/?tab=log").content.decode()
    assert "第 1 期" in text and "45,678" not in text


def test_whoever_reads_the_amounts_is_told_them(staff):
    contract = approved(staff.ann, amount="526000")
    one = plan(contract, "123456")
    draft = payment(contract, "400", parts={one.pk: 400})
    text = "".join(text for _, text in pages(staff, contract, one, draft))
    for words in ("最多还能登记 ¥526,000.00", "还差 ¥123,456.00", "已计划 ¥123,456.00", "还能开 ¥526,000.00"):
        assert words in text, words
    made = paid(contract, "100")
    text = client_for(staff.ann).get(f"/payments/{made.pk}/?tab=log").content.decode()
    assert "第 1 期 ¥100.00" in text


def test_a_payment_that_fits_no_more_does_not_come_back_from_the_recycle_bin(staff):
    contract = approved(staff.ann, amount="100")
    one = plan(contract, "60")
    made = paid(contract, "60")
    rows = Payment.objects.filter(pk=made.pk)
    rows.update(version=1)  # as an import brought it
    services.delete_payments(rows, by=staff.boss)
    other = paid(contract, "50", by=staff.ann)
    with pytest.raises(ValidationError, match="最多还能登记 ¥50.00"):
        services.restore_payments(rows, by=staff.ann)
    assert fresh(contract).received == 50 and fresh(made).deleted_at is not None
    services.void(Payment.objects.filter(pk=other.pk), by=staff.boss, reason="记错")
    paid(contract, "40", by=staff.ann)
    assert services.restore_payments(rows, by=staff.ann) == 1  # what its plan still lacks
    assert (fresh(contract).received, fresh(one).received, made.allocations.get().amount) == (100, 60, 20)


def test_a_refund_of_a_voided_contract_stays(staff):
    from contracts.changes import voiding

    contract = approved(staff.ann, amount="100")
    paid(contract, "100")
    back = refund(contract, "100")
    voiding.void(fresh(contract), "签错", by=staff.boss)
    done, refused = services.void(Payment.objects.filter(pk=back.pk), by=staff.boss, reason="记错")
    assert done == 0 and "合同已作废" in refused[0][1] and fresh(contract).received == 0


def test_the_workbench_names_the_contract_of_a_plan_and_no_box_leads_to_a_view_that_is_not_there(staff):
    contract = approved(staff.ann, amount="100", name="云澜一期")
    plan(contract, "60")
    client = client_for(staff.ann)
    page = client.get("/")
    plans = next(group for group in page.context["groups"] if group["module"].name == "payment_plan")
    assert plans["items"][0]["contract"] == "云澜一期" and "云澜一期<i" in page.content.decode()
    assert "逾期的回款" in page.content.decode()
    hide(0, payment_plan=["amount", "contract"])
    page = client.get("/")
    plans = next(group for group in page.context["groups"] if group["module"].name == "payment_plan")
    assert not plans["items"][0]["contract"] and "逾期的回款" not in page.content.decode()
