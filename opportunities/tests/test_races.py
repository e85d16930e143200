"""Two people at once, on PostgreSQL: one move wins, a stage goes once, figures stay right."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connections

from crm.records import services as records
from customers.models import Customer
from opportunities import pipelines, stages
from opportunities import setting_services as settings
from opportunities.models import Opportunity, StageEntry
from orgs.tests.factories import employee

from .factories import customer, opportunity, reason, stage

pytestmark = [pytest.mark.pg, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def at_once(*acts):
    """Run these at once; [answer or the exception's type]."""

    def run(act):
        try:
            return act()
        except Exception as error:  # what a loser gets is what the test is about
            return type(error)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_of_two_moves_from_the_same_page_one_is_told_that_it_is_stale():
    ann = employee("安")
    for n in range(5):
        one = opportunity(ann, name=f"第{n}个")
        found = at_once(
            lambda one=one: stages.move(one, stage("方案报价"), by=ann, version=1).pk,
            lambda one=one: stages.move(one, stage("需求确认"), by=ann, version=1).pk,
        )
        assert sorted(map(str, found)) == sorted([str(one.pk), str(records.Stale)])
        assert StageEntry.objects.filter(opportunity=one, left_at=None).count() == 1
        assert StageEntry.objects.filter(opportunity=one).count() == 2


def test_twelve_at_once_leave_the_right_figures_at_the_customer():
    ann = employee("安")
    at = customer(ann)
    made = [opportunity(ann, at, name=f"第{n}个") for n in range(6)]
    acts = [lambda one=one: stages.close(one, "lost", by=ann, reason=reason()).pk for one in made[:4]]
    acts += [lambda n=n: opportunity(ann, at, name=f"新的{n}").pk for n in range(4)]
    assert all(isinstance(answer, int) for answer in at_once(*acts))
    found = Customer.objects.get(pk=at.pk)
    assert found.open_opportunities == Opportunity.objects.filter(state="open").count() == 6


def test_of_two_administrators_one_removes_the_stage_and_the_other_is_told():
    ann, boss = employee("安"), employee("总", ["super"])
    one, first = opportunity(ann), stage()
    found = at_once(
        lambda: settings.delete_stage(first, stage("需求确认"), by=boss),
        lambda: settings.delete_stage(first, stage("方案报价"), by=boss),
    )
    assert sorted(map(str, found)) == sorted(["1", str(ValidationError)])
    one.refresh_from_db()
    assert one.stage.name in ("需求确认", "方案报价")


def test_nobody_lands_in_a_stage_that_is_removed_in_the_same_moment():
    ann, boss = employee("安"), employee("总", ["super"])
    made = [opportunity(ann, name=f"第{n}个") for n in range(6)]
    going = stage("方案报价")
    acts = [lambda one=one: stages.move(one, stage("方案报价"), by=ann).pk for one in made]
    found = at_once(*acts, lambda: settings.delete_stage(going, stage("商务谈判"), by=boss))
    refused = [answer for answer in found if isinstance(answer, type)]
    assert {error.__name__ for error in refused} <= {IntegrityError.__name__, "DoesNotExist"}
    assert going.pk not in set(Opportunity.objects.values_list("stage", flat=True))
    assert "方案报价" not in [one.name for one in pipelines.default().stages.all()]
