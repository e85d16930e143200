"""What a flow says: 试一试 with what stands on the screen, and definitions in plain words."""

import json

import pytest

from approvals import flows
from approvals.editor import typed, words
from approvals.models import Flow
from orgs.tests.factories import employee, role

from .flowing import LARGE, UP, Company, by, made, saying, sent, step

ROOT = "/settings/flows/"


@pytest.fixture
def company(db):
    return Company()


# 试一试 ------------------------------------------------------------------------------------------------------------------
def tried(company, definition, *, submitter=None, amount="120000", **more) -> str:
    data = {
        **sent(company, definition),
        "submitter": (submitter or company.seller).pk,
        "values": json.dumps({"amount": amount}),
        **more,
    }
    return company.client.post(f"{ROOT}try/contract/", data).content.decode()


def test_the_preview_names_the_people_of_what_stands_on_the_screen(company):
    wanted = saying(
        step("s1", "直属上级", UP),
        step("s2", "财务", by(company.finance, company.admin), mode="all"),
        step("s3", "部门", {"kind": "head", "level": 0}),
        step("s4", "自选", {"kind": "chosen"}),
        condition=LARGE,
        copies=[by(company.boss)],
    )
    page = tried(company, wanted)
    for text in (
        "周亦辰",
        "陈景和、江予安",
        "会签",
        "没有找到审批人，转交江予安审批",
        "提交时由发起人选择",
        "抄送 周亦辰",
    ):
        assert text in page, text
    assert "不符合本流程的条件" in tried(company, wanted, amount="99999.99")
    assert "不适用于林晓岚" in tried(company, wanted, departments=[company.south.pk])
    assert "周亦辰" in tried(company, wanted, departments=[company.south.pk], employees=[company.seller.pk])
    assert "周亦辰" in tried(company, wanted, departments=[company.east.pk])
    assert not Flow.objects.exists()


def test_the_preview_says_when_another_flow_is_asked_first(company):
    first = made(company, "所有合同")
    flows.enable(first, by=company.admin)
    wanted = saying(step("s1", "财务", by(company.finance)), condition=LARGE)
    assert "先符合流程“所有合同”" in tried(company, wanted)
    assert "会走流程“所有合同”" in tried(company, wanted, amount="1")
    second = made(company, "大额合同", wanted)
    flows.reorder("contract", [second.pk, first.pk], by=company.admin)
    assert "先符合流程" not in tried(company, wanted, flow=second.pk)


@pytest.mark.parametrize("amount", ["NaN", "1e30", "abc", "9" * 40])
def test_the_preview_refuses_what_is_no_figure(company, amount):
    assert "“合同金额”请填写数字" in tried(company, saying(step("s1", "上级", UP)), amount=amount)


def test_the_preview_asks_for_a_submitter_in_service(company):
    gone = employee("已走", ["seller"], is_active=False)
    for wrong in ("", "x", gone.pk, "9" * 30):
        data = {**sent(company, saying(step("s1", "上级", UP))), "submitter": wrong, "values": "{}"}
        page = company.client.post(f"{ROOT}try/contract/", data).content.decode()
        assert "提交人" in page or "在职的员工" in page, wrong


# Words -------------------------------------------------------------------------------------------------------------------
def test_every_kind_of_approver_is_said_in_words(company):
    entries = [
        (by(company.finance, company.boss), "陈景和、周亦辰"),
        (UP, "发起人的直属上级"),
        ({"kind": "supervisor", "level": 3}, "发起人的第 3 级上级"),
        ({"kind": "head", "level": 0}, "发起人所在部门的负责人"),
        ({"kind": "head", "level": 1}, "发起人上一级部门的负责人"),
        ({"kind": "head", "level": 2}, "发起人上 2 级部门的负责人"),
        ({"kind": "role", "ids": [role("finance").pk]}, "角色「财务」"),
        ({"kind": "role", "ids": [99999]}, "角色（已不存在）"),
        ({"kind": "chosen"}, "提交时由发起人选择"),
        ({"kind": "submitter"}, "发起人本人"),
    ]
    said = words.Words([("contract", saying(step("s1", "一", *(who for who, _ in entries))))])
    assert [said.who(who) for who, _ in entries] == [text for _, text in entries]


def test_conditions_are_said_with_their_groups(company):
    tree = {
        "m": "and",
        "c": [
            {"f": "amount", "o": "between", "v": ["1000", "20000.5"]},
            {
                "m": "or",
                "c": [
                    {"f": "submitter", "o": "in", "v": [company.boss.pk]},
                    {"f": "department", "o": "out", "v": [company.east.pk]},
                ],
            },
        ],
    }
    said = words.Words([("contract", saying(condition=tree))])
    assert said.condition("contract", tree) == (
        "合同金额 介于 ¥1,000.00 到 ¥20,000.50，并且（发起人 属于 周亦辰，或者发起人的部门 不属于 华东）"
    )


def test_half_a_surrogate_pair_is_no_definition():
    for text in (
        '{"steps": [{"name": "\\ud800"}]}',
        '{"condition": {"c": [{"f": "name", "o": "is", "v": "\\udc00"}]}}',
    ):
        with pytest.raises(typed.Broken):
            typed.read(text)
    assert typed.read('{"steps": [{"name": "\\ud83d\\ude00"}]}')["steps"][0]["name"] == "😀"
