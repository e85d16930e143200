"""线索分配: which rule, whose turn, when, and how many."""

from datetime import datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.notices.models import Message
from crm.records import periodic, services
from crm.records.models import OperationLog
from customers.models import OwnerCap, Pool, PoolEvent
from customers.pools import book
from customers.pools import services as pools
from leads.models import AssignmentRule, Lead, LeadGift, LeadIntake
from leads.rules import services as rules
from leads.tests.intake import MONDAY, hours, item, lead, rule
from orgs.models import OrgLog, Role
from orgs.tests.factories import department, employee

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    return [employee(name) for name in ("甲", "乙", "丙")]


def give(*leads, by=None, now=MONDAY):
    return rules.assign_by_rules([one.pk for one in leads], by=by, now=now)


def owners(*leads):
    names = dict(Lead.objects.filter(pk__in=[one.pk for one in leads]).values_list("pk", "owner__name"))
    return [names[one.pk] for one in leads]


# Turns ----------------------------------------------------------------------------------------------------------------
def test_leads_go_round_and_the_turn_goes_on_with_the_next_call(team):
    rule(*team)
    leads = [lead(f"线索{n}") for n in range(5)]
    give(*leads[:2])
    give(*leads[2:])
    assert owners(*leads) == ["甲", "乙", "丙", "甲", "乙"]


def test_a_given_lead_is_in_following_with_dates_a_log_row_and_one_message_for_all(team):
    one = rule(team[0])
    leads = [lead("山河科技"), lead("海川科技")]
    give(*leads)
    got = Lead.objects.get(pk=leads[0].pk)
    assert (got.status, got.assigned_by, got.assigned_at, got.received_at) == ("following", None, MONDAY, MONDAY)
    assert (got.pool, got.pooled_at, got.pool_reason, got.version) == (None, None, "", 2)
    row = OperationLog.objects.get(object_id=got.pk, code="lead.assigned")
    assert (row.actor, row.text) == (None, "按规则“轮流”分配给甲")
    assert [(c["label"], c["old"], c["new"]) for c in row.changes] == [
        ("负责人", "", "甲"),
        ("状态", "未分配", "跟进中"),
    ]
    message = Message.objects.get(recipient=team[0])
    assert message.title == "2 个新线索分配给您" and "山河科技、海川科技" in message.body
    assert PoolEvent.objects.filter(object_id=got.pk, action="assigned", owner=team[0]).count() == 1
    assert set(one.gifts.values_list("employee", "lead", "fallback")) == {(team[0].pk, x.pk, False) for x in leads}


def test_departments_count_with_those_below_but_only_active_people_who_may_look_at_leads():
    east = department("华东")
    below = department("苏州组", east)
    first, second = employee("甲", ["seller"], below), employee("乙", ["seller"], east)
    employee("财务", ["finance"], below)
    employee("停用", ["seller"], below, is_active=False)
    employee("别处", ["seller"], department("华南"))
    rule(departments=[east])
    leads = [lead(f"线索{n}") for n in range(4)]
    give(*leads)
    assert owners(*leads) == ["甲", "乙", "甲", "乙"] and first.pk < second.pk


def test_somebody_disabled_loses_their_turn(team):
    rule(*team)
    team[1].is_active = False
    team[1].save()
    leads = [lead(f"线索{n}") for n in range(3)]
    give(*leads)
    assert owners(*leads) == ["甲", "丙", "甲"]


def test_a_fixed_rule_gives_everything_to_one_person(team):
    rule(name="固定", way="fixed", person=team[2])
    leads = [lead("一"), lead("二")]
    give(*leads)
    assert owners(*leads) == ["丙", "丙"]


# Conditions -----------------------------------------------------------------------------------------------------------
def test_the_first_rule_whose_conditions_all_hold_decides(team):
    web, phone = item("customer.source", "网络营销"), item("customer.source", "电话营销")
    rule(team[0], name="江苏网络", conditions={"source": [web.pk], "areas": ["江苏省"]})
    rule(team[1], name="杭州", conditions={"areas": ["浙江省/杭州市"]})
    rule(team[2], name="其余的电话", conditions={"source": [phone.pk]})
    leads = [
        lead("a", source=web, province="江苏省", city="苏州市"),
        lead("b", source=phone, province="江苏省"),
        lead("c", source=phone, province="浙江省", city="杭州市"),
        lead("d", source=phone, province="浙江省", city="宁波市"),
        lead("e", source=web, province="浙江省"),
    ]
    outcome = give(*leads)
    assert owners(*leads) == ["甲", "丙", "乙", "丙", None]
    assert [one.name for one in outcome.unmatched] == ["e"]
    assert Lead.objects.get(name="e").version == 1


def test_campaign_industry_and_web_form_are_conditions(team):
    campaign, industry = item("lead.campaign"), item("customer.industry")
    rule(team[0], name="展会", conditions={"campaign": [campaign.pk], "industry": [industry.pk]})
    leads = [lead("a", campaign=campaign, industry=industry), lead("b", campaign=campaign)]
    give(*leads)
    assert owners(*leads) == ["甲", None]


def test_a_condition_whose_value_was_deleted_matches_nothing_instead_of_everything(team):
    rule(team[0], conditions={"source": [999_999]})
    one = lead("a")
    give(one)
    assert owners(one) == [None]


def test_disabled_rules_give_nothing(team):
    one = rule(team[0])
    AssignmentRule.objects.filter(pk=one.pk).update(enabled=False)
    found = lead("a")
    assert give(found).unmatched == [found]


# Caps -----------------------------------------------------------------------------------------------------------------
def test_the_daily_cap_holds_over_several_calls_and_starts_anew_at_midnight(team):
    rule(*team[:2], daily_cap=2)
    leads = [lead(f"线索{n}") for n in range(6)]
    give(*leads[:3])
    outcome = give(*leads[3:])
    assert owners(*leads) == ["甲", "乙", "甲", "乙", None, None]
    assert {why for _, _, why in outcome.waiting} == {"没有人可以接收"}
    late = MONDAY.replace(hour=23, minute=59)
    assert not give(leads[4], now=late).given
    assert len(give(leads[4], leads[5], now=late + timedelta(minutes=1)).given) == 2


def test_the_cap_of_open_leads_counts_what_somebody_has_in_hand(team):
    rule(*team[:2], open_cap=2)
    mine = [lead(f"手上{n}", owner=team[0]) for n in range(2)]
    leads = [lead(f"线索{n}") for n in range(3)]
    give(*leads)
    assert owners(*leads) == ["乙", "乙", None]
    Lead.objects.filter(pk=mine[0].pk).update(status="dead", ended_at=timezone.now())
    assert owners(leads[2]) == [None] and give(leads[2]).given[0][1] == team[0]


def test_owner_caps_of_the_pools_are_kept(team):
    OwnerCap.objects.create(kind="lead", role=Role.objects.get(code="seller"), limit=1)
    rule(*team[:2])
    leads = [lead(f"线索{n}") for n in range(3)]
    give(*leads)
    assert owners(*leads) == ["甲", "乙", None]


# Nobody can -----------------------------------------------------------------------------------------------------------
def test_what_nobody_can_take_goes_to_the_fallback_person(team):
    rule(team[0], daily_cap=1, fallback_person=team[2])
    leads = [lead("a"), lead("b")]
    give(*leads)
    assert owners(*leads) == ["甲", "丙"]
    log = OperationLog.objects.get(object_id=leads[1].pk, code="lead.assigned")
    assert log.text == "按规则“轮流”分配给丙（没有别人可以接收）"


def test_what_nobody_can_take_goes_to_the_fallback_pool_and_waits_no_longer(team):
    other = Pool.objects.create(kind="lead", name="冷线索", order=20)
    book.touch("lead")
    rule(team[0], daily_cap=1, fallback_pool_id=other.pk)
    leads = [lead("a"), lead("b")]
    give(*leads)
    assert owners(*leads) == ["甲", None]
    got = Lead.objects.get(pk=leads[1].pk)
    assert (got.pool_id, got.pool_reason) == (other.pk, "规则“轮流”没有人可以接收")
    assert not rules.waiting().exists() and rules.run(MONDAY + timedelta(days=1)) == 0


# Working time ---------------------------------------------------------------------------------------------------------
def at(day, hour, minute=0):
    return timezone.make_aware(datetime(2027, 3, day, hour, minute))


@pytest.mark.parametrize(
    "moment,works",
    [
        (at(1, 8, 59), False),  # Monday
        (at(1, 9), True),
        (at(1, 17, 59), True),
        (at(1, 18), False),
        (at(6, 10), False),  # Saturday
        (at(7, 10), True),  # Sunday, made up
        (at(3, 10), False),  # Wednesday, a holiday
    ],
)
def test_working_time_is_weekdays_hours_holidays_and_days_made_up(moment, works):
    one = AssignmentRule(days=[0, 1, 2, 3, 4], holidays=["2027-03-03"], workdays=["2027-03-07"], **hours(9, 18))
    assert one.works_at(moment) is works


def test_the_next_working_time_skips_the_night_the_weekend_and_holidays():
    one = AssignmentRule(days=[0, 1, 2, 3, 4], holidays=["2027-03-08"], **hours(9, 18))
    assert one.works_from(at(1, 10)) == at(1, 10)
    assert one.works_from(at(1, 7)) == at(1, 9)
    assert one.works_from(at(1, 18)) == at(2, 9)
    assert one.works_from(at(5, 18)) == at(9, 9)
    assert AssignmentRule(days=[], workdays=["2020-01-01"]).works_from(at(1, 1)) is None


def test_leads_of_the_night_wait_in_the_pool_and_the_periodic_job_gives_them_in_the_morning(team):
    rule(team[0], days=[0, 1, 2, 3, 4], **hours(9, 18))
    one = lead("夜里来的")
    assert give(one, now=at(1, 22)).waiting
    got = Lead.objects.get(pk=one.pk)
    assert got.pool_reason == "等待分配：规则“轮流”不在工作时间" and list(rules.waiting()) == [one]
    assert OperationLog.objects.filter(object_id=one.pk, code="lead.waiting").count() == 1
    assert periodic.run("lead_rules", now=at(2, 8, 55)).result == "分配 0 个"
    assert OperationLog.objects.filter(object_id=one.pk, code="lead.waiting").count() == 1
    assert periodic.run("lead_rules", now=at(2, 9)).result == "分配 1 个"
    assert owners(one) == ["甲"] and not rules.waiting().exists()


def test_a_waiting_lead_somebody_claimed_and_released_does_not_wait_any_more(team):
    rule(team[1], days=[0], **hours(9, 18))
    one = lead("夜里来的")
    give(one, now=at(1, 22))
    assert pools.claim(pools.kinds.get("lead"), [one.pk], by=team[0]).done == [one.pk]
    pools.release(Lead.objects.filter(pk=one.pk), book.default("lead"), by=team[0], reason="其他")
    assert rules.run(at(8, 10)) == 0
    assert owners(one) == [None] and LeadIntake.objects.get(lead=one).waiting_since is None


def test_a_waiting_lead_no_rule_is_about_any_more_stops_waiting(team):
    made = rule(team[0], days=[0], **hours(9, 18))
    one = lead("夜里来的")
    give(one, now=at(1, 22))
    made.delete()
    assert rules.run(at(8, 10)) == 0 and not rules.waiting().exists()
    assert Lead.objects.get(pk=one.pk).pool_reason == "没有规则适用，不再等待分配"
    rule(team[0], name="新的")
    assert rules.run(at(8, 11)) == 0 and owners(one) == [None]


# What is left alone ---------------------------------------------------------------------------------------------------
def test_leads_in_hand_converted_dead_or_deleted_are_not_given(team):
    rule(team[2])
    mine = lead("跟进中", owner=team[0])
    Lead.objects.filter(pk=mine.pk).update(status="following")
    dead = lead("失效", status="dead", ended_at=timezone.now())
    gone = lead("已删除", deleted_at=timezone.now())
    outcome = give(mine, dead, gone)
    assert not outcome.given and owners(mine, dead, gone) == ["甲", None, None]


def test_an_unassigned_lead_of_the_list_changes_its_owner(team):
    rule(team[2])
    mine = lead("未分配", owner=team[0])
    assert not give(mine).given  # by itself the system takes nothing from anybody
    rules.assign_by_rules([mine.pk], by=team[1], owned=True)
    got = Lead.objects.get(pk=mine.pk)
    assert (got.owner, got.assigned_by, got.status) == (team[2], team[1], "following")
    changes = OperationLog.objects.get(object_id=mine.pk, code="lead.assigned").changes
    assert (changes[0]["old"], changes[0]["new"]) == ("甲", "丙")


def test_a_preview_writes_nothing_and_says_the_same_as_the_deed(team):
    made = rule(*team, daily_cap=1)
    leads = [lead(f"线索{n}") for n in range(4)]
    before = rules.preview(leads, now=MONDAY)
    assert LeadGift.objects.count() == 0 and AssignmentRule.objects.get(pk=made.pk).last_given == 0
    outcome = give(*leads)
    seen = [(found.pk, person.pk) for found, person, _, _ in before.given]
    assert seen == [(found.pk, person.pk) for found, person, _, _ in outcome.given]
    assert len(before.waiting) == len(outcome.waiting) == 1


def test_statements_are_as_many_for_5_leads_as_for_50(team):
    rule(*team)

    def counted(number):
        leads = [lead(f"线索{number}-{n}") for n in range(number)]
        with CaptureQueriesContext(connection) as found:
            give(*leads)
        return len(found)

    assert counted(5) == counted(50)


def test_the_database_refuses_rules_that_contradict_themselves(team):
    for values in (
        {"name": "a", **hours(18, 9)},
        {"name": "b", "way": "fixed"},
        {"name": "c", "way": "rotate", "person": team[0]},
        {"name": "d", "fallback_person": team[0], "fallback_pool": Pool.objects.get(kind="lead")},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            AssignmentRule.objects.create(**values)
        with pytest.raises(ValidationError):
            AssignmentRule(**values).full_clean()


def test_purging_a_lead_keeps_the_figures_of_the_rule(team):
    made = rule(team[0])
    one = lead("a")
    give(one)
    services.delete(Lead.objects.filter(pk=one.pk), by=team[0])
    services.purge(Lead.objects.filter(pk=one.pk), by=team[0])
    assert list(made.gifts.values_list("lead", "employee")) == [(None, team[0].pk)]


def test_rules_that_name_somebody_who_leaves_go_along_with_the_handover(team):
    from orgs.handover import parts

    rule(name="固定", way="fixed", person=team[0])
    rule(team[1], name="兜底", fallback_person=team[0])
    found = {
        key: [row.name for row in parts.ALL[key].rows(team[0])] for key in parts.ALL if key.startswith("lead_rules")
    }
    assert found == {"lead_rules_fixed": ["固定"], "lead_rules_fallback": ["兜底"]}
    part, row = parts.ALL["lead_rules_fixed"], AssignmentRule.objects.get(name="固定")
    part.written([row], "person", {row.pk: "乙"}, None, "离职交接")
    log = OrgLog.objects.get(code="lead_rule.handed")
    assert log.changes == [{"label": "固定负责人", "old": "甲", "new": "乙"}]
