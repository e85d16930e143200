"""开发计划: what is planned, what came of it, who may change it."""

from datetime import date, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.records import teams
from crm.records.models import OperationLog
from leads import services as verbs
from leads.models import PlanItem, Status
from leads.plan import services
from orgs.tests.factories import client_for

from .conftest import make, reason, rows

XSS = '"><img src=x onerror=1>'


@pytest.fixture
def lead(team):
    return make("线索甲", team.ann, status=Status.FOLLOWING)


@pytest.fixture
def item(team, lead):
    return services.add(lead, day=timezone.localdate() - timedelta(days=3), content="寄样品", by=team.ann)


def test_an_item_is_added_reworded_answered_and_deleted_by_the_owner_with_log_rows(team, lead):
    client, url = client_for(team.ann), f"/leads/{lead.pk}/plan/new/"
    assert client.post(url, {"day": "2026-03-02", "content": "上门拜访"}).status_code == 302
    item = PlanItem.objects.get()
    assert (item.day, item.content, item.created_by) == (date(2026, 3, 2), "上门拜访", team.ann)
    edit = {"content": "带方案上门", "day": "2027-01-01", "version": item.version}
    assert client.post(f"/leads/plan/{item.pk}/edit/", edit).status_code == 302
    item.refresh_from_db()
    assert (item.day, item.content, item.version) == (date(2026, 3, 2), "带方案上门", 2)
    client.post(f"/leads/plan/{item.pk}/result/", {"result": "对方要报价", "version": 2})
    item.refresh_from_db()
    assert item.result == "对方要报价" and item.result_at is not None
    client.post(f"/leads/plan/{item.pk}/delete/", {"version": 3})
    assert not PlanItem.objects.exists()
    codes = OperationLog.objects.filter(object_id=lead.pk, code__startswith="lead.plan").order_by("pk")
    expected = ["lead.plan_added", "lead.plan_updated", "lead.plan_result", "lead.plan_removed"]
    assert list(codes.values_list("code", flat=True)) == expected


@pytest.mark.parametrize(
    "sent, sentence",
    [
        ({"day": "", "content": "去"}, "请填写日期"),
        ({"day": "明天", "content": "去"}, "日期格式应为"),
        ({"day": "2026-02-30", "content": "去"}, "日期格式应为"),
        ({"day": "2026-03-01", "content": "  "}, "请填写计划内容"),
        ({"day": "2026-03-01", "content": "长" * 10_000}, "最多 500 个字"),
    ],
)
def test_wrong_input_is_refused_in_words(team, lead, sent, sentence):
    answer = client_for(team.ann).post(f"/leads/{lead.pk}/plan/new/", sent)
    assert sentence in answer.content.decode() and not PlanItem.objects.exists()


def test_odd_texts_stay_text(team, lead):
    client = client_for(team.ann)
    for text in (XSS, "=1+1", "🐟海产"):
        client.post(f"/leads/{lead.pk}/plan/new/", {"day": "2026-03-01", "content": text})
    page = client.get(f"/leads/{lead.pk}/?tab=plan").content.decode()
    assert "<img src=x" not in page and "=1+1" in page and "🐟海产" in page


def test_of_two_pages_the_older_one_is_refused_and_what_was_typed_stays(team, item):
    services.reword(item, content="先改的", version=1, by=team.manager)
    answer = client_for(team.ann).post(f"/leads/plan/{item.pk}/edit/", {"content": "后改的", "version": 1})
    assert "刚被别人改过或删除" in answer.content.decode() and "后改的" in answer.content.decode()
    for version in ("", "NaN", "-1", "1e30"):
        client_for(team.ann).post(f"/leads/plan/{item.pk}/delete/", {"version": version})
    item.refresh_from_db()
    assert item.content == "先改的"


def test_items_of_foreign_leads_are_404_and_those_of_visible_ones_403_and_nothing_changes(team, item):
    foreign = make("外地", team.eve, status=Status.FOLLOWING)
    other = services.add(foreign, day=date(2026, 3, 1), content="外地的", by=team.eve)
    before = list(PlanItem.objects.order_by("pk").values())
    client = client_for(team.ann)
    for page in ("edit", "result", "delete"):
        assert client.get(f"/leads/plan/{other.pk}/{page}/").status_code == 404
        sent = {"content": "夺", "result": "夺", "version": 1}
        assert client.post(f"/leads/plan/{other.pk}/{page}/", sent).status_code == 404
        assert client.get(f"/leads/plan/999999/{page}/").status_code == 404
    assert client.post(f"/leads/{foreign.pk}/plan/new/", {"day": "2026-03-01", "content": "夺"}).status_code == 404
    teams.add([item.lead], [team.eve], write=False, by=team.ann)
    reader = client_for(team.eve)
    page = reader.get(f"/leads/{item.lead_id}/?tab=plan").content.decode()
    assert "寄样品" in page and f"/leads/plan/{item.pk}/" not in page and "plan/new" not in page
    assert reader.post(f"/leads/plan/{item.pk}/edit/", {"content": "夺", "version": 1}).status_code == 403
    assert list(PlanItem.objects.order_by("pk").values()) == before


def test_only_a_followed_lead_has_a_plan_that_changes(team, item):
    new, client = make("新的", team.ann), client_for(team.ann)
    refused = client.get(f"/leads/{new.pk}/plan/new/")
    assert refused.status_code == 403 and "只有跟进中的线索" in refused.content.decode()
    with pytest.raises(ValidationError, match="只有跟进中的线索"):
        services.add(new, day=date(2026, 3, 1), content="去", by=team.ann)
    verbs.give_up(rows(item.lead), by=team.ann, reason=reason())
    page = client.get(f"/leads/{item.lead_id}/?tab=plan").content.decode()
    assert "寄样品" in page and f"/leads/plan/{item.pk}/" not in page
    assert client.post(f"/leads/plan/{item.pk}/result/", {"result": "迟", "version": 1}).status_code == 403
    with pytest.raises(ValidationError, match="只有跟进中的线索"):
        services.record_result(item, result="迟", version=1, by=team.ann)


def test_what_is_due_stands_in_the_view_the_box_and_on_the_page(team, item):
    later = make("以后", team.ann, status=Status.FOLLOWING)
    services.add(later, day=timezone.localdate() + timedelta(days=2), content="以后再说", by=team.ann)
    client = client_for(team.ann)
    listed = client.get("/leads/?view=plan").context["rows"]
    assert [row["pk"] for row in listed] == [item.lead_id]
    home = client.get("/").content.decode()
    assert "待执行的开发计划" in home
    page = client.get(f"/leads/{item.lead_id}/?tab=plan").content.decode()
    assert "逾期" in page and "下一步计划" in page
    services.record_result(item, result="收到", version=1, by=team.ann)
    assert client.get("/leads/?view=plan").context["rows"] == []


def test_the_tab_costs_the_same_for_five_items_and_for_fifty(team, lead):
    client, counts = client_for(team.ann), []
    url = f"/leads/{lead.pk}/?tab=plan"
    for number in (5, 45):
        for n in range(number):
            services.add(lead, day=date(2026, 3, 1), content=f"第 {n} 步", by=team.ann)
        client.get(url)
        with CaptureQueriesContext(connection) as queries:
            client.get(url)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 20
