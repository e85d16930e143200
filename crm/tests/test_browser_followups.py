"""Follow-ups in a real browser: write in place with a mention and a picture, comment, edit, delete, from the list and a phone."""

import io

import pytest
from PIL import Image

from crm.records import services
from crm.records.models import FollowUp
from customers.models import Contact, Customer
from orgs.tests.factories import PASSWORD, department, employee

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


@pytest.fixture
def at_work(page):
    """A seller signed in, with a customer and its contact, and the manager to be mentioned."""
    east = department("华东")
    boss = employee("顾南乔", ["sales_manager"], east)
    seller = employee("林晓岚", ["seller"], east, supervisor=boss)
    customer = services.create(Customer(name="云澜智造", phone="0512-65550186", owner=seller), by=seller)
    services.create(Contact(name="许一诺", customer=customer, owner=seller), by=seller)
    page.goto("/login/")
    page.fill("input[name=username]", seller.phone)
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/")
    return customer


def picture() -> dict:
    found = io.BytesIO()
    Image.new("RGB", (40, 30), "#0e7c86").save(found, "PNG")
    return {"name": "车间.png", "mimeType": "image/png", "buffer": found.getvalue()}


def test_a_follow_up_is_written_commented_changed_and_deleted_without_leaving_the_page(page, at_work):
    page.goto(f"/customers/{at_work.pk}/")
    page.evaluate("window.stayed = true")
    page.keyboard.press("n")
    page.keyboard.type("二期预算已列入明年，@顾")
    page.wait_for_selector(".k-at button >> text=顾南乔")
    page.keyboard.press("Enter")
    assert page.input_value("textarea[name=content]") == "二期预算已列入明年，@顾南乔 "
    page.click(".k-kind >> text=上门拜访")
    page.fill("input[name=place]", "一号车间")
    page.click("[data-when] >> text=3 天后")
    page.set_input_files("[data-attach]", [picture()])
    page.focus("textarea[name=content]")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".k-event .k-mention >> text=@顾南乔")
    assert page.input_value("textarea[name=content]") == ""
    assert page.eval_on_selector(".k-event-thumbs img", "image => image.decode().then(() => image.naturalWidth)") == 40
    assert "一号车间" in page.inner_text(".k-event")
    one = FollowUp.objects.get()
    at_work.refresh_from_db()
    assert at_work.next_contact_at == one.next_contact_at is not None
    page.click(".k-talk-open")
    page.fill(".k-reply textarea", "一起去")
    page.click(".k-reply button")
    page.wait_for_selector(".k-say >> text=一起去")
    page.click(".k-event >> text=编辑")
    page.fill(".k-timeline form[data-composer] textarea[name=content]", "改过的内容")
    page.click(".k-timeline form[data-composer] button[type=submit]")
    page.wait_for_selector(".k-event-text >> text=改过的内容")
    page.click(".k-event >> text=删除")
    page.click("#dialog button >> text=删除跟进")
    page.wait_for_selector("[data-followup]", state="detached")
    page.wait_for_selector(".k-tab.is-active .k-tab-count >> text=(0)")
    assert page.evaluate("window.stayed") and not FollowUp.objects.exists()


def test_a_phone_number_opens_the_composer_with_the_call_chosen_on_the_list_and_the_record(page, at_work):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/customers/")
    page.click("tbody tr a[href^='tel:'] >> visible=true")
    page.wait_for_selector("#dialog[open] form[data-composer]")
    assert page.is_checked("#dialog input[data-phone]")
    box = page.locator("#dialog .k-composer").bounding_box()
    assert 0 <= box["x"] and box["x"] + box["width"] <= 390
    page.fill("#dialog textarea[name=content]", "打通了")
    # A headless browser may drop the mouse for a while after it was sent to a telephone it does not have.
    page.eval_on_selector("#dialog form", "form => form.requestSubmit()")
    page.wait_for_selector(".k-toast >> text=保存成功")
    assert not page.evaluate("document.querySelector('#dialog').open")
    assert FollowUp.objects.get().method.label == "电话"
    page.goto(f"/customers/{at_work.pk}/")
    page.eval_on_selector(".k-kind >> nth=1 >> input", "input => input.click()")
    page.eval_on_selector(".k-facts a[href^='tel:']", "link => link.click()")
    assert page.is_checked("form[data-composer] input[data-phone]")
    assert not page.evaluate("document.querySelector('#dialog').open")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_what_was_typed_survives_a_refused_save_and_the_list_opens_in_a_panel(page, at_work):
    employee("何嘉欣", ["seller"], department("华南"))
    page.goto(f"/customers/{at_work.pk}/")
    page.fill("textarea[name=content]", "@何嘉欣 帮忙看看")
    page.click("form[data-composer] button[type=submit]")
    page.wait_for_selector("form[data-composer] [role=alert] >> text=何嘉欣看不到这条客户")
    page.fill("textarea[name=content]", page.input_value("textarea[name=content]").replace("@", ""))
    page.click("form[data-composer] button[type=submit]")
    page.wait_for_selector(".k-event-text >> text=何嘉欣 帮忙看看")
    page.goto("/follow-ups/")
    page.click(".k-follow-text")
    page.wait_for_selector("#panel .k-event-text >> text=何嘉欣 帮忙看看")
    page.fill("#panel .k-reply textarea", "好的")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#panel .k-say >> text=好的")
