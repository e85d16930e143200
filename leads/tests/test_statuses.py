"""未分配, 跟进中, 已失效: who may do what in which status, through every door."""

import pytest
from django.core.exceptions import ValidationError

from crm.notices.models import Message
from crm.records import services as records
from crm.records.followups import services as followups
from crm.records.models import DictionaryItem, OperationLog, Undo
from crm.records.undoing import services as undoing
from crm.testing.followups import values
from leads import services
from leads.models import Lead, Status
from orgs.tests.factories import client_for, employee

from .conftest import make, reason, rows

HX = {"HX-Request": "true", "HX-Target": "dialog"}


def status(lead) -> str:
    lead.refresh_from_db()
    return lead.status


def test_a_lead_for_oneself_is_new_and_one_made_for_somebody_else_is_assigned_by_that(team):
    own, given = make("自己的", team.ann), make("给波的", team.bob, by=team.manager)
    assert (own.status, own.assigned_by, own.number[:3]) == (Status.NEW, None, "XS-")
    assert (given.status, given.assigned_by) == (Status.FOLLOWING, team.manager)
    assert given.assigned_at is not None and own.number != given.number


def test_assigning_gives_owner_status_and_a_message_and_can_be_undone(team):
    lead = make("线索甲", team.ann)
    before = Lead.objects.values().get(pk=lead.pk)
    assert services.assign(rows(lead), team.bob, by=team.manager) == 1
    lead.refresh_from_db()
    assert (lead.owner, lead.status, lead.assigned_by, lead.version) == (team.bob, Status.FOLLOWING, team.manager, 2)
    assert Message.objects.get(recipient=team.bob).title == "华东经理指派给您 1 个线索"
    assert OperationLog.objects.get(code="lead.assigned").text == "指派给波"
    assert undoing.undo(Undo.objects.get(action="assign"), by=team.manager) == (1, [])
    after = Lead.objects.values().get(pk=lead.pk)
    assert {k: v for k, v in after.items() if k != "version"} == {k: v for k, v in before.items() if k != "version"}


def test_assigning_to_the_owner_begins_their_lead_and_a_second_time_changes_nothing(team):
    lead = make("线索甲", team.ann)
    assert services.assign(rows(lead), team.ann, by=team.manager) == 1
    assert (status(lead), lead.owner) == (Status.FOLLOWING, team.ann)
    assert services.assign(rows(lead), team.ann, by=team.manager) == 0


@pytest.mark.parametrize("who, words", [("eve", "不在您的数据范围内"), ("gone", "已停用")])
def test_nobody_outside_the_reach_and_nobody_disabled_is_assigned_anything(team, who, words):
    gone = employee("离职", ["seller"], team.east, is_active=False)
    lead = make("线索甲", team.ann)
    with pytest.raises(ValidationError, match=words):
        services.assign(rows(lead), gone if who == "gone" else team.eve, by=team.manager)
    assert status(lead) == Status.NEW and lead.owner == team.ann


def test_the_pages_of_assigning_ask_for_function_reach_and_the_record(team):
    lead, foreign = make("线索甲", team.ann), make("外地线索", team.eve)
    url = "/leads/bulk/assign/"
    assert client_for(team.ann).get(f"{url}?ids={lead.pk}").status_code == 403
    manager = client_for(team.manager)
    assert manager.get(f"{url}?ids={foreign.pk}").status_code == 404
    assert "指派 1 个线索" in manager.get(f"{url}?ids={lead.pk}", headers=HX).content.decode()
    manager.post(url, {"ids": f"{foreign.pk}", "confirmed": "1", "owner": team.bob.pk})
    answer = manager.post(url, {"ids": lead.pk, "confirmed": "1", "owner": team.eve.pk}, headers=HX)
    assert answer.status_code == 422
    foreign.refresh_from_db()
    assert foreign.owner == team.eve and status(lead) == Status.NEW
    assert manager.post(url, {"ids": lead.pk, "confirmed": "1", "owner": team.bob.pk}, headers=HX).status_code == 204
    assert status(lead) == Status.FOLLOWING and lead.owner == team.bob


def test_a_transfer_makes_it_followed_and_its_undo_makes_it_new_again(team):
    lead = make("线索甲", team.ann)
    records.transfer(rows(lead), team.bob, by=team.ann)
    assert (status(lead), lead.owner) == (Status.FOLLOWING, team.bob)
    assert undoing.undo(Undo.objects.get(action="transfer"), by=team.ann) == (1, [])
    assert (status(lead), lead.owner) == (Status.NEW, team.ann)


def test_a_transfer_of_a_dead_lead_leaves_it_dead(team):
    lead = make("线索甲", team.ann)
    services.give_up(rows(lead), by=team.ann, reason=reason())
    records.transfer(rows(lead), team.bob, by=team.ann)
    assert (status(lead), lead.owner) == (Status.DEAD, team.bob)


def test_the_first_follow_up_of_the_owner_begins_the_lead_that_of_another_does_not(team):
    lead = make("线索甲", team.ann)
    followups.write(lead, values("经理看过"), by=team.manager)
    assert status(lead) == Status.NEW
    followups.write(lead, values("电话聊过"), by=team.ann)
    assert status(lead) == Status.FOLLOWING
    assert OperationLog.objects.filter(code="lead.followed", object_id=lead.pk).count() == 1
    followups.write(lead, values("再聊"), by=team.ann)
    assert OperationLog.objects.filter(code="lead.followed").count() == 1


def test_a_new_lead_is_deleted_by_its_creator_or_a_super_administrator_only(team):
    kept, mine, third = (make(name, team.ann) for name in ("一", "二", "三"))
    manager = client_for(team.manager)
    page = manager.get(f"/leads/{kept.pk}/").content.decode()
    assert "/leads/bulk/delete/" not in page and "编辑" in page
    refused = manager.get(f"/leads/bulk/delete/?ids={kept.pk}")
    assert refused.status_code == 403 and "未分配的线索只能由创建人删除" in refused.content.decode()
    answer = manager.post("/leads/bulk/delete/", {"ids": f"{kept.pk}"}).content.decode()
    assert "未分配的线索只能由创建人删除" in answer
    manager.post("/leads/bulk/delete/", {"ids": f"{kept.pk}", "confirmed": "1"})
    assert not Lead.objects.trashed().exists()
    client_for(team.ann).post("/leads/bulk/delete/", {"ids": f"{mine.pk}", "confirmed": "1"})
    client_for(team.boss).post("/leads/bulk/delete/", {"ids": f"{third.pk}", "confirmed": "1"})
    assert set(Lead.objects.trashed().values_list("name", flat=True)) == {"二", "三"}


def test_of_several_the_new_ones_of_others_are_named_and_left(team):
    new, old = make("新的", team.ann), make("跟进的", team.ann, status=Status.FOLLOWING)
    page = client_for(team.manager).post("/leads/bulk/delete/", {"ids": f"{new.pk},{old.pk}"}).content.decode()
    assert "另有 1 个未分配的线索只能由创建人删除" in page and "删除 1 个线索" in page


def test_an_assigned_lead_is_deleted_by_its_owner_and_wider_reach_not_by_its_creator_alone(team):
    lead = make("安的", team.ann)
    records.transfer(rows(lead), team.bob, by=team.ann)
    assert not Lead.objects.allowed(team.ann, "delete").filter(pk=lead.pk).exists()
    assert Lead.objects.allowed(team.bob, "delete").filter(pk=lead.pk).exists()
    assert Lead.objects.allowed(team.manager, "delete").filter(pk=lead.pk).exists()


def test_an_undo_of_a_deletion_keeps_to_the_creator_too(team):
    lead = make("甲", team.ann)
    records.delete(rows(lead), by=team.ann)
    entry = Undo.objects.get(action="delete")
    done, failed = undoing.undo(entry, by=team.manager)
    assert (done, len(failed)) == (0, 1)
    Undo.objects.filter(pk=entry.pk).update(undone_at=None)
    assert undoing.undo(Undo.objects.get(pk=entry.pk), by=team.ann) == (1, [])


def test_a_lead_that_was_given_up_is_closed_until_it_is_resumed(team):
    lead = make("甲", team.ann, mobile="13900001111")
    client = client_for(team.ann)
    url = "/leads/bulk/give-up/"
    empty = client.post(url, {"ids": lead.pk, "confirmed": "1", "reason": ""}, headers=HX)
    assert empty.status_code == 422 and "请选择失效原因" in empty.content.decode()
    source = DictionaryItem.objects.filter(dictionary="customer.source").first()
    for bad in (source.pk, "NaN", "1e30", "-1", "x" * 10_000):
        assert client.post(url, {"ids": lead.pk, "confirmed": "1", "reason": bad}, headers=HX).status_code == 422
    sent = {"ids": lead.pk, "confirmed": "1", "reason": reason().pk, "note": '"><img src=x onerror=1>'}
    long = client.post(url, {**sent, "note": "长" * 501}, headers=HX)
    assert long.status_code == 422 and "最多 500 个字" in long.content.decode()
    assert client.post(url, sent, headers=HX).status_code == 204
    assert (status(lead), lead.dead_reason, bool(lead.ended_at)) == (Status.DEAD, reason(), True)
    page = client.get(f"/leads/{lead.pk}/").content.decode()
    assert "<img src=x" not in page and "没有需求" in page and "恢复跟进" in page
    for door in ("edit/", "follow-ups/new/"):
        closed = client.get(f"/leads/{lead.pk}/{door}")
        assert closed.status_code == 403 and "请先恢复跟进" in closed.content.decode()
    assert client.get(f"/leads/bulk/assign/?ids={lead.pk}").status_code == 403
    assert client.get(f"/leads/bulk/release/?ids={lead.pk}").status_code == 403
    assert client.post("/leads/bulk/resume/", {"ids": lead.pk, "confirmed": "1"}, headers=HX).status_code == 204
    assert (status(lead), lead.dead_reason, lead.ended_at, lead.dead_note) == (Status.FOLLOWING, None, None, "")
    codes = set(OperationLog.objects.filter(object_id=lead.pk).values_list("code", flat=True))
    assert {"lead.given_up", "lead.resumed"} <= codes


def test_a_team_member_with_write_rights_does_not_resume_what_the_owner_gave_up(team):
    from crm.records import teams

    lead = make("甲", team.ann, status=Status.FOLLOWING)
    teams.add([lead], [team.eve], write=True, by=team.ann)
    services.give_up(rows(lead), by=team.ann, reason=reason())
    assert client_for(team.eve).get(f"/leads/bulk/resume/?ids={lead.pk}").status_code == 403
    assert client_for(team.manager).get(f"/leads/bulk/resume/?ids={lead.pk}").status_code == 200


def test_giving_up_twice_or_what_is_converted_changes_nothing(team):
    lead = make("甲", team.ann)
    assert services.give_up(rows(lead), by=team.ann, reason=reason()) == 1
    ended = Lead.objects.get(pk=lead.pk).ended_at
    assert services.give_up(rows(lead), by=team.ann, reason=reason()) == 0
    assert Lead.objects.get(pk=lead.pk).ended_at == ended
    assert services.resume(rows(make("乙", team.ann)), by=team.ann) == 0
    with pytest.raises(ValidationError, match="请选择失效原因"):
        services.give_up(rows(lead), by=team.ann, reason=DictionaryItem.objects.filter(dictionary="customer.source")[0])


def test_a_lead_without_a_name_bears_that_of_its_company_and_one_without_either_is_refused(team):
    client = client_for(team.ann)
    client.post("/leads/new/", {"name": " ", "company": "云澜智造", "owner": team.ann.pk})
    assert Lead.objects.get().name == "云澜智造"
    empty = client.post("/leads/new/", {"name": "", "owner": team.ann.pk})
    assert "请填写线索名称" in empty.content.decode() and Lead.objects.count() == 1


@pytest.mark.parametrize("chance", ["101", "-1", "NaN", "1e30", "50.5", "九十", "999999999999"])
def test_a_chance_is_a_whole_number_up_to_a_hundred(team, chance):
    answer = client_for(team.ann).post("/leads/new/", {"name": "甲", "owner": team.ann.pk, "chance": chance})
    assert "请填写 0 到 100 的整数" in answer.content.decode() and not Lead.objects.exists()


def test_caps_hold_when_leads_are_assigned(team):
    from customers.models import OwnerCap

    OwnerCap.objects.create(kind="lead", limit=1)
    make("波的", team.bob)
    lead = make("安的", team.ann)
    with pytest.raises(ValidationError, match="最多拥有 1 个线索"):
        services.assign(rows(lead), team.bob, by=team.manager)
    assert status(lead) == Status.NEW


def test_a_lead_nobody_created_is_deleted_by_whoever_has_it_in_reach(team):
    lead = services.create_lead(Lead(name="官网留言", owner=team.ann), by=None)
    assert (lead.status, lead.assigned_by, lead.created_by) == (Status.FOLLOWING, None, None)
    Lead.objects.filter(pk=lead.pk).update(status=Status.NEW, assigned_at=None)
    assert Lead.objects.allowed(team.manager, "delete").filter(pk=lead.pk).exists()
    assert not Lead.objects.allowed(team.eve, "delete").exists()
