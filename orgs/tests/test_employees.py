"""Employees: rules of the services, pages, batch actions, pickers, bad input."""

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orgs import services
from orgs.models import Employee, OrgLog, SignIn
from orgs.tests.factories import PASSWORD, client_for, department, employee, role, top

pytestmark = pytest.mark.django_db
LIST = "/settings/employees/"
DIALOG = {"HX-Request": "true", "HX-Target": "dialog"}


@pytest.fixture
def boss():
    return employee("超管", roles=("super",))


@pytest.fixture
def admin():
    return employee("系统管理员", roles=("admin",))


def data_of(person, **changes):
    return {
        "name": person.name,
        "phone": person.phone,
        "email": person.email,
        "department": person.department_id,
        "position": person.position,
        "supervisor": person.supervisor_id or "",
        "gender": person.gender,
        **changes,
    }


def test_no_ring_of_supervisors_by_any_way():
    first = employee("甲")
    second = employee("乙", supervisor=first)
    third = employee("丙", supervisor=second)
    for low in (first, second, third):
        with pytest.raises(ValidationError, match="直属上级不能是本人或本人的下属"):
            services.update_employee(first, {"supervisor": low}, by=None)
    services.update_employee(third, {"supervisor": first}, by=None)
    assert first.subordinate_ids() == {first.pk, second.pk, third.pk}


def test_a_ring_through_the_form_is_a_form_error(boss):
    first = employee("甲")
    second = employee("乙", supervisor=first)
    answer = client_for(boss).post(f"{LIST}{first.pk}/edit/", data_of(first, supervisor=second.pk))
    assert answer.status_code == 422 and "直属上级不能是本人或本人的下属" in answer.content.decode()
    first.refresh_from_db()
    assert first.supervisor_id is None


def test_the_last_super_administrator_stays(boss):
    other = employee("第二个", roles=("super",))
    services.disable_employee(other, by=boss)
    for act in (
        lambda: services.set_roles(boss, [role("seller")], by=None),
        lambda: services.disable_employee(boss, by=None),
    ):
        with pytest.raises(ValidationError, match="最后一个启用的超级管理员"):
            act()
    services.enable_employee(other, by=boss)
    services.set_roles(boss, [role("seller")], by=other)
    assert not Employee.objects.get(pk=boss.pk).is_super


def test_taking_super_away_ends_the_sessions(boss):
    other = employee("第二个", roles=("super", "seller"))
    client = client_for(other)
    client.get("/me/")
    assert SignIn.objects.filter(employee=other).exists()
    services.set_roles(other, [role("seller")], by=boss)
    assert client.get("/me/").url.startswith("/login/")


def test_nobody_disables_or_reroles_themselves(boss):
    employee("第二个", roles=("super",))
    with pytest.raises(ValidationError, match="不能停用自己"):
        services.disable_employee(boss, by=boss)
    with pytest.raises(ValidationError, match="不能修改自己的角色"):
        services.set_roles(boss, [role("seller")], by=boss)
    with pytest.raises(ValidationError, match="修改密码"):
        services.reset_password(boss, by=boss)


def test_an_administrator_cannot_touch_accounts_with_more_administration(boss, admin):
    acts = [
        lambda: services.reset_password(boss, by=admin),
        lambda: services.disable_employee(boss, by=admin),
        lambda: services.update_employee(boss, {"phone": "13812340000"}, by=admin),
        lambda: services.set_roles(boss, [], by=admin),
    ]
    employee("第二个", roles=("super",))
    for act in acts:
        with pytest.raises(ValidationError, match="只有超级管理员"):
            act()
    small = employee(
        "人事", roles=[services.create_role(type(role("seller"))(name="人事", permissions=["admin.org"]), by=None)]
    )
    with pytest.raises(ValidationError, match="有您没有的管理功能"):
        services.reset_password(admin, by=small)


def test_own_department_and_supervisor_are_for_others_to_change(admin, boss):
    other = department("别处")
    with pytest.raises(ValidationError, match="不能修改自己的部门"):
        services.update_employee(admin, {"department": other}, by=admin)
    services.update_employee(boss, {"department": other}, by=boss)
    assert services.update_employee(admin, {"position": "主管"}, by=admin).position == "主管"


def test_creating_shows_the_password_once_and_forces_a_change(boss):
    client = client_for(boss)
    where = department("苏州组")
    answer = client.post(
        f"{LIST}new/",
        {
            "name": "张三丰",
            "phone": "+86 138-1234-5678",
            "email": "Z@example.com",
            "department": where.pk,
            "roles": [role("seller").pk],
        },
    )
    person = Employee.objects.get(phone="13812345678")
    assert answer.status_code == 200 and "no-store" in answer["Cache-Control"]
    password = next(
        word for word in answer.content.decode().replace("<", ">").split(">") if person.check_password(word)
    )
    assert (
        len(password) == 10
        and person.must_change_password
        and person.pinyin == "zsf"
        and list(person.roles.all()) == [role("seller")]
    )
    assert password not in client.get(f"{LIST}{person.pk}/").content.decode()
    assert OrgLog.objects.filter(code="employee.created", actor=boss, target="张三丰").exists()
    assert not OrgLog.objects.filter(text__contains=password).exists()


def test_a_chosen_initial_password_must_keep_the_rules(boss):
    client = client_for(boss)
    data = {"name": "张三", "phone": "13812345678", "department": top().pk, "password": "123"}
    answer = client.post(f"{LIST}new/", data)
    assert (
        answer.status_code == 422
        and "初始密码" in answer.content.decode()
        and not Employee.objects.filter(phone="13812345678").exists()
    )
    assert client.post(f"{LIST}new/", {**data, "password": "good-words-9"}).status_code == 200
    assert Employee.objects.get(phone="13812345678").check_password("good-words-9")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "x" * 10_000}, "最多 50 个字"),
        ({"name": " \u200b "}, "请填写姓名"),
        ({"phone": "12345"}, "手机号格式不正确"),
        ({"phone": ""}, "请填写手机号"),
        ({"phone": "13900009999"}, "该手机号已被使用"),
        ({"email": "nonsense"}, "邮箱格式不正确"),
        ({"email": "Taken@Example.com"}, "该邮箱已被使用"),
        ({"email": "x" * 60 + "@example.com"}, "最多 50 个字"),
        ({"department": ""}, "请选择部门"),
        ({"department": "999999"}, "请选择列表中的选项"),
        ({"supervisor": "999999"}, "请选择列表中的选项"),
        ({"gender": "x"}, "请选择列表中的选项"),
        ({"roles": ["999999"]}, "请选择列表中的角色"),
        ({"roles": ["x"]}, "请选择列表中的角色"),
    ],
)
def test_bad_input_is_a_form_error_and_writes_nothing(boss, changes, message):
    employee("占用", phone="13900009999", email="taken@example.com")
    count = Employee.objects.count()
    data = {"name": "张三", "phone": "13812345678", "email": "", "department": top().pk, **changes}
    answer = client_for(boss).post(f"{LIST}new/", data)
    assert answer.status_code == 422 and message in answer.content.decode()
    assert Employee.objects.count() == count and not OrgLog.objects.filter(code="employee.created", actor=boss).exists()


def test_only_declared_fields_change(boss):
    person = employee("甲")
    before = person.password
    data = data_of(
        person,
        position="新职位",
        is_active="",
        must_change_password="1",
        password="hacked",
        pinyin="x",
        roles=[role("seller").pk],
        last_login="",
        pk="1",
        id="1",
    )
    assert client_for(boss).post(f"{LIST}{person.pk}/edit/", data).status_code == 302
    person.refresh_from_db()
    assert (person.position, person.is_active, person.must_change_password, person.password, person.pinyin) == (
        "新职位",
        True,
        False,
        before,
        "j",
    )


def test_markup_in_names_stays_text_on_every_page(boss):
    evil = '"><img src=x onerror=1>'
    person = employee(evil, position=evil, email="e@example.com")
    client = client_for(boss)
    for url in (
        LIST,
        f"{LIST}{person.pk}/",
        f"{LIST}{person.pk}/edit/",
        f"{LIST}{person.pk}/disable/",
        f"/people/{person.pk}/",
        f"/people/{person.pk}/rights/",
        "/settings/log/",
        f"/rights/why/?employee={person.pk}",
        f"/settings/roles/{role('seller').pk}/?tab=people",
        f"{LIST}?q=%22%3E%3Cimg+src%3Dx+onerror%3D1%3E",
    ):
        body = client.get(url).content.decode()
        assert "<img src=x" not in body, url
        assert "img src=x" in body, url
    body = client.post(f"{LIST}batch/reset/", {"ids": str(person.pk), "confirm": "1"}).content.decode()
    assert "<img src=x" not in body and "img src=x" in body


def test_rights_of_the_form_follow_the_functions():
    hr = employee(
        "人事", roles=[services.create_role(type(role("seller"))(name="人事", permissions=["admin.org"]), by=None)]
    )
    client = client_for(hr)
    body = client.get(f"{LIST}new/").content.decode()
    assert 'name="roles"' not in body
    client.post(
        f"{LIST}new/", {"name": "张三", "phone": "13812345678", "department": top().pk, "roles": [role("super").pk]}
    )
    assert list(Employee.objects.get(phone="13812345678").roles.all()) == []
    other = employee("甲")
    assert (
        client.post(
            f"{LIST}batch/roles/", {"ids": other.pk, "confirm": "1", "mode": "add", "roles": [role("seller").pk]}
        ).status_code
        == 403
    )
    assert client.get(f"{LIST}{other.pk}/roles/").status_code == 403


def test_the_list_searches_filters_and_pages(boss):
    east = department("华东")
    suzhou = department("苏州组", east)
    person = employee("张三丰", department=suzhou, phone="13812345678", roles=("finance",))
    gone = employee("张无忌", department=suzhou, is_active=False)
    client = client_for(boss)

    def names(query):
        answer = client.get(f"{LIST}?{query}")
        assert answer.status_code == 200
        return [row["title"] for row in answer.context["rows"]]

    for query in (
        "q=三丰",
        "q=zsf",
        "q=1234567",
        "q=138-1234-5678",
        f"department={east.pk}",
        f"role={role('finance').pk}",
    ):
        assert names(query) == [person.name], query
    assert names("state=disabled") == [gone.name]
    assert set(names(f"state=all&department={east.pk}")) == {person.name, gone.name}
    for n in range(20):
        employee(f"人{n:02}")
    assert len(names("")) == 15 and len(names("page=2")) == 7
    assert names("sort=-name&size=100")[0] == "张三丰"


def test_unknown_parameters_never_reach_the_database_and_are_named(boss):
    body = (
        client_for(boss)
        .get(f"{LIST}?password__startswith=a&sort=password&state=x&department=x&role=9999&page=0")
        .content.decode()
    )
    for part in (
        "password__startswith",
        "无法识别的排序",
        "无法识别的状态",
        "不存在的部门",
        "不存在的角色",
        "请输入 1 到 1 之间的页码",
    ):
        assert part in body


def test_the_list_costs_the_same_queries_for_one_row_and_for_many(boss):
    client = client_for(boss)

    def cost():
        client.get(f"{LIST}?size=100")
        with CaptureQueriesContext(connection) as queries:
            client.get(f"{LIST}?size=100")
        return len(queries)

    employee("甲", roles=("seller", "finance"), supervisor=boss)
    before = cost()
    for n in range(15):
        employee(f"人{n}", roles=("seller", "service"), supervisor=boss, department=department(f"组{n}"))
    assert cost() == before


def test_batch_asks_first_and_tells_the_result_per_person(boss):
    good, last = employee("甲"), employee("乙", is_active=False)
    client = client_for(boss)
    asked = client.post(f"{LIST}batch/disable/", {"ids": f"{good.pk},{last.pk},{boss.pk}"}, headers=DIALOG)
    assert asked.status_code == 200 and "停用 3 名员工？" in asked.content.decode()
    assert Employee.objects.get(pk=good.pk).is_active
    told = client.post(
        f"{LIST}batch/disable/", {"ids": f"{good.pk},{last.pk},{boss.pk}", "confirm": "1"}, headers=DIALOG
    ).content.decode()
    assert "已经停用" in told and "不能停用自己" in told and "成功 <b>1</b> 条" in told
    assert not Employee.objects.get(pk=good.pk).is_active


def test_batch_moves_resets_and_sets_roles(boss):
    people = [employee(name) for name in "甲乙丙"]
    ids, there, client = ",".join(str(person.pk) for person in people), department("新部门"), client_for(boss)
    assert "请选择新部门" in client.post(f"{LIST}batch/move/", {"ids": ids, "confirm": "1"}).content.decode()
    assert client.post(f"{LIST}batch/move/", {"ids": ids, "confirm": "1", "department": there.pk}).status_code == 302
    assert set(Employee.objects.filter(pk__in=[p.pk for p in people]).values_list("department", flat=True)) == {
        there.pk
    }
    answer = client.post(f"{LIST}batch/reset/", {"ids": ids, "confirm": "1"})
    assert "no-store" in answer["Cache-Control"] and all(person.name in answer.content.decode() for person in people)
    assert Employee.objects.filter(must_change_password=True).count() == 3
    client.post(f"{LIST}batch/roles/", {"ids": ids, "confirm": "1", "mode": "add", "roles": [role("finance").pk]})
    assert {role.code for role in people[0].roles.all()} == {"seller", "finance"}
    client.post(f"{LIST}batch/roles/", {"ids": ids, "confirm": "1", "mode": "remove", "roles": [role("seller").pk]})
    assert {role.code for role in people[0].roles.all()} == {"finance"}
    client.post(f"{LIST}batch/roles/", {"ids": ids, "confirm": "1", "mode": "replace", "roles": [role("service").pk]})
    assert {role.code for role in people[0].roles.all()} == {"service"}


@pytest.mark.parametrize("ids", ["", "x", "999999999", "1 or 1=1", "-1", "9" * 30])
def test_batch_without_known_people_does_nothing(boss, ids):
    answer = client_for(boss).post(f"{LIST}batch/disable/", {"ids": ids, "confirm": "1"})
    assert answer.status_code == 422 and "请先选择员工。" in answer.content.decode()


def test_everything_needs_the_function_and_a_post():
    person, outsider = employee("甲"), client_for(employee(roles=("seller", "executive")))
    urls = [
        LIST,
        f"{LIST}new/",
        f"{LIST}import/",
        f"{LIST}template/",
        f"{LIST}export/",
        f"{LIST}{person.pk}/",
        f"{LIST}{person.pk}/edit/",
        f"{LIST}{person.pk}/reset/",
        f"{LIST}batch/reset/",
        f"{LIST}999999/",
    ]
    before = Employee.objects.get(pk=person.pk).password
    for url in urls:
        for answer in (outsider.get(url), outsider.post(url, {"ids": person.pk, "confirm": "1"})):
            assert answer.status_code in (403, 405), url
    assert Employee.objects.get(pk=person.pk).password == before
    inside = client_for(employee(roles=("super",)))
    assert inside.get(f"{LIST}batch/reset/").status_code == 405
    assert inside.get(f"{LIST}{person.pk}/nonsense/").status_code == 404 == inside.get(f"{LIST}999999/").status_code


def test_pickers_offer_people_in_reach_only():
    east = department("华东")
    manager = employee("李经理", roles=("sales_manager",), department=east)
    mine, other = employee("张三", department=east), employee("张四", department=department("华南"))
    employee("张五", department=east, is_active=False)
    client = client_for(manager)

    def ids(query):
        return {row["id"] for row in client.get(f"/pick/employee/?{query}").json()["results"]}

    assert ids("for=customer.transfer&q=zhang") == set()
    assert ids("for=customer.transfer&q=z") == {mine.pk} and ids("for=customer.transfer&q=张") == {mine.pk}
    assert ids(f"for=customer.transfer&q={mine.phone[-6:]}") == {mine.pk}
    assert {row["id"] for row in client.get("/pick/colleague/?q=张").json()["results"]} == {mine.pk, other.pk}
    assert ids("for=admin.org") == set()
    for bad in ("", "for=customer.nonsense", "for=nothing.view", "for=admin.nothing", "for=customer"):
        assert client.get(f"/pick/employee/?{bad}").status_code == 404, bad
    assert client_for(employee(roles=())).get("/pick/employee/?for=customer.create").json() == {"results": []}


def test_the_name_card_is_for_every_colleague(admin):
    person = employee("张三", position="顾问", email="z@example.com")
    reader = client_for(employee("李四"))
    body = reader.get(f"/people/{person.pk}/", headers={"HX-Request": "true", "HX-Target": "panel"}).content.decode()
    assert (
        all(part in body for part in ("张三", "顾问", person.phone, "办公室"))
        and "的权限" not in body
        and "/edit/" not in body
    )
    assert f"/people/{person.pk}/rights/" in client_for(admin).get(f"/people/{person.pk}/").content.decode()
    assert reader.get("/people/999999/").status_code == 404


def test_people_edit_their_own_mail_address_only():
    employee("占用", email="taken@example.com")
    person = employee("甲")
    client = client_for(person)
    assert client.post("/me/", {"email": "me@example.com", "name": "新名", "phone": "13812345678"}).url == "/me/"
    person.refresh_from_db()
    assert (person.email, person.name) == ("me@example.com", "甲")
    assert "该邮箱已被使用" in client.post("/me/", {"email": "TAKEN@example.com"}).content.decode()


def test_own_sessions_can_be_ended_and_nobody_elses():
    person, stranger = employee("甲"), employee("乙")
    from django.test import Client

    here, there = Client(), Client()
    for client in (here, there):
        client.post("/login/", {"username": person.phone, "password": PASSWORD})
    far = SignIn.objects.get(session_key=there.session.session_key)
    near = SignIn.objects.get(session_key=here.session.session_key)
    assert here.get("/me/").content.decode().count("下线</button>") == 1
    assert client_for(stranger).post(f"/me/sessions/{far.pk}/end/").status_code == 404
    assert here.post(f"/me/sessions/{near.pk}/end/").status_code == 403
    assert here.get(f"/me/sessions/{far.pk}/end/").status_code == 405
    assert here.post(f"/me/sessions/{far.pk}/end/").url == "/me/"
    assert there.get("/me/").url.startswith("/login/") and here.get("/me/").status_code == 200
