"""The department tree: paths, moves, refusals, who may."""

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.records.views import base as layouts
from orgs import services, tree
from orgs.models import Department, OrgLog
from orgs.tests.factories import client_for, department, employee, top

pytestmark = pytest.mark.django_db
LIST = "/settings/departments/"


@pytest.fixture
def company():
    east = department("华东销售部")
    return {
        "east": east,
        "suzhou": department("苏州组", east),
        "hangzhou": department("杭州组", east),
        "south": department("华南销售部"),
    }


@pytest.fixture
def admin():
    return employee("管理员", roles=("admin",))


def path(row):
    return Department.objects.get(pk=row.pk).path


def test_moving_a_department_takes_its_whole_subtree_along(company):
    inner = department("一小组", company["suzhou"])
    services.update_department(company["suzhou"], {"parent": company["south"]}, by=None)
    assert path(company["suzhou"]) == f"{company['south'].path}{company['suzhou'].pk}/"
    assert path(inner) == f"{company['south'].path}{company['suzhou'].pk}/{inner.pk}/"
    assert path(company["hangzhou"]) == company["hangzhou"].path


def test_a_department_cannot_move_below_itself_or_become_a_second_top(company):
    for parent in (company["east"], company["suzhou"]):
        with pytest.raises(ValidationError, match="不能移到自己或自己的下级部门下面"):
            services.update_department(company["east"], {"parent": parent}, by=None)
    with pytest.raises(ValidationError, match="请选择上级部门"):
        services.update_department(company["east"], {"parent": None}, by=None)
    with pytest.raises(ValidationError, match="顶级部门不能移动"):
        services.update_department(top(), {"parent": company["east"]}, by=None)
    with pytest.raises(ValidationError, match="请选择上级部门"):
        services.create_department(Department(name="第二个顶级"), by=None)


def test_renaming_and_reordering_keep_the_paths(company):
    before = path(company["east"])
    services.update_department(company["east"], {"name": "东区", "order": 3, "parent": top()}, by=None)
    assert path(company["east"]) == before
    assert OrgLog.objects.filter(code="department.updated", changes__0__new="东区").exists()


def test_moving_changes_reach_on_the_next_request(company):
    manager = employee("李经理", roles=("sales_manager",), department=company["east"])
    seller = employee("王销售", department=company["suzhou"])
    assert seller.pk in manager.scope_for("customer.view").owners
    services.update_department(company["suzhou"], {"parent": company["south"]}, by=None)
    manager = type(manager).objects.get(pk=manager.pk)
    assert seller.pk not in manager.scope_for("customer.view").owners


def test_deleting_names_what_stands_inside(company, admin):
    employee("王小明", department=company["suzhou"])
    employee("停用的人", department=company["suzhou"], is_active=False)
    client = client_for(admin)
    answer = client.post(f"{LIST}{company['suzhou'].pk}/delete/")
    assert answer.status_code == 422 and "王小明" in answer.content.decode() and "停用的人" in answer.content.decode()
    answer = client.post(f"{LIST}{company['east'].pk}/delete/")
    assert "苏州组" in answer.content.decode() and "杭州组" in answer.content.decode()
    assert "顶级部门不能删除" in client.post(f"{LIST}{top().pk}/delete/").content.decode()
    assert client.post(f"{LIST}{company['hangzhou'].pk}/delete/").url == LIST
    assert not Department.objects.filter(pk=company["hangzhou"].pk).exists()
    assert OrgLog.objects.filter(code="department.deleted", target="杭州组", actor=admin).exists()


def test_pages_create_edit_and_refuse_by_form(company, admin):
    client = client_for(admin)
    new = client.post(f"{LIST}new/", {"name": "无锡组", "parent": company["east"].pk, "manager": admin.pk, "order": ""})
    assert new.url == LIST
    wuxi = Department.objects.get(name="无锡组")
    assert wuxi.parent == company["east"] and wuxi.manager == admin and wuxi.order == 0
    body = client.post(f"{LIST}new/", {"name": "无锡组", "parent": company["east"].pk}).content.decode()
    assert "同一上级部门下已有同名部门" in body
    body = client.post(
        f"{LIST}{company['east'].pk}/edit/", {"name": "华东销售部", "parent": company["suzhou"].pk}
    ).content.decode()
    assert "不能移到自己或自己的下级部门下面" in body
    for data, message in (
        ({"name": "x" * 10_000, "parent": company["east"].pk}, "最多 50 个字"),
        ({"name": "  ", "parent": company["east"].pk}, "请填写名称"),
        ({"name": "新", "parent": 99999}, "请选择列表中的选项"),
        ({"name": "新", "parent": "1 or 1=1"}, "请选择列表中的选项"),
        ({"name": "新"}, "请选择上级部门"),
        ({"name": "新", "parent": company["east"].pk, "order": "99999999999"}, "1,000,000"),
        ({"name": "新", "parent": company["east"].pk, "order": "-1"}, "0"),
        ({"name": "新", "parent": company["east"].pk, "order": "x"}, "请输入整数"),
    ):
        answer = client.post(f"{LIST}new/", data)
        assert answer.status_code == 422 and message in answer.content.decode(), data
    assert not Department.objects.filter(name="新").exists()


def test_a_name_of_markup_is_shown_as_text(company, admin):
    client = client_for(admin)
    client.post(f"{LIST}new/", {"name": '"><img src=x onerror=1>', "parent": company["east"].pk})
    for url in (LIST, "/settings/log/", f"{LIST}{Department.objects.latest('pk').pk}/delete/"):
        body = client.get(url).content.decode()
        assert "<img src=x" not in body and "&lt;img src=x" in body, url


def test_only_administrators_of_the_organisation_come_in(company):
    outsider = client_for(employee(roles=("seller", "executive")))
    for url in (
        LIST,
        f"{LIST}new/",
        f"{LIST}{company['east'].pk}/edit/",
        f"{LIST}{company['east'].pk}/delete/",
        f"{LIST}export/",
    ):
        for answer in (outsider.get(url), outsider.post(url, {"name": "x", "parent": top().pk})):
            assert answer.status_code in (403, 405), url
    assert Department.objects.count() == 5
    assert "组织" in outsider.get(LIST).content.decode()
    assert outsider.get("/pick/department/").status_code == 403


def test_the_tree_costs_the_same_queries_at_any_size(admin):
    client = client_for(admin)

    def cost():
        client.get(LIST)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get(LIST).status_code == 200
        return len(queries)

    before = cost()
    parent = top()
    for n in range(12):
        parent = department(f"部门{n}", parent if n % 2 else top(), manager=admin)
    assert cost() == before


def test_the_picker_finds_by_name_and_initials_with_the_way_down(company, admin):
    client = client_for(admin)
    found = client.get("/pick/department/?q=szz").json()["results"]
    assert [(row["id"], row["text"]) for row in found] == [(company["suzhou"].pk, "苏州组")] and "华东销售部" in found[
        0
    ]["sub"]
    assert len(client.get("/pick/department/").json()["results"]) == 5


def test_the_tree_is_in_order_with_depth(company):
    services.update_department(company["south"], {"order": 0}, by=None)
    services.update_department(company["east"], {"order": 5}, by=None)
    assert [(node.department.name, node.depth) for node in tree.nodes()] == [
        ("办公室", 0),
        ("华南销售部", 1),
        ("华东销售部", 1),
        ("苏州组", 2),
        ("杭州组", 2),
    ]


def test_dialogs_and_pages_come_from_one_view(company, admin):
    client = client_for(admin)
    assert layouts.LAYOUTS["dialog"]
    dialog = client.get(f"{LIST}new/", headers={"HX-Request": "true", "HX-Target": "dialog"}).content.decode()
    assert "<!doctype" not in dialog.lower() and "新建部门" in dialog
    saved = client.post(
        f"{LIST}new/",
        {"name": "新组", "parent": company["east"].pk},
        headers={"HX-Request": "true", "HX-Target": "dialog"},
    )
    assert saved.status_code == 204 and saved["HX-Redirect"] == LIST
