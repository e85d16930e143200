"""Two people at once, on PostgreSQL: the sum of a contract holds, a number is registered once, nobody waits for ever."""

import pytest
from django.core.exceptions import ValidationError

from contracts.invoices import services, titles
from contracts.models import Contract, Invoice, InvoiceTitle
from contracts.tests import factories
from contracts.tests.billing import DAY, approved, draft, figures
from opportunities.tests.factories import customer
from opportunities.tests.test_races import at_once
from orgs.tests.factories import employee

pytestmark = [pytest.mark.pg, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def test_of_two_applications_of_sixty_percent_one_is_refused():
    ann = employee("安", ["seller"])
    for n in range(4):
        at = factories.approved(ann, name=f"第{n}份", amount="1000")
        both = [draft(ann, at, amount="600"), draft(ann, at, amount="600")]
        found = at_once(*[lambda one=one: services.submit(one, by=ann).status for one in both])
        assert sorted(map(str, found)) == sorted(["approved", str(ValidationError)])
        assert figures(at) == ("600.00", "0.00")
    numbers = sorted(Invoice.objects.exclude(number="").values_list("number", flat=True))
    assert [int(number[-4:]) for number in numbers] == [1, 2, 3, 4]


def test_ten_at_once_fill_the_contract_to_the_cent_and_the_eleventh_is_refused():
    ann = employee("安", ["seller"])
    at = factories.approved(ann, amount="1.00")
    made = [draft(ann, at, amount="0.10") for _ in range(11)]
    found = at_once(*[lambda one=one: services.submit(one, by=ann).status for one in made])
    assert found.count("approved") == 10 and found.count(ValidationError) == 1
    assert figures(at) == ("1.00", "0.00")


def test_one_number_is_registered_on_one_invoice_and_a_void_wins_or_loses_wholly():
    ann = employee("安", ["seller"])
    at = factories.approved(ann)
    one, other = approved(ann, at), approved(ann, at)
    found = at_once(
        *[lambda x=x: services.issue(x, number="77", on=DAY, version=x.version, by=ann).pk for x in (one, other)]
    )
    assert sum(isinstance(answer, int) for answer in found) == 1
    assert Invoice.objects.filter(invoice_number="77").count() == 1
    third = approved(ann, at)
    found = at_once(*[lambda: services.void(third, kind="void", reason="错", by=ann).status] * 2)
    assert sorted(map(str, found)) == sorted(["void", str(ValidationError)])
    assert figures(at) == ("2000.00", "0.00")


def test_a_customer_never_has_two_default_titles():
    ann = employee("安", ["seller"])
    at = customer(ann)
    acts = [
        lambda n=n: titles.keep(InvoiceTitle(customer=at, name=f"抬头{n}"), default=True, by=ann).pk for n in range(6)
    ]
    assert all(isinstance(answer, int) for answer in at_once(*acts))
    assert InvoiceTitle.objects.filter(customer=at, is_default=True).count() == 1
    assert Contract.objects.count() == 0
