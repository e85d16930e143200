"""The page that submits payments and invoices says who will decide and lets the submitter choose."""

import pytest

from approvals.models import Approval, Assignment
from approvals.tests.factories import flow, step
from contracts.invoices.services import create_invoice
from contracts.models import Invoice
from contracts.tests import factories
from orgs.tests.factories import client_for, department, employee
from payments.models import Payment
from payments.services import create_payment

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    east = department("华东")
    boss = employee("华东经理", ["sales_manager"], east)
    return boss, employee("甲", ["seller"], east, supervisor=boss), employee("钱会计", ["finance"], department("财务"))


def drafts(seller):
    contract = factories.approved(seller)
    payment = Payment(contract=contract, amount=5, paid_on="2026-11-01", owner=seller)
    invoice = Invoice(contract=contract, title="甲公司", amount=5, owner=seller)
    return {
        "payment": create_payment(payment, by=seller),
        "invoice": create_invoice(invoice, by=seller),
    }


@pytest.mark.parametrize("kind", ["payment", "invoice"])
def test_the_submitter_chooses_where_a_step_asks_for_it(team, kind):
    boss, seller, finance = team
    flow(boss, step(who=[{"kind": "chosen"}], key="s1", name="自选"), step(finance), document=kind)
    record = drafts(seller)[kind]
    url = f"/{kind}s/{record.pk}/submit/"
    page = client_for(seller).get(f"/{kind}s/{record.pk}/").content.decode()
    assert f'href="{url}"' in page
    asked = client_for(seller).get(url).content.decode()
    assert "钱会计" in asked and "自选" in asked
    refused = client_for(seller).post(url, {"note": ""})
    record.refresh_from_db()
    assert "请选择“自选”的审批人" in refused.content.decode() and record.status == "draft"
    client_for(seller).post(url, {"chosen_s1": [boss.pk], "note": "请尽快"})
    record.refresh_from_db()
    assert record.status == "pending" and Approval.objects.get().document == kind
    assert [one.employee for one in Assignment.objects.filter(state="open")] == [boss]


def test_a_payment_whose_flow_asks_for_a_choice_says_so_and_is_not_saved_by_the_form(team):
    boss, seller, _ = team
    contract = factories.approved(seller)
    flow(boss, step(who=[{"kind": "chosen"}], key="s1", name="自选"), document="payment")
    data = {"contract": contract.pk, "type": "receipt", "amount": "5", "paid_on": "2026-11-01", "owner": seller.pk}
    answer = client_for(seller).post("/payments/new/", {**data, "submit_now": "on"})
    assert answer.status_code == 200 and "自选" in str(answer.context["form"].errors)
    assert not Payment.objects.exists()
    client_for(seller).post("/payments/new/", data)
    assert Payment.objects.get().status == "draft"
