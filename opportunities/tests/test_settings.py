"""/settings/pipelines/: who may, what is refused, what happens to opportunities of a stage that goes."""

import pytest
from django.core.exceptions import ValidationError

from crm.records.models import OperationLog
from opportunities import pipelines, stages
from opportunities import setting_services as settings
from opportunities.models import Opportunity, Pipeline, Stage
from opportunities.services import delete_opportunities
from orgs.models import OrgLog
from orgs.tests.factories import client_for

from .factories import STAGE, customer, opportunity, reason, stage

ROOT = "/settings/pipelines/"
NEW = {"name": "渠道销售", "idle_days": None, "close_days": None, "departments": []}


def test_a_pipeline_is_made_changed_and_logged(staff):
    client = client_for(staff.boss)
    data = {"name": "渠道销售", "departments": [staff.south.pk], "idle_days": "7", "close_days": "30"}
    assert client.post(f"{ROOT}new/", data).status_code == 302
    made = Pipeline.objects.get(name="渠道销售")
    assert (made.idle_days, made.close_days, made.stages.count()) == (7, 30, 1)
    assert client.post(f"{ROOT}{made.pk}/", {**data, "name": "渠道", "version": 1}).status_code == 302
    stale = client.post(f"{ROOT}{made.pk}/", {**data, "name": "又改", "version": 1})
    assert "刚被别人修改过" in stale.content.decode()
    log = OrgLog.objects.filter(code="pipeline.updated").latest("pk")
    assert log.changes == [{"label": "名称", "old": "渠道销售", "new": "渠道"}]
    assert "渠道" in client.get(ROOT).content.decode()


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", ["", "长" * 10_000, "标准销售流程"]),
        ("idle_days", ["0", "-1", "NaN", "1e30", "x", "9" * 40]),
        ("close_days", ["0", "-1", "NaN", "3"]),
        ("departments", ["x", "999999"]),
    ],
)
def test_bad_input_of_a_pipeline_is_refused_in_words(staff, field, values):
    client, base = client_for(staff.boss), {"name": "新的", "idle_days": "7", "close_days": "30"}
    for value in values:
        answer = client.post(f"{ROOT}new/", {**base, field: value})
        assert answer.status_code == 422, value
        assert answer.context["form"].errors, value
    assert Pipeline.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", ["", "长" * 10_000, "需求确认"]),
        ("probability", ["", "101", "-1", "NaN", "1e30", "10.5"]),
        ("required", ["owner", "password", "f999"]),
        ("checklist", ["长" * 101, "\n".join(f"第{n}项" for n in range(30))]),
        ("max_days", ["0", "-1", "x"]),
    ],
)
def test_bad_input_of_a_stage_is_refused_in_words(staff, field, values):
    client, base = client_for(staff.boss), {"name": "新阶段", "probability": "20"}
    for value in values:
        answer = client.post(f"{ROOT}{pipelines.default().pk}/stages/new/", {**base, field: value})
        assert answer.status_code == 422, value
        assert answer.context["form"].errors, value
    assert Stage.objects.count() == 4


def test_markup_and_formulas_are_shown_as_they_are(staff):
    client = client_for(staff.boss)
    name = '"><img src=x>'
    data = {"name": name, "probability": "20", "checklist": "=1+1\n<b>约谈</b>", "required": ["amount"]}
    assert client.post(f"{ROOT}{pipelines.default().pk}/stages/new/", data).status_code == 302
    made = Stage.objects.get(name=name)
    assert made.checklist == ["=1+1", "<b>约谈</b>"]
    assert "<img src=x" not in client.get(ROOT).content.decode()
    one = opportunity(staff.ann, amount=1)
    stages.move(one, made, by=staff.ann)
    page = client_for(staff.ann).get(f"/opportunities/{one.pk}/").content.decode()
    assert "<img src=x" not in page
    assert "<b>约谈" not in page


def test_a_stage_in_use_goes_only_with_a_place_for_its_opportunities(staff):
    open_one, closed, binned = (opportunity(staff.ann, name=name) for name in ("进行中", "已关闭", "已删除"))
    stages.close(closed, "lost", by=staff.ann, reason=reason())
    delete_opportunities(Opportunity.objects.filter(pk=binned.pk), by=staff.ann)
    client, first, to = client_for(staff.boss), stage(), stage("需求确认")
    asked = client.get(f"/settings/stages/{first.pk}/delete/").content.decode()
    assert "有 3 个商机在这个阶段" in asked
    for wrong in ("", first.pk, "x", "999999"):
        assert client.post(f"/settings/stages/{first.pk}/delete/", {"to": wrong}).status_code == 422
    assert client.post(f"/settings/stages/{first.pk}/delete/", {"to": to.pk}).status_code == 302
    assert set(Opportunity.objects.values_list("stage", flat=True)) == {to.pk}
    assert [entry.stage_name for entry in open_one.entries.all()] == ["初步接洽", "需求确认"]
    for one in (open_one, closed, binned):
        log = OperationLog.objects.filter(object_id=one.pk, code="opportunity.moved").get()
        assert "阶段“初步接洽”被删除" in log.text
    assert OrgLog.objects.filter(code="stage.deleted").get().text == "删除阶段，3 个商机移到“需求确认”"
    with pytest.raises(ValidationError, match="刚被删除"):
        settings.delete_stage(first, to, by=staff.boss)
    assert pipelines.default().stages.count() == 3


def test_the_last_stage_the_default_pipeline_and_one_in_use_stay(staff):
    made = settings.create_pipeline(NEW, by=staff.boss)
    with pytest.raises(ValidationError, match="至少要有一个阶段"):
        settings.delete_stage(made.stages.get(), None, by=staff.boss)
    for refuse in (
        lambda: settings.delete_pipeline(pipelines.default(), by=staff.boss),
        lambda: settings.set_enabled(pipelines.default(), False, by=staff.boss),
    ):
        with pytest.raises(ValidationError, match="默认商机组"):
            refuse()
    one = opportunity(staff.ann, stage=made.stages.select_related("pipeline").get())
    with pytest.raises(ValidationError, match="里有 1 个商机"):
        settings.delete_pipeline(made, by=staff.boss)
    settings.set_enabled(made, False, by=staff.boss)
    assert made.pk not in [found.pk for found in pipelines.offered(staff.ann)]
    stages.close(one, "won", by=staff.ann)
    settings.set_enabled(made, True, by=staff.boss)
    settings.make_default(made, by=staff.boss)
    assert pipelines.default() == made
    codes = list(OrgLog.objects.filter(code__startswith="pipeline.").order_by("pk").values_list("code", flat=True))
    assert codes == ["pipeline.created", "pipeline.disabled", "pipeline.enabled", "pipeline.default"]


def test_pipelines_serve_their_departments_and_a_foreign_stage_is_no_choice(staff):
    made = settings.create_pipeline({**NEW, "departments": [staff.south]}, by=staff.boss)
    assert [one.name for one in pipelines.offered(staff.ann)] == ["标准销售流程"]
    assert {one.name for one in pipelines.offered(staff.eve)} == {"标准销售流程", "渠道销售"}
    assert len(pipelines.offered(staff.boss)) == 2
    data = {"name": "越权", "customer": customer(staff.ann).pk, "owner": staff.ann.pk, "stage": made.stages.get().pk}
    answer = client_for(staff.ann).post("/opportunities/new/", data)
    assert "stage" in answer.context["form"].errors
    assert not Opportunity.objects.exists()


def test_order_of_stages_and_pipelines(staff):
    client, first = client_for(staff.boss), stage()
    client.post(f"/settings/stages/{first.pk}/do/down/")
    assert [one.name for one in pipelines.every()[0].stages][:2] == ["需求确认", "初步接洽"]
    assert client.post(f"/settings/stages/{first.pk}/do/sideways/").status_code == 404
    made = settings.create_pipeline(NEW, by=staff.boss)
    client.post(f"{ROOT}{made.pk}/do/up/")
    assert [one.name for one in pipelines.every()] == ["渠道销售", "标准销售流程"]


def test_a_pipeline_has_at_most_fifteen_stages(staff):
    one = pipelines.default()
    for n in range(settings.MOST_STAGES - 4):
        settings.create_stage(one, {**STAGE, "name": f"阶段{n}"}, by=staff.boss)
    with pytest.raises(ValidationError, match="最多 15 个阶段"):
        settings.create_stage(one, {**STAGE, "name": "再来"}, by=staff.boss)
