"""What happens around a contract: records it or its versions name are purged, merged or moved; days at the ends of the calendar."""

from datetime import date

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from contracts import copying, execution, services
from contracts.changes import voiding
from contracts.models import Contract
from crm.records import modules
from crm.records.models import Undo
from crm.records.undoing import services as undoing
from customers.models import Contact, Customer
from customers.services import delete_customers, purge_customers
from opportunities.models import Opportunity
from opportunities.tests.factories import contact, customer, opportunity
from orgs.tests.factories import client_for

from .factories import approved, contract
from .test_changes import consistent, propose, send
from .test_outcomes import fresh, merged

pytestmark = pytest.mark.django_db
PAGES = ("versions/1/", "print/?v=1", "versions/compare/?a=1&b=2", "?tab=versions", "?tab=log", "change/")


@pytest.mark.parametrize("name", ["customer_signer", "opportunity"])
def test_a_version_is_read_when_what_it_names_was_purged(staff, name):
    at = customer(staff.ann)
    named = contact(at) if name == "customer_signer" else opportunity(staff.ann, at)
    made = approved(staff.ann, at=at, **{name: named})
    propose(made, staff.ann, {name: None})
    send(made, staff.ann)
    type(named).objects.filter(pk=named.pk).delete()
    for page in PAGES:
        assert client_for(staff.ann).get(f"/contracts/{made.pk}/{page}").status_code == 200, page


def test_a_proposed_change_outlives_the_contact_it_names(staff):
    at = customer(staff.ann)
    signer = contact(at)
    made, client = approved(staff.ann, at=at), client_for(staff.ann)
    propose(made, staff.ann, {"customer_signer": signer, "name": "二期"})
    Contact.objects.filter(pk=signer.pk).delete()
    for page in ("change/", "change/submit/"):
        assert client.get(f"/contracts/{made.pk}/{page}").status_code == 200
    send(made, staff.ann)
    now = consistent(made)
    assert (now.name, now.customer_signer_id) == ("二期", None)


def test_a_folded_contact_signs_proposed_changes_no_more_and_the_undo_brings_it_back(staff):
    kept, gone = customer(staff.ann, "甲公司"), customer(staff.ann, "乙公司")
    stays, folded = (contact(at, "许一诺", mobile="13912345678") for at in (kept, gone))
    made = approved(staff.ann, at=gone)
    draft = propose(made, staff.ann, {"customer_signer": folded})
    done = merged(kept, gone, by=staff.boss)
    assert fresh(draft).data["fields"]["customer_signer_id"] == stays.pk
    undoing.undo(Undo.objects.get(pk=done.undo), by=staff.boss)
    assert fresh(draft).data == draft.data and fresh(made).customer_id == gone.pk
    merged(kept, gone, by=staff.boss)
    send(made, staff.ann)
    assert consistent(made).customer_signer_id == stays.pk


def test_a_contract_and_the_one_that_follows_it_are_purged_together(staff):
    at = customer(staff.ann)
    made = approved(staff.ann, at=at, opportunity=opportunity(staff.ann, at))
    copying.renew(made, by=staff.ann)
    voiding.void(made, "签错了", by=staff.boss)
    delete_customers(Customer.objects.filter(pk=at.pk), by=staff.boss)
    purge_customers(Customer.objects.filter(pk=at.pk), by=staff.admin)
    assert not Contract.objects.exists()


def test_an_opportunity_with_a_contract_stays_with_its_customer(staff):
    at, other = customer(staff.ann, "甲公司"), customer(staff.ann, "乙公司")
    sale = opportunity(staff.ann, at)
    made = contract(staff.ann, at, opportunity=sale)
    move = modules.get("opportunity").verb("update")
    with pytest.raises(ValidationError, match="商机已有合同“一期实施合同”"):
        move(fresh(sale), {"customer": other}, version=fresh(sale).version, by=staff.ann)
    assert fresh(sale).customer_id == at.pk
    services.delete_contracts(Contract.objects.filter(pk=made.pk), by=staff.ann)
    Contract.objects.filter(pk=made.pk).update(opportunity=None)
    move(fresh(sale), {"customer": other}, version=fresh(sale).version, by=staff.ann)


@pytest.mark.parametrize("name", ["opportunity", "customer_signer"])
def test_a_contract_with_the_opportunity_or_signer_of_another_customer_is_not_submitted(staff, name):
    at, other = customer(staff.ann, "甲公司"), customer(staff.ann, "乙公司")
    named = contact(at) if name == "customer_signer" else opportunity(staff.ann, at)
    made = contract(staff.ann, at, **{name: named})
    type(named).objects.filter(pk=named.pk).update(customer=other)
    answer = client_for(staff.ann).post(f"/contracts/{made.pk}/submit/")
    assert answer.status_code == 422 and "应是该客户的" in answer.content.decode()
    assert (fresh(made).status, fresh(made).number) == ("draft", "")
    assert not Opportunity.objects.filter(state="won").exists()


@pytest.mark.parametrize("name", ["signed_on", "starts_on", "ends_on"])
def test_a_day_before_1900_is_no_day_of_a_contract(staff, name):
    at = customer(staff.ann)
    sent = {"customer": at.pk, "name": "旧合同", "amount": "1", "signed_on": "2026-11-01", "owner": staff.ann.pk}
    page = client_for(staff.ann).post("/contracts/new/", {**sent, name: "0001-01-01", "_submit": "1"})
    assert "日期不能早于 1900 年" in page.content.decode() and not Contract.objects.exists()
    with pytest.raises(ValidationError, match="1900"):
        propose(approved(staff.ann, at=at), staff.ann, {name: date(1899, 12, 31)})


@pytest.mark.parametrize(
    ("starts", "ends"),
    [(None, date(9999, 12, 31)), (date(2026, 1, 1), date(9999, 12, 31)), (date(2000, 1, 1), date(9000, 1, 1))],
)
def test_a_contract_without_an_end_is_renewed_without_days(staff, starts, ends):
    made, client = approved(staff.ann, starts_on=starts, ends_on=ends), client_for(staff.ann)
    assert client.get(f"/contracts/{made.pk}/renew/").status_code == 200
    assert client.post(f"/contracts/{made.pk}/renew/").status_code == 302
    draft = Contract.objects.get(renewed_from=made)
    assert (draft.starts_on, draft.ends_on) == (None, None)
    execution.follow_dates(timezone.now())
    execution.remind(timezone.now())
