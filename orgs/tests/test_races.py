"""What must hold when two administrators act at the same moment (real transactions, PostgreSQL only)."""

import threading

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from orgs import services
from orgs.models import Department, Employee
from orgs.tests.factories import department, employee

pytestmark = [pytest.mark.pg, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def at_once(*acts):
    """Run the acts in threads that start together; the exceptions they ended with, None where they succeeded."""
    start, ends = threading.Barrier(len(acts)), [None] * len(acts)

    def run(place, act):
        try:
            start.wait(timeout=10)
            act()
        except ValidationError as error:
            ends[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return ends


def fresh(person):
    return Employee.objects.get(pk=person.pk)


def test_two_super_administrators_disable_each_other_and_one_stays():
    for _ in range(5):
        Employee.objects.filter(roles__code="super").update(is_active=False)
        first, second = employee("甲", roles=("super",)), employee("乙", roles=("super",))
        at_once(
            lambda a=first, b=second: services.disable_employee(fresh(a), by=fresh(b)),
            lambda a=first, b=second: services.disable_employee(fresh(b), by=fresh(a)),
        )
        assert Employee.objects.filter(is_active=True, roles__code="super").count() == 1


def test_two_changes_of_supervisor_build_no_ring():
    for _ in range(5):
        first, second = employee("甲"), employee("乙")
        ends = at_once(
            lambda a=first, b=second: services.update_employee(fresh(a), {"supervisor": fresh(b)}, by=None),
            lambda a=first, b=second: services.update_employee(fresh(b), {"supervisor": fresh(a)}, by=None),
        )
        assert sum(error is not None for error in ends) == 1
        assert not (fresh(first).supervisor_id and fresh(second).supervisor_id)


def test_two_moves_of_departments_build_no_ring_and_keep_the_paths():
    for n in range(5):
        first, second = department(f"甲{n}"), department(f"乙{n}")
        ends = at_once(
            lambda a=first, b=second: services.update_department(
                a, {"parent": Department.objects.get(pk=b.pk)}, by=None
            ),
            lambda a=first, b=second: services.update_department(
                b, {"parent": Department.objects.get(pk=a.pk)}, by=None
            ),
        )
        assert sum(error is not None for error in ends) == 1
    for row in Department.objects.select_related("parent"):
        assert row.path == f"{row.parent.path if row.parent else '/'}{row.pk}/"
