"""An administrator who has never seen the editor makes a flow, tries it, changes it, and takes an earlier version back."""

import pytest

from approvals import flows
from approvals.models import Flow
from crm.tests.browser import until
from crm.tests.test_browser import sign_in
from orgs.tests.factories import department, employee

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def pick(page, place: str, text: str, *, add: bool = False) -> None:
    """Choose in a searchable control."""
    page.click(f"{place} .ts-control")
    page.keyboard.type(text)
    page.click(f"{place} .ts-dropdown [data-selectable] >> text={text}")
    page.keyboard.press("Escape")


def definition() -> dict:
    return flows.newest(Flow.objects.get()).definition


def test_an_administrator_makes_tries_changes_and_restores_a_flow(page):
    east = department("华东")
    boss = employee("周亦辰", ["sales_manager"], east)
    employee("林晓岚", ["seller"], east, supervisor=boss)
    employee("陈景和", ["finance"])
    admin = employee("江予安", ["admin"])
    sign_in(page, admin)

    page.goto("/settings/")
    page.click("main a >> text=审批流程")
    page.wait_for_selector("text=还没有审批流程，所有单据提交后直接通过")
    page.click('[aria-label="新建合同流程"]')
    page.wait_for_selector(".k-flow-node >> text=发起人的直属上级")

    # 名称与管理员, a condition
    page.fill("#id_name", "大额合同审批")
    pick(page, ".k-field:has(#id_administrator)", "江予安")
    page.select_option(".k-cond-field", "amount")
    page.select_option(".k-cond-op", "gte")
    page.fill(".k-cond-value input", "100000")
    page.wait_for_selector("text=合同满足：合同金额 大于等于 ¥100,000.00")

    # a second step, which says at once what is missing
    page.click(".k-flow-item .k-flow-add")
    page.wait_for_selector("#flow-pane h2 >> text=步骤 2")
    page.keyboard.type("财务复核")
    page.select_option('[aria-label="审批人来源"]', "employee")
    page.wait_for_selector(".k-flow-node.is-active .k-flow-fault >> text=请选择员工")
    pick(page, "#flow-pane", "陈景和")
    page.wait_for_selector(".k-flow-node.is-active >> text=陈景和")
    until(page, "!document.querySelector('.k-flow-fault')")
    page.fill("#flow-pane [inputmode=numeric]", "48")
    page.wait_for_selector(".k-flow-node.is-active >> text=限 48 小时，超时提醒审批人")

    # who would approve ¥120,000 of a seller, before anything is stored
    pick(page, "#flow-try-form .k-field:has(#try-submitter)", "林晓岚")
    page.click("text=查看谁来审批")
    page.wait_for_selector("#flow-answer .k-step >> text=周亦辰")
    page.wait_for_selector("#flow-answer .k-step >> text=陈景和")
    assert not Flow.objects.exists()
    page.click("text=保存并启用")
    page.wait_for_selector(".k-toast >> text=已保存为第 1 版，已启用")
    assert [one["name"] for one in definition()["steps"]] == ["直属上级", "财务复核"]

    # changed: the order by the keyboard, a copy of a step, one removed and taken back
    page.focus(".k-flow-item:nth-child(2) [data-grip]")
    page.keyboard.press("ArrowUp")
    page.wait_for_selector(".k-flow-item:nth-child(1) >> text=财务复核")
    page.click(".k-flow-item:nth-child(2) summary")
    page.click(".k-flow-item:nth-child(2) .k-menu >> text=删除")
    page.click(".k-flow-undo >> text=撤销")
    page.wait_for_selector(".k-flow-item:nth-child(2) >> text=直属上级")
    page.click("[data-open=copies]")
    page.click("#flow-pane >> text=添加人员")
    pick(page, "#flow-pane", "周亦辰")
    page.wait_for_selector("[data-node=copies] >> text=周亦辰")
    until(page, "document.querySelector('[data-draft-note]').textContent.includes('草稿已保存')")
    page.reload()  # nothing typed is lost
    page.click("text=恢复草稿")
    page.wait_for_selector("[data-node=copies] >> text=周亦辰")
    page.wait_for_selector(".k-flow-item:nth-child(1) >> text=财务复核")
    page.click("text=保存为第 2 版")
    page.wait_for_selector(".k-toast >> text=已保存为第 2 版")
    assert [one["name"] for one in definition()["steps"]] == ["财务复核", "直属上级"]

    # the first version comes back
    page.click("text=历史版本")
    page.wait_for_selector("text=直属上级 → 财务复核")
    page.click('[aria-label="恢复到第 1 版"]')
    page.click("#dialog button[type=submit] >> text=恢复为第 3 版")
    page.wait_for_selector(".k-toast >> text=已按第 1 版恢复")
    assert [one["name"] for one in definition()["steps"]] == ["直属上级", "财务复核"]
    assert definition()["copies"] == []


def test_the_editor_works_on_a_phone_with_faults_at_their_cards(page):
    admin = employee("江予安", ["admin"])
    sign_in(page, admin)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/settings/flows/new/contract/")
    page.click(".k-flow-node .k-flow-open >> nth=0")
    page.wait_for_selector(".k-flow-node.is-active + #flow-pane")
    page.fill("#flow-pane input", "")
    page.click(".k-form-bar >> text=保存为第 1 版")
    page.wait_for_selector("[data-errors] >> text=步骤 1：请填写步骤名称")
    page.wait_for_selector(".k-flow-node .k-flow-fault >> text=请填写步骤名称")
    page.wait_for_selector("#id_administrator_error")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert not Flow.objects.exists()
