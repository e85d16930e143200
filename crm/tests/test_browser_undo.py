"""Bulk edit, its toast and 撤销 by keyboard, in a real browser."""

import pytest

from crm.records import services
from crm.tests.test_browser import make, sign_in, text
from customers.models import Customer
from orgs.tests.factories import department, employee

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def test_fields_are_added_to_a_bulk_edit_saved_and_taken_back_from_the_toast_by_keyboard(page):
    seller = employee("林晓岚", ["seller"], department("苏州组"))
    make(seller, 3)
    services.update(Customer.objects.get(name="公司001"), {"remark": "原来的"}, version=1, by=seller)
    sign_in(page, seller)
    page.goto("/customers/")
    for box in page.locator("tbody .k-col-check input").all():
        box.check(force=True)
    page.click("[data-bulk=edit]")
    page.wait_for_selector("#dialog[open] #many-add")
    page.select_option("#many-add", "province")
    page.wait_for_selector("#dialog .ts-wrapper")
    page.select_option("#many-add", "remark")
    page.fill("#dialog textarea[name=remark]", "已核对")
    assert "ts-hidden-accessible" in page.get_attribute("#dialog select[name=province]", "class")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#dialog >> text=请选择省，或勾选“清空”")
    assert page.input_value("#dialog textarea[name=remark]") == "已核对"
    page.click("#dialog button[name=many_remove][value=province]")
    page.wait_for_selector("#dialog select[name=province]", state="detached")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".k-toast >> text=操作成功（3 个）")
    assert set(Customer.objects.values_list("remark", flat=True)) == {"已核对"}
    page.focus(".k-toast form button")
    page.keyboard.press("Enter")
    page.wait_for_selector(".k-toast >> text=已撤销（3 个）")
    assert sorted(Customer.objects.values_list("remark", flat=True)) == ["", "", "原来的"]
    assert "公司001" in text(page)
