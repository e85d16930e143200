"""Two at the same moment (PostgreSQL): approving, submitting, a new version, a link."""

import pytest
from django.core.exceptions import ValidationError

from approvals import services as approvals
from approvals.models import Approval
from customers.tests.test_care_races import at_once
from opportunities.quotes import approving, sharing

from .asking import People, asked, brought, fresh, pending, revise, todo
from .quoting import day, opportunity, quote

pytestmark = [pytest.mark.pg, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def made(people):
    asked(people)
    return quote(opportunity(people.seller), by=people.seller)


@pytest.mark.parametrize("_round", range(3))
def test_a_new_version_at_the_moment_of_the_approval_is_not_approved_along(_round):
    people = People()
    found = brought(made(people), people, "pending")
    place = todo(found)
    errors = at_once(
        lambda: approvals.approve(place, by=people.boss),
        lambda: revise(fresh(found), people.seller),
    )
    assert all(isinstance(error, ValidationError) for error in errors) and len(errors) <= 1
    states = dict(found.versions.values_list("number", "approval"))
    assert states[1] == "approved" and states.get(2, "") == ""


def test_submitting_and_a_new_version_of_the_same_page_leave_one_of_them():
    people = People()
    page = fresh(made(people))
    errors = at_once(
        lambda: approving.submit(page, version=page.version, by=people.seller),
        lambda: revise(page, people.seller),
    )
    assert len(errors) == 1 and isinstance(errors[0], ValidationError)
    states = dict(page.versions.values_list("number", "approval"))
    assert states in ({1: "pending"}, {1: "", 2: ""})


def test_four_submissions_at_once_are_one_approval():
    people = People()
    found = fresh(made(people))
    errors = at_once(*[lambda: approving.submit(found, by=people.seller)] * 4)
    assert len(errors) == 3 and all(isinstance(error, ValidationError) for error in errors)
    assert Approval.objects.filter(document="quotation").count() == 1


def test_withdrawing_at_the_moment_of_the_approval_leaves_one_end_and_a_link_only_for_an_approved_one():
    people = People()
    found = brought(made(people), people, "pending")
    place, waits = todo(found), pending(found)
    errors = at_once(
        lambda: approvals.approve(place, by=people.boss),
        lambda: approvals.withdraw(waits.pk, by=people.seller),
        lambda: sharing.share(found, 1, expires_on=day(3), by=people.seller),
    )
    assert all(isinstance(error, ValidationError) for error in errors) and len(errors) in (1, 2)
    state = fresh(found).current.approval
    assert state == Approval.objects.get(pk=waits.pk).state and state in ("approved", "withdrawn")
    assert not found.current.shares.exists() or state == "approved"
