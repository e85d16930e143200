"""Importing leads: numbers, statuses, whose they are."""

import pytest

from customers.tests.importing import faults, figures, run
from leads.models import Lead, Status
from orgs.tests.factories import client_for, employee

from .conftest import make

HEAD = ("线索名称", "负责人", "公司")


def test_own_leads_are_new_and_those_for_others_are_assigned_by_the_import(team):
    job = run(team.manager, HEAD, ("一", "", "云澜"), ("二", "波", ""), module="lead")
    assert figures(job) == (2, 0, 0, 0)
    found = {lead.name: (lead.owner, lead.status, lead.assigned_by) for lead in Lead.objects.all()}
    assert found == {"一": (team.manager, Status.NEW, None), "二": (team.bob, Status.FOLLOWING, team.manager)}
    assert len(set(Lead.objects.values_list("number", flat=True))) == 2


def test_an_owner_out_of_reach_fails_the_row(team):
    job = run(team.ann, HEAD, ("一", "外", ""), module="lead")
    assert figures(job) == (0, 0, 0, 1) and not Lead.objects.exists()


def test_numbers_that_are_brought_along_stay_and_are_never_given_twice(team):
    first = make("甲", team.ann).number
    base = first[:-4]
    head = ("线索名称", "线索编号")
    lines = [("乙", first), ("丙", f"{base}0002"), ("丁", f"{base}0002"), ("戊", "")]
    job = run(team.manager, head, *lines, module="lead")
    assert figures(job) == (2, 0, 0, 2)
    assert [fault[1:] for fault in faults(job)] == [("线索编号", "该线索编号已存在")] * 2
    assert Lead.objects.get(name="戊").number == f"{base}0003"
    assert make("己", team.ann).number == f"{base}0004"


def test_an_imported_number_finds_its_lead(team):
    run(team.ann, HEAD, ("一", "", ""), module="lead")
    number = Lead.objects.get().number
    assert len(client_for(team.ann).get("/leads/", {"q": number}).context["rows"]) == 1


def test_statuses_and_their_ends_need_the_function_and_belong_together(team):
    head = ("线索名称", "状态", "失效原因", "结束时间")
    lines = [
        ("一", "已失效", "没有需求", ""),
        ("二", "跟进中", "", "2026-01-01"),
        ("三", "", "", ""),
        ("四", "飞了", "", ""),
    ]
    job = run(team.manager, head, *lines, module="lead")
    assert figures(job) == (3, 0, 0, 1)
    found = dict(Lead.objects.values_list("name", "status"))
    assert found == {"一": "dead", "二": "following", "三": "new"}
    assert Lead.objects.get(name="一").ended_at and Lead.objects.get(name="二").ended_at is None
    Lead.objects.all().delete()
    mapping = {"name": 0, "status": 1}
    from crm.records.importing.plan import Invalid

    with pytest.raises(Invalid):
        run(team.ann, head, *lines, module="lead", mapping=mapping)
    assert not Lead.objects.exists()


def test_a_lead_that_was_given_up_is_not_overwritten(team):
    make("甲", team.ann)
    Lead.objects.update(status=Status.DEAD, ended_at="2026-01-01T00:00:00Z")
    job = run(team.ann, ("线索名称", "公司"), ("甲", "改了"), module="lead", on_duplicate="overwrite")
    assert figures(job) == (0, 0, 0, 1) and Lead.objects.get().company == ""


def test_an_address_in_one_cell_is_split_and_a_wrong_chance_fails(team):
    lines = [("一", "江苏省苏州市星湖街 1 号", "60"), ("二", "", "160"), ("三", "", "1e30")]
    job = run(team.ann, ("线索名称", "地址", "成功机率（%）"), *lines, module="lead")
    assert figures(job) == (1, 0, 0, 2)
    lead = Lead.objects.get()
    assert (lead.province, lead.city, lead.address, lead.chance) == ("江苏省", "苏州市", "星湖街 1 号", 60)
    assert {fault[2] for fault in faults(job)} == {"请填写 0 到 100 的整数"}


def test_caps_of_leads_hold_in_an_import(team):
    from customers.models import OwnerCap

    OwnerCap.objects.create(kind="lead", limit=1)
    person = employee("新人", ["seller"], team.east)
    job = run(person, HEAD, ("一", "", ""), ("二", "", ""), module="lead")
    assert figures(job) == (1, 0, 0, 1)


def test_a_stretch_of_imported_numbers_ahead_of_the_counter_is_skipped(team):
    first = make("甲", team.ann).number
    base, last = first[:-4], 60
    Lead.objects.bulk_create(
        [Lead(name=f"带号{n}", owner=team.ann, number=f"{base}{n:04}") for n in range(2, last + 1)]
    )
    number = make("乙", team.ann).number
    assert int(number[-4:]) > last and not Lead.objects.filter(name__startswith="带号", number=number).exists()
