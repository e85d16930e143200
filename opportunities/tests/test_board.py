"""The kanban: which cards and sums stand where, for whom, and what moving one does."""

import datetime
import json
import re
import threading
from decimal import Decimal

import pytest
from django.core import signing
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.records import fieldset, modules, services
from crm.records.listquery import ListQuery
from crm.records.models import OperationLog
from crm.records.views import totals
from customers.models import Customer
from opportunities.board import lanes as board
from opportunities.models import Opportunity, Pipeline, Stage, StageEntry
from opportunities.services import create_opportunity
from orgs.models import Role
from orgs.tests.factories import client_for, department, employee

XSS = '"><img src=x onerror=1>'
MODULE = modules.get("opportunity")


def deal(customer, owner, *, name="商机", stage=0, amount="100.00", state="open", **more) -> Opportunity:
    pipeline = more.pop("pipeline", None) or Pipeline.objects.get(is_default=True)
    made = Opportunity(name=name, customer=customer, owner=owner, pipeline=pipeline, amount=amount, **more)
    made.stage = pipeline.stages.all()[stage]
    create_opportunity(made, by=owner)
    if state != "open":
        Opportunity.objects.filter(pk=made.pk).update(state=state, closed_at=timezone.now())
    return made


@pytest.fixture
def east(db):
    """Two sellers of a department with their manager, one seller of another, an administrator of everything."""
    here, there = department("华东"), department("华南")
    boss = employee("经理", ["sales_manager"], here)
    people = {
        "boss": boss,
        "seller": employee("甲", ["seller"], here, supervisor=boss),
        "other": employee("乙", ["seller"], here, supervisor=boss),
        "far": employee("丙", ["seller"], there),
        "root": employee("超管", ["super"]),
    }
    for key in ("seller", "other", "far"):
        person = people[key]
        people[f"{key}_customer"] = services.create(Customer(name=f"{key}公司", owner=person), by=person)
    return people


def lanes(client, **query) -> dict:
    """{lane: (count, total, weighted)} as the page's context has them."""
    page = client.get("/opportunities/board/", query)
    assert page.status_code == 200
    return {
        one["lane"].key: (one["lane"].count, one["lane"].total, one["lane"].weighted) for one in page.context["lanes"]
    }


def move(client, made, to, *, htmx=True, **data):
    headers = {"HX-Request": "true"} if htmx else {}
    values = {"to": to, "from": f"s{made.stage_id}", "version": made.version, **data}
    return client.post(f"/opportunities/board/{made.pk}/move/", values, headers=headers)


def told(response) -> dict:
    return json.loads(response["HX-Trigger"])


# Sums ---------------------------------------------------------------------------------------------------------------------
def test_lanes_add_up_exactly_what_each_person_may_see_and_what_the_list_adds_up(east):
    states = ["open", "open", "won", "lost", "void"]
    for key in ("seller", "other", "far"):
        for place, state in enumerate(states):
            deal(east[f"{key}_customer"], east[key], stage=place % 4, amount="0.10", state=state)
            deal(east[f"{key}_customer"], east[key], stage=place % 4, amount="999999999999.99", state=state)
    for key, people in (("seller", 1), ("boss", 2), ("root", 3)):
        client = client_for(east[key])
        found = lanes(client)
        state = ListQuery(MODULE, east[key], {})
        assert sum(count for count, _, _ in found.values()) == state.rows.count() == people * 10
        whole = totals.exact_sum(state.rows, totals._expression(MODULE.by_key["amount"]))
        assert sum(total for _, total, _ in found.values()) == whole == people * 5 * Decimal("1000000000000.09")
        first = Stage.objects.order_by("order").first()
        assert found[f"s{first.pk}"] == (
            2 * people,
            people * Decimal("1000000000000.09"),
            people * Decimal("100000000000.01"),
        )
        assert found["won"][2] == found["won"][1]
        page = client.get("/opportunities/board/")
        assert page.context["totals"]["total"] == people * 3 * Decimal("1000000000000.09")


def test_conditions_of_the_list_narrow_the_board_and_stay_in_the_switch(east):
    deal(east["seller_customer"], east["seller"], name="甲的")
    deal(east["other_customer"], east["other"], name="乙的")
    client = client_for(east["boss"])
    page = client.get("/opportunities/board/", {"owner": east["other"].pk, "view": "open"})
    assert page.context["totals"]["count"] == 1
    html = page.content.decode()
    assert "乙的" in html and "甲的" not in html
    assert f"/opportunities/?owner={east['other'].pk}&amp;view=open" in html
    listed = client.get("/opportunities/", {"owner": east["other"].pk})
    assert f"/opportunities/board/?owner={east['other'].pk}" in listed.content.decode()
    odd = client.get("/opportunities/board/", {"bogus": "1", "pipeline": "99999", "stage": "x", "where": "{", "q": XSS})
    assert odd.status_code == 200 and "bogus" in odd.content.decode() and XSS not in odd.content.decode()


def test_one_pipeline_at_a_time(east):
    second = Pipeline.objects.create(name="大客户", order=20)
    stage = second.stages.create(name="立项", probability=40, order=10)
    deal(east["seller_customer"], east["seller"], pipeline=second, amount="50")
    client = client_for(east["seller"])
    assert sum(count for count, _, _ in lanes(client).values()) == 0
    assert lanes(client, pipeline=second.pk)[f"s{stage.pk}"] == (1, Decimal(50), Decimal(20))


def test_amounts_that_a_role_hides_or_masks_leave_no_sum_and_no_amount(east):
    deal(east["seller_customer"], east["seller"], name="有金额", amount="31415.92")
    role = Role.objects.get(code="seller")
    for level in (0, 1):
        role.field_rights = {"opportunity": {"amount": level, "customer": 0, "expected_on": level}}
        role.save()
        client = client_for(east["seller"])
        html = client.get("/opportunities/board/").content.decode()
        assert "有金额" in html and "31,415" not in html and "3.14 万" not in html and "加权" not in html
        board_part = html[html.index('id="board"') :]
        assert "seller公司" not in board_part
        assert client.get("/opportunities/forecast/").status_code == 403
    role.field_rights = {"opportunity": {"stage": 0}}
    role.save()
    client = client_for(east["seller"])
    assert client.get("/opportunities/board/").status_code == 403
    assert "看板" not in client.get("/opportunities/").content.decode()


# Cards --------------------------------------------------------------------------------------------------------------------
def test_a_lane_shows_twenty_cards_and_the_rest_comes_without_gaps_or_repeats(east):
    today = timezone.localdate()
    days = [None, today, today + datetime.timedelta(days=3), today - datetime.timedelta(days=5)]
    made = [
        deal(east["seller_customer"], east["seller"], name=f"第{n}个", expected_on=days[n % 4]).pk for n in range(47)
    ]
    client = client_for(east["seller"])
    html = client.get("/opportunities/board/").content.decode()
    seen = [int(pk) for pk in re.findall(r'id="deal-(\d+)"', html)]
    assert len(seen) == 20 and "还有 27 个" in html
    while more := re.search(r'hx-get="([^"]+lane/[^"]+after[^"]+)"', html):
        html = client.get(more[1].replace("&amp;", "&")).content.decode()
        seen += [int(pk) for pk in re.findall(r'id="deal-(\d+)"', html)]
    assert sorted(seen) == made and len(set(seen)) == 47
    wanted = Opportunity.objects.filter(pk__in=made)
    by_day = sorted(wanted, key=lambda one: (one.expected_on is None, one.expected_on or today, one.pk))
    assert seen == [one.pk for one in by_day]


def test_ends_are_walked_by_the_moment_they_were_reached(east):
    now = timezone.now()
    made = [deal(east["seller_customer"], east["seller"], state="lost") for _ in range(25)]
    for place, one in enumerate(made):
        Opportunity.objects.filter(pk=one.pk).update(closed_at=now - datetime.timedelta(minutes=place % 7))
    client = client_for(east["seller"])
    html = client.get("/opportunities/board/").content.decode()
    assert "deal-" not in re.sub("deal-menu", "", html)
    first = client.get("/opportunities/board/lane/", {"lane": "lost"})
    more = re.search(r'hx-get="([^"]+)"', first.content.decode())[1].replace("&amp;", "&")
    seen = re.findall(r'id="deal-(\d+)"', first.content.decode() + client.get(more).content.decode())
    wanted = Opportunity.objects.filter(state="lost").order_by("-closed_at", "pk").values_list("pk", flat=True)
    assert [int(pk) for pk in seen] == list(wanted)


@pytest.mark.parametrize("token", ["x", "WzEsMl0:1abc:zzz", "' OR 1=1", "\x00"])
def test_a_forged_position_or_lane_reaches_nothing(east, token):
    deal(east["far_customer"], east["far"], name="远方")
    client = client_for(east["seller"])
    first = Stage.objects.order_by("order").first()
    page = client.get("/opportunities/board/lane/", {"lane": f"s{first.pk}", "after": token})
    assert page.status_code == 200 and "远方" not in page.content.decode()
    assert client.get("/opportunities/board/lane/", {"lane": token}).status_code == 404


def test_a_card_says_overdue_idle_and_whose_it_is_and_is_fixed_where_one_may_only_look(east):
    today, past = timezone.localdate(), timezone.now() - datetime.timedelta(days=20)
    late = deal(east["seller_customer"], east["seller"], name=XSS, expected_on=today - datetime.timedelta(days=1))
    Opportunity.objects.filter(pk=late.pk).update(moved_at=past, updated_at=past)
    colleague = deal(east["seller_customer"], east["other"], name="同事的")
    html = client_for(east["seller"]).get("/opportunities/board/").content.decode()
    assert XSS not in html and "&lt;img" in html
    card = html[html.index(f'id="deal-{late.pk}"') :].split("</article>")[0]
    assert "20 天未动" in card and "k-danger-text" in card and "负责人 甲" in card and "data-deal" in card
    fixed = html[html.index(f'id="deal-{colleague.pk}"') :].split("</article>")[0]
    assert "data-deal" not in fixed and "data-deal-menu" not in fixed


def test_statements_and_html_do_not_grow_with_the_rows(east):
    client = client_for(east["boss"])
    deal(east["seller_customer"], east["seller"])
    counts = []
    for number in (4, 60):
        for place in range(number):
            deal(east["seller_customer"], east["seller"], stage=place % 4)
        client.get("/opportunities/board/")
        with CaptureQueriesContext(connection) as seen:
            page = client.get("/opportunities/board/")
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 14, counts
    assert len(page.content) < 90_000


# Moving -------------------------------------------------------------------------------------------------------------------
def test_a_move_changes_the_stage_and_answers_the_card_and_two_heads(east):
    made = deal(east["seller_customer"], east["seller"], amount="300")
    client, second = client_for(east["seller"]), Stage.objects.order_by("order")[1]
    answer = move(client, made, f"s{second.pk}")
    made.refresh_from_db()
    assert answer.status_code == 200 and made.stage == second
    html = answer.content.decode()
    assert set(re.findall(r'id="head-(\w+)"', html)) == {f"s{Stage.objects.order_by('order')[0].pk}", f"s{second.pk}"}
    assert f'id="deal-{made.pk}"' in html and 'id="board-totals"' in html
    assert told(answer)["board-place"] == {"pk": made.pk, "lane": f"s{second.pk}"}
    assert OperationLog.objects.filter(code="opportunity.moved", object_id=made.pk).count() == 1
    assert move(client, made, f"s{second.pk}", htmx=False).status_code == 302


def test_a_move_of_somebody_elses_is_refused_by_address_and_by_body(east):
    hidden = deal(east["far_customer"], east["far"])
    seen = deal(east["seller_customer"], east["other"])
    client, second = client_for(east["seller"]), Stage.objects.order_by("order")[1]
    assert move(client, hidden, f"s{second.pk}").status_code == 404
    refused = move(client, seen, f"s{second.pk}")
    assert refused.status_code == 403 and "不在您负责的范围内" in refused.content.decode()
    foreign = Pipeline.objects.create(name="别的", order=9).stages.create(name="一", probability=1)
    mine = deal(east["seller_customer"], east["seller"])
    for lane in (f"s{foreign.pk}", "s0", "", "open", "s99999999999999999999", XSS):
        assert move(client, mine, lane).status_code == 404
    assert StageEntry.objects.filter(opportunity__in=[hidden, seen, mine]).count() == 3


def test_an_old_card_is_refused_and_answers_where_the_record_stands_now(east):
    made = deal(east["seller_customer"], east["seller"])
    client, (_, second, third, _) = client_for(east["seller"]), Stage.objects.order_by("order")
    assert move(client, made, f"s{second.pk}").status_code == 200
    late = move(client, made, f"s{third.pk}")
    assert late.status_code == 422 and told(late)["toast"]["error"]
    assert told(late)["board-place"]["lane"] == f"s{second.pk}" and "刚被别人修改" in told(late)["toast"]["text"]
    for version in ("", "x", "-1", "1e30", "9" * 40):
        assert move(client, made, f"s{third.pk}", version=version).status_code == 422
    Opportunity.objects.filter(pk=made.pk).update(state="won", closed_at=timezone.now())
    closed = move(client, made, f"s{third.pk}")
    assert closed.status_code == 422 and told(closed)["board-place"]["lane"] == "won"
    made.refresh_from_db()
    assert made.stage == second


def test_what_a_stage_demands_is_asked_for_in_place(east):
    made = deal(east["seller_customer"], east["seller"], amount=None)
    client, second = client_for(east["seller"]), Stage.objects.order_by("order")[1]
    Stage.objects.filter(pk=second.pk).update(required=["amount", "expected_on", "remark"])
    asked = move(client, made, f"s{second.pk}")
    assert asked["HX-Retarget"] == "#dialog" and told(asked) == {"board-back": {"pk": made.pk}}
    assert set(re.findall(r'name="(\w+)"', asked.content.decode())) == {
        "csrfmiddlewaretoken",
        "to",
        "from",
        "version",
        "fill",
        "amount",
        "expected_on",
        "remark",
    }
    for bad in ("NaN", "1e30", "-1", "0.001", "=1+1", ""):
        wrong = move(client, made, f"s{second.pk}", fill="1", amount=bad, expected_on="2027-01-31", remark="某家")
        assert wrong.status_code == 422 and wrong["HX-Retarget"] == "#dialog"
    short = move(client, made, f"s{second.pk}", fill="1", amount="5", expected_on="", remark="某" * 10_000)
    assert "最多 500 个字" in short.content.decode()
    made.refresh_from_db()
    assert made.amount is None and made.stage != second
    filled = {"amount": "12000.50", "expected_on": "2027-01-31", "remark": "某家😀", "owner": east["far"].pk}
    done = move(client, made, f"s{second.pk}", fill="1", **filled)
    assert done.status_code == 200 and told(done)["board-place"]["lane"] == f"s{second.pk}"
    made.refresh_from_db()
    assert (made.amount, made.stage, made.owner) == (Decimal("12000.50"), second, east["seller"])


def test_a_demanded_field_one_may_not_fill_is_named(east):
    made = deal(east["seller_customer"], east["seller"], amount=None)
    role, second = Role.objects.get(code="seller"), Stage.objects.order_by("order")[1]
    role.field_rights = {"opportunity": {"amount": 2}}
    role.save()
    Stage.objects.filter(pk=second.pk).update(required=["amount"])
    refused = move(client_for(east["seller"]), made, f"s{second.pk}")
    assert refused.status_code == 422 and "预计成交金额" in told(refused)["toast"]["text"]
    forged = move(client_for(east["seller"]), made, f"s{second.pk}", fill="1", amount="5")
    made.refresh_from_db()
    assert forged.status_code == 422 and made.amount is None


def test_ends_ask_for_a_reason(east):
    made = deal(east["seller_customer"], east["seller"])
    client = client_for(east["seller"])
    asked = move(client, made, "lost")
    assert asked["HX-Retarget"] == "#dialog" and 'name="reason"' in asked.content.decode()
    without = move(client, made, "lost", fill="1", note="x")
    assert without.status_code == 422 and "请选择原因" in without.content.decode()
    too_long = move(client, made, "lost", fill="1", note="字" * 501)
    assert "最多 500 个字" in too_long.content.decode()
    won = move(client, made, "won", fill="1", note="签了")
    made.refresh_from_db()
    assert won.status_code == 200 and (made.state, made.close_note) == ("won", "签了")
    assert told(won)["board-place"]["lane"] == "won"


def test_a_move_out_of_what_the_board_shows_takes_the_card_away(east):
    made = deal(east["seller_customer"], east["seller"])
    first, second = Stage.objects.order_by("order")[:2]
    url = f"/opportunities/board/{made.pk}/move/?stage={first.pk}"
    data = {"to": f"s{second.pk}", "from": f"s{first.pk}", "version": made.version}
    answer = client_for(east["seller"]).post(url, data, headers={"HX-Request": "true"})
    assert 'hx-swap-oob="delete"' in answer.content.decode()


def test_order_never_tells_what_may_not_be_read(east):
    role = Role.objects.get(code="seller")
    role.field_rights = {"opportunity": {"expected_on": 1, "closed_at": 0}}
    role.save()
    fields = fieldset.of(MODULE, type(east["seller"]).objects.get(pk=east["seller"].pk))
    assert board.order_of(fields, ended=True) == [("pk", False)]


@pytest.mark.pg
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_of_two_who_drag_the_same_card_at_once_one_wins():
    person = employee("甲", ["seller"], department("华东"))
    customer = services.create(Customer(name="甲公司", owner=person), by=person)
    made, targets = deal(customer, person), list(Stage.objects.order_by("order"))[1:3]
    clients, start, answers = [client_for(person), client_for(person)], threading.Barrier(2), []

    def go(client, stage):
        start.wait()
        answers.append((move(client, made, f"s{stage.pk}").status_code, stage))
        connection.close()

    threads = [threading.Thread(target=go, args=pair) for pair in zip(clients, targets, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made.refresh_from_db()
    assert sorted(status for status, _ in answers) == [200, 422]
    assert made.stage == next(stage for status, stage in answers if status == 200)
    assert made.entries.count() == 2 and made.entries.filter(left_at=None).count() == 1


def test_a_card_dropped_where_it_stands_offers_no_way_back_from_an_older_move(east):
    made = deal(east["seller_customer"], east["seller"])
    client, there = client_for(east["seller"]), made.pipeline.stages.all()[1]
    assert told(move(client, made, f"s{there.pk}"))["toast"]["undo"]
    made.refresh_from_db()
    assert not told(move(client, made, f"s{there.pk}"))["toast"]["undo"]


def test_a_position_of_another_kind_of_lane_starts_at_the_front(east):
    made = deal(east["seller_customer"], east["seller"], name="在谈的")
    stage = Stage.objects.order_by("order").first()
    for values in (["2026-13-45", made.pk], [5, made.pk], ["x", made.pk]):
        token = signing.dumps(values, salt="kaihai.board")
        page = client_for(east["seller"]).get("/opportunities/board/lane/", {"lane": f"s{stage.pk}", "after": token})
        assert page.status_code == 200 and "在谈的" in page.content.decode(), values
