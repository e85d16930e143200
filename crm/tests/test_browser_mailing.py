"""A letter to customers in a real browser: chosen in the list, filled from a template, previewed, sent."""

import pytest

from crm.tests.test_browser import sign_in
from customers.models import Mailing, MailTemplate
from customers.tests.mailing import customer
from orgs.tests.factories import department, employee

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def test_a_letter_is_chosen_filled_previewed_and_sent(page, settings):
    settings.SMTP_HOST, settings.SMTP_FROM = "mail.example.com", "crm@example.com"
    settings.PUBLIC_URL = "https://crm.example.com"
    seller = employee("林晓岚", ["seller"], department("苏州组"))
    for n in range(2):
        customer(seller, f"公司{n}", email=f"c{n}@example.com", contact=f"联系人{n}")
    MailTemplate.objects.create(name="问候", subject="致{{客户名称}}", body="您好")
    sign_in(page, seller)
    page.goto("/customers/")
    for box in page.locator("tbody .k-col-check input").all():
        box.check(force=True)
    page.click("[data-bulk=mail]")
    page.wait_for_selector("#mail-send >> text=发送给 2 人")
    page.select_option("[name=template]", label="公司 · 问候")
    page.click("button[name=apply]")
    page.wait_for_selector("[name=subject][value='致{{客户名称}}']")
    page.click(".k-merges summary")
    page.click("[data-merge='联系人姓名']")
    assert page.input_value("[name=body]") == "您好{{联系人姓名}}"
    page.click("button[name=preview]")
    page.wait_for_selector("#mail-preview >> text=您好联系人0")
    page.click("#mail-preview button[aria-label='下一封']")
    page.wait_for_selector("#mail-preview >> text=您好联系人1")
    page.check("input[name=who][value=all]")
    page.wait_for_selector("#mail-send >> text=发送给 2 人")
    page.click("#mail-send button")
    page.wait_for_url("**/mailings/*/")
    assert Mailing.objects.get().body == "您好{{联系人姓名}}"
    page.goto("/customers/mail/?ids=1")
    assert "草稿" not in page.inner_text("main")
