"""The approval centre: its lists, their figures, who sees what, and the verbs from list and document."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from approvals import services
from approvals.models import Approval, Assignment, Copy, Step
from approvals.tests import asking
from approvals.tests.factories import flow, step
from contracts import services as contracts
from contracts.tests import factories as papers
from crm.records import fieldset
from orgs.tests.factories import client_for, department, employee, role

XSS = '"><img src=x onerror=1>'
HTMX = {"HX-Request": "true", "HX-Target": "dialog"}


@pytest.fixture
def staff(db):
    east, south = department("华东"), department("华南")

    class Staff:
        manager = employee("华东经理", ["sales_manager"], east)
        boss = employee("总监", ["executive"], east)
        ann = employee("安", ["seller"], east, supervisor=manager)
        eve = employee("外", ["seller"], south)
        keeper = employee("系统管理员", ["admin"], east)
        plain = employee("无权", [], south)

    return Staff


def rows_of(person, query=""):
    return client_for(person).get(f"/approvals/{query}").context["rows"]


def post(person, url, data=None):
    return client_for(person).post(url, data or {}, headers=HTMX)


@pytest.fixture
def waiting(staff):
    """A request of Ann's that the manager and then the boss decide."""
    asking.flow(staff.keeper, step(staff.manager, name="经理"), step(staff.boss, name="总监"))
    return asking.submitted(staff.ann)


def test_each_list_holds_what_its_label_says_and_each_figure_is_its_list(staff, waiting):
    asking.flow(staff.keeper, step(staff.manager), name="出差", copies=[{"kind": "employee", "ids": [staff.eve.pk]}])
    asking.submitted(staff.ann, "去苏州", name="出差")
    services.approve(asking.open_of(waiting, staff.manager).pk, by=staff.manager)
    found = {
        person.name: {
            key: [row["approval"].title.split()[-1] for row in rows_of(person, f"?tab={key}")]
            for key in ("waiting", "decided", "mine", "copied")
        }
        for person in (staff.manager, staff.boss, staff.ann, staff.eve)
    }
    assert found["华东经理"] == {"waiting": ["去苏州"], "decided": ["盖章申请"], "mine": [], "copied": []}
    assert found["总监"] == {"waiting": ["盖章申请"], "decided": [], "mine": [], "copied": []}
    assert found["安"] == {"waiting": [], "decided": [], "mine": ["去苏州", "盖章申请"], "copied": []}
    assert found["外"] == {"waiting": [], "decided": [], "mine": [], "copied": ["去苏州"]}
    for person in (staff.manager, staff.boss, staff.ann, staff.eve):
        page = client_for(person).get("/approvals/")
        for tab in page.context["tabs"]:
            assert tab["count"] == len(found[person.name][tab["key"]]), (person.name, tab)
        badge = client_for(person).get("/badges/").json()["approvals"]
        assert badge == len(found[person.name]["waiting"])
    assert "待我审批 <b>1</b>" in client_for(staff.boss).get("/").content.decode()


def test_filters_narrow_and_what_cannot_be_read_is_named_and_ignored(staff, waiting):
    for query in (
        f"?submitter={staff.ann.pk}",
        f"?document={waiting.document}",
        "?q=盖章",
        f"?since={timezone.localdate()}&until={timezone.localdate()}",
        "?sort=due",
        "?sort=oldest",
    ):
        assert len(rows_of(staff.manager, query)) == 1, query
    for query in (f"?submitter={staff.eve.pk}", "?document=contract", "?q=出差", "?until=2020-01-01"):
        assert rows_of(staff.manager, query) == [], query
    page = client_for(staff.manager).get(
        f"/approvals/?document=x&submitter={'9' * 30}&since=2026-13-45&until=0001-01-01&tab=all&sort=amount&owner__password=1"
    )
    assert len(page.context["rows"]) == 1
    assert len(page.context["asked"].problems) == 7
    assert client_for(staff.manager).get(f"/approvals/?q={'%00' * 5}{'长' * 500}").status_code == 200


def test_amounts_follow_the_field_rights(staff):
    key = asking.field("报销金额")
    asking.flow(staff.keeper, step(staff.manager, staff.eve), name="费用报销")
    asking.submitted(staff.ann, "打车", name="费用报销")
    assert [str(row["amount"]) for row in rows_of(staff.manager)] == ["1200.00"]
    held = role("sales_manager")
    held.field_rights = {"request": {key: fieldset.HIDDEN}}
    held.save()
    assert rows_of(staff.manager)[0]["amount"] is None
    assert "1,200.00" not in client_for(staff.manager).get("/approvals/").content.decode()


def test_strangers_find_nothing_and_may_do_nothing(staff, waiting):
    mine = asking.open_of(waiting, staff.manager)
    for path in (
        "",
        "history/",
        *[f"{key}/" for key in ("approve", "reject", "force", "withdraw", "comment", "nudge")],
    ):
        url = f"/approvals/{waiting.pk}/{path}"
        assert client_for(staff.eve).get(url).status_code == 404, path
        assert post(staff.eve, url, {"assignment": mine.pk, "comment": "x"}).status_code in (404, 405), path
    assert client_for(staff.manager).get(f"/approvals/{waiting.pk}/explode/").status_code == 404
    assert rows_of(staff.eve) == []
    waiting.refresh_from_db()
    mine.refresh_from_db()
    assert (waiting.state, mine.state) == ("pending", "open")


def test_somebody_elses_assignment_in_the_body_decides_nothing(staff, waiting):
    theirs = asking.open_of(waiting, staff.manager)
    other = asking.submitted(staff.ann, "另一份")
    for person in (staff.boss, staff.ann, staff.keeper):
        client_for(person).post(f"/approvals/{waiting.pk}/approve/", {"assignment": theirs.pk}, headers=HTMX)
    foreign = asking.open_of(other, staff.manager)
    said = post(staff.manager, f"/approvals/{waiting.pk}/approve/", {"assignment": foreign.pk})
    assert "没有处理" not in said.headers.get("HX-Redirect", "")
    for one in (theirs, foreign):
        one.refresh_from_db()
    assert foreign.state == "open"
    assert (
        post(staff.boss, "/approvals/decide/", {"ids": f"{theirs.pk}", "verb": "approve", "confirmed": "1"}).status_code
        == 200
    )
    theirs.refresh_from_db()
    assert theirs.employee_id == staff.manager.pk


def test_approving_from_the_dialog_goes_on_and_a_page_left_open_decides_no_later_step(staff):
    asking.flow(staff.keeper, step(staff.manager, name="一"), step(staff.manager, name="二"))
    approval = asking.submitted(staff.ann)
    url = f"/approvals/{approval.pk}/approve/"
    first = asking.open_of(approval, staff.manager).pk
    page = client_for(staff.manager).get(url, headers=HTMX).content.decode()
    assert f'name="assignment" value="{first}"' in page
    assert post(staff.manager, url, {"assignment": first, "comment": "可以"}).status_code == 204
    second = asking.open_of(approval, staff.manager)
    again = post(staff.manager, url, {"assignment": first, "comment": "可以"})
    assert "您已经同意过了" in again.content.decode()
    second.refresh_from_db()
    assert second.state == "open"
    assert client_for(staff.manager).post(url, {"assignment": first}).status_code == 409


def test_a_rejection_asks_its_reason_and_ends_it(staff, waiting):
    url, mine = f"/approvals/{waiting.pk}/reject/", asking.open_of(waiting, staff.manager).pk
    asked = post(staff.manager, url, {"assignment": mine, "comment": "  "})
    assert asked.status_code == 422 and "请填写原因" in asked.content.decode()
    assert post(staff.manager, url, {"assignment": mine, "comment": "长" * 501}).status_code == 422
    assert post(staff.manager, url, {"assignment": mine, "comment": XSS}).status_code == 204
    waiting.refresh_from_db()
    assert waiting.state == "rejected"
    body = client_for(staff.ann).get(f"/requests/{waiting.object_id}/").content.decode()
    assert "已拒绝" in body and XSS not in body and "&gt;&lt;img" in body
    late = post(staff.manager, f"/approvals/{waiting.pk}/approve/", {"assignment": mine})
    assert "已经" in late.content.decode()


@pytest.mark.parametrize("key", ["hand_over", "add_approver", "send_back"])
def test_bad_choices_are_form_errors_and_change_nothing(staff, waiting, key):
    mine = asking.open_of(waiting, staff.manager)
    if key == "send_back":
        services.approve(mine.pk, by=staff.manager)
        mine = asking.open_of(waiting, staff.boss)
    for bad in ("", "9" * 30, "-1", "NaN", "x\x00", XSS, str(staff.plain.pk + 10_000)):
        data = {"assignment": mine.pk, "person": bad, "people": bad, "step": bad, "where": "before", "comment": "x"}
        person = mine.employee
        assert post(person, f"/approvals/{waiting.pk}/{key}/", data).status_code == 422, bad
    mine.refresh_from_db()
    assert mine.state == "open" and not waiting.events.filter(code__in=("handed", "added", "returned")).exists()


def test_hand_over_add_send_back_nudge_comment_withdraw_and_take_back_work_from_the_pages(staff, waiting):
    at = f"/approvals/{waiting.pk}"
    mine = asking.open_of(waiting, staff.manager)
    assert post(staff.manager, f"{at}/hand_over/", {"assignment": mine.pk, "person": staff.eve.pk}).status_code == 204
    theirs = asking.open_of(waiting, staff.eve)
    data = {"assignment": theirs.pk, "people": [staff.plain.pk], "where": "after"}
    assert post(staff.eve, f"{at}/add_approver/", data).status_code == 204
    assert post(staff.eve, f"{at}/approve/", {"assignment": theirs.pk}).status_code == 204
    assert post(staff.eve, f"{at}/take_back/", {"assignment": theirs.pk}).status_code == 204
    again = asking.open_of(waiting, staff.eve)
    assert post(staff.eve, f"{at}/approve/", {"assignment": again.pk}).status_code == 204
    last = asking.open_of(waiting, staff.plain)
    assert client_for(staff.plain).get(f"{at}/send_back/", headers=HTMX).status_code == 200
    first = Step.objects.filter(approval=waiting, state="passed").first()
    data = {"assignment": last.pk, "step": first.pk, "comment": "再看"}
    assert post(staff.plain, f"{at}/send_back/", data).status_code == 204
    assert post(staff.ann, f"{at}/nudge/").status_code == 204
    assert post(staff.ann, f"{at}/comment/", {"comment": "急"}).status_code == 204
    assert post(staff.ann, f"{at}/withdraw/", {"comment": "改一下"}).status_code == 204
    waiting.refresh_from_db()
    assert waiting.state == "withdrawn"
    history = client_for(staff.ann).get(f"{at}/history/").content.decode()
    for words in ("转交", "加签", "退回", "催办", "评论", "急", "撤回"):
        assert words in history, words


def test_only_supervisors_force_and_stop_and_they_find_everything_without_reading_it(staff, waiting):
    assert "tab=all" not in client_for(staff.manager).get("/approvals/").content.decode()
    rows = rows_of(staff.keeper, "?tab=all")
    assert [row["title"] for row in rows] == ["不在您的数据范围内"]
    page = client_for(staff.keeper).get(f"/approvals/{waiting.pk}/")
    assert page.status_code == 200 and "盖章申请" not in page.content.decode()
    for words in ("盖章", "出差"):  # a title that may not be read there is not found by either
        assert len(rows_of(staff.keeper, f"?tab=all&q={words}")) == 1
    assert "强制通过" not in client_for(staff.manager).get(f"/requests/{waiting.object_id}/").content.decode()
    assert post(staff.manager, f"/approvals/{waiting.pk}/force/", {"comment": "x"}).status_code == 200
    waiting.refresh_from_db()
    assert waiting.state == "pending"
    assert post(staff.keeper, f"/approvals/{waiting.pk}/force/", {"comment": ""}).status_code == 422
    assert post(staff.keeper, f"/approvals/{waiting.pk}/force/", {"comment": "负责人休假"}).status_code == 204
    waiting.refresh_from_db()
    assert waiting.state == "approved"


def test_several_are_decided_at_once_and_each_refusal_is_named(staff, waiting):
    other = asking.submitted(staff.ann, "另一份")
    ids = [asking.open_of(one, staff.manager).pk for one in (waiting, other)]
    assert client_for(staff.manager).post("/approvals/decide/", {"verb": "approve"}).status_code == 302
    assert client_for(staff.manager).post("/approvals/decide/", {"verb": "force", "ids": ids}).status_code == 404
    asked = post(staff.manager, "/approvals/decide/", {"ids": ids, "verb": "approve"})
    assert "批量同意 2 条" in asked.content.decode()
    assert Assignment.objects.filter(pk__in=ids, state="open").count() == 2
    services.withdraw(other.pk, by=staff.ann)
    data = {"ids": ",".join(map(str, [*ids, "9" * 30])), "verb": "approve", "confirmed": "1", "comment": "好"}
    said = post(staff.manager, "/approvals/decide/", data)
    assert said.context["done"] == 1 and len(said.context["failures"]) == 1
    assert "撤回" in said.context["failures"][0]["reason"]
    asked = post(
        staff.boss,
        "/approvals/decide/",
        {"ids": asking.open_of(waiting, staff.boss).pk, "verb": "reject", "confirmed": "1"},
    )
    assert asked.status_code == 422
    waiting.refresh_from_db()
    assert waiting.state == "pending"


def test_an_approval_leads_to_its_document_or_says_what_it_may(staff, waiting):
    assert (
        client_for(staff.manager).get(f"/approvals/{waiting.pk}/").headers["Location"]
        == f"/requests/{waiting.object_id}/"
    )
    asking.flow(staff.keeper, step(staff.plain), name="出差")
    trip = asking.submitted(staff.ann, "去苏州", name="出差")
    page = client_for(staff.plain).get(f"/approvals/{trip.pk}/")
    body = page.content.decode()
    assert page.status_code == 200 and "去苏州" in body and "您不能查看这份单据的内容" in body and "同意" in body
    assert rows_of(staff.plain)[0]["title"].endswith("去苏州")


def test_opening_marks_a_copy_as_read(staff):
    asking.flow(staff.keeper, step(staff.manager), copies=[{"kind": "employee", "ids": [staff.eve.pk]}])
    approval = asking.submitted(staff.ann)
    assert len(rows_of(staff.eve, "?tab=copied&unread=1")) == 1
    client_for(staff.eve).get(f"/approvals/{approval.pk}/")
    assert Copy.objects.get(approval=approval).read_at is not None
    assert rows_of(staff.eve, "?tab=copied&unread=1") == []


def test_the_line_shows_who_when_and_what_was_said(staff):
    asking.flow(
        staff.keeper,
        step(staff.manager, staff.boss, name="财务与法务", mode="all", hours=48),
        step(staff.eve, name="销售总监"),
        copies=[{"kind": "employee", "ids": [staff.plain.pk]}],
    )
    approval = asking.submitted(staff.ann)
    services.approve(asking.open_of(approval, staff.manager).pk, by=staff.manager, comment="附件已核对")
    Step.objects.filter(approval=approval, state="open").update(
        opened_at=timezone.now() - timedelta(hours=22), due_at=timezone.now() + timedelta(hours=26)
    )
    body = client_for(staff.boss).get(f"/requests/{approval.object_id}/").content.decode()
    for words in (
        "会签 1/2",
        "华东经理 已同意",
        "您待处理",
        "附件已核对",
        "已等 22 小时，限 48 小时",
        "未开始",
        "抄送 无权",
    ):
        assert words in body, words
    for label in ("同意", "拒绝", "转交", "加签"):
        assert f">{label}</a>" in body.replace("</svg>", ">"), label
    seller = client_for(staff.ann).get(f"/requests/{approval.object_id}/").content.decode()
    assert "您待处理" not in seller and "催办" in seller and "撤回" in seller and "/approve/" not in seller


def test_a_contract_shows_its_line_without_knowing_approvals(staff):
    flow(staff.keeper, step(staff.manager, name="直属上级"))
    contract = contracts.submit(papers.contract(staff.ann), by=staff.ann)
    body = client_for(staff.manager).get(f"/contracts/{contract.pk}/").content.decode()
    assert "合同审批" in body and "直属上级" in body and "/approve/" in body


@pytest.mark.parametrize("tab", ["waiting", "decided", "mine", "copied", "all"])
def test_a_list_takes_as_many_statements_for_50_rows_as_for_5(staff, tab):
    asking.flow(
        staff.keeper, step(staff.manager), step(staff.boss), copies=[{"kind": "employee", "ids": [staff.manager.pk]}]
    )
    person = {"mine": staff.ann, "all": staff.keeper}.get(tab, staff.manager)
    client, counts, made = client_for(person), [], 0
    for wanted in (5, 50):
        while made < wanted:
            approval = asking.submitted(staff.ann, f"申请{made}")
            if tab == "decided":
                services.approve(asking.open_of(approval, staff.manager).pk, by=staff.manager)
            made += 1
        client.get(f"/approvals/?tab={tab}")
        with CaptureQueriesContext(connection) as queries:
            rows = client.get(f"/approvals/?tab={tab}&size=50").context["rows"]
        assert len(rows) == wanted
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 14, counts


def test_the_page_of_a_document_in_approval_stays_in_its_limit(staff):
    people = [employee(f"审{n}", ["seller"]) for n in range(5)]
    asking.flow(staff.keeper, *[step(*people, name=f"步{n}", mode="all") for n in range(4)])
    approval = asking.submitted(staff.ann)
    for person in people:
        services.approve(asking.open_of(approval, person).pk, by=person, comment="好")
    client = client_for(staff.manager)
    client.get(f"/requests/{approval.object_id}/")
    with CaptureQueriesContext(connection) as queries:
        assert client.get(f"/requests/{approval.object_id}/").status_code == 200
    assert len(queries) <= 20, len(queries)
    assert Approval.objects.count() == 1
