"""我的权限 and 为什么能看到: words that agree with the gate."""

from datetime import timedelta

import pytest
from django.utils import timezone

from crm.records import modules, params, teams
from orgs import explain, services
from orgs.models import Role
from orgs.tests.factories import client_for, department, employee, role

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def defaults(django_capture_on_commit_callbacks):
    from django.core.cache import cache

    cache.clear()
    yield
    cache.clear()


def record(module, owner, **kw):
    one = modules.get(module).model(owner=owner, **({"name": f"记录{owner.pk}"} | kw))
    one.save()
    return one


@pytest.fixture
def company():
    east = department("华东销售部")
    suzhou = department("苏州组", east)
    people = {
        "manager": employee("李经理", roles=("sales_manager",), department=east),
        "seller": employee("张三", department=suzhou),
        "peer": employee("李四", department=suzhou),
        "far": employee("赵六", department=department("华南")),
        "boss": employee("高管", roles=("executive",)),
        "plain": employee("没角色", roles=()),
        "super": employee("超管", roles=("super",)),
    }
    customer = record("customer", people["seller"], name="长青股份")
    contact = record("contact", people["seller"], name="王总", customer=customer)
    return {**people, "customer": customer, "contact": contact}


def ask(company, who, what="customer", asker="super"):
    return explain.why(
        type(company[who]).objects.get(pk=company[who].pk), modules.get(what), company[what], asker=company[asker]
    )


def test_each_way_to_see_a_record_is_named(company):
    assert ask(company, "seller").reasons[0].text == "本人是负责人"
    manager = ask(company, "manager").reasons
    assert (
        manager[0].title == "角色“销售经理”"
        and "本部门及下属部门（华东销售部）" in manager[0].text
        and "张三" in manager[0].text
    )
    assert "全部" in ask(company, "boss").reasons[0].text and ask(company, "super").visible
    no = ask(company, "peer")
    assert not no.visible and "不在李四的数据权限内" in no.refusal
    assert "都没有“客户”的查看权限" in ask(company, "plain").refusal


def test_a_team_entry_is_named_with_right_and_end_and_ends(company):
    until = timezone.localdate() + timedelta(days=3)
    teams.add([company["customer"]], [company["far"]], write=True, until=until, by=company["seller"])
    reason = ask(company, "far").reasons[0]
    assert (
        (reason.kind, reason.title) == ("team", "相关团队")
        and "读写" in reason.text
        and until.isoformat() in reason.text
        and "由张三添加" in reason.text
    )
    parent = ask(company, "far", "contact").reasons[0]
    assert parent.kind == "parent" and "长青股份" in parent.title
    modules.get("customer").grant_model.objects.update(until=timezone.localdate() - timedelta(days=1))
    assert not ask(company, "far").visible and not ask(company, "far", "contact").visible


def test_a_parents_name_is_kept_from_askers_who_do_not_see_it(company):
    services.set_roles(company["peer"], [role("seller")], by=None)
    contact = record("contact", company["peer"], name="共有联系人", customer=company["customer"])
    params.store("children_follow_parent", True)
    answer = explain.why(company["manager"], modules.get("contact"), contact, asker=company["peer"])
    assert answer.visible and any(reason.kind == "parent" for reason in answer.reasons)
    assert "长青股份" not in str(answer)


def test_the_words_agree_with_the_gate_for_everybody(company):
    teams.add([company["customer"]], [company["peer"]], write=False, by=company["seller"])
    company["customer"].created_by = company["far"]
    company["customer"].save()
    for option in (False, True):
        params.store("created_by_me_visible", option)
        params.store("children_follow_parent", option)
        for who in ("manager", "seller", "peer", "far", "boss", "plain", "super"):
            for what in ("customer", "contact"):
                answer = ask(company, who, what)
                assert bool(answer.reasons) == answer.visible == bool(not answer.refusal), (who, what, option)


def test_asking_needs_sight_of_the_record(company):
    url = f"/rights/why/?employee={company['manager'].pk}&module=customer&id={company['customer'].pk}"
    assert client_for(company["seller"]).get(url).status_code == 200
    assert client_for(company["peer"]).get(url).status_code == 404
    assert client_for(company["plain"]).get(url).status_code == 403
    assert client_for(employee("管理", roles=("admin",))).get(url).status_code == 403
    seen = client_for(company["super"])
    assert "李经理能看到" in "".join(seen.get(url).content.decode().split())
    for bad in (
        "module=nothing&id=1",
        "module=customer&id=x",
        "module=customer&id=999999",
        "employee=x",
        "employee=999999",
    ):
        assert seen.get(f"/rights/why/?{bad}").status_code == 404, bad
    by_address = seen.get(
        f"/rights/why/?employee={company['far'].pk}&record=http://testserver/customers/{company['customer'].pk}/%3Ftab=team"
    ).content.decode()
    assert "看不到" in by_address and "长青股份" in by_address
    assert "请粘贴记录页面的地址" in seen.get("/rights/why/?record=/settings/roles/1/").content.decode()


def test_own_rights_in_words(company):
    body = client_for(company["manager"]).get("/me/rights/").content.decode()
    for part in ("我的权限", "销售经理", "本部门及下属部门（华东销售部）", "3 人负责的客户", "没有管理功能", "锁定"):
        assert part in body, part
    assert "全公司的客户" in client_for(company["boss"]).get("/me/rights/").content.decode()
    assert "没有业务权限" in client_for(company["plain"]).get("/me/rights/").content.decode()


def test_the_rights_of_others_are_for_administrators_of_roles(company):
    url = f"/people/{company['seller'].pk}/rights/"
    assert client_for(company["seller"]).get(url).status_code == 200
    assert client_for(company["manager"]).get(url).status_code == 403
    admin = client_for(employee("管理", roles=("admin",)))
    assert "张三的权限" in admin.get(url).content.decode()
    assert admin.get("/people/999999/rights/").status_code == 404


def test_custom_reach_names_its_departments(company):
    one = services.create_role(
        Role(name="专看", permissions=["customer.view"], reach="custom", departments=[company["seller"].department_id]),
        by=None,
    )
    person = employee("专员", roles=[one])
    assert "自定义（苏州组）" in client_for(person).get("/me/rights/").content.decode()
    assert explain.why(person, modules.get("customer"), company["customer"], asker=company["super"]).visible
