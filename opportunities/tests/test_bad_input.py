"""What no page sends: keys that are none, forms that lack the field a check speaks of, stages the kept facts do not know."""

import pytest

from crm.records import fieldset, services
from customers.models import Contact
from customers.tests.importing import run
from opportunities import pipelines
from opportunities.models import Opportunity, Stage
from orgs.tests.factories import client_for, role

from .factories import contact, customer, opportunity, set_stage

LONG = "9" * 30


@pytest.mark.parametrize("key", ["²", LONG, "-1", "1e5"])
def test_keys_that_are_none_are_refused_by_every_picker(staff, key):
    one, client = opportunity(staff.ann), client_for(staff.ann)
    for page in ("", "board/", "forecast/"):
        assert client.get(f"/opportunities/{page}", {"owner": key}).status_code == 200
    assert client.get("/opportunities/new/", {"customer": key, "decider": key, "owner": key}).status_code == 200
    assert client.get(f"/opportunities/{one.pk}/people/new/", {"contact": key}).status_code == 200
    for page in ("new/", f"{one.pk}/people/new/"):
        data = {"customer": key, "name": "新", "contact": key, "attitude": "for"}
        assert client.post(f"/opportunities/{page}", data).status_code == 200
    assert Opportunity.objects.count() == 1


def test_several_picked_refuse_them_too(staff):
    data = {"name": "新组", "idle_days": "", "close_days": ""}
    for key in ("²", LONG):
        answer = client_for(staff.boss).post("/settings/pipelines/new/", {**data, "departments": [key]})
        assert answer.status_code == 422


def test_conditions_nested_without_end_are_ignored_with_a_notice(staff):
    answer = client_for(staff.ann).get("/opportunities/forecast/", {"where": "[" * 3000})
    assert answer.status_code == 200
    assert "高级筛选已忽略" in answer.content.decode()


def test_a_check_of_a_field_the_form_lacks_is_said_on_top(staff):
    one, client = opportunity(staff.ann), client_for(staff.ann)
    person, elsewhere = contact(one.customer), customer(staff.ann, "别家")
    Opportunity.objects.filter(pk=one.pk).update(decider=person)
    services.update(Contact.objects.get(pk=person.pk), {"customer": elsewhere}, version=person.version, by=staff.ann)
    stage = set_stage(one.pipeline.stages.all()[1], required=["amount"])
    words = "决策人应是该客户的联系人"
    data = {"stage": stage.pk, "filled": "1", "amount": "5"}
    assert words in client.post(f"/opportunities/{one.pk}/move/", data).content.decode()
    data = {"to": f"s{stage.pk}", "fill": "1", "amount": "5", "version": one.version}
    assert words in client.post(f"/opportunities/board/{one.pk}/move/", data).content.decode()
    own = role("seller")
    own.field_rights = {"opportunity": {"decider": fieldset.READ}}
    own.save()
    data = {"customer": elsewhere.pk, "name": "改", "version": one.version}
    Opportunity.objects.filter(pk=one.pk).update(decider=contact(one.customer, "二"))
    assert words in client.post(f"/opportunities/{one.pk}/edit/", data).content.decode()
    one.refresh_from_db()
    assert (one.name, one.amount) == ("数据中台一期", None)


def test_a_stage_the_kept_facts_do_not_know_yet_does_not_break_the_board(staff):
    one = opportunity(staff.ann)
    pipelines.every()
    new = Stage.objects.create(pipeline=one.pipeline, name="新段", probability=10, order=99)
    Opportunity.objects.filter(pk=one.pk).update(stage=new)
    client = client_for(staff.ann)
    assert client.get("/opportunities/board/").status_code == 200
    pipelines.touch()
    page = client.get("/opportunities/board/")
    assert {one["lane"].key: one["lane"].count for one in page.context["lanes"]}[f"s{new.pk}"] == 1


def test_moments_before_all_times_are_refused_by_form_and_import(staff):
    one = opportunity(staff.boss)
    data = {"customer": one.customer_id, "name": "改", "version": one.version, "next_contact_at": "0001-01-01 00:00"}
    answer = client_for(staff.boss).post(f"/opportunities/{one.pk}/edit/", data)
    assert "时间不能早于 1900 年" in answer.content.decode()
    header = ("商机名称", "客户", "下次联系时间")
    job = run(staff.boss, header, ("新", one.customer.name, "0001-01-01 00:00"), module="opportunity")
    assert (job.result["created"], job.result["failed"]) == (0, 1)


def test_an_imported_stay_does_not_end_before_it_begins(staff):
    at = customer(staff.boss)
    job = run(
        staff.boss,
        ("商机名称", "客户", "状态", "进入阶段时间", "关闭时间"),
        ("早就赢了", at.name, "赢单", "", "2020-01-01 10:00"),
        ("倒着的", at.name, "赢单", "2021-01-01 10:00", "2020-01-01 10:00"),
        module="opportunity",
    )
    assert job.result["created"] == 2
    for one in Opportunity.objects.all():
        stay = one.entries.first()
        assert stay.entered_at == stay.left_at == one.stage_since == one.closed_at
