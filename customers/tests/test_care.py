"""客户关怀: what the night makes of rules and plans, who sees it, how it is closed."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.notices.models import Message
from crm.records import services as records
from crm.records import teams
from crm.records.followups import services as followups
from crm.records.models import DictionaryItem, FollowUp, OperationLog
from crm.testing.base import CANARY, XSS
from crm.testing.followups import values
from customers.care import days, making, queries, services
from customers.models import CareRule, CareTask, ChurnState, Contact, ContactPlan, Customer
from customers.pools import book
from orgs.models import OrgLog
from orgs.tests.factories import client_for, department, employee, role

pytestmark = pytest.mark.django_db
TODAY = date(2027, 2, 20)


@pytest.fixture
def people():
    east, south = department("华东"), department("华南")
    manager = employee("华东经理", ["sales_manager"], east)
    return {
        "manager": manager,
        "seller": employee("甲", ["seller"], east, supervisor=manager),
        "stranger": employee("丙", ["seller"], south),
    }


def item(code, label=""):
    found = DictionaryItem.objects.filter(dictionary=code)
    return found.get(label=label) if label else found.first()


def level(letter):
    return DictionaryItem.objects.get(dictionary="customer.level", label__startswith=letter)


def customer(owner, name="青岚公司", **more):
    record = records.create(Customer(name=name, owner=owner), by=owner)
    Customer.objects.filter(pk=record.pk).update(**more)
    return Customer.objects.get(pk=record.pk)


def contact(of, name, born):
    return records.create(Contact(name=name, customer=of, owner=of.owner, birthday=born), by=of.owner)


def rule(kind, levels=None, **more):
    made = CareRule(name=f"{kind}规则", kind=kind, text=f"做{kind}", **more)
    return services.keep_rule(made, levels or {}, by=None)


def plan(of, *, period=10, due=None, **more):
    return services.keep_plan(
        of, by=of.owner, type=item("customer.plan_type"), period=period, next_on=due or timezone.localdate(), **more
    )


def tasks():
    return [(one.customer.name, one.occurs_on, one.due_on) for one in CareTask.objects.order_by("occurs_on", "pk")]


# Days -----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "born,first,found",
    [
        (date(2000, 2, 29), date(2027, 2, 20), date(2027, 2, 28)),
        (date(2000, 2, 29), date(2028, 2, 20), date(2028, 2, 29)),
        (date(1990, 1, 3), date(2026, 12, 30), date(2027, 1, 3)),
        (date(1990, 3, 3), date(2027, 2, 20), None),
    ],
)
def test_a_birthday_of_29_february_is_the_28th_where_there_is_none(born, first, found):
    last = first + timedelta(days=10)
    assert days.birthday_in(born, first, last) == found
    assert (born.month * 100 + born.day in days.birthday_keys(first, last)) == (found is not None)


def test_holidays_are_fixed_yearly_or_typed_for_each_year():
    first, last = date(2026, 9, 1), date(2027, 10, 1)
    cases = {
        ("10-01", "", ()): [date(2026, 10, 1), date(2027, 10, 1)],
        ("yearly", "02-29", ()): [date(2027, 2, 28)],
        ("dates", "", ("2026-02-17", "2027-02-06")): [date(2027, 2, 6)],
    }
    for (holiday, month_day, typed), expected in cases.items():
        made = CareRule(kind="holiday", holiday=holiday, month_day=month_day, dates=list(typed))
        assert days.holidays(made, first, last) == expected


# The night ------------------------------------------------------------------------------------------------------------
def test_the_night_makes_each_occasion_once_for_the_customers_somebody_cares_for(people):
    seller = people["seller"]
    one, lost = customer(seller, "甲公司"), customer(seller, "流失公司", churn_state=ChurnState.LOST)
    pooled, gone = customer(seller, "公海公司"), customer(seller, "删了的")
    for of in (one, lost, pooled, gone):
        contact(of, "闰日", date(2000, 2, 29))
    contact(one, "不在窗口", date(1990, 6, 1))
    records.delete(Customer.objects.filter(pk=gone.pk), by=seller)
    Customer.objects.filter(pk=pooled.pk).update(owner=None, pool_id=book.default("customer").pk)
    rule("birthday", days_before=3)
    rule("birthday", days_before=3, active=False)
    assert making.run(TODAY) == 1
    assert making.run(TODAY) == 0
    assert making.run(TODAY + timedelta(days=1)) == 0
    assert tasks() == [("甲公司", date(2027, 2, 28), date(2027, 2, 25))]
    assert making.run(date(2028, 2, 26)) == 1  # next year again
    assert tasks()[-1][1:] == (date(2028, 2, 29), date(2028, 2, 26))


def test_rules_keep_to_their_levels_and_a_renewal_to_the_end_of_the_contract(people):
    seller, key = people["seller"], level("A")
    ends = TODAY + timedelta(days=30)
    customer(seller, "重点", level=key, contract_ends_on=ends)
    customer(seller, "普通", level=level("B"), contract_ends_on=ends)
    rule("renewal", {key: None}, days_before=30)
    rule("holiday", {key: None}, holiday="yearly", month_day="02-22")
    assert making.run(TODAY) == 2
    assert tasks() == [("重点", date(2027, 2, 22), date(2027, 2, 22)), ("重点", ends, TODAY)]


def test_a_rule_gives_plans_to_customers_without_their_own_and_takes_them_back(people):
    seller, today = people["seller"], timezone.localdate()
    key, normal = level("A"), level("B")
    met = timezone.now() - timedelta(days=400)
    one = customer(seller, "没有计划", level=key, created_at=met)
    own = customer(seller, "有计划", level=key, created_at=met)
    other = customer(seller, "别的级别", level=normal, created_at=met)
    stopped = customer(seller, "停止的", level=key, created_at=met)
    plan(own, period=99, due=today + timedelta(days=50))
    plan(stopped)
    services.stop_plan(stopped, by=seller)
    made = rule("contact", {key: 30}, plan_type=item("customer.plan_type", "拜访"))
    assert making.run(today) == 1
    assert making.run(today) == 0
    assert list(ContactPlan.objects.filter(rule=made).values_list("customer", "period", "next_on")) == [
        (one.pk, 30, today)
    ]
    assert ContactPlan.objects.get(customer=own).period == 99
    assert not ContactPlan.objects.filter(customer=other).exists()
    services.keep_rule(made, {normal: 7}, by=None)
    making.run(today)
    assert list(ContactPlan.objects.filter(rule=made).values_list("customer", flat=True)) == [other.pk]
    assert CareTask.objects.get().customer_id == other.pk
    services.switch_rule(made, False, by=None)
    making.run(today)
    assert not ContactPlan.objects.filter(rule=made).exists() and not CareTask.objects.exists()


def test_the_preview_says_what_the_nights_to_come_will_make(people):
    seller, today = people["seller"], timezone.localdate()
    one = customer(seller, "甲公司", level=level("A"), created_at=timezone.now() - timedelta(days=10))
    born = today + timedelta(days=20)
    contact(one, "生日近", date(1990, born.month, born.day))
    later = today + timedelta(days=50)
    contact(one, "生日远", date(1990, later.month, later.day))
    birthday = rule("birthday")
    regular = rule("contact", {level("A"): 15}, plan_type=item("customer.plan_type"))
    assert (making.preview(birthday, today), making.preview(regular, today)) == (1, 1)
    making.run(today)
    assert (making.preview(birthday, today), making.preview(regular, today)) == (1, 0)


# Follow-ups and plans -------------------------------------------------------------------------------------------------
def test_a_follow_up_fulfils_the_plan_and_the_next_date_counts_from_it(people):
    seller, today = people["seller"], timezone.localdate()
    one, other = customer(seller), customer(seller, "别家")
    person = contact(one, "王工", None)
    plan(one, due=today - timedelta(days=3))
    plan(other)
    making.run(today)
    written = followups.write(person, values("打了电话"), by=seller)
    task = CareTask.objects.get(customer=one)
    assert (task.state, task.followup_id, task.done_by_id) == ("done", written.pk, seller.pk)
    assert ContactPlan.objects.get(customer=one).next_on == today + timedelta(days=10)
    assert CareTask.objects.get(customer=other).state == "open"
    followups.write(one, values("又打了"), by=seller)
    assert CareTask.objects.filter(customer=one).count() == 1
    followups.write(one, values("提到别家"), by=seller, related=[other])
    assert CareTask.objects.get(customer=other).state == "open"  # on its timeline, but not with it


def test_changing_a_plan_moves_its_open_task_and_stopping_it_takes_it_away(people):
    seller, today = people["seller"], timezone.localdate()
    one = customer(seller)
    plan(one)
    making.run(today)
    plan(one, due=today + timedelta(days=5), owner=people["manager"])
    task = CareTask.objects.get()
    assert (task.due_on, task.owner_id) == (today + timedelta(days=5), people["manager"].pk)
    with pytest.raises(Exception, match="看不到这个客户"):
        plan(one, owner=people["stranger"])
    services.stop_plan(one, by=seller)
    assert not CareTask.objects.exists()
    assert OperationLog.objects.filter(code="customer.plan_changed").count() == 3


def test_the_plan_page_refuses_bad_values_and_keeps_them(people):
    one = customer(people["seller"])
    http, url = client_for(people["seller"]), f"/customers/{one.pk}/plan/"
    good = {
        "type": item("customer.plan_type").pk,
        "period": "7",
        "next_on": timezone.localdate() + timedelta(days=1),
        "owner": "",
    }
    for wrong in (
        {"period": "0"},
        {"period": "367"},
        {"period": "九"},
        {"next_on": "2020-01-01"},
        {"type": ""},
        {"owner": "999999"},
    ):
        assert http.post(url, good | wrong).context["form"].errors, wrong
    assert client_for(people["stranger"]).post(url, good).status_code == 404
    assert not ContactPlan.objects.exists()
    assert http.post(url, good).status_code == 302
    assert ContactPlan.objects.get().period == 7
    assert http.post(f"{url}stop/").status_code == 302 and not ContactPlan.objects.get().active
    assert "没有联系计划" in http.post(f"{url}stop/").content.decode()


# The pages ------------------------------------------------------------------------------------------------------------
def task(of, *, due=None, **more):
    due = due or timezone.localdate()
    return CareTask.objects.create(
        **{"customer": of, "kind": "holiday", "text": "问候", "occurs_on": due, "due_on": due} | more
    )


def test_the_page_shows_my_cares_by_tab_and_only_those_of_customers_i_see(people):
    seller, today = people["seller"], timezone.localdate()
    mine, hidden = customer(seller), customer(people["stranger"], CANARY)
    found = {
        "today": task(mine),
        "overdue": task(mine, due=today - timedelta(days=1)),
        "week": task(mine, due=today + timedelta(days=7)),
        "done": task(mine, due=today - timedelta(days=9), state="done", done_by=seller, done_at=timezone.now()),
    }
    task(mine, due=today + timedelta(days=8))
    foreign = task(hidden)
    task(customer(seller, "流失的", churn_state=ChurnState.LOST))
    http = client_for(seller)
    for tab, one in found.items():
        page = http.get(f"/care/?tab={tab}&who=mine")
        assert [row["task"].pk for row in page.context["rows"]] == [one.pk], tab
    assert [tab["count"] for tab in page.context["tabs"]] == [1, 1, 1, None]
    for who in ("mine", "team", "all"):
        assert CANARY not in http.get(f"/care/?who={who}").content.decode()
    assert http.get("/care/?kind=birthday").context["rows"] == []
    assert http.get("/care/?tab=x&who=y&kind=z&page=9").status_code == 200
    for verb in ("done", "skip"):
        assert http.get(f"/care/{foreign.pk}/{verb}/").status_code == 404
        assert http.post(f"/care/{foreign.pk}/{verb}/", {"reason": "x"}).status_code == 404
    assert CareTask.objects.get(pk=foreign.pk).state == "open"
    manager = client_for(people["manager"])
    assert manager.get("/care/").context["rows"] == []
    assert [row["task"].pk for row in manager.get("/care/?who=team").context["rows"]] == [found["today"].pk]


def test_who_may_only_read_the_customer_cannot_close_its_cares(people):
    one = customer(people["stranger"], "只读公司")
    made = task(one)
    teams.add([one], [people["seller"]], write=False, by=people["stranger"])
    http = client_for(people["seller"])
    rows = http.get("/care/?who=all").context["rows"]
    assert [(row["task"].pk, row["acts"]) for row in rows] == [(made.pk, False)]
    assert http.post(f"/care/{made.pk}/done/", {"result": "x"}).status_code == 403
    assert CareTask.objects.get().state == "open"


def test_finishing_writes_the_result_the_satisfaction_and_a_follow_up(people):
    seller = people["seller"]
    appointment = timezone.now() + timedelta(days=3)
    one = customer(seller, next_contact_at=appointment)
    made, http = task(one), client_for(seller)
    url, method = f"/care/{made.pk}/done/", item("followup.method").pk
    assert "请填写关怀结果" not in http.get(url).content.decode()
    for wrong in (
        {"write": "on", "channel": method},
        {"result": "长" * 501},
        {"satisfaction": "6"},
        {"result": "x" * 10_000},
    ):
        assert http.post(url, wrong).context["fields"].errors, wrong
    words = f"{XSS} 😀 =1+1"
    assert http.post(url, {"result": words, "satisfaction": "4", "write": "on", "channel": method}).status_code == 302
    made, one = CareTask.objects.get(), Customer.objects.get(pk=one.pk)
    assert (made.state, made.result, made.satisfaction, one.satisfaction) == ("done", words, 4, 4)
    assert FollowUp.objects.get(pk=made.followup_id).content == words
    assert one.next_contact_at == appointment
    assert {"customer.care_done", "customer.updated", "customer.followup_added"} <= set(
        OperationLog.objects.filter(object_id=one.pk).values_list("code", flat=True)
    )
    for page in (http.get("/care/?tab=done"), http.get(f"/customers/{one.pk}/?tab=care")):
        assert XSS not in page.content.decode() and "😀 =1+1" in page.content.decode()


def test_the_second_of_two_is_told_who_was_quicker(people):
    one = customer(people["seller"])
    made = task(one)
    services.done(CareTask.objects.get(pk=made.pk), by=people["seller"], result="先")
    answer = client_for(people["manager"]).post(f"/care/{made.pk}/skip/", {"reason": "晚了"})
    assert "甲已处理了这个关怀（已完成）" in answer.content.decode()
    assert CareTask.objects.get().result == "先"


def test_skipping_needs_a_reason_and_moves_the_plan_on(people):
    seller, today = people["seller"], timezone.localdate()
    one = customer(seller)
    plan(one)
    making.run(today)
    made, http = CareTask.objects.get(), client_for(seller)
    assert http.post(f"/care/{made.pk}/skip/", {"reason": " "}).context["fields"].errors
    assert http.post(f"/care/{made.pk}/skip/", {"reason": "客户休假"}).status_code == 302
    assert ContactPlan.objects.get().next_on == today + timedelta(days=10)
    assert OperationLog.objects.get(code="customer.care_skipped").text == "跳过关怀：电话联系客户（客户休假）"


def test_hidden_birthdays_and_satisfaction_stay_hidden(people):
    seller = people["seller"]
    one = customer(seller)
    born = contact(one, CANARY, date(1990, 5, 5))
    made, other = task(one, kind="birthday", contact=born), task(one)
    http = client_for(seller)
    assert CANARY in http.get("/care/").content.decode()
    own = role("seller")
    own.field_rights = {"contact": {"birthday": 0}, "customer": {"satisfaction": 1}}
    own.save()
    http = client_for(seller)
    for url in ("/care/", f"/customers/{one.pk}/?tab=care"):
        assert CANARY not in http.get(url).content.decode(), url
    assert http.get(f"/care/{made.pk}/done/").status_code == 404
    assert "satisfaction" not in http.get(f"/care/{other.pk}/done/").context["fields"].fields
    http.post(f"/care/{other.pk}/done/", {"result": "好", "satisfaction": "5"})
    assert Customer.objects.get().satisfaction is None and CareTask.objects.get(pk=other.pk).satisfaction is None


def test_the_page_asks_as_many_statements_for_many_cares_as_for_few(people):
    one, http = customer(people["seller"]), client_for(people["seller"])
    person = contact(one, "王工", date(1990, 5, 5))
    counted = []
    http.get("/care/")  # the first request of a session reads more
    for more in (2, 12):
        for n in range(more):
            task(one, kind="birthday", contact=person)
            task(customer(people["seller"], f"公司{more}-{n}"))
        with CaptureQueriesContext(
            connection,
        ) as found:
            assert len(http.get("/care/?size=100").context["rows"]) >= 2 * more
        counted.append(len(found))
    assert counted[0] == counted[1] <= 12


# Rules and messages ---------------------------------------------------------------------------------------------------
def test_the_settings_page_keeps_rules_and_says_what_is_wrong(people):
    admin = employee("管理员", ["admin"])
    http, url = client_for(admin), "/settings/care/new/"
    key = level("A").pk
    base = {"name": f"{XSS}😀", "text": "=1+1", "days_before": "3", "audience": "customers"}
    for wrong in (
        base | {"kind": "holiday"},
        base | {"kind": "holiday", "holiday": "yearly", "month_day": "02-30"},
        base | {"kind": "holiday", "holiday": "dates", "dates": "2026-02-30"},
        base | {"kind": "contact", "plan_type": item("customer.plan_type").pk},
        base | {"kind": "contact", f"days_{key}": "0", "plan_type": item("customer.plan_type").pk},
        base | {"kind": "birthday", "text": "长" * 201},
        base | {"kind": "birthday", "name": "x" * 10_000},
        base | {"kind": "birthday", "days_before": "91"},
        base | {"kind": "x"},
    ):
        assert http.post(url, wrong).context["form"].errors, wrong
    assert not CareRule.objects.exists()
    sent = base | {"kind": "holiday", "holiday": "dates", "dates": "2027-02-06\n2026-02-17", "levels": [key]}
    assert http.post(url, sent).status_code == 302
    made = CareRule.objects.get()
    assert (made.dates, [one.level_id for one in made.levels.all()]) == (["2026-02-17", "2027-02-06"], [key])
    page = http.get("/settings/care/").content.decode()
    assert XSS not in page and "😀" in page
    edit = http.get(f"/settings/care/{made.pk}/edit/").context["form"]
    assert edit["dates"].value() == "2026-02-17\n2027-02-06" and edit["levels"].value() == [key]
    for key in ("off", "on"):
        assert http.post(f"/settings/care/{made.pk}/switch/{key}/").status_code == 302
    assert http.post(f"/settings/care/{made.pk}/switch/x/").status_code == 404
    task(customer(people["seller"]), rule=made)
    assert "只能停用" in http.get(f"/settings/care/{made.pk}/delete/").content.decode()
    assert "不能删除" in http.post(f"/settings/care/{made.pk}/delete/").content.decode()
    CareTask.objects.all().delete()
    assert http.post(f"/settings/care/{made.pk}/delete/").status_code == 302 and not CareRule.objects.exists()
    assert OrgLog.objects.filter(code__startswith="care_rule.").count() == 4
    assert client_for(people["manager"]).post(url, sent).status_code == 403


def test_the_morning_sends_each_person_one_message(people):
    seller, today = people["seller"], timezone.localdate()
    one = customer(seller)
    task(one)
    task(one, due=today - timedelta(days=2))
    task(one, due=today + timedelta(days=1))
    task(one, owner=people["manager"])
    assert services.remind(today) == 2
    titles = {one.recipient.name: one.title for one in Message.objects.filter(kind="care")}
    assert titles == {"甲": "客户关怀：今天 1 个，逾期 1 个", "华东经理": "客户关怀：今天 1 个"}
    assert queries.due_by_person(today - timedelta(days=9)) == []
