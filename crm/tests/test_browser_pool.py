"""Two sellers side by side: one releases with a reason and takes it back, the other claims, the first is told who has it."""

import pytest

from crm.records import services
from crm.tests.test_browser import sign_in
from customers.models import Customer, Pool, PoolEvent
from customers.pools import book
from orgs.tests.factories import department, employee

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def test_release_undo_claim_and_refusal_between_two_sellers(page, browser, live_server):
    east = department("华东")
    ann, bob = employee("林晓岚", ["seller"], east), employee("许一诺", ["seller"], east)
    Pool.objects.update(former_days=7)
    book.touch("customer")
    customer = services.create(Customer(name="云澜智造", owner=ann), by=ann)
    sign_in(page, ann)

    def release():
        page.goto(f"/customers/{customer.pk}/")
        page.click("main .k-actions a:visible >> text=放入公海")
        page.wait_for_selector("#dialog[open] select[name=reason]")
        page.click("#dialog button[type=submit]")
        page.wait_for_selector("#dialog >> text=请选择原因")
        page.select_option("#dialog select[name=reason]", "暂无需求", force=True)
        page.fill("#dialog textarea[name=words]", "下次找王总")
        page.click("#dialog button[type=submit]")
        page.wait_for_selector(".k-toast >> text=放入客户池成功")

    release()
    assert page.url.endswith("/customers/")
    page.click(".k-toast form button")
    page.wait_for_selector(".k-toast >> text=已撤销")
    customer.refresh_from_db()
    assert customer.owner == ann
    release()

    page.goto("/pool/")
    page.wait_for_selector("text=云澜智造")
    assert "可领" in page.inner_text("tbody")
    context = browser.new_context(base_url=live_server.url, viewport={"width": 1440, "height": 900})
    other = context.new_page()
    try:
        sign_in(other, bob)
        other.goto("/pool/")
        other.click("tbody a:visible >> text=领取")
        other.wait_for_selector("#dialog[open] >> text=领取 1 个客户？")
        other.keyboard.press("Control+Enter")
        other.wait_for_selector(".k-toast >> text=领取成功")
    finally:
        context.close()
    customer.refresh_from_db()
    assert customer.owner == bob

    page.check("tbody .k-col-check input", force=True)
    page.click("[data-bulk=claim]")
    page.wait_for_selector("#dialog[open] >> text=晚了一步")
    assert "已被许一诺领取" in page.inner_text("#dialog")
    assert PoolEvent.objects.filter(action="claimed").count() == 1
