"""The pages in a real browser: signing in, the role matrix, the department dialog, messages."""

import re

import pytest
from playwright.sync_api import expect

from crm.notices.models import Message
from crm.notices.services import notify
from orgs.models import Department, Role
from orgs.tests.factories import PASSWORD, department, employee, role, top

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


@pytest.fixture
def boss():
    return employee("超管", roles=("super",))


def sign_in(page, person):
    page.goto("/login/")
    page.fill("[name=username]", person.phone)
    page.fill("[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url("**/")


def test_the_matrix_ticks_rows_and_brings_view_along(page, boss):
    suzhou = department("苏州组")
    Role.objects.filter(code="service").update(permissions=[])
    before = role("service").overrides
    sign_in(page, boss)
    page.goto(f"/settings/roles/{role('service').pk}/")
    page.locator("input[value='customer.export']").check()
    expect(page.locator("input[value='customer.view']")).to_be_checked()
    page.get_by_label("全选 联系人").check()
    page.locator("input[value='contact.view']").uncheck()
    expect(page.locator("input[value='contact.edit']")).not_to_be_checked()
    expect(page.locator("[data-changed]")).to_contain_text("已改动 2 处")
    expect(page.locator("[data-custom='customer']")).to_be_hidden()
    page.select_option("select[name=reach-customer]", "custom")
    page.locator("[data-custom='customer'] .ts-control").click()
    page.locator(".ts-dropdown .option", has_text="苏州组").click()
    page.locator("form[data-matrix] button[type=submit]").click()
    expect(page.locator("#toasts")).to_contain_text("保存成功")
    saved = role("service")
    assert saved.permissions == ["customer.export", "customer.view"]
    assert saved.overrides == before | {"customer": {"reach": "custom", "departments": [suzhou.pk]}}


def test_a_department_is_added_and_refused_in_the_dialog(page, boss):
    department("苏州组")
    sign_in(page, boss)
    page.goto("/settings/departments/")
    page.locator("tr", has_text="苏州组").hover()
    page.locator("tr", has_text="苏州组").get_by_title("增加下级部门").click()
    page.locator("#dialog [name=name]").fill("一小组")
    page.locator("#dialog button[type=submit]").click()
    expect(page.locator("tr", has_text="一小组")).to_be_visible()
    assert Department.objects.get(name="一小组").parent.name == "苏州组"
    page.locator("tr", has_text="苏州组").first.hover()
    page.locator("tr", has_text="苏州组").first.get_by_title("删除", exact=True).click()
    page.locator("#dialog button[type=submit]").click()
    expect(page.locator("#dialog")).to_contain_text("请先移走下级部门：一小组")
    assert Department.objects.filter(parent=top()).count() == 1


def test_a_letter_is_written_in_a_dialog_and_messages_are_deleted_after_a_question(page):
    me, other = employee("林晓岚"), employee("周亦辰")
    for n in range(3):
        notify([me.pk], kind="system", title=f"第 {n} 条")
    sign_in(page, me)
    expect(page).to_have_title(re.compile(r"^\(3\) 工作台"))
    page.goto("/messages/")
    page.get_by_role("link", name="写站内信").click()
    page.locator("#dialog .ts-control").click()
    page.keyboard.type("周亦")
    page.locator(".ts-dropdown .option", has_text="周亦辰").click()
    page.locator("#dialog [name=text]").fill("样机可以借")
    page.locator("#dialog button[type=submit]").click()
    expect(page.locator("#toasts")).to_contain_text("已发送")
    assert Message.objects.get(recipient=other).body == "样机可以借"
    page.locator("#inbox [name=ids]").nth(0).check()
    page.locator("#inbox [name=ids]").nth(1).check()
    page.locator("#inbox").get_by_role("button", name="删除", exact=True).click()
    expect(page.locator("#dialog")).to_contain_text("删除 2 条消息？")
    page.locator("#dialog button[type=submit]").click()
    expect(page.locator("#toasts")).to_contain_text("已删除 2 条消息")
    expect(page.locator("#inbox [name=ids]")).to_have_count(1)
    page.locator("[data-check-all]").check()
    expect(page.locator("#inbox [name=ids]")).to_be_checked()
    expect(page).to_have_title(re.compile(r"^\(1\) 消息"))
