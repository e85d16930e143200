"""What approvals say of payments and applications for invoices stands where no field right hides an amount."""

import pytest

from approvals.models import Approval
from approvals.tests.factories import flow, step
from contracts.invoices import services as invoices
from contracts.tests import billing
from crm.notices.models import Message
from orgs.models import Role
from orgs.tests.factories import client_for, department, employee
from payments.tests import factories

pytestmark = pytest.mark.django_db


def test_an_amount_hidden_from_the_approver_stands_in_no_title_and_no_message():
    east = department("华东")
    boss = employee("王总", ["sales_manager"], east)
    seller = employee("小李", ["seller"], east, supervisor=boss)
    at = factories.approved(seller)
    for document in ("payment", "invoice"):
        flow(boss, step(boss), document=document, name=f"{document}流程")
    factories.paid(at, "7777.77")
    invoices.submit(billing.draft(seller, at, amount="7777.77"), by=seller)
    hidden = {"payment": {"amount": 0}, "invoice": {"amount": 0}}
    Role.objects.filter(code="sales_manager").update(field_rights=hidden)
    assert Approval.objects.filter(state="pending").count() == 2
    client = client_for(boss)
    pages = [client.get("/approvals/").content.decode(), client.get("/messages/").content.decode()]
    pages += [client.get(f"/approvals/{one.pk}/reject/").content.decode() for one in Approval.objects.all()]
    assert not [page for page in pages if "7,777.77" in page or "7777.77" in page]
    assert Message.objects.filter(recipient=boss).count() == 2
    assert not Message.objects.filter(title__contains="777").exists()
