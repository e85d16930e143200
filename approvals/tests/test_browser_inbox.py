"""From a request to its approval with two people, in a real browser."""

import pytest

from approvals.models import Approval, Request
from approvals.tests import asking
from approvals.tests.factories import step
from crm.tests.test_browser import sign_in
from orgs.tests.factories import department, employee

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def test_a_request_is_written_submitted_and_decided_from_list_and_document(page):
    east = department("苏州组")
    manager = employee("周亦辰", ["sales_manager"], east)
    seller = employee("林晓岚", ["seller"], east, supervisor=manager)
    asking.flow(manager, step(manager, name="部门经理"), step(manager, name="复核"))
    sign_in(page, seller)
    page.goto("/approvals/")
    page.click("text=发起申请")
    page.click(".k-request-kind >> text=用印")
    page.check("input[type=radio][value='1']", force=True)
    page.fill(f"input[name={asking.field('文件名称')}]", "采购框架协议")
    page.fill(f"input[name={asking.field('用印份数')}]", "2")
    page.fill(f"textarea[name={asking.field('事由')}]", "签约")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("h1 >> text=林晓岚的用印")
    page.click("main a.k-btn-primary >> text=提交审批")
    page.wait_for_selector("#dialog[open] >> text=部门经理")
    page.click("#dialog button[type=submit]")
    page.wait_for_selector(".k-step.is-now >> text=周亦辰")
    assert Request.objects.get().status == "pending"
    page.context.clear_cookies()
    sign_in(page, manager)
    page.goto("/approvals/")
    assert page.inner_text(".k-nav-link[href='/approvals/'] .k-nav-count") == "1"
    page.click("tbody a >> text=同意")
    page.wait_for_selector("#dialog[open] textarea")
    page.fill("#dialog textarea", "可以")
    page.click("#dialog button[type=submit]")
    page.wait_for_selector(".k-toast >> text=已同意")
    page.click("tbody .k-approval-title")
    page.wait_for_selector(".k-step.is-done >> text=可以")
    page.click("main .k-actions a >> text=同意")
    page.wait_for_selector("#dialog[open] textarea")
    page.click("#dialog button[type=submit]")
    page.wait_for_selector(".k-toast >> text=已同意")
    assert Approval.objects.get().state == "approved" and Request.objects.get().status == "approved"
