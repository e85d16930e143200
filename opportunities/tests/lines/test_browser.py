"""The editor of product lines in a real browser."""

import pytest

from crm.tests.browser import until
from crm.tests.test_browser import sign_in
from opportunities.models import Opportunity
from opportunities.tests.lines import support

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def pick(page, text):
    page.click(".k-lines-add .ts-control")
    page.keyboard.type(text)
    page.click(f".ts-dropdown [data-value] >> text={text}")


def shown(page) -> tuple[str, str]:
    return page.inner_text("[data-line-before]"), page.inner_text("[data-line-grand]")


def test_lines_are_added_reckoned_moved_restored_and_saved(page):
    at = support.company()
    url = f"/opportunities/{at.deal.pk}/lines/"
    sign_in(page, at.seller)
    page.goto(url)
    assert page.is_visible("text=还没有产品")
    pick(page, "离心泵")
    page.wait_for_selector("[data-line] >> text=离心泵")
    page.fill("[data-line] [data-line-quantity]", "2.5")
    page.fill("[data-line] [data-line-discount]", "10")
    assert page.input_value("[data-line-price]") in ("90.00", "90.0")
    pick(page, "阀门")
    page.wait_for_selector("[data-line]:nth-child(2) >> text=阀门")
    page.fill("#id_discount", "12.5")
    assert shown(page) == ("¥258.33", "¥226.04")
    page.focus("[data-line]:nth-child(2) [data-line-quantity]")
    page.keyboard.press("Alt+ArrowUp")
    assert page.inner_text("[data-line]:nth-child(1) .k-line-name").startswith("阀门")
    until(page, "Object.keys(localStorage).some((key) => key.includes('/lines/'))")
    page.goto(url)
    page.click("text=恢复草稿")
    page.wait_for_selector("[data-line]:nth-child(2) >> text=离心泵")
    assert shown(page) == ("¥258.33", "¥226.04")
    page.click("[data-line]:nth-child(1) [data-line-remove]")
    assert shown(page) == ("¥225.00", "¥196.88")
    page.click(".k-form-bar button[type=submit]")
    page.wait_for_url("**/?tab=lines")
    deal = Opportunity.objects.get(pk=at.deal.pk)
    assert (str(deal.amount), [str(line.quantity) for line in deal.lines.all()]) == ("196.88", ["2.5000"])
    assert "已按售价" not in page.inner_text("#toasts")
    page.goto(url)
    assert page.locator("text=恢复草稿").count() == 0
