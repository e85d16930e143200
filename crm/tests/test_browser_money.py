"""Three people and the money: a flow made by a newcomer, a contract that is approved, amended and paid, a flow changed meanwhile."""

from types import SimpleNamespace

import pytest
from django.db import transaction

from approvals.models import Approval, Flow
from approvals.tests.factories import flow, step, submitted
from approvals.tests.test_browser_flow import pick
from contracts.models import Contract
from contracts.tests.factories import approved, day
from crm.tests.browser import Watch, until
from crm.tests.test_browser import sign_in, text
from customers.models import Customer
from opportunities.tests.factories import customer
from orgs.tests.factories import department, employee
from payments import figures
from payments.models import Payment, PaymentPlan

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


@pytest.fixture
def people():
    """林 sells under 周; 钱 keeps the money; 江 administers and sells nothing."""
    east = department("华东")
    boss = employee("周亦辰", ["sales_manager"], east)
    seller = employee("林晓岚", ["seller"], east, supervisor=boss)
    return SimpleNamespace(
        boss=boss, seller=seller, finance=employee("钱会计", ["finance"]), admin=employee("江予安", ["admin"])
    )


@pytest.fixture
def at_desk(browser, live_server):
    """A page of somebody's own browser, signed in; nobody's page may raise, break the policy or ask another host."""
    desks, watches = {}, []

    def desk(person):
        if person.pk not in desks:
            place = {"locale": "zh-CN", "timezone_id": "Asia/Shanghai", "viewport": {"width": 1440, "height": 900}}
            context = browser.new_context(base_url=live_server.url, **place)
            context.set_default_timeout(10_000)
            watches.append(Watch(context, live_server.url))
            desks[person.pk] = context.new_page()
            sign_in(desks[person.pk], person)
        return desks[person.pk]

    yield desk
    for page in desks.values():
        page.context.close()
    assert not [fault for watch in watches for fault in watch.faults]


def answer(page, said: str, *, fill: dict | None = None) -> None:
    """Fill in the dialog that is open, send it and read what the page says then."""
    page.wait_for_selector("#dialog[open]")
    for selector, value in (fill or {}).items():
        page.fill(f"#dialog {selector}", value)
    page.click("#dialog .k-btn-primary[type=submit]")
    page.wait_for_selector("#dialog[open]", state="hidden")  # a word of the page before is no answer
    page.wait_for_selector(f".k-toast >> text={said}")


def approve_in_inbox(page, title: str) -> None:
    page.goto("/approvals/")
    page.click(f"tbody tr:has-text('{title}') >> a:text-is('同意')")
    answer(page, "已同意")


def steps(contract) -> list[str]:
    """The steps of the newest approval of a contract, as it runs."""
    approval = Approval.objects.filter(document="contract", object_id=contract.pk).latest("pk")
    return list(approval.steps.order_by("order").values_list("name", flat=True))


def add_step(page, *names: str) -> None:
    """One step more at the end of the chain, decided by these employees."""
    page.click(".k-flow-item:last-child .k-flow-add")
    page.wait_for_selector("#flow-pane input:focus")
    page.select_option('[aria-label="审批人来源"]', "employee")
    for name in names:
        pick(page, "#flow-pane", name)


def test_a_newcomers_flow_carries_a_contract_past_the_manager_and_finance(people, at_desk):
    dealer = customer(people.seller, "云澜智造")

    # the administrator, who has never seen the editor
    page = at_desk(people.admin)
    page.goto("/settings/flows/")
    page.click('[aria-label="新建合同流程"]')
    page.wait_for_selector(".k-flow-node >> text=发起人的直属上级")
    page.fill("#id_name", "大额合同审批")
    pick(page, ".k-field:has(#id_administrator)", "江予安")
    page.select_option(".k-cond-field", "amount")
    page.select_option(".k-cond-op", "gte")
    page.fill(".k-cond-value input", "100000")
    add_step(page, "周亦辰", "钱会计")
    page.fill("#flow-pane input:not([type]) >> nth=0", "商务会签")
    page.click("#flow-pane .k-choice >> text=会签")
    page.wait_for_selector(".k-flow-item:nth-child(2) >> text=周亦辰、钱会计")
    pick(page, "#flow-try-form .k-field:has(#try-submitter)", "林晓岚")
    assert page.input_value("[data-flow-facts] input") == "120,000"
    page.click("text=查看谁来审批")
    page.wait_for_selector("#flow-answer .k-step:nth-child(1) >> text=周亦辰")
    page.wait_for_selector("#flow-answer .k-step:nth-child(2) >> text=周亦辰、钱会计")
    page.click("text=保存并启用")
    page.wait_for_selector(".k-toast >> text=已保存为第 1 版，已启用")

    # the seller writes the contract and sends it
    page = at_desk(people.seller)
    page.goto("/contracts/new/")
    pick(page, ".k-field:has(#id_customer)", "云澜智造")
    page.fill("#id_name", "采集平台一期")
    page.fill("#id_amount", "120000")
    page.fill("#id_signed_on", "2026-11-01")
    page.wait_for_selector("#coming >> text=商务会签")
    page.click("button[name=_submit]")
    page.wait_for_selector(".k-step.is-now >> text=周亦辰")
    contract = Contract.objects.get()
    assert (contract.status, str(contract.amount)) == ("pending", "120000.00")
    page.goto(f"/contracts/{contract.pk}/edit/")
    page.wait_for_selector("text=请先撤回")

    # the manager twice, finance once: from the inbox and from the document
    page = at_desk(people.boss)
    approve_in_inbox(page, "采集平台一期")
    page.click("tbody .k-approval-title >> text=采集平台一期")
    page.wait_for_selector(".k-step.is-now >> text=商务会签")
    page.click("main .k-actions a >> text=同意")
    answer(page, "已同意", fill={"textarea": "价格已核"})
    contract.refresh_from_db()
    dealer.refresh_from_db()
    assert (contract.status, dealer.deal_status) == ("pending", Customer.DealStatus.OPEN)
    page = at_desk(people.finance)
    page.goto(f"/approvals/{Approval.objects.get().pk}/")
    page.wait_for_url(f"**/contracts/{contract.pk}/**")
    page.wait_for_selector(".k-step.is-now >> text=价格已核")
    page.click("main .k-actions a >> text=同意")
    answer(page, "已同意")

    page = at_desk(people.seller)
    page.goto(f"/contracts/{contract.pk}/")
    page.wait_for_selector(".k-head >> text=已通过")
    page.goto(f"/customers/{dealer.pk}/")
    assert "已成交" in text(page)
    contract.refresh_from_db()
    assert contract.number and contract.status == "approved"


def test_an_amended_contract_is_paid_in_three_parts_and_one_is_late(people, at_desk):
    contract = approved(people.seller, name="采集平台一期", starts_on=day(), ends_on=day(300))
    flow(people.admin, step(people.boss, name="部门经理"), document="contract_change", name="变更")
    flow(people.admin, step(people.finance, name="财务"), document="payment", name="回款")

    # three plans over what it is worth today
    page = at_desk(people.seller)
    page.goto(f"/contracts/{contract.pk}/?tab=payments")
    page.click("#tab-area >> text=生成计划")
    answer(page, "已生成 3 期计划", fill={"[name=first_on]": str(day(60)), "[name=ratio]": "30/40/30"})
    assert [str(one.amount) for one in PaymentPlan.objects.order_by("period")] == ["36000.00", "48000.00", "36000.00"]

    # worth more and longer, once the manager agrees
    page.goto(f"/contracts/{contract.pk}/change/")
    page.focus("#id_signed_on")
    page.keyboard.press("Shift+Tab")
    page.keyboard.type("150000")
    assert page.input_value("#id_amount") == "150000"  # in the place of what stood there
    page.fill("#id_ends_on", str(day(400)))
    page.fill("[name=reason]", "客户加了两条产线")
    page.click("button[name=send]")
    page.wait_for_selector("text=第 2 版待批，第 1 版生效中")
    contract.refresh_from_db()
    assert (str(contract.amount), contract.edition) == ("120000.00", 1)
    page = at_desk(people.boss)
    page.goto("/approvals/")
    page.click("tbody .k-approval-title")
    page.wait_for_selector("text=客户加了两条产线")
    assert "合同金额 ¥120,000.00 ¥150,000.00" in text(page)
    approve_in_inbox(page, "采集平台一期")
    contract.refresh_from_db()
    assert (str(contract.amount), contract.ends_on, contract.edition) == ("150000.00", day(400), 2)

    # three payments are registered, each at its plan; the last one is a part
    page = at_desk(people.seller)
    page.goto(f"/contracts/{contract.pk}/?tab=payments")
    for number, amount in ((1, ""), (2, ""), (3, "6000")):
        page.click(f'[aria-label="登记第 {number} 期的回款"]')
        page.wait_for_selector("#dialog[open]")
        if amount:
            page.click("#dialog [name=amount]", click_count=3)
            page.keyboard.type(amount)
        answer(page, "成功")
    assert set(Payment.objects.values_list("status", flat=True)) == {"pending"}
    page = at_desk(people.finance)
    for amount in ("36,000.00", "48,000.00"):
        approve_in_inbox(page, amount)
    last = PaymentPlan.objects.get(period=3)
    PaymentPlan.objects.filter(pk=last.pk).update(due_on=day(-3))
    with transaction.atomic():
        figures.rewrite(figures.lock([contract.pk]))

    page = at_desk(people.seller)
    page.goto(f"/contracts/{contract.pk}/?tab=payments")
    card = text(page, ".k-card:has(h2:text-is('回款进度'))")
    assert card == "回款进度 56% 已回 ¥84,000.00 待审批 ¥6,000.00 逾期 ¥30,000.00 未到期 ¥30,000.00"
    rows = [text(page, f"#tab-area tr[data-pk='{one.pk}'] >> nth=0") for one in PaymentPlan.objects.order_by("period")]
    assert ["已回" in rows[0], "已回" in rows[1], "逾期" in rows[2]] == [True] * 3
    assert "3 期，还有 ¥30,000.00 未计划" in text(page, "#tab-area")
    assert "¥84,000.00 70%" in text(page, "#tab-area tfoot")


def test_a_flow_changed_meanwhile_leaves_what_runs_on_its_version(people, at_desk):
    made = flow(people.admin, step(people.boss, name="部门经理"), step(people.boss, people.finance, name="复核"))
    contract, _ = submitted(people.seller, name="备件框架", amount="110000")
    assert steps(contract) == ["部门经理", "复核"]

    page = at_desk(people.admin)
    page.goto("/settings/")
    page.click("main a >> text=审批流程")
    page.click("main a >> text=合同审批")
    page.wait_for_url(f"**/settings/flows/{made.pk}/**")
    add_step(page, "江予安")
    page.fill("#flow-pane input:not([type]) >> nth=0", "总部备案")
    page.wait_for_selector(".k-flow-item:nth-child(3) >> text=江予安")
    until(page, "!document.querySelector('.k-flow-fault')")
    page.click("text=保存为第 2 版")
    page.wait_for_selector(".k-toast >> text=已保存为第 2 版")
    assert Flow.objects.get().version == 2

    later, _ = submitted(people.seller, name="备件框架续", amount="110000")
    assert (steps(contract), steps(later)) == (["部门经理", "复核"], ["部门经理", "复核", "总部备案"])
    page = at_desk(people.boss)
    contract.refresh_from_db()
    approve_in_inbox(page, contract.number)
    page = at_desk(people.finance)
    page.goto(f"/contracts/{contract.pk}/")
    assert "流程第 1 版" in text(page) and "总部备案" not in text(page)
    page.click("main .k-actions a >> text=同意")
    answer(page, "已同意")
    contract.refresh_from_db()
    later.refresh_from_db()
    assert (contract.status, later.status) == ("approved", "pending")
    page.goto(f"/contracts/{later.pk}/")
    assert "流程第 2 版" in text(page) and "总部备案" in text(page)
