"""The bar: moves, what a stage demands, closing, reopening, suggested actions, taking a move back."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.records import services as records
from crm.records.models import OperationLog, Undo
from crm.records.undoing import services as undoing
from opportunities import setting_services as settings
from opportunities import stages
from opportunities.models import Opportunity, Stage, StageEntry, Tick
from orgs.services.fields import create_field, retire_field
from orgs.tests.factories import client_for

from .factories import STAGE, opportunity, reason, set_stage, stage

XSS = '"><img src=x onerror=1>'
PASTES = ("长" * 10_000, XSS, "=1+1", "NaN", "1e30", "-1", "🐟")


def url(one, page=""):
    return f"/opportunities/{one.pk}/" + (f"{page}/" if page else "")


def entries(one):
    return [
        (entry.stage_name or entry.state, entry.left_at is not None)
        for entry in StageEntry.objects.filter(opportunity=one).order_by("pk")
    ]


def test_a_click_on_the_bar_moves_there_and_back_with_entries_log_and_a_way_back(staff):
    one, client = opportunity(staff.ann), client_for(staff.ann)
    page = client.get(url(one)).content.decode()
    assert 'name="stage"' in page
    assert "赢单" in page
    for name in ("方案报价", "需求确认"):
        answer = client.post(url(one, "move"), {"stage": stage(name).pk}, headers={"HX-Request": "true"})
        assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, url(one))
    one.refresh_from_db()
    assert one.stage.name == "需求确认"
    assert one.version == 3
    assert entries(one) == [("初步接洽", True), ("方案报价", True), ("需求确认", False)]
    log = OperationLog.objects.filter(object_id=one.pk, code="opportunity.moved").latest("pk")
    assert log.changes == [{"key": "stage", "label": "商机阶段", "old": "方案报价", "new": "需求确认"}]
    assert "撤销" in client.get(url(one)).content.decode()
    assert client.post(f"/undo/{log.undo_id}/", {}).status_code in (200, 302)
    one.refresh_from_db()
    assert one.stage.name == "方案报价"
    assert entries(one) == [("初步接洽", True), ("方案报价", False)]
    back = OperationLog.objects.filter(object_id=one.pk, code="opportunity.stage_undone").get()
    assert [change["label"] for change in back.changes] == ["商机阶段"]


def test_a_move_cannot_be_taken_back_once_the_opportunity_changed(staff):
    one = opportunity(staff.ann)
    stages.move(one, stage("方案报价"), by=staff.ann)
    stages.close(one, "won", by=staff.ann)
    entry = Undo.objects.get(action="stage")
    assert undoing.undo(entry, by=staff.ann) == (0, [("数据中台一期", "已不在您可操作的范围内")])
    one.refresh_from_db()
    assert (one.state, one.stage.name) == ("won", "方案报价")


def test_what_the_stage_demands_is_asked_for_in_place_and_saved_with_the_move(staff):
    one, client = opportunity(staff.ann), client_for(staff.ann)
    set_stage(stage("方案报价"), required=["amount", "expected_on"])
    to = stage("方案报价").pk
    asked = client.post(url(one, "move"), {"stage": to}, headers={"HX-Request": "true", "HX-Target": "dialog"})
    assert asked.status_code == 200
    assert set(asked.context["fields"].fields) == {"amount", "expected_on"}
    empty = client.post(url(one, "move"), {"stage": to, "filled": "1"}).content.decode()
    assert "请填写预计成交金额" in empty
    assert "这个字段是必填项" not in empty
    for paste in PASTES:
        bad = client.post(url(one, "move"), {"stage": to, "filled": "1", "amount": paste, "expected_on": paste})
        assert bad.context["fields"].errors, paste
        assert "<img src=x" not in bad.content.decode()
    one.refresh_from_db()
    assert (one.version, one.stage.name) == (1, "初步接洽")
    data = {"stage": to, "filled": "1", "amount": "12,000.50", "expected_on": "2026-12-31", "version": 1}
    assert client.post(url(one, "move"), data).status_code == 302
    one.refresh_from_db()
    assert (one.stage.name, str(one.amount), str(one.expected_on)) == ("方案报价", "12000.50", "2026-12-31")
    with pytest.raises(ValidationError, match="阶段必须填写"):
        opportunity(staff.ann, name="直接报价", stage=stage("方案报价"))


def test_custom_fields_can_be_demanded_until_they_are_retired(staff):
    row = create_field("opportunity", {"type": "line", "label": "项目背景", "options": []}, by=staff.boss)
    set_stage(stage("方案报价"), required=[row.key])
    one = opportunity(staff.ann)
    with pytest.raises(stages.Missing, match="项目背景"):
        stages.move(one, stage("方案报价"), by=staff.ann)
    answer = client_for(staff.ann).post(
        url(one, "move"), {"stage": stage("方案报价").pk, "filled": "1", row.key: "二期扩容"}
    )
    assert answer.status_code == 302
    one.refresh_from_db()
    assert (one.stage.name, one.extra) == ("方案报价", {row.key: "二期扩容"})
    retire_field(row, True, by=staff.boss)
    stages.move(opportunity(staff.ann, name="二期"), stage("方案报价"), by=staff.ann)


def test_doors_to_moving_answer_404_out_of_reach_403_in_sight_and_change_nothing(staff):
    one, to = opportunity(staff.ann), stage("方案报价").pk
    other = settings.create_pipeline(
        {"name": "渠道", "idle_days": None, "close_days": None, "departments": []}, by=None
    )
    foreign = other.stages.get().pk
    assert client_for(staff.eve).post(url(one, "move"), {"stage": to}).status_code == 404
    for wrong in (foreign, "x", "9" * 30, "-1", ""):
        assert client_for(staff.ann).post(url(one, "move"), {"stage": wrong}).status_code == 404
    stages.close(one, "won", by=staff.ann)
    for page in ("move", "tick"):
        closed = client_for(staff.ann).post(url(one, page), {"stage": to, "text": "x"})
        assert closed.status_code == 403
        assert "请先重新打开" in closed.content.decode()
    one.refresh_from_db()
    assert (one.stage.name, one.state) == ("初步接洽", "won")


def test_a_stale_move_is_refused(staff):
    one, client = opportunity(staff.ann), client_for(staff.ann)
    records.update(one, {"remark": "别人改的"}, version=1, by=staff.boss)
    client.post(url(one, "move"), {"stage": stage("方案报价").pk, "version": "1"})
    one.refresh_from_db()
    assert one.stage.name == "初步接洽"
    with pytest.raises(records.Stale):
        stages.move(one, stage("方案报价"), by=staff.ann, version=1)


@pytest.mark.parametrize("state", ["lost", "void"])
def test_losing_asks_a_reason_and_the_note_is_shown_escaped(staff, state):
    one, client = opportunity(staff.ann), client_for(staff.ann)
    bulk = f"/opportunities/bulk/{state}/"
    assert client.get(f"{bulk}?ids={one.pk}").status_code == 200
    data = {"ids": one.pk, "confirmed": "1"}
    assert "请选择原因" in client.post(bulk, data).content.decode()
    for paste in ("长" * 10_000,):
        assert "最多 500 个字" in client.post(bulk, {**data, "reason": reason().pk, "note": paste}).content.decode()
    assert client.post(bulk, {**data, "reason": reason().pk, "note": XSS}).status_code == 302
    one.refresh_from_db()
    assert (one.state, one.close_reason.label, one.close_note) == (state, "价格过高", XSS)
    for tab in ("stages", "log", "fields"):
        assert "<img src=x" not in client.get(url(one) + f"?tab={tab}").content.decode()
    assert entries(one) == [("初步接洽", True), (state, True)]


def test_bulk_close_touches_no_foreign_ids_and_reopening_is_a_permission(staff):
    one, foreign = opportunity(staff.ann), opportunity(staff.eve)
    client = client_for(staff.ann)
    answer = client.post(
        "/opportunities/bulk/won/", {"ids": f"{one.pk},{foreign.pk}", "confirmed": "1", "note": "签了"}
    )
    assert "已不在您可操作的范围内" in answer.content.decode()
    foreign.refresh_from_db()
    one.refresh_from_db()
    assert (one.state, foreign.state) == ("won", "open")
    reopened = {"ids": one.pk, "confirmed": "1"}
    assert client.post("/opportunities/bulk/reopen/", reopened).status_code == 403
    assert client_for(staff.boss).post("/opportunities/bulk/reopen/", reopened).status_code == 302
    one.refresh_from_db()
    assert (one.state, one.closed_at, one.close_note) == ("open", None, "")
    assert entries(one) == [("初步接洽", True), ("won", True), ("初步接洽", False)]
    assert OperationLog.objects.filter(object_id=one.pk, code="opportunity.reopened").count() == 1


def test_bulk_stage_changes_the_pipeline_too_and_names_those_that_lack_something(staff):
    other = settings.create_pipeline(
        {"name": "渠道", "idle_days": None, "close_days": None, "departments": []}, by=None
    )
    to = settings.create_stage(other, {**STAGE, "name": "立项", "required": ["amount"]}, by=None)
    full, empty = opportunity(staff.ann, name="有金额", amount=5), opportunity(staff.ann, name="没金额")
    data = {"ids": f"{full.pk},{empty.pk}", "confirmed": "1", "stage": to.pk}
    answer = client_for(staff.ann).post("/opportunities/bulk/stage/", data).content.decode()
    assert "没金额" in answer
    assert "请填写：预计成交金额" in answer
    full.refresh_from_db()
    empty.refresh_from_db()
    assert (full.pipeline, full.stage, empty.pipeline.is_default) == (other, to, True)
    changes = OperationLog.objects.filter(object_id=full.pk, code="opportunity.moved").latest("pk").changes
    assert [one["label"] for one in changes] == ["商机组", "商机阶段"]
    assert undoing.undo(Undo.objects.get(action="stage"), by=staff.ann) == (1, [])
    full.refresh_from_db()
    assert full.pipeline.is_default


def test_ticks_are_kept_per_opportunity_and_only_for_actions_of_the_stage(staff):
    set_stage(stage(), checklist=["约上门", "确认预算"])
    one, second, client = opportunity(staff.ann), opportunity(staff.ann, name="二期"), client_for(staff.ann)
    client.post(url(one, "tick"), {"text": "约上门", "done": "1"})
    client.post(url(one, "tick"), {"text": XSS, "done": "1"})
    assert list(Tick.objects.values_list("opportunity", "text")) == [(one.pk, "约上门")]
    assert "建议动作 1/2" in client.get(url(one)).content.decode()
    assert "建议动作 0/2" in client.get(url(second)).content.decode()
    client.post(url(one, "tick"), {"text": "约上门"})
    assert not Tick.objects.exists()
    assert OperationLog.objects.filter(object_id=one.pk, code="opportunity.ticked").count() == 2


def test_days_in_stages_add_up_over_returns_and_overdue_is_marked(staff):
    set_stage(stage("方案报价"), max_days=5)
    one = opportunity(staff.ann)
    now = timezone.now()
    StageEntry.objects.filter(opportunity=one).update(entered_at=now - timedelta(days=20))
    Opportunity.objects.filter(pk=one.pk).update(stage_since=now - timedelta(days=20))
    stages.move(one, stage("方案报价"), by=staff.ann)
    StageEntry.objects.filter(opportunity=one, left_at=None).update(entered_at=now - timedelta(days=8))
    Opportunity.objects.filter(pk=one.pk).update(stage_since=now - timedelta(days=8))
    page = client_for(staff.ann).get(url(one))
    shown = {row["name"]: row["days"] for row in page.context["bar"]["stages"]}
    assert (shown["初步接洽"], shown["方案报价"]) == (20, 8)
    assert page.context["bar"]["late_days"] == 3
    assert "is-late" in page.content.decode()


def test_the_page_of_an_opportunity_costs_the_same_with_a_long_history(staff):
    one, client = opportunity(staff.ann), client_for(staff.ann)
    counts = []
    for _ in range(2):
        for tab in ("people", "competitors", "stages"):
            client.get(url(one) + f"?tab={tab}")
            with CaptureQueriesContext(connection) as queries:
                client.get(url(one) + f"?tab={tab}")
            counts.append(len(queries))
        for n in range(12):
            stages.move(one, Stage.objects.filter(pipeline=one.pipeline_id)[n % 2 + 1], by=staff.ann)
    assert counts[:3] == counts[3:]
    assert max(counts) <= 20, counts
