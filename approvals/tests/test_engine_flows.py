"""Flows: which one is taken, how they are checked, stored and described; conditions; the preview."""

from datetime import date
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from approvals import conditions, flows, services, shape
from approvals.documents import Fact
from approvals.models import Flow, FlowVersion
from approvals.tests.factories import change, flow, step, submitted, todo, waiting
from contracts.models import Contract
from crm.records.models import FieldDefinition
from orgs import services as organisation
from orgs.models import OrgLog
from orgs.tests.factories import department, employee

pytestmark = pytest.mark.django_db

MARKUP = '"><img src=x onerror=1>'
FACTS = [
    Fact("amount", "金额", "money"),
    Fact("kind", "类型", "choice", lambda: [(1, "销售"), (2, "采购")]),
    Fact("title", "名称", "text"),
    Fact("day", "日期", "date"),
    Fact("urgent", "加急", "check"),
    conditions.SUBMITTER,
    conditions.DEPARTMENT,
]


def rule(fact, operator, value=None):
    return {"f": fact, "o": operator, "v": value}


def both(*rules, m="and"):
    return {"m": m, "c": list(rules)}


@pytest.mark.parametrize(
    ("one", "values", "expected"),
    [
        (rule("amount", "gte", "100000"), {"amount": Decimal("100000.00")}, True),
        (rule("amount", "gt", "100000"), {"amount": Decimal("100000.00")}, False),
        (rule("amount", "gt", "0.1"), {"amount": Decimal("0.10")}, False),
        (rule("amount", "between", ["1", "2"]), {"amount": 2}, True),
        (rule("amount", "not", "5"), {"amount": None}, True),
        (rule("amount", "lt", "5"), {"amount": None}, False),
        (rule("amount", "empty"), {"amount": None}, True),
        (rule("amount", "filled"), {"amount": 0}, True),
        (rule("amount", "lt", "5"), {"amount": "NaN"}, False),
        (rule("kind", "in", [1]), {"kind": 1}, True),
        (rule("kind", "in", ["1"]), {"kind": 1}, True),
        (rule("kind", "in", [1]), {"kind": [2, 1]}, True),
        (rule("kind", "out", [1]), {"kind": None}, True),
        (rule("title", "contains", "云澜"), {"title": "苏州云澜智造"}, True),
        (rule("title", "lacks", "云澜"), {"title": ""}, True),
        (rule("title", "is", "Ａbc"), {"title": "abc"}, True),
        (rule("day", "before", "2026-11-02"), {"day": date(2026, 11, 1)}, True),
        (rule("day", "after", "2026-11-02"), {"day": "2026-11-01"}, False),
        (rule("urgent", "yes"), {"urgent": True}, True),
        (rule("urgent", "no"), {}, True),
        (rule("gone", "is", "1"), {"gone": 1}, False),
        (both(rule("amount", "gt", "5"), rule("urgent", "yes")), {"amount": 9, "urgent": False}, False),
        (both(rule("amount", "gt", "5"), rule("urgent", "yes"), m="or"), {"amount": 9}, True),
        (both(rule("amount", "gt", "5"), both(rule("kind", "in", [2]), m="or")), {"amount": 9, "kind": 2}, True),
        ({}, {}, True),
    ],
)
def test_conditions_hold_as_they_read(one, values, expected):
    condition = one if not one or "c" in one else both(one)
    assert conditions.holds(condition, FACTS, values) is expected


@pytest.mark.parametrize(
    "wrong",
    [
        "text",
        [1],
        {"m": "xor", "c": []},
        {"m": "and", "c": "x"},
        both("x"),
        both(rule("owner__password", "is", "1")),
        both(rule({"a": 1}, "is", "1")),
        both(rule("amount", "regex", "1")),
        both(rule("amount", ["is"], "1")),
        *[
            both(rule("amount", "gt", value))
            for value in ("NaN", "1e30", "", None, True, {}, "Infinity", "9" * 30, MARKUP)
        ],
        both(rule("amount", "between", ["2", "1"])),
        both(rule("amount", "between", ["2"])),
        both(rule("kind", "in", [])),
        both(rule("kind", "in", [99])),
        both(rule("kind", "in", [{}])),
        both(rule("submitter", "in", ["9" * 30])),
        both(rule("submitter", "in", ["x"])),
        both(rule("title", "contains", "")),
        both(rule("title", "contains", "\x00")),
        both(rule("title", "contains", "长" * 201)),
        both(rule("day", "before", "2026-02-30")),
        both(both()),
        both(both(both(both(rule("urgent", "yes"))))),
        both(*[rule("urgent", "yes")] * 31),
    ],
)
def test_a_condition_that_makes_no_sense_is_refused_in_sentences(wrong):
    found = conditions.validate(wrong, FACTS)
    assert found and all(isinstance(sentence, str) and MARKUP not in sentence for sentence in found)


def test_a_department_holds_for_those_below_it(people):
    group = department("苏州组", people.east)
    south = department("华南")
    one = both(rule("department", "in", [people.east.pk]))
    assert conditions.holds(one, FACTS, {"department": group.pk})
    assert not conditions.holds(one, FACTS, {"department": south.pk})
    assert not conditions.holds(one, FACTS, {"department": None})


def test_custom_fields_are_facts(people):
    made = FieldDefinition.objects.create(
        module="contract",
        type="choice",
        label="付款条件",
        options=[{"id": 1, "label": "预付"}, {"id": 2, "label": "月结"}],
    )
    FieldDefinition.objects.create(module="contract", type="files", label="扫描件")
    from crm.records.custom import definitions

    definitions.touch()
    (fact,) = conditions.custom_facts("contract")
    assert (fact.key, fact.kind, fact.choices()) == (made.key, "choice", [(1, "预付"), (2, "月结")])
    assert conditions.holds(both(rule(made.key, "in", [2])), [fact], {made.key: 2})


# Choosing ---------------------------------------------------------------------------------------------------------------
def test_the_first_enabled_flow_whose_people_and_condition_hold_is_taken(people):
    south = department("华南")
    flow(people.admin, step(people.admin), name="只给华南", departments=[south])
    flow(people.admin, step(people.finance), name="大额", condition=both(rule("amount", "gte", "100000")))
    last = flow(people.admin, step(people.boss), name="其余")
    assert waiting(submitted(people.seller, amount="99999.99", name="小")[1]) == ["王总"]
    assert waiting(submitted(people.seller, amount="100000", name="大")[1]) == ["钱会计"]
    assert waiting(submitted(employee("南", ["seller"], south), amount="5", name="南")[1]) == ["管理员"]
    one, two, three = Flow.objects.order_by("order")
    flows.reorder("contract", [three.pk, one.pk, two.pk], by=people.admin)
    assert waiting(submitted(people.seller, amount="100000", name="再大")[1]) == ["王总"]
    flows.disable(last, by=people.admin)
    assert waiting(submitted(people.seller, amount="100000", name="又大")[1]) == ["钱会计"]
    with pytest.raises(ValidationError):
        flows.reorder("contract", [three.pk], by=people.admin)


def test_a_flow_whose_departments_are_gone_is_for_nobody_rather_than_everybody(people):
    south = department("华南")
    flow(people.admin, step(people.boss), departments=[south])
    organisation.delete_department(south, by=None)
    assert submitted(people.seller)[1] is None
    one = Flow.objects.get()
    change(one, people.admin)
    assert submitted(people.seller, name="二号")[1] is not None  # saved anew without any: for everybody


def test_the_preview_is_what_the_submission_does(people):
    used = flow(
        people.admin,
        step(who=[{"kind": "supervisor", "level": 1}]),
        step(people.boss, people.finance, mode="all", skip_approved=True),
        step(who=[{"kind": "head", "level": 0}]),
        copies=[{"kind": "employee", "ids": [people.deputy.pk]}],
    )
    seen = services.preview("contract", submitter=people.seller, values={"amount": Decimal(120000)})
    assert seen.flow == used
    assert [[seat.person.name for seat in one.seats] for one in seen.steps] == [
        ["王总"],
        ["王总", "钱会计"],
        ["管理员"],
    ]
    assert "同意过则自动跳过" in seen.steps[1].seats[0].note
    assert "没有找到审批人" in seen.steps[2].note
    assert [one.name for one in seen.copies] == ["赵经理"]
    _, approval = submitted(people.seller)
    assert [[a.employee.name for a in s.assignments.all()] for s in approval.steps.all()] == [
        [seat.person.name for seat in one.seats] for one in seen.steps
    ]
    flows.disable(used, by=people.admin)
    assert services.preview("contract", submitter=people.seller, values={}).flow is None


def test_a_preview_takes_the_same_number_of_statements_for_five_and_fifty_people(people, django_assert_max_num_queries):
    for count in (5, 45):
        some = [employee(f"审{count}{n}", ["seller"], people.east) for n in range(count)]
        definition = {**shape.EMPTY, "steps": [step(*some, key="a", name="甲", mode="all")]}
        with django_assert_max_num_queries(4):
            services.preview_definition(definition, submitter=people.seller, administrator=people.admin)


# Storing ----------------------------------------------------------------------------------------------------------------
def test_each_saving_is_a_version_and_a_stale_one_is_told(people):
    made = flow(people.admin, step(people.boss))
    again = change(made, people.admin, steps=[step(people.finance, key="s1", name="财务")])
    assert again.version == 2
    assert list(FlowVersion.objects.filter(flow=made).values_list("number", flat=True)) == [2, 1]
    values = {"name": "别名", "note": "", "administrator": people.admin}
    with pytest.raises(flows.Stale) as error:
        flows.save_flow(made, values=values, definition=flows.newest(again).definition, version=1, by=people.admin)
    assert error.value.current.version == 2
    text = OrgLog.objects.filter(code="approval_flow.updated").get()
    assert {"label": "步骤", "old": "步骤1", "new": "财务"} in text.changes


def test_faults_of_a_definition_stand_where_they_are(people):
    definition = {
        **shape.EMPTY,
        "resume": "never",
        "condition": both(rule("amount", "gt", "NaN")),
        "steps": [
            {**step(people.boss, key="a", name=""), "mode": "xor", "hours": "0"},
            {**step(who=[], key="a", name="长" * 51), "hours": "1e9", "late": ["x"], "nobody": None},
            step(who=[{"kind": "employee", "ids": [10**9, "9" * 30, True]}], key=MARKUP, name="乙"),
            step(who=[{"kind": "role", "ids": [10**9]}, {"kind": "boss"}], key="d", name=f"丁{MARKUP}"),
            step(who=[{"kind": "supervisor", "level": 0}, {"kind": "submitter"}], key="e", name="戊"),
        ],
        "copies": [{"kind": "chosen"}],
        "after": [
            {"kind": "webhook", "url": "ftp://x"},
            {"kind": "set", "field": "status", "value": 1},
            {"kind": "rm"},
        ],
    }
    found = flows.validate_definition(definition, "contract")
    assert set(found) == {
        "resume",
        "condition",
        "steps.0.name",
        "steps.0.mode",
        "steps.0.hours",
        "steps.1.key",
        "steps.1.name",
        "steps.1.who",
        "steps.1.hours",
        "steps.1.late",
        "steps.1.nobody",
        "steps.2.key",
        "steps.2.who",
        "steps.3.who",
        "steps.4.who",
        "copies",
        "after.0",
        "after.1",
        "after.2",
    }
    with pytest.raises(ValidationError) as error:
        flows.save_flow(
            Flow(document="contract"), values={"name": ""}, definition=definition, version=0, by=people.admin
        )
    assert {"name", "administrator", "steps.0.name"} <= set(shape.faults_of(error.value))
    assert not Flow.objects.exists()


@pytest.mark.parametrize(
    "wrong", [None, "x", [], {"steps": "x"}, {"steps": [1]}, {"steps": [{}] * 21}, {"steps": [{"who": 5}]}]
)
def test_what_is_no_definition_is_refused(people, wrong):
    assert flows.validate_definition(wrong, "contract")
    assert flows.validate_definition(wrong, "nothing")


def test_a_flow_is_enabled_only_when_it_works_and_deleted_only_when_it_never_ran(people):
    made = flow(people.admin, step(people.deputy), on=False)
    organisation.disable_employee(people.deputy, by=None)
    with pytest.raises(ValidationError, match="赵经理已停用"):
        flows.enable(made, by=people.admin)
    made = change(made, people.admin, steps=[step(people.boss, key="s1", name="一")])
    flows.enable(made, by=people.admin)
    _, approval = submitted(people.seller)
    with pytest.raises(ValidationError, match="已用于 1 次审批"):
        flows.delete(made, by=people.admin)
    other = flow(people.admin, step(people.boss), name="没用过", on=False)
    flows.delete(other, by=people.admin)
    assert list(Flow.objects.values_list("name", flat=True)) == ["合同审批"]
    services.approve(todo(approval, people.boss), by=people.boss)
    assert Contract.objects.get(pk=approval.object_id).status == "approved"


def test_two_flows_of_a_document_have_two_names(people):
    flow(people.admin, step(people.boss))
    with pytest.raises(ValidationError) as error:
        flow(people.admin, step(people.boss))
    assert error.value.message_dict == {"name": ["该单据下已有同名流程"]}


def test_what_is_stored_holds_nothing_but_what_is_asked(people):
    one = {"m": "and", "junk": "x" * 1000, "c": [{**rule("amount", "gt", "5\x00"), "more": {}}]}
    made = flow(people.admin, step(people.boss, name="甲\x00乙", junk=1), condition=one)
    found = flows.newest(made).definition
    assert found["condition"] == both(rule("amount", "gt", "5"))
    assert found["steps"][0]["name"] == "甲乙"
    assert "junk" not in found["steps"][0]
