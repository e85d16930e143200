"""/settings/flows/: who may, what is stored, what is refused and where it says so, what two people at once do."""

import json

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals import flows
from approvals.models import Approval, Flow
from orgs.models import Employee, OrgLog
from orgs.tests.factories import client_for, employee, role

from .flowing import LARGE, UP, Company, by, made, saying, sent, step

ROOT = "/settings/flows/"
NEW = f"{ROOT}new/contract/"


@pytest.fixture
def company(db):
    return Company()


def test_a_flow_is_made_changed_enabled_and_logged(company):
    two = saying(step("s1", "直属上级", UP), step("s2", "财务", by(company.finance), hours=48), condition=LARGE)
    answer = company.client.post(NEW, sent(company, two, departments=[company.east.pk]))
    flow = Flow.objects.get()
    assert answer.headers["Location"] == f"{ROOT}{flow.pk}/"
    assert (flow.enabled, flow.version, flow.limited) == (False, 1, True)
    assert [one["name"] for one in flows.newest(flow).definition["steps"]] == ["直属上级", "财务"]
    two["steps"].reverse()
    assert company.client.post(f"{ROOT}{flow.pk}/", sent(company, two, 1, _enable="1")).status_code == 302
    flow.refresh_from_db()
    assert (flow.enabled, flow.version, flow.limited) == (True, 2, False)
    assert [one["name"] for one in flows.newest(flow).definition["steps"]] == ["财务", "直属上级"]
    codes = list(OrgLog.objects.filter(code__startswith="approval_flow").order_by("pk").values_list("code", flat=True))
    assert codes == ["approval_flow.created", "approval_flow.updated", "approval_flow.enabled"]
    page = company.client.get(ROOT).content.decode()
    assert "所有人提交的：合同金额 大于等于 ¥100,000.00" in page
    assert "陈景和" in page


@pytest.mark.parametrize("person", ["seller", "boss", "finance"])
def test_without_the_function_every_door_is_shut(company, person):
    flow = made(company)
    client = client_for(getattr(company, person))
    pages = ["", "new/contract/", f"{flow.pk}/", f"{flow.pk}/delete/", f"{flow.pk}/versions/", f"{flow.pk}/versions/1/"]
    pages.append(f"{flow.pk}/versions/1/restore/")
    doors = ["new/contract/", "order/contract/", "read/contract/", "try/contract/", f"{flow.pk}/"]
    doors += [f"{flow.pk}/do/enable/", f"{flow.pk}/delete/", f"{flow.pk}/versions/1/restore/"]
    data = {**sent(company, saying(step("s1", "我", by(company.seller))), 1), "ids": [flow.pk]}
    assert [client.get(ROOT + page).status_code for page in pages] == [403] * len(pages)
    assert [client.post(ROOT + door, data).status_code for door in doors] == [403] * len(doors)
    flow.refresh_from_db()
    assert (Flow.objects.count(), flow.version, flow.enabled) == (1, 1, False)


def test_unknown_kinds_flows_versions_and_acts_are_not_found(company):
    flow = made(company)
    get, post = company.client.get, company.client.post
    for path in (
        "new/customer_x/",
        "99999999/",
        f"{flow.pk}/versions/7/",
        f"{flow.pk}/versions/x/",
        f"{flow.pk}/?version=9",
    ):
        assert get(ROOT + path).status_code == 404, path
    assert get(f"{ROOT}{flow.pk}/versions/{'9' * 30}/").status_code == 404
    assert get(f"{NEW}?copy=99999").status_code == 404
    for path in (f"{flow.pk}/do/explode/", "read/nothing/", "try/nothing/", "order/nothing/"):
        assert post(ROOT + path).status_code == 404, path


FIELDS = [
    ("name", ["", "长" * 51, "长" * 10_000], "name"),
    ("administrator", ["", "x", "99999999", "9" * 30], "administrator"),
    ("departments", ["x", "99999999", "9" * 30], "departments"),
    ("employees", ["x", "99999999", "-1"], "employees"),
    ("definition", ["", "{", "[]", "null", "[" * 100_000, "x" * 200_001, "9" * 5000], "definition"),
]


@pytest.mark.parametrize(("field", "values", "at"), FIELDS, ids=[one[0] for one in FIELDS])
def test_bad_fields_are_refused_beside_the_field_and_nothing_is_stored(company, field, values, at):
    for value in values:
        answer = company.client.post(NEW, {**sent(company, saying(step("s1", "上级", UP))), field: value})
        assert answer.status_code == 422, value[:40]
        assert at in answer.context["form"].errors, value[:40]
    assert not Flow.objects.exists()


def test_faults_of_the_definition_stand_at_their_cards_and_nothing_typed_is_lost(company):
    gone = employee("已走", ["seller"], is_active=False)
    wanted = saying(
        step("s1", "", by()),
        step("s2", "财务", by(gone), {"kind": "role", "ids": [99999]}, hours="NaN"),
        step("s3", "上级", {"kind": "supervisor", "level": "1e30"}, {"kind": "submitter"}),
        condition={"m": "and", "c": [{"f": "amount", "o": "gte"}, {"f": "password", "o": "is", "v": "x"}]},
        copies=[{"kind": "chosen"}],
        after=[{"kind": "webhook", "url": "http://127.0.0.1/"}, {"kind": "set", "field": "owner", "value": 1}],
    )
    answer = company.client.post(NEW, sent(company, wanted))
    assert answer.status_code == 422
    problems = answer.context["data"]["said"]["problems"]
    places = {
        "steps.0.name",
        "steps.0.who",
        "steps.1.who",
        "steps.1.hours",
        "steps.2.who",
        "condition",
        "copies",
        "after.1",
    }
    assert places <= set(problems)
    assert json.loads(answer.context["definition"])["steps"][1]["hours"] == "NaN"
    page = answer.content.decode()
    assert "步骤 2“财务”：已走已停用，请换人" in page
    assert 'data-flow-at="steps.1.who"' in page
    assert not Flow.objects.exists()


EVIL = '"><img src=x onerror=1>'


def test_markup_and_odd_characters_stay_text_everywhere(company):
    wanted = saying(
        step("s1", EVIL, by(company.finance)),
        condition={"m": "and", "c": [{"f": "amount", "o": "gte", "v": "1\u0000"}, {"m": "or", "c": []}, {"x": 1}]},
    )
    answer = company.client.post(NEW, sent(company, wanted, name=f"{EVIL}\u0000", note=EVIL))
    assert answer.status_code == 302
    flow = Flow.objects.get()
    assert flows.newest(flow).definition["condition"] == {"m": "and", "c": [{"f": "amount", "o": "gte", "v": "1"}]}
    for path in ("", f"{flow.pk}/", f"{flow.pk}/versions/", f"{flow.pk}/versions/1/", f"{flow.pk}/delete/"):
        assert "<img src=x" not in company.client.get(ROOT + path).content.decode(), path


@pytest.mark.parametrize(
    "condition",
    [
        "x",
        3,
        [],
        {"m": "and"},
        {"m": "and", "c": "x"},
        {"m": 1, "c": [{"f": 1}]},
        {"m": "and", "c": [{"f": "amount", "o": {}, "v": {}}]},
    ],
    ids=str,
)
def test_any_nonsense_can_be_read_without_an_error(company, condition):
    wanted = {
        "condition": condition,
        "steps": [
            {"who": [{"kind": "employee", "ids": "x"}, {"kind": ["x"]}, {"kind": "head", "level": {}}], "mode": []}
        ],
        "copies": [{"ids": [None, True, {}]}],
        "after": [{"kind": "set", "value": {}}, {"kind": "notify", "who": "x"}, {}],
        "own": "yes",
    }
    for text in (json.dumps(wanted), json.dumps({**wanted, "steps": "x", "copies": 7, "after": {}})):
        answer = company.client.post(f"{ROOT}read/contract/", {"definition": text})
        assert answer.status_code == 200
        assert answer.json()["problems"]
        tried = company.client.post(
            f"{ROOT}try/contract/", {"definition": text, "submitter": company.seller.pk, "values": text}
        )
        assert tried.status_code == 200
        assert "改好之后再试" in tried.content.decode()
    assert company.client.post(f"{ROOT}read/contract/", {"definition": "{"}).status_code == 400
    assert not Flow.objects.exists()


def test_a_stale_save_says_who_saved_what_meanwhile_and_keeps_what_was_typed(company):
    flow = made(company)
    other = employee("王敏", ["admin"])
    theirs = saying(step("s1", "直属上级", UP), step("s2", "财务", by(company.finance)))
    assert client_for(other).post(f"{ROOT}{flow.pk}/", sent(company, theirs, 1)).status_code == 302
    mine = saying(step("s1", "我改的名字", UP))
    answer = company.client.post(f"{ROOT}{flow.pk}/", sent(company, mine, 1))
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "王敏" in page
    assert "新增步骤“财务”" in page
    assert json.loads(answer.context["definition"])["steps"][0]["name"] == "我改的名字"
    assert flows.newest(Flow.objects.get()).number == 2
    assert company.client.post(f"{ROOT}{flow.pk}/", sent(company, mine, answer.context["version"])).status_code == 302
    assert [one["name"] for one in flows.newest(Flow.objects.get()).definition["steps"]] == ["我改的名字"]


def test_priorities_move_by_dragging_and_by_menu(company):
    one, two, three = made(company, "一"), made(company, "二"), made(company, "三")
    order = lambda: list(Flow.objects.values_list("name", flat=True))  # noqa: E731
    answer = company.client.post(f"{ROOT}order/contract/", {"ids": [three.pk, one.pk, two.pk]})
    assert (answer.status_code, order()) == (200, ["三", "一", "二"])
    company.client.post(f"{ROOT}{two.pk}/do/up/")
    assert order() == ["三", "二", "一"]
    company.client.post(f"{ROOT}{three.pk}/do/up/")
    company.client.post(f"{ROOT}{three.pk}/do/down/")
    assert order() == ["二", "三", "一"]
    for ids in ([one.pk], ["x", "9" * 30], [one.pk, two.pk, three.pk, 999999]):
        assert company.client.post(f"{ROOT}order/contract/", {"ids": ids}).status_code == 409
    assert order() == ["二", "三", "一"]


def test_a_copy_begins_unsaved_and_an_unused_flow_is_deleted_a_used_one_is_not(company):
    flow = made(company, definition=saying(step("s1", "财务总监", by(company.finance))))
    page = company.client.get(f"{NEW}?copy={flow.pk}")
    assert page.context["form"]["name"].value() == "大额合同 副本"
    assert json.loads(page.context["definition"])["steps"][0]["name"] == "财务总监"
    assert Flow.objects.count() == 1
    used = made(company, "用过")
    Approval.objects.create(
        document="contract",
        title="一",
        submitter=company.seller,
        content_type=ContentType.objects.get_for_model(Employee),
        object_id=1,
        flow_version=flows.newest(used),
    )
    assert company.client.post(f"{ROOT}{used.pk}/delete/").status_code == 422
    assert company.client.post(f"{ROOT}{flow.pk}/delete/").status_code == 302
    assert list(Flow.objects.values_list("name", flat=True)) == ["用过"]
    assert "进行中 1" in company.client.get(ROOT).content.decode()


def test_a_flow_that_cannot_work_is_not_enabled_and_says_why(company):
    flow = made(company, definition=saying(step("s1", "财务", by(company.finance))))
    Employee.objects.filter(pk=company.finance.pk).update(is_active=False)
    answer = company.client.post(f"{ROOT}{flow.pk}/do/enable/", {"from": "editor"}, follow=True)
    assert "陈景和已停用" in answer.content.decode()
    flow.refresh_from_db()
    assert not flow.enabled


def test_versions_are_read_compared_in_words_and_restored(company):
    flow = made(company, definition=saying(step("s1", "直属上级", UP), copies=[by(company.finance)]))
    second = saying(
        step("s2", "财务", {"kind": "role", "ids": [role("finance").pk]}),
        step("s1", "上级", UP, mode="all", hours=24, late="transfer"),
        condition=LARGE,
        own=True,
    )
    company.client.post(f"{ROOT}{flow.pk}/", sent(company, second, 1))
    page = company.client.get(f"{ROOT}{flow.pk}/versions/").content.decode()
    for text in (
        "新增步骤“财务”",
        "角色「财务」",
        "24 小时，超时自动转交上级",
        "合同金额 大于等于 ¥100,000.00",
        "已去掉",
        "最早的版本",
    ):
        assert text in page, text
    old = company.client.get(f"{ROOT}{flow.pk}/versions/1/").content.decode()
    assert "与第 2 版比" in old
    assert "陈景和" in old
    assert company.client.get(f"{ROOT}{flow.pk}/versions/2/?with=1").status_code == 200
    assert json.loads(company.client.get(f"{ROOT}{flow.pk}/?version=1").context["definition"])["copies"]
    restore = f"{ROOT}{flow.pk}/versions/1/restore/"
    assert "保存为第 3 版" in company.client.get(restore).content.decode()
    assert company.client.post(restore, {"version": 1}).status_code == 422
    assert company.client.post(restore, {"version": 2}).status_code == 302
    flow.refresh_from_db()
    assert flow.version == 3
    assert flows.newest(flow).definition == flow.versions.get(number=1).definition


def test_a_version_with_people_who_left_is_not_restored_but_opens_in_the_editor(company):
    flow = made(company, definition=saying(step("s1", "财务", by(company.finance))))
    company.client.post(f"{ROOT}{flow.pk}/", sent(company, saying(step("s1", "上级", UP)), 1))
    Employee.objects.filter(pk=company.finance.pk).update(is_active=False)
    answer = company.client.post(f"{ROOT}{flow.pk}/versions/1/restore/", {"version": 2})
    assert answer.status_code == 422
    assert f"{ROOT}{flow.pk}/?version=1" in answer.content.decode()
    opened = company.client.get(f"{ROOT}{flow.pk}/?version=1")
    assert "steps.0.who" in opened.context["data"]["said"]["problems"]


# Size --------------------------------------------------------------------------------------------------------------------
def test_statement_counts_do_not_grow_with_flows_steps_and_versions(company):
    def fill(start: int, many: int):
        for n in range(start, start + many):
            steps = [step(f"s{k}", f"第 {k} 步", by(company.finance, company.boss), UP) for k in range(1, 6)]
            flow = made(company, f"流程 {n}", saying(*steps, condition=LARGE), departments=[company.east])
            flows.enable(flow, by=company.admin)
        return flow

    def count(url):
        company.client.get(url)
        with CaptureQueriesContext(
            connection,
        ) as found:
            assert company.client.get(url).status_code == 200
        return len(found)

    last = fill(0, 5)
    few = [count(ROOT), count(f"{ROOT}{last.pk}/"), count(f"{ROOT}{last.pk}/versions/")]
    fill(5, 45)
    for n in range(1, 15):
        flows.save_flow(
            Flow.objects.get(pk=last.pk),
            values={"name": last.name, "administrator": company.admin, "departments": [], "employees": []},
            definition=saying(*(step(f"s{k}", f"改 {n}", by(company.finance), UP) for k in range(1, 16))),
            version=n,
            by=company.admin,
        )
    many = [count(ROOT), count(f"{ROOT}{last.pk}/"), count(f"{ROOT}{last.pk}/versions/")]
    assert many[0] <= few[0] <= 12
    assert many[1] <= few[1] <= 22  # five of them are what conditions and 通过后 offer of contracts
    assert many[2] <= few[2] + 1 <= 20
