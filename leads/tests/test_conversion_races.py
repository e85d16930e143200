"""Two at the same moment (PostgreSQL): one lead converted twice, one company out of two leads."""

import pytest
from django.core.exceptions import ValidationError

from crm.records import params
from customers.models import Contact, Customer
from customers.tests.test_care_races import at_once
from leads.models import Lead, Status
from orgs.tests.factories import employee

from .conversion import convert, lead, opportunity

pytestmark = [pytest.mark.pg, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def test_two_people_convert_the_same_lead_at_once_and_one_customer_is_made():
    seller, boss = employee("甲"), employee("超管", ["super"])
    one = lead(seller)
    errors = at_once(*[lambda: convert(one, opportunity=opportunity())] * 2, lambda: convert(one, by=boss))
    assert len(errors) == 2 and all(isinstance(error, ValidationError) for error in errors)
    assert Customer.objects.count() == Contact.objects.count() == 1
    assert Lead.objects.get().status == Status.CONVERTED


@pytest.mark.parametrize("rule", ["forbid", "warn"])
def test_the_same_company_out_of_two_leads_at_once_is_one_customer(rule):
    params.store("duplicate_names", rule)
    seller = employee("甲")
    rows = [
        lead(seller, name, contact_name=f"人{n}") for n, name in enumerate(["云澜智造有限公司", "云澜智造有限公司"])
    ]
    assert at_once(*[lambda one=one: convert(one) for one in rows]) == []
    assert Customer.objects.count() == 1 and Contact.objects.count() == 2
    assert set(Lead.objects.values_list("customer", flat=True)) == {Customer.objects.get().pk}


def test_leads_of_others_with_the_same_company_at_once_make_one_and_one_refusal():
    first, second = employee("甲", ["seller"]), employee("乙", ["seller"])
    rows = [lead(first), lead(second)]
    errors = at_once(*[lambda one=one: convert(one) for one in rows])
    assert len(errors) == 1 and "同名客户已存在" in str(errors[0])
    assert Customer.objects.count() == 1
