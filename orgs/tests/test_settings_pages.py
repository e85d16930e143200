"""Settings index, data dictionaries, parameters, logs, the first administrator."""

from io import StringIO

import pytest
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm.records import modules, params
from crm.records.models import DictionaryItem, Parameter
from orgs import services
from orgs.models import Employee, OrgLog, Role, SignInLog
from orgs.tests.factories import PASSWORD, client_for, employee, role

pytestmark = pytest.mark.django_db
DICTIONARIES = "/settings/dictionaries/"
CODE = "customer.industry"


@pytest.fixture(autouse=True)
def empty_cache():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def boss():
    return employee("超管", roles=("super",))


def items(code=CODE):
    return list(DictionaryItem.objects.filter(dictionary=code))


def test_the_index_lists_only_what_the_functions_open(boss):
    dictionary = services.create_role(Role(name="字典员", permissions=["admin.dictionary"]), by=None)
    body = client_for(employee(roles=[dictionary])).get("/settings/").content.decode()
    assert "/settings/dictionaries/" in body and "/settings/employees/" not in body and "/settings/log/" not in body
    assert client_for(employee()).get("/settings/").status_code == 403
    body = client_for(boss).get("/settings/").content.decode()
    assert all(
        url in body
        for url in (
            "/settings/departments/",
            "/settings/employees/",
            "/settings/roles/",
            "/settings/parameters/",
            "/settings/signins/",
            "/settings/log/",
        )
    )


# Dictionaries ---------------------------------------------------------------------------------------------------------
def test_values_are_added_renamed_retired_moved_and_made_default(boss):
    client, url = client_for(boss), f"{DICTIONARIES}{CODE}/"
    client.post(f"{url}new/", {"label": " 新能源 "})
    new = items()[-1]
    assert new.label == "新能源"
    client.post(f"{DICTIONARIES}items/{new.pk}/rename/", {"label": "储能"})
    client.post(f"{DICTIONARIES}items/{new.pk}/up/")
    assert [item.label for item in items()][-2] == "储能"
    client.post(f"{DICTIONARIES}items/{new.pk}/default/")
    other = items()[0]
    client.post(f"{DICTIONARIES}items/{other.pk}/default/")
    assert [item.pk for item in items() if item.is_default] == [other.pk]
    client.post(f"{DICTIONARIES}items/{other.pk}/retire/")
    other.refresh_from_db()
    assert not other.active and not other.is_default
    assert client.post(f"{DICTIONARIES}items/{other.pk}/default/").status_code == 422
    client.post(f"{DICTIONARIES}items/{other.pk}/restore/")
    assert DictionaryItem.objects.get(pk=other.pk).active
    client.post(f"{DICTIONARIES}items/{items()[0].pk}/up/")
    assert items()[0].pk == other.pk
    assert OrgLog.objects.filter(code="dictionary.updated", changes__0__new="储能").exists()


def test_a_used_value_cannot_be_deleted_and_an_unused_one_can(boss):
    client, (used, unused, *_) = client_for(boss), items()
    customer = modules.get("customer").model
    customer(name="甲公司", owner=boss, industry=used).save()
    customer(name="乙公司", owner=boss, industry=used, deleted_at="2026-01-01T00:00Z").save()
    body = client.get(f"{DICTIONARIES}{CODE}/").content.decode()
    assert f"items/{used.pk}/delete/" not in body and f"items/{unused.pk}/delete/" in body
    answer = client.post(f"{DICTIONARIES}items/{used.pk}/delete/")
    assert answer.status_code == 422 and "有 2 条记录在使用" in answer.content.decode()
    assert client.post(f"{DICTIONARIES}items/{unused.pk}/delete/").status_code == 302
    assert {item.pk for item in items()} & {used.pk, unused.pk} == {used.pk}


@pytest.mark.parametrize(
    ("label", "message"), [("x" * 10_000, "最多 50 个字"), ("  ", "请填写名称"), ("其他", "已有同名的值")]
)
def test_bad_values_are_form_errors(boss, label, message):
    client, before = client_for(boss), [item.label for item in items()]
    for url in (f"{DICTIONARIES}{CODE}/new/", f"{DICTIONARIES}items/{items()[0].pk}/rename/"):
        answer = client.post(url, {"label": label})
        assert answer.status_code == 422 and message in answer.content.decode()
    assert [item.label for item in items()] == before


def test_markup_in_a_value_stays_text(boss):
    client = client_for(boss)
    client.post(f"{DICTIONARIES}{CODE}/new/", {"label": '"><img src=x onerror=1>'})
    for url in (
        f"{DICTIONARIES}{CODE}/",
        f"{DICTIONARIES}items/{items()[-1].pk}/delete/",
        f"{DICTIONARIES}items/{items()[-1].pk}/rename/",
    ):
        body = client.get(url).content.decode()
        assert "<img src=x" not in body and "&lt;img src=x" in body


def test_unknown_dictionaries_and_values_are_404_and_changes_need_a_post(boss):
    client, first = client_for(boss), items()[0]
    for url in (
        f"{DICTIONARIES}nothing/",
        f"{DICTIONARIES}nothing/new/",
        f"{DICTIONARIES}items/999999/rename/",
        f"{DICTIONARIES}items/999999/delete/",
    ):
        assert client.get(url).status_code == 404
    assert client.post(f"{DICTIONARIES}items/{first.pk}/fly/").status_code == 404
    assert client.get(f"{DICTIONARIES}items/{first.pk}/retire/").status_code == 405
    outsider = client_for(employee(roles=("seller",)))
    for url in (
        DICTIONARIES,
        f"{DICTIONARIES}{CODE}/",
        f"{DICTIONARIES}{CODE}/new/",
        f"{DICTIONARIES}items/{first.pk}/rename/",
        f"{DICTIONARIES}items/{first.pk}/delete/",
    ):
        assert outsider.get(url).status_code == 403
    assert outsider.post(f"{DICTIONARIES}items/{first.pk}/retire/").status_code == 403
    assert DictionaryItem.objects.get(pk=first.pk).active


def test_a_dictionary_costs_the_same_queries_at_any_size(boss):
    client = client_for(boss)

    def cost():
        client.get(f"{DICTIONARIES}{CODE}/")
        with CaptureQueriesContext(connection) as queries:
            client.get(f"{DICTIONARIES}{CODE}/")
        return len(queries)

    before = cost()
    for n in range(20):
        services.add_item(CODE, f"值{n}", by=None)
    assert cost() == before


# Parameters -----------------------------------------------------------------------------------------------------------
def current(**changes):
    return {
        key: ("on" if value else "") if isinstance(value, bool) else value for key, value in params.all_values().items()
    } | changes


def test_parameters_change_with_a_log_row_and_defaults_leave_no_row(boss, django_capture_on_commit_callbacks):
    client = client_for(boss)
    body = client.get("/settings/parameters/").content.decode()
    for param in params.PARAMS.values():
        assert param.label in body and param.sentence in body
    assert (
        client.post(
            "/settings/parameters/", current(page_size=50, recycle_days=60, created_by_me_visible="on")
        ).status_code
        == 302
    )
    assert (params.get("page_size"), params.get("recycle_days"), params.get("created_by_me_visible")) == (50, 60, True)
    log = OrgLog.objects.get(code="parameter.updated", target="创建人始终可见")
    assert log.changes == [{"label": "创建人始终可见", "old": "关", "new": "开"}]
    client.post("/settings/parameters/", current(page_size=15, recycle_days=30, created_by_me_visible=""))
    assert not Parameter.objects.exists() and params.get("recycle_days") == 30


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recycle_days": 0}, "请输入 1 到 3,650 的整数"),
        ({"recycle_days": "x"}, "请输入 1 到 3,650 的整数"),
        ({"recycle_days": "9" * 30}, "请输入 1 到 3,650 的整数"),
        ({"page_size": 17}, "请选择列表中的选项"),
        ({"duplicate_names": "maybe"}, "请选择列表中的选项"),
    ],
)
def test_values_out_of_range_change_nothing(boss, changes, message):
    answer = client_for(boss).post("/settings/parameters/", current(export_days=9, **changes))
    assert answer.status_code == 422 and message in answer.content.decode()
    assert not Parameter.objects.exists()


def test_a_hook_may_refuse_a_change_and_then_nothing_is_stored(boss, monkeypatch):
    seen = []

    def refuse(value):
        seen.append(value)
        raise ValidationError("还有 2 个重名客户，请先处理")

    monkeypatch.setattr(params, "_HOOKS", {"duplicate_names": refuse})
    answer = client_for(boss).post("/settings/parameters/", current(duplicate_names="warn", page_size=30))
    assert answer.status_code == 422 and "还有 2 个重名客户" in answer.content.decode() and seen == ["warn"]
    cache.clear()
    assert params.get("page_size") == 15 and not OrgLog.objects.filter(code="parameter.updated").exists()
    client_for(boss).post("/settings/parameters/", current(page_size=30))
    assert seen == ["warn"] and params.get("page_size") == 30


def test_parameters_and_logs_need_their_functions():
    outsider = client_for(employee(roles=("seller", "executive")))
    for url in ("/settings/parameters/", "/settings/signins/", "/settings/log/"):
        assert outsider.get(url).status_code == 403
    assert outsider.post("/settings/parameters/", current(page_size=30)).status_code == 403


# Logs -----------------------------------------------------------------------------------------------------------------
def test_the_sign_in_log_is_searched_and_survives_bad_conditions(boss):
    person = employee("张三丰")
    Client().post("/login/", {"username": person.phone, "password": "wrong-one"})
    Client().post("/login/", {"username": person.phone, "password": PASSWORD})
    Client().post("/login/", {"username": '"><img src=x onerror=1>', "password": "x"})
    client = client_for(boss)

    def shown(query):
        return [row.username for row in client.get(f"/settings/signins/?{query}").context["rows"]]

    assert (
        shown("q=zsf&result=wrong") == [person.phone]
        and len(shown("q=张三丰")) == 2
        and shown("until=2000-01-01") == []
    )
    body = client.get("/settings/signins/?from=x&result=zzz&page=x&q=%00").content.decode()
    assert (
        "无法识别的日期" in body and "无法识别的结果" in body and "<img src=x" not in body and "&lt;img src=x" in body
    )


def test_the_logs_cost_the_same_queries_at_any_size(boss):
    client = client_for(boss)

    def cost(url):
        client.get(url)
        with CaptureQueriesContext(connection) as queries:
            client.get(url)
        return len(queries)

    urls = ("/settings/signins/?size=100", "/settings/log/?size=100")
    before = [cost(url) for url in urls]
    for n in range(12):
        person = employee(f"人{n}")
        services.update_employee(person, {"position": "x"}, by=boss)
        SignInLog.objects.create(employee=person, username=person.phone, result="ok")
    assert [cost(url) for url in urls] == before


def test_the_system_log_shows_what_changed(boss):
    services.update_employee(employee("甲"), {"position": "新职位"}, by=boss)
    client = client_for(boss)
    body = client.get("/settings/log/?area=employee&q=超管").content.decode()
    assert "编辑员工" in body and "新职位" in body and "超管" in body
    assert "没有符合条件的改动" in client.get("/settings/log/?area=role&until=2000-01-01").content.decode()


# The first administrator ----------------------------------------------------------------------------------------------
def test_create_admin_takes_the_password_from_the_environment(monkeypatch):
    monkeypatch.setenv("ADMIN_PASSWORD", "good-words-9")
    out = StringIO()
    call_command("create_admin", phone="+86 138 0000 0001", name="张三", stdout=out)
    person = Employee.objects.get(phone="13800000001")
    assert (
        person.is_super
        and person.check_password("good-words-9")
        and person.must_change_password
        and "张三" in out.getvalue()
    )
    with pytest.raises(CommandError, match="该手机号已被使用"):
        call_command("create_admin", phone="13800000001", name="李四")
    monkeypatch.setenv("ADMIN_PASSWORD", "123")
    with pytest.raises(CommandError, match="8"):
        call_command("create_admin", phone="13800000002", name="李四")
    assert Employee.objects.filter(roles=role("super")).count() == 1


def test_create_admin_asks_twice(monkeypatch):
    monkeypatch.delenv("ADMIN_PASSWORD", raising=False)
    answers = iter(["good-words-9", "other", "good-words-9", "good-words-9"])
    monkeypatch.setattr("orgs.management.commands.create_admin.getpass", lambda prompt: next(answers))
    with pytest.raises(CommandError, match="不一致"):
        call_command("create_admin", phone="13800000001", name="张三")
    call_command("create_admin", phone="13800000001", name="张三", stdout=StringIO())
    assert Employee.objects.get(phone="13800000001").check_password("good-words-9")
