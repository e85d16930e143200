"""Nothing typed is lost, in a real browser: the session ends while one types, somebody else signs in, the page is too old,
the server fails, the browser is closed, a colleague saves first."""

import re

import pytest
from django.contrib.sessions.models import Session

from crm.records import services
from crm.records.models import FieldDefinition
from customers.models import Contact, Customer
from orgs.services import fields as verbs
from orgs.tests.factories import PASSWORD, department, employee

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
Type = FieldDefinition.Type


@pytest.fixture
def seller():
    return employee("林晓岚", ["seller"], department("苏州组"))


def fill_sign_in(page, person):
    page.fill("input[name=username]", person.phone)
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")


def sign_in(page, person):
    page.goto("/login/")
    fill_sign_in(page, person)
    page.wait_for_url("**/")


def text(page, selector="main") -> str:
    return re.sub(r"\s+", " ", page.inner_text(selector))


def test_a_session_that_ended_brings_the_form_back_with_everything_typed(page, seller):
    sign_in(page, seller)
    page.goto("/customers/new/")
    page.fill("input[name=name]", "会话过期的公司")
    page.fill("textarea[name=remark]", "一行\n二行🐳")
    Session.objects.all().delete()
    page.click("main button[type=submit]:not([name])")
    page.wait_for_url("**/login/**")
    fill_sign_in(page, seller)
    page.wait_for_url("**/customers/new/")
    page.wait_for_selector("text=已恢复未保存的内容")
    assert page.input_value("input[name=name]") == "会话过期的公司"
    assert page.input_value("textarea[name=remark]") == "一行\n二行🐳"
    page.click("main button[type=submit]:not([name])")
    page.wait_for_selector(".k-toast >> text=保存成功")
    assert Customer.objects.get(name="会话过期的公司").remark == "一行\n二行🐳"
    page.goto("/customers/new/")
    assert page.input_value("input[name=name]") == "" and "草稿" not in text(page)


def test_a_session_that_ended_opens_the_dialog_again_with_everything_typed(page, seller):
    record = services.create(Customer(name="公司", owner=seller), by=seller)
    sign_in(page, seller)
    page.goto(f"/customers/{record.pk}/?tab=contacts")
    page.click("a[data-dialog] >> text=添加联系人")
    page.fill("#dialog input[name=name]", "周未存")
    Session.objects.all().delete()
    page.click("#dialog button[type=submit]:not([name])")
    page.wait_for_url("**/login/**")
    fill_sign_in(page, seller)
    page.wait_for_selector("#dialog >> text=已恢复未保存的内容")
    assert page.input_value("#dialog input[name=name]") == "周未存"
    page.click("#dialog button[type=submit]:not([name])")
    page.wait_for_selector("text=保存成功")
    assert Contact.objects.get(name="周未存").customer == record


def test_a_session_that_ended_keeps_the_follow_up_and_the_comment(page, seller):
    record = services.create(Customer(name="公司", owner=seller), by=seller)
    sign_in(page, seller)
    page.goto(f"/customers/{record.pk}/")
    page.fill("main form[data-composer] textarea[name=content]", "没存上的跟进")
    Session.objects.all().delete()
    page.click("main form[data-composer] button[type=submit]")
    page.wait_for_url("**/login/**")
    fill_sign_in(page, seller)
    page.wait_for_selector("text=已恢复未保存的内容")
    assert page.input_value("main form[data-composer] textarea[name=content]") == "没存上的跟进"


def test_nobody_else_sees_what_was_typed_and_it_waits_for_its_author(page, seller):
    mate = employee("顾南乔", ["seller"], department("杭州组"))
    sign_in(page, seller)
    page.goto("/customers/new/")
    page.fill("input[name=name]", "只属于林晓岚")
    Session.objects.all().delete()
    page.click("main button[type=submit]:not([name])")
    page.wait_for_url("**/login/**")
    fill_sign_in(page, mate)
    page.wait_for_url("**/customers/new/")
    page.wait_for_selector("input[name=name]")
    assert page.input_value("input[name=name]") == "" and "未保存" not in text(page) and "草稿" not in text(page)
    page.context.clear_cookies()
    sign_in(page, seller)
    page.goto("/customers/new/")
    page.click("text=恢复草稿")
    assert page.input_value("input[name=name]") == "只属于林晓岚"


def test_a_page_that_is_too_old_says_so_and_loses_nothing(page, seller):
    sign_in(page, seller)
    page.goto("/customers/new/")
    page.fill("input[name=name]", "令牌过期的公司")
    page.wait_for_selector("text=草稿已保存在本机")
    page.wait_for_load_state("networkidle")  # the look for likely duplicates is over
    other = page.context.new_page()  # signing in again in another tab makes this page's token stale
    page.context.clear_cookies()
    sign_in(other, seller)
    page.click("main button[type=submit]:not([name])")
    page.wait_for_selector("text=页面已过期，这次没有保存")
    page.click("a.k-btn >> text=重新打开这个页面")
    page.wait_for_selector("text=已恢复未保存的内容")
    assert page.input_value("input[name=name]") == "令牌过期的公司"


def test_an_error_of_the_server_and_a_lost_network_keep_the_text(page, seller):
    sign_in(page, seller)
    page.goto("/customers/new/")
    page.fill("input[name=name]", "出错的公司")
    page.route(
        "**/customers/new/",
        lambda route: route.fulfill(status=500, body="") if route.request.method == "POST" else route.fallback(),
    )
    page.click("main button[type=submit]:not([name])")
    page.wait_for_timeout(500)
    page.unroute("**/customers/new/")
    page.goto("/customers/new/")
    page.click("text=恢复草稿")
    assert page.input_value("input[name=name]") == "出错的公司"
    record = services.create(Customer(name="公司", owner=seller), by=seller)
    page.goto(f"/customers/{record.pk}/?tab=contacts")
    page.click("a[data-dialog] >> text=添加联系人")
    page.fill("#dialog input[name=name]", "断网的人")
    page.route(
        "**/contacts/new/**", lambda route: route.abort() if route.request.method == "POST" else route.fallback()
    )
    page.click("#dialog button[type=submit]:not([name])")
    page.wait_for_selector("text=网络中断，内容还在页面上")
    assert page.input_value("#dialog input[name=name]") == "断网的人"


def test_a_closed_browser_offers_the_draft_which_can_be_thrown_away(page, seller):
    sign_in(page, seller)
    page.goto("/customers/new/")
    page.fill("input[name=name]", "关掉浏览器的公司")
    page.wait_for_selector("text=草稿已保存在本机")
    again = page.context.browser.new_context(
        storage_state=page.context.storage_state(), base_url=page.url.split("/customers")[0]
    )
    tab = again.new_page()
    tab.goto("/customers/new/")
    tab.wait_for_selector("text=没有保存的草稿")
    tab.click("text=丢弃")
    assert tab.input_value("input[name=name]") == ""
    tab.reload()
    tab.wait_for_selector("input[name=name]")
    assert "草稿" not in text(tab)
    again.close()


def test_a_password_is_in_no_draft(page, seller):
    sign_in(page, seller)
    page.goto("/me/password/")
    page.fill("input[name=new]", "geheim-12345")
    page.wait_for_timeout(700)
    assert "geheim" not in page.evaluate("JSON.stringify({...localStorage})")


def test_a_conflict_shows_custom_fields_in_words_and_says_which_files_to_choose_again(page, seller):
    boss = employee("超管", ["super"])
    options = [{"id": 1, "label": "一期", "off": False}, {"id": 2, "label": "二期", "off": False}]
    made = {
        kind: verbs.create_field(
            "customer", {"type": kind, "label": label, "options": options if kind == Type.CHOICES else []}, by=boss
        )
        for kind, label in ((Type.CHOICES, "期次"), (Type.PERSON, "顾问"), (Type.FILES, "图纸"))
    }
    record = services.create(Customer(name="公司", owner=seller), by=seller)
    sign_in(page, seller)
    page.goto(f"/customers/{record.pk}/edit/")
    services.update(
        record,
        {made[Type.CHOICES].key: [2], made[Type.PERSON].key: boss.pk, "remark": "对方写的"},
        version=record.version,
        by=boss,
    )
    page.check(f"input[name={made[Type.CHOICES].key}][value='1']")
    page.fill("textarea[name=remark]", "我写的")
    page.set_input_files(
        f"input[name={made[Type.FILES].key}]", {"name": "图.txt", "mimeType": "text/plain", "buffer": b"x"}
    )
    page.click("main button[type=submit]:not([name])")
    page.wait_for_selector("text=编辑冲突")
    shown = text(page)
    for part in ("一期", "二期", "超管", "我写的", "对方写的", "“图纸”里选的文件没有保存"):
        assert part in shown, shown
    page.click("text=全部用我的")
    page.click("text=按选择保存")
    page.wait_for_selector(".k-toast >> text=保存成功")
    record.refresh_from_db()
    assert (record.remark, record.extra[made[Type.CHOICES].key]) == ("我写的", [1])
