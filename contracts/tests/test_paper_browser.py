"""Contracts in a real browser: long paper breaks well; a change is written with lines and the amount follows them."""

import re

import pytest

from contracts.models import Contract, ContractTemplate
from contracts.paper import services
from contracts.tests import factories
from crm.records import services as records
from crm.tests.browser import until
from crm.tests.test_browser import sign_in
from opportunities.tests.quoting import product
from opportunities.tests.test_quotation_paper import printed
from orgs.tests.factories import department, employee
from products.lines.services import Row
from products.models import Product

from .test_changes import propose, send

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


@pytest.fixture
def seller():
    return employee("林晓岚", ["seller"], department("苏州组"))


def test_a_hundred_lines_break_well_and_the_amount_stands_in_capitals(page, seller):
    made = factories.approved(seller, remark="\n".join(f"{n}. 约定内容" for n in range(1, 31)))
    item = product("工业采集网关", "1234.50")
    propose(made, seller, {}, rows=[Row(item.pk, "1234.50", "1", f"KH{n:03}X") for n in range(100)])
    send(made, seller)
    made.refresh_from_db()
    sign_in(page, seller)
    sheets = printed(page, f"/contracts/{made.pk}/print/")
    everything = "".join(sheets)
    assert 3 <= len(sheets) <= 9
    assert [code for n in range(100) if everything.count(code := f"KH{n:03}X") != 1] == []
    assert all("序号" in text and "小计" in text for text in sheets if re.search(r"KH\d{3}X", text))
    assert made.number in sheets[0] and "30. 约定内容" in everything and "盖章" in sheets[-1]
    assert "¥123,450.00" in everything and "壹拾贰万叁仟肆佰伍拾元整" in everything
    assert "打印或存为" not in everything and "返回" not in everything
    body = "# 销售合同\n甲方：{客户名称}\n\n## 一、标的\n{产品明细}\n\n## 二、金额\n{金额}（{金额大写}）"
    one = services.save_text(ContractTemplate(), name="销售", body=body, by=seller)
    sheets = printed(page, f"/contracts/{made.pk}/print/?t={one.pk}")
    everything = "".join(sheets)
    assert "销售合同" in sheets[0] and everything.count("KH099X") == 1 and "二、金额" in sheets[-1]


def test_a_change_is_written_and_takes_effect(page, seller):
    made = factories.approved(seller)
    records.create(Product(name="采集网关", code="GW-1", price="100"), by=employee("超管", ["super"]))
    sign_in(page, seller)
    page.goto(f"/contracts/{made.pk}/change/")
    page.fill("[name=reason]", "客户加了设备")
    page.click(".k-lines-add .ts-control")
    page.keyboard.type("采集网关")
    page.click(".ts-dropdown [data-value] >> text=采集网关")
    page.wait_for_selector("[data-line] >> text=采集网关")
    page.fill("[data-line-quantity]", "3")
    until(page, "!!document.querySelector('#id_amount').disabled")
    assert page.input_value("#id_amount").replace(",", "") == "300.00"
    page.click("text=保存草稿")
    page.wait_for_url("**/?tab=versions")
    assert Contract.objects.get(pk=made.pk).amount == 120000 and made.versions.get(number=2).amount == 300
    page.click("#tab-area >> text=提交审批")
    page.wait_for_selector("[role=dialog] .k-quote-changes, dialog .k-quote-changes")
    page.click("[role=dialog] button[type=submit], dialog button[type=submit]")
    page.wait_for_selector("text=变更已生效")
    assert Contract.objects.get(pk=made.pk).amount == 300
