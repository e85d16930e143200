"""From a stranger's form to a won opportunity, and to a lost one: the journey of a lead through the whole of sales."""

import pytest
from django.core.cache import cache

from crm.records import services
from crm.tests.test_browser import sign_in
from customers.models import Customer
from leads.models import Lead
from leads.tests.intake import item, rule, web_form
from leads.webforms import answering
from opportunities.models import Opportunity, Quotation
from opportunities.tests import pdf
from opportunities.tests.lines.support import product
from opportunities.tests.quoting import opportunity
from orgs.tests.factories import department, employee

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


@pytest.fixture
def company(monkeypatch):
    """A seller to whom leads of the site go, and a product."""
    cache.clear()
    monkeypatch.setattr(answering, "QUICKEST", 0)
    seller = employee("林晓岚", ["seller"], department("华东"))
    source = item("customer.source", "网络营销")
    rule(seller, name="官网线索", conditions={"source": [source.pk]})
    pump = product(employee("超管", ["super"]), "离心泵", "1200.00")
    return seller, web_form(source=source, required=("contact_name", "mobile")), pump


def answer(page, *, fill: dict | None = None) -> None:
    """Fill in the dialog that is open and send it."""
    page.wait_for_selector("#dialog[open]")
    for name, value in (fill or {}).items():
        page.fill(f"#dialog [name={name}]", value)
    page.click("#dialog button[type=submit]")


def test_a_strangers_form_becomes_a_won_opportunity(page, browser, live_server, company):
    seller, form, pump = company

    context = browser.new_context(base_url=live_server.url, viewport={"width": 390, "height": 844})
    visitor = context.new_page()
    visitor.goto(form.path)
    visitor.click("button[type=submit]")
    visitor.wait_for_selector("text=处需要修改，填写的内容还在")
    visitor.fill("[name=contact_name]", "许一诺")
    visitor.fill("[name=mobile]", "138 0013 8000")
    visitor.fill("[name=company]", "云澜智造")
    visitor.fill("[name=description]", '想看演示 "><img src=x onerror=1>')
    visitor.click("button[type=submit]")
    visitor.wait_for_selector("text=已收到，我们会尽快与您联系")
    context.close()
    lead = Lead.objects.get()
    assert (lead.owner, lead.status) == (seller, "following")

    sign_in(page, seller)
    page.goto("/leads/?view=mine")
    page.click("tbody >> text=云澜智造")
    page.wait_for_url(f"**/leads/{lead.pk}/**")
    page.goto(f"/leads/{lead.pk}/?tab=plan")
    page.click("text=添加计划")
    answer(page, fill={"day": "2026-12-01", "content": "上门演示"})
    page.click("text=写效果")
    answer(page, fill={"result": "演示顺利，要报价"})
    page.wait_for_selector("td >> text=演示顺利，要报价")

    page.click("main .k-actions a:visible >> text=转化")
    page.wait_for_selector("#dialog[open] >> text=转化线索“云澜智造”")
    page.check("#dialog [name=opportunity]", force=True)
    page.click("#dialog button[type=submit]")
    page.wait_for_url("**/customers/*/**")
    customer, deal = Customer.objects.get(), Opportunity.objects.get()
    assert (customer.name, deal.customer, deal.owner) == ("云澜智造", customer, seller)

    page.goto(f"/opportunities/{deal.pk}/")
    page.click(".k-stage >> text=需求确认")
    page.wait_for_selector(".k-stage.is-now >> text=需求确认")

    page.goto(f"/opportunities/{deal.pk}/lines/")
    page.click(".k-lines-add .ts-control")
    page.keyboard.type("离心泵")
    page.click(".ts-dropdown [data-value] >> text=离心泵")
    page.wait_for_selector("[data-line] >> text=离心泵")
    page.fill("[data-line] [data-line-quantity]", "3")
    page.fill("#id_discount", "10")
    page.click(".k-form-bar button[type=submit]")
    page.wait_for_url("**/?tab=lines")
    deal.refresh_from_db()
    assert str(deal.amount) == "3240.00"

    page.goto(f"/opportunities/{deal.pk}/?tab=quotations")
    page.click("text=新建报价单")
    answer(page)
    page.wait_for_url("**/quotations/*/")
    quotation = Quotation.objects.get()
    page.add_init_script("window.print = () => {}")
    page.goto(f"/quotations/{quotation.pk}/print/")
    paper = "".join(pdf.pages(page.pdf(prefer_css_page_size=True)))
    assert quotation.number in paper and "离心泵" in paper and "叁仟贰佰肆拾元整" in paper

    page.goto(f"/opportunities/{deal.pk}/")
    page.click(".k-stage-end >> text=赢单")
    answer(page, fill={"note": "价格合适"})
    page.wait_for_selector(".k-stage-end.is-here >> text=赢单")
    deal.refresh_from_db()
    assert (deal.state, deal.close_note, deal.entries.count()) == ("won", "价格合适", 3)
    customer.refresh_from_db()
    assert customer.open_opportunities == 0


def test_a_lost_one_asks_why_and_can_be_seen_in_the_list_of_lost_ones(page, company):
    seller, _, _ = company
    deal = opportunity(seller, lines=0)
    sign_in(page, seller)
    page.goto(f"/opportunities/{deal.pk}/")
    page.click(".k-stage-end >> text=输单")
    answer(page)
    page.wait_for_selector("#dialog >> text=请选择原因")
    page.select_option("#dialog select[name=reason]", label="价格过高", force=True)
    answer(page, fill={"note": "差两成"})
    page.wait_for_selector(".k-stage-end.is-here >> text=输单")
    page.goto("/opportunities/?view=lost")
    page.wait_for_selector(f"tbody >> text={deal.name}")
    deal.refresh_from_db()
    assert (deal.state, deal.close_reason.label) == ("lost", "价格过高")
    assert services.modules.get("opportunity").refusal(deal, "edit", seller)
