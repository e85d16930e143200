"""Roles: what bounds granting, the matrix page, personal roles, what acts when."""

import pytest
from django.core.exceptions import ValidationError

from crm.records import modules
from orgs import services
from orgs.models import Employee, OrgLog, Role
from orgs.tests.factories import client_for, department, employee, role

pytestmark = pytest.mark.django_db
LIST = "/settings/roles/"


def make(name, *permissions, reach="self", **kw):
    return services.create_role(Role(name=name, permissions=list(permissions), reach=reach, **kw), by=None)


@pytest.fixture
def company():
    east = department("华东")
    return {"east": east, "suzhou": department("苏州组", east), "south": department("华南")}


@pytest.fixture
def boss():
    return employee("超管", roles=("super",))


@pytest.fixture
def admin():
    return employee("系统管理员", roles=("admin",))


@pytest.fixture
def granter(company):
    """Administers roles and people; the widest reach of their roles is 本部门及下属部门."""
    return employee(
        "华东主管",
        roles=[make("授权人", "admin.org", "admin.roles", "customer.view", reach="department_below")],
        department=company["east"],
    )


def matrix_of(one, **changes):
    data = {
        "part": "matrix",
        "version": one.version,
        "f": list(one.permissions),
        "reach": one.reach,
        "departments": one.departments,
    }
    for name, own in one.overrides.items():
        data[f"reach-{name}"], data[f"departments-{name}"] = own["reach"], own["departments"]
    return {**data, **changes}


# Granting -------------------------------------------------------------------------------------------------------------
def test_a_granter_gives_no_more_reach_than_their_own_roles_have(admin, granter, company):
    inside, outside = employee("甲", department=company["suzhou"]), employee("乙", department=company["south"])
    services.set_roles(inside, [role("sales_manager"), role("seller")], by=granter)
    services.set_roles(outside, [role("seller")], by=granter)
    with pytest.raises(ValidationError, match="数据权限以外"):
        services.set_roles(outside, [role("sales_manager")], by=granter)
    with pytest.raises(ValidationError, match="全部"):
        services.set_roles(inside, [role("executive")], by=granter)
    services.set_roles(outside, [role("seller"), make("只录入", "customer.view", "customer.create")], by=admin)
    with pytest.raises(ValidationError, match="数据权限以外"):
        services.set_roles(inside, [role("sales_manager"), role("finance")], by=admin)


def test_a_granter_gives_no_administration_they_lack(admin, granter, company):
    person = employee("甲", department=company["suzhou"])
    with pytest.raises(ValidationError, match="系统设置"):
        services.set_roles(person, [make("设置员", "admin.settings")], by=granter)
    services.set_roles(person, [make("设置员2", "admin.settings")], by=admin)


def test_business_functions_may_be_granted_without_holding_them(admin):
    person = employee("甲", roles=())
    assert not admin.has_function("customer.view")
    services.set_roles(person, [role("seller")], by=admin)


def test_only_a_super_administrator_makes_another(boss, admin):
    person = employee("甲")
    with pytest.raises(ValidationError, match="只有超级管理员可以授予超级管理员"):
        services.set_roles(person, [role("super")], by=admin)
    services.set_roles(person, [role("super")], by=boss)
    assert Employee.objects.get(pk=person.pk).is_super


def test_nobody_grants_themselves_anything_by_any_page(granter, boss):
    client = client_for(granter)
    held = set(granter.roles.values_list("pk", flat=True))
    seller = role("seller")
    client.post(
        f"/settings/employees/{granter.pk}/edit/",
        {
            "name": granter.name,
            "phone": granter.phone,
            "department": granter.department_id,
            "roles": [seller.pk, *held],
        },
    )
    client.post(
        "/settings/employees/batch/roles/", {"ids": granter.pk, "confirm": "1", "mode": "add", "roles": [seller.pk]}
    )
    client.post(f"/settings/employees/{granter.pk}/roles/", {"confirm": "1", "mode": "add", "roles": [seller.pk]})
    client.post(f"{LIST}{seller.pk}/copy/", {"kind": "person", "person": granter.pk})
    assert set(granter.roles.values_list("pk", flat=True)) == held
    with pytest.raises(ValidationError, match="不能修改自己的角色"):
        services.set_roles(boss, [role("super"), seller], by=boss)


def test_roles_beyond_the_granter_cannot_be_ticked_and_a_forged_post_is_refused(granter, company):
    person = employee("甲", department=company["suzhou"])
    client = client_for(granter)
    body = client.get(f"/settings/employees/{person.pk}/edit/").content.decode()
    assert f'value="{role("executive").pk}"' in body and "超出您可以授予的范围" in body
    answer = client.post(
        f"/settings/employees/{person.pk}/edit/",
        {
            "name": person.name,
            "phone": person.phone,
            "department": person.department_id,
            "roles": [role("executive").pk],
        },
    )
    assert answer.status_code == 422 and "不能由您授予" in answer.content.decode()
    assert [one.code for one in person.roles.all()] == ["seller"]


# Editing --------------------------------------------------------------------------------------------------------------
def test_a_granter_edits_no_role_beyond_their_own(admin, granter):
    for one in (role("executive"), role("super")):
        with pytest.raises(ValidationError):
            services.update_role(one, {"description": "x"}, by=granter)
    with pytest.raises(ValidationError, match="您只能授予自己有的管理功能"):
        services.update_role(role("admin"), {"description": "x"}, by=granter)
    one = make("渠道", "customer.view")
    with pytest.raises(ValidationError, match="超出您自己的数据权限"):
        services.update_role(one, {"reach": "department"}, by=admin)
    with pytest.raises(ValidationError, match="您只能授予自己有的管理功能"):
        services.update_role(one, {"permissions": ["admin.settings"]}, by=granter)
    services.update_role(
        one, {"reach": "department_below", "permissions": ["customer.view", "customer.delete"]}, by=granter
    )


def test_an_override_is_bound_like_the_default(granter):
    one = make("渠道", "customer.view", "contact.view")
    with pytest.raises(ValidationError, match="超出您自己的数据权限"):
        services.update_role(one, {"overrides": {"contact": {"reach": "all", "departments": []}}}, by=granter)


def test_chosen_departments_lie_within_the_granters(granter, company):
    one = make("渠道", "customer.view")
    services.update_role(one, {"reach": "custom", "departments": [company["suzhou"].pk]}, by=granter)
    with pytest.raises(ValidationError, match="超出您自己的数据权限"):
        services.update_role(
            one, {"reach": "custom", "departments": [company["suzhou"].pk, company["south"].pk]}, by=granter
        )


def test_a_role_is_not_widened_over_holders_outside_the_granters_reach(granter, company):
    one = make("渠道", "customer.view")
    employee("乙", department=company["south"], roles=[one])
    with pytest.raises(ValidationError, match="不在您的数据权限内"):
        services.update_role(one, {"reach": "department"}, by=granter)


def test_the_own_role_can_be_narrowed_and_not_widened(granter):
    own = granter.roles.get()
    with pytest.raises(ValidationError, match="您自己使用这个角色"):
        services.update_role(own, {"permissions": [*own.permissions, "customer.delete"]}, by=granter)
    services.update_role(own, {"reach": "department"}, by=granter)
    fresh = Employee.objects.get(pk=granter.pk)
    with pytest.raises(ValidationError, match="超出您自己的数据权限|您自己使用这个角色"):
        services.update_role(own, {"reach": "department_below"}, by=fresh)


def test_the_super_role_is_neither_edited_copied_nor_deleted(boss):
    client, top_role = client_for(boss), role("super")
    assert client.post(f"{LIST}{top_role.pk}/", matrix_of(top_role, f=["customer.view"])).status_code == 422
    for page in ("rename", "copy", "delete"):
        assert client.post(f"{LIST}{top_role.pk}/{page}/", {"name": "x", "kind": "role"}).status_code == 422
    assert role("super").permissions == [] and Role.objects.filter(code="super").count() == 1


def test_changing_a_role_acts_on_the_next_request(boss):
    person = employee("甲")
    client = client_for(person)
    assert client.get("/pick/employee/?for=customer.transfer").json()["results"]
    services.update_role(role("seller"), {"permissions": ["customer.view"]}, by=boss)
    assert client.get("/pick/employee/?for=customer.transfer").json()["results"] == []


# The page -------------------------------------------------------------------------------------------------------------
def test_the_matrix_shows_every_function_and_saves_what_was_ticked(boss, company):
    client, one = client_for(boss), make("渠道")
    body = client.get(f"{LIST}{one.pk}/").content.decode()
    for module in modules.ordered():
        for key, _ in module.permissions:
            assert f'value="{module.name}.{key}"' in body
    answer = client.post(
        f"{LIST}{one.pk}/",
        matrix_of(
            one,
            **{
                "f": ["customer.view", "customer.export", "contact.edit"],
                "reach": "department",
                "reach-contact": "custom",
                "departments-contact": [company["suzhou"].pk],
            },
        ),
    )
    assert answer.url == f"{LIST}{one.pk}/"
    one.refresh_from_db()
    assert one.permissions == ["contact.edit", "contact.view", "customer.export", "customer.view"]
    assert (one.reach, one.overrides) == (
        "department",
        {"contact": {"reach": "custom", "departments": [company["suzhou"].pk]}},
    )
    log = OrgLog.objects.filter(code="role.updated").latest("pk")
    assert {
        "label": "联系人的数据权限",
        "old": "默认",
        "new": "自定义（苏州组）",
    } in log.changes and "客户：查看、导出" in str(log.changes)


def test_the_matrix_keeps_administration_and_the_other_tab_keeps_the_matrix(boss):
    client, one = client_for(boss), make("渠道", "customer.view", "admin.org")
    client.post(f"{LIST}{one.pk}/", matrix_of(one, f=["contact.view", "admin.settings"]))
    one.refresh_from_db()
    assert one.permissions == ["admin.org", "contact.view"]
    client.post(
        f"{LIST}{one.pk}/?tab=admin", {"part": "admin", "version": one.version, "f": ["admin.log", "customer.delete"]}
    )
    one.refresh_from_db()
    assert one.permissions == ["admin.log", "contact.view"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"f": ["customer.fly"]}, "不存在的权限"),
        ({"reach": "everything"}, "请选择默认的数据权限"),
        ({"reach": "custom", "departments": []}, "请选择至少一个部门"),
        ({"reach": "custom", "departments": ["999999"]}, "部门已不存在"),
        ({"reach-customer": "nonsense"}, "请选择客户的数据权限"),
        ({"reach-customer": "custom"}, "客户的数据权限是“自定义”"),
    ],
)
def test_forged_matrices_are_refused(boss, changes, message):
    one = make("渠道", "customer.view")
    answer = client_for(boss).post(f"{LIST}{one.pk}/", matrix_of(one, **changes))
    assert answer.status_code == 422 and message in answer.content.decode()
    assert Role.objects.get(pk=one.pk).version == one.version


def test_reach_fields_of_modules_without_owner_are_ignored(boss):
    one = make("渠道", "product.view")
    client_for(boss).post(f"{LIST}{one.pk}/", matrix_of(one, **{"reach-product": "all", "reach-nothing": "all"}))
    assert Role.objects.get(pk=one.pk).overrides == {}


def test_a_stale_matrix_keeps_the_choices_and_asks_again(boss):
    one, client = make("渠道", "customer.view"), client_for(boss)
    services.update_role(one, {"description": "别人改了"}, by=None)
    answer = client.post(f"{LIST}{one.pk}/", matrix_of(one, f=["customer.view", "customer.print"]))
    body = answer.content.decode()
    assert answer.status_code == 422 and "刚被别人修改" in body
    assert 'value="customer.print" aria-label="客户 打印" checked' in body
    fresh = Role.objects.get(pk=one.pk)
    assert fresh.permissions == ["customer.view"]
    assert client.post(f"{LIST}{one.pk}/", matrix_of(fresh, f=["customer.view", "customer.print"])).status_code == 302


def test_new_copied_renamed_deleted(boss):
    client = client_for(boss)
    client.post(f"{LIST}new/", {"name": "渠道专员", "description": "说明", "source": role("seller").pk})
    one = Role.objects.get(name="渠道专员")
    assert set(one.permissions) == set(role("seller").permissions) and one.code == ""
    client.post(f"{LIST}{one.pk}/copy/", {"kind": "role", "name": "渠道二"})
    assert Role.objects.get(name="渠道二").reach == one.reach
    assert "已有同名角色" in client.post(f"{LIST}new/", {"name": "渠道二"}).content.decode()
    assert "最多 50 个字" in client.post(f"{LIST}new/", {"name": "x" * 10_000}).content.decode()
    assert "请填写新角色的名称" in client.post(f"{LIST}{one.pk}/copy/", {"kind": "role", "name": " "}).content.decode()
    assert "请选择员工" in client.post(f"{LIST}{one.pk}/copy/", {"kind": "person"}).content.decode()
    client.post(f"{LIST}{one.pk}/rename/", {"name": '"><img src=x onerror=1>', "description": ""})
    body = client.get(f"{LIST}{one.pk}/").content.decode()
    assert "<img src=x" not in body and "&lt;img src=x" in body
    assert client.post(f"{LIST}{one.pk}/delete/").url == LIST
    assert {log.code for log in OrgLog.objects.filter(actor=boss)} == {"role.created", "role.updated", "role.deleted"}


def test_an_assigned_role_cannot_be_deleted(boss):
    employee("王小明", roles=("finance",))
    answer = client_for(boss).post(f"{LIST}{role('finance').pk}/delete/")
    assert (
        answer.status_code == 422
        and "王小明" in answer.content.decode()
        and Role.objects.filter(code="finance").exists()
    )


def test_a_personal_role_replaces_the_copied_one_and_stays_with_its_person(boss):
    person, other = employee("王小明", roles=("seller", "finance")), employee("乙")
    client = client_for(boss)
    assert client.post(f"{LIST}{role('seller').pk}/copy/", {"kind": "person", "person": person.pk}).status_code == 302
    own = Role.objects.get(person=person)
    assert own.name == "客户经理（王小明）" and set(person.roles.all()) == {own, role("finance")}
    with pytest.raises(ValidationError, match="个人角色"):
        services.set_roles(other, [own], by=boss)
    assert f'value="{own.pk}"' not in client.get(f"/settings/employees/{other.pk}/edit/").content.decode()
    services.copy_for_person(role("seller"), person, by=boss)
    assert Role.objects.filter(person=person).count() == 2


def test_a_locked_role_is_shown_and_its_forged_post_refused(granter):
    client, one = client_for(granter), role("executive")
    body = client.get(f"{LIST}{one.pk}/").content.decode()
    assert "只能查看" in body and "<fieldset disabled>" in body
    assert client.post(f"{LIST}{one.pk}/", matrix_of(one, f=[])).status_code == 422
    assert role("executive").permissions == one.permissions


def test_only_holders_of_the_function_come_in():
    one, outsider = role("seller"), client_for(employee(roles=("seller", "executive")))
    for url in (
        LIST,
        f"{LIST}new/",
        f"{LIST}{one.pk}/",
        f"{LIST}{one.pk}/rename/",
        f"{LIST}{one.pk}/copy/",
        f"{LIST}{one.pk}/delete/",
        f"{LIST}999999/",
    ):
        for answer in (outsider.get(url), outsider.post(url, matrix_of(one, f=[]))):
            assert answer.status_code in (403, 405), url
    assert role("seller").permissions == one.permissions
    assert client_for(employee(roles=("super",))).get(f"{LIST}999999/").status_code == 404
