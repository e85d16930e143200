"""Idle opportunities: the chip and the view agree, owners are reminded once a stay, the night closes what nobody touches."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.notices.models import Message
from crm.records.followups import services as followups
from crm.records.models import OperationLog
from crm.records.periodic import run as run_periodic
from crm.testing.followups import values
from opportunities import idle, stages
from opportunities.models import Opportunity, StageEntry
from opportunities.services import update_opportunity
from orgs.tests.factories import client_for

from .factories import opportunity, set_pipeline, set_stage, stage


def age(one, days):
    at = timezone.now() - timedelta(days=days)
    Opportunity.objects.filter(pk=one.pk).update(created_at=at, updated_at=at, moved_at=at, stage_since=at)
    StageEntry.objects.filter(opportunity=one).update(entered_at=at)
    one.refresh_from_db()


def listed(person, view):
    rows = client_for(person).get(f"/opportunities/?view={view}").context["rows"]
    return {row["pk"] for row in rows}


@pytest.mark.parametrize("days", [12, 13, 14, 15, 40])
def test_the_chip_and_the_view_say_the_same_on_every_day(staff, days):
    one = opportunity(staff.ann)
    age(one, days)
    shown = idle.idle_for(one)
    assert (shown is not None) == (days >= 14)
    assert (one.pk in listed(staff.ann, "idle")) == (days >= 14)
    if shown is not None:
        assert f"停滞 {days} 天" in client_for(staff.ann).get(f"/opportunities/{one.pk}/").content.decode()


def test_a_follow_up_an_edit_or_a_move_ends_it_and_without_a_rule_nothing_is_idle(staff):
    three = [opportunity(staff.ann, name=f"第{n}个") for n in range(3)]
    for one in three:
        age(one, 30)
    assert listed(staff.ann, "idle") == {one.pk for one in three}
    followups.write(three[0], values("聊了聊"), by=staff.ann)
    stages.move(three[1], stage("方案报价"), by=staff.ann)
    update_opportunity(three[2], {"remark": "改"}, version=three[2].version, by=staff.ann)
    assert listed(staff.ann, "idle") == set()
    for one in three[1:]:
        age(one, 30)
    assert listed(staff.ann, "idle") == {one.pk for one in three[1:]}
    set_pipeline(idle_days=None)
    assert listed(staff.ann, "idle") == set()


def test_views_of_expected_days(staff):
    today = timezone.localdate()
    late = opportunity(staff.ann, name="逾期", expected_on=today - timedelta(days=1))
    now = opportunity(staff.ann, name="今天", expected_on=today)
    opportunity(staff.ann, name="很久以后", expected_on=today + timedelta(days=90))
    assert listed(staff.ann, "overdue") == {late.pk}
    assert now.pk in listed(staff.ann, "due")
    both = f"/opportunities/?expected_from={today}&expected_to={today}"
    assert [row["pk"] for row in client_for(staff.ann).get(both).context["rows"]] == [now.pk]
    stages.close(late, "won", by=staff.ann)
    assert listed(staff.ann, "overdue") == set()
    home = client_for(staff.ann).get("/").content.decode()
    assert "停滞的商机" in home
    assert "逾期未成交的商机" in home


def test_the_night_closes_what_nobody_touched_with_log_message_and_reason(staff):
    set_pipeline(idle_days=7, close_days=30)
    old, fresh, bobs = opportunity(staff.ann), opportunity(staff.ann, name="新的"), opportunity(staff.bob, name="波的")
    age(old, 30)
    age(bobs, 45)
    age(fresh, 29)
    assert run_periodic("opportunity_close", by_hand=True).result == "关闭 2 个"
    old.refresh_from_db()
    fresh.refresh_from_db()
    assert (old.state, old.close_reason.label, fresh.state) == ("lost", "长期无进展", "open")
    assert old.customer.open_opportunities == 1
    assert [entry.state for entry in old.entries.all()] == ["open", "lost"]
    assert OperationLog.objects.get(object_id=old.pk, code="opportunity.closed").text == "自动输单"
    assert list(
        Message.objects.filter(kind="opportunity").values_list("recipient", flat=True).order_by("recipient")
    ) == [
        staff.ann.pk,
        staff.bob.pk,
    ]
    assert run_periodic("opportunity_close", by_hand=True).result == "关闭 0 个"


def test_owners_are_reminded_once_of_each_long_stay(staff):
    set_stage(stage(), remind_days=3, checklist=["约上门"])
    one, short = opportunity(staff.ann), opportunity(staff.ann, name="刚来")
    age(one, 3)
    age(short, 2)
    assert run_periodic("opportunity_reminders", by_hand=True).result == "提醒 1 人，1 个商机"
    message = Message.objects.get(kind="opportunity")
    assert (message.recipient, "约上门" in message.body) == (staff.ann, True)
    assert run_periodic("opportunity_reminders", by_hand=True).result == "提醒 0 人，0 个商机"
    stages.move(one, stage("方案报价"), by=staff.ann)
    stages.move(one, stage(), by=staff.ann)
    age(one, 5)
    StageEntry.objects.filter(opportunity=one, left_at=None).update(entered_at=timezone.now() - timedelta(days=5))
    assert run_periodic("opportunity_reminders", by_hand=True).result == "提醒 1 人，1 个商机"


def test_the_night_costs_the_same_statements_however_many_it_closes(staff):
    set_pipeline(idle_days=7, close_days=30)
    counts = []
    run_periodic("opportunity_close", by_hand=True)
    for number in (3, 12):
        for n in range(number):
            age(opportunity(staff.ann, name=f"{number}-{n}"), 60)
        with CaptureQueriesContext(connection) as queries:
            run_periodic("opportunity_close", by_hand=True)
        counts.append(len(queries))
    assert counts[0] == counts[1]
