"""Several people at once, on PostgreSQL: one submission, one renewal, consecutive numbers, no deadlock with the customer."""

import pytest
from django.core.exceptions import ValidationError

from contracts import copying, services
from contracts.models import Contract, ContractVersion
from contracts.tests.factories import approved, contract
from customers.models import Customer
from opportunities import stages
from opportunities.tests import quoting
from opportunities.tests.factories import customer, opportunity
from opportunities.tests.test_races import at_once
from orgs.tests.factories import employee

pytestmark = [pytest.mark.pg, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def test_a_contract_submitted_twice_at_once_is_approved_once():
    ann = employee("安")
    for n in range(4):
        made = contract(ann, name=f"第{n}份")
        found = at_once(*[lambda made=made: services.submit(made, by=ann).pk for _ in range(3)])
        assert sorted(map(str, found)) == sorted([str(made.pk), *[str(ValidationError)] * 2])
        assert ContractVersion.objects.filter(contract=made).count() == 1


def test_many_at_once_get_consecutive_numbers_and_the_customer_its_figures():
    ann = employee("安")
    at = customer(ann)
    deal = opportunity(ann, at)
    made = [contract(ann, at, name=f"第{n}份", opportunity=deal) for n in range(12)]
    acts = [lambda one=one: services.submit(one, by=ann).number for one in made]
    acts += [lambda: stages.close(deal, "won", by=ann).pk, lambda: opportunity(ann, at, name="另一个").pk]
    found = at_once(*acts)
    numbers = sorted(int(one[-4:]) for one in found[:12])
    assert numbers == list(range(1, 13))
    fresh = Customer.objects.get(pk=at.pk)
    assert (fresh.deal_status, fresh.open_opportunities) == (1, 1)


def test_a_draft_deleted_while_it_is_submitted_is_one_or_the_other():
    ann = employee("安")
    for n in range(6):
        made = contract(ann, name=f"第{n}份")
        rows = Contract.objects.allowed(ann, "delete").filter(pk=made.pk)
        at_once(
            lambda made=made: services.submit(made, by=ann).pk,
            lambda rows=rows: services.delete_contracts(rows, by=ann),
        )
        made.refresh_from_db()
        assert (made.status == "approved") == (made.deleted_at is None), n


def test_two_clicks_at_once_make_one_renewal_and_one_contract_of_a_quotation():
    ann = employee("安")
    made = approved(ann)
    found = at_once(*[lambda: copying.renew(made, by=ann)[0].pk for _ in range(4)])
    assert len(set(found)) == 1 and Contract.objects.filter(renewed_from=made).count() == 1
    quotation = quoting.quote(quoting.opportunity(ann), by=ann)
    found = at_once(*[lambda: copying.from_quotation(quotation, by=ann)[0].pk for _ in range(4)])
    assert len(set(found)) == 1 and Contract.objects.filter(quotation=quotation).count() == 1
