"""The main journeys in a real browser: sign in, keep customers, import, select across pages, meet a conflict, on the phone."""

import re

import pytest

from crm.records import jobs, services
from crm.records.models import Job
from customers.models import Contact, Customer
from orgs.tests.factories import PASSWORD, department, employee

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


@pytest.fixture
def seller():
    return employee("林晓岚", ["seller"], department("苏州组"))


def sign_in(page, person):
    page.goto("/login/")
    page.fill("input[name=username]", person.phone)
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/")


def text(page, selector="main") -> str:
    return re.sub(r"\s+", " ", page.inner_text(selector))


def make(owner, count, prefix="公司"):
    for n in range(count):
        services.create(Customer(name=f"{prefix}{n:03}", owner=owner), by=owner)


def test_a_seller_creates_a_customer_with_its_contact_and_finds_it_by_initials(page, seller):
    services.create(Customer(name="云澜智造股份有限公司", owner=seller), by=seller)
    sign_in(page, seller)
    page.goto("/customers/")
    page.keyboard.press("n")
    page.wait_for_url("**/customers/new/")
    page.fill("input[name=name]", "云澜智造")
    page.wait_for_selector(".k-dup >> text=云澜智造股份有限公司")
    page.fill("input[name=name]", "平安银行")
    page.fill("input[name=contact_mobile]", "1380013")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("[data-errors]")
    assert "有 2 处需要修改" in text(page, "[data-errors]")
    assert page.input_value("input[name=name]") == "平安银行"
    page.fill("input[name=contact_name]", "周行长")
    page.fill("input[name=contact_mobile]", "138 0013 8000")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".k-toast >> text=保存成功")
    page.fill("[data-search-box]", "payh")
    page.press("[data-search-box]", "Enter")
    page.wait_for_url("**q=payh*")
    assert page.locator("tbody tr").count() == 1
    page.click("tbody a >> text=平安银行")
    page.wait_for_selector("text=首要联系人")
    assert "138 0013 8000" in text(page)


def test_the_import_wizard_loads_a_file_shows_the_result_and_skips_it_the_second_time(page, seller, tmp_path):
    file = tmp_path / "名单.csv"
    file.write_text(
        "公司名称,所属行业,所在地区\n平安银行,银行,深圳\n万科A,全国地产,深圳\n平安银行,银行,深圳\n",
        encoding="utf-8-sig",
    )
    sign_in(page, seller)
    for expected in ("新建 2", "新建 0"):
        page.goto("/customers/import/")
        page.set_input_files("input[type=file]", str(file))
        for _ in range(3):
            page.locator("main form button[type=submit]").last.click()
            page.wait_for_load_state("load")
        page.wait_for_url("**/jobs/*/")
        job = Job.objects.latest("pk")
        jobs.execute(job.pk)
        page.reload()
        assert expected in text(page)
        job.refresh_from_db()
        assert sum(job.result[key] for key in ("created", "updated", "skipped", "failed")) == 3
    assert Customer.objects.count() == 2


def test_selection_holds_across_pages_and_deleting_asks_first(page, seller):
    make(seller, 20)
    sign_in(page, seller)
    page.goto("/customers/")
    page.check("[data-select-page]")
    page.click("a:has-text('下一页')")
    page.wait_for_url("**page=2**")
    page.locator("tbody input[type=checkbox]").first.check()
    assert "已选 16 条" in text(page, "#bulk")
    page.click("#bulk >> text=批量删除")
    page.wait_for_selector("#dialog[open] >> text=删除 16 个客户？")
    page.click("#dialog >> text=删除（16 个）")
    page.wait_for_selector(".k-toast >> text=删除成功")
    assert Customer.objects.live().count() == 4
    page.goto("/customers/recycle/")
    page.locator("[data-bulk-one]").first.click()
    page.wait_for_selector("#dialog[open] >> text=还原 1 个客户？")
    page.click("#dialog >> text=还原（1 个）")
    page.wait_for_selector(".k-toast >> text=操作成功")
    assert Customer.objects.live().count() == 5


def test_a_contact_is_added_in_place_and_the_log_shows_an_edit(page, seller):
    customer = services.create(Customer(name="平安银行", owner=seller), by=seller)
    sign_in(page, seller)
    page.goto(f"/customers/{customer.pk}/")
    page.click("nav.k-tabs >> text=联系人")
    page.click("text=添加联系人")
    page.wait_for_selector("#dialog[open] input[name=name]")
    page.fill("#dialog input[name=name]", "周行长")
    page.press("#dialog input[name=name]", "Control+Enter")
    page.wait_for_selector(".k-toast >> text=保存成功")
    assert "周行长" in text(page, "#tab-area")
    assert Contact.objects.get().is_primary
    page.goto(f"/customers/{customer.pk}/")
    page.keyboard.press("e")
    page.wait_for_url("**/edit/")
    page.fill("textarea[name=remark]", "总行在深圳")
    page.keyboard.press("Control+Enter")
    page.wait_for_url(f"**/customers/{customer.pk}/")
    page.click("nav.k-tabs >> text=操作记录")
    page.wait_for_selector("#tab-area >> text=总行在深圳")


def test_two_people_at_once_nothing_typed_is_lost(page, seller):
    customer = services.create(Customer(name="平安银行", owner=seller), by=seller)
    sign_in(page, seller)
    page.goto(f"/customers/{customer.pk}/edit/")
    page.fill("textarea[name=remark]", "我写的备注")
    services.update(customer, {"remark": "别人写的", "address": "福田区"}, version=1, by=seller)
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("text=编辑冲突")
    seen = text(page)
    assert "我写的备注" in seen and "别人写的" in seen
    page.click("text=按选择保存")
    page.wait_for_url(f"**/customers/{customer.pk}/")
    customer.refresh_from_db()
    assert (customer.remark, customer.address) == ("我写的备注", "福田区")


def test_unsaved_typing_comes_back_after_leaving_the_page(page, seller):
    sign_in(page, seller)
    page.goto("/customers/new/")
    page.fill("input[name=name]", "写到一半的公司")
    page.wait_for_timeout(1200)
    page.goto("/customers/")
    page.goto("/customers/new/")
    page.click(".k-draft >> text=恢复草稿")
    assert page.input_value("input[name=name]") == "写到一半的公司"


def test_the_phone_shows_cards_without_sideways_scrolling(page, seller):
    make(seller, 3, "一家名字特别特别长的有限责任公司" * 2)
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(page, seller)
    for url in (
        "/",
        "/customers/",
        "/customers/new/",
        f"/customers/{Customer.objects.first().pk}/",
        "/contacts/",
        "/messages/",
        "/me/",
    ):
        page.goto(url)
        wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth + 1")
        assert not wide, url
    assert page.locator("nav.k-tabbar").is_visible()


def test_the_palette_finds_records_and_pages(page, seller):
    services.create(Customer(name="平安银行", owner=seller), by=seller)
    sign_in(page, seller)
    page.keyboard.press("Control+k")
    page.keyboard.type("payh")
    page.wait_for_selector("#palette-results >> text=平安银行")
    page.keyboard.press("Enter")
    page.wait_for_url("**/customers/*/")


def test_every_page_of_an_administrator_keeps_to_the_content_policy(page, seller):
    boss = employee("超管", ["super"])
    customer = services.create(Customer(name="平安银行", owner=seller), by=seller)
    sign_in(page, boss)
    for url in (
        "/",
        "/customers/",
        f"/customers/{customer.pk}/",
        "/customers/new/",
        "/products/",
        "/settings/",
        "/settings/departments/",
        "/settings/employees/",
        "/settings/roles/",
        "/settings/dictionaries/",
        "/settings/parameters/",
        "/settings/log/",
        "/settings/signins/",
        "/settings/categories/",
        "/jobs/",
        "/messages/",
        "/me/",
        "/me/rights/",
        "/rights/why/",
        "/search/?q=平安",
        "/customers/import/",
        "/nowhere/",
    ):
        page.goto(url)
        assert page.locator("main, .k-login, body").first.is_visible()
