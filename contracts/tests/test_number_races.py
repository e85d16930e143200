"""Numbers under concurrency, on PostgreSQL: consecutive, none twice, none lost, and kinds that leave each other alone."""

import threading
from datetime import date

import pytest
from django.db import connections, transaction

from contracts import services
from contracts.models import Contract
from contracts.tests import factories
from crm.records import numbering
from opportunities.tests.test_races import at_once
from orgs.tests.factories import employee

pytestmark = [pytest.mark.pg, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def places(numbers) -> list[int]:
    return sorted(int(number.rsplit("-", 1)[1]) for number in numbers)


def test_fifty_submitted_at_once_get_fifty_consecutive_numbers():
    ann = employee("安", ["seller"])
    made = [factories.contract(ann, name=f"第{n}份") for n in range(50)]
    found = at_once(*[lambda one=one: services.submit(one, by=ann).number for one in made])
    assert all(isinstance(number, str) for number in found), found
    assert places(found) == list(range(1, 51))
    assert places(Contract.objects.values_list("number", flat=True)) == list(range(1, 51))


def test_of_many_at_once_those_that_fail_leave_no_gap():
    ann = employee("安", ["seller"])
    made = [factories.contract(ann, name=f"第{n}份") for n in range(12)]

    def fails(one):
        with transaction.atomic():
            services.submit(one, by=ann)
            raise ZeroDivisionError

    acts = [
        lambda one=one, n=n: fails(one) if n % 3 == 0 else services.submit(one, by=ann).number
        for n, one in enumerate(made)
    ]
    found = [answer for answer in at_once(*acts) if answer is not ZeroDivisionError]
    assert places(found) == list(range(1, 9))


def test_two_kinds_of_document_do_not_wait_for_each_other_nor_do_two_months():
    taken, over = threading.Event(), threading.Event()

    def holds():
        with transaction.atomic():
            number = numbering.take("contract", day=date(2026, 11, 30))[0]
            taken.set()
            assert over.wait(20), "the other kind waited for this one"
            return number

    def passes():
        assert taken.wait(20)
        with transaction.atomic(), connections["default"].cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '3s'")
            found = [
                numbering.take("invoice", day=date(2026, 11, 30))[0],
                numbering.take("contract", day=date(2026, 12, 1))[0],
            ]
        over.set()
        return found

    assert at_once(holds, passes) == ["HT-202611-0001", ["KP-202611-0001", "HT-202612-0001"]]
