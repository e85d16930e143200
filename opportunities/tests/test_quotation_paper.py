"""The paper in a real browser: two hundred lines break well, the PDF holds every one, a link opens without signing in."""

import re

import pytest

from crm.tests.test_browser import sign_in
from opportunities.models import OpportunityLine, QuotationShare
from opportunities.quotes import sharing
from orgs.tests.factories import department, employee
from products import arithmetic

from . import pdf
from .quoting import add_line, day, opportunity, product, quote

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
A4 = (595, 842)


@pytest.fixture
def seller():
    return employee("林晓岚", ["seller"], department("苏州组"))


def printed(page, url) -> list[str]:
    """The pages a browser makes of it; window.print would wait for a person."""
    page.add_init_script("window.print = () => {}")
    page.goto(url)
    data = page.pdf(prefer_css_page_size=True)
    sizes = [tuple(map(float, size)) for size in re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", data)]
    assert all(abs(w - A4[0]) < 2 and abs(h - A4[1]) < 2 for w, h in sizes)
    return pdf.pages(data)


def test_two_hundred_lines_break_well(page, seller):
    deal, item = opportunity(seller, lines=0), product("工业采集网关", "1234.50")
    for n in range(200):
        line = add_line(deal, item, remark="现场安装与调试" * (n % 3))
        OpportunityLine.objects.filter(pk=line.pk).update(code=f"KH{n:03}X", order=n)
    made = quote(deal, by=seller, terms="\n".join(f"{n}. 条款内容" for n in range(1, 31)))
    sign_in(page, seller)
    sheets = printed(page, f"/quotations/{made.pk}/print/")
    assert 5 <= len(sheets) <= 15
    everything = "".join(sheets)
    assert [code for n in range(200) if everything.count(code := f"KH{n:03}X") != 1] == []  # none lost, none cut in two
    with_lines = [text for text in sheets if re.search(r"KH\d{3}X", text)]
    assert all("序号" in text and "小计" in text for text in with_lines)  # the head is repeated
    assert made.number in sheets[0] and "30. 条款内容" in sheets[-1]
    total = arithmetic.total([line.subtotal for line in deal.lines.all()], deal.discount)
    assert f"¥{total:,}" in everything and "贰拾肆万陆仟玖佰元整" in everything
    assert f"共 {len(sheets)}" in sheets[0] and "打印或存为" not in everything and "返回" not in everything


def test_a_short_one_is_one_page_and_the_link_prints_the_same_without_signing_in(page, seller):
    made = quote(opportunity(seller, lines=3), by=seller, terms="款到发货")
    _, token = sharing.share(made, 1, expires_on=day(3), by=seller)
    sheets = printed(page, f"/q/{token}/")
    assert len(sheets) == 1 and "叁佰元整" in sheets[0] and "款到发货" in sheets[0] and "链接" not in sheets[0]
    assert QuotationShare.objects.get().opened == 1


def test_a_quotation_is_made_and_shared_in_dialogs(page, seller):
    deal = opportunity(seller, lines=2)
    sign_in(page, seller)
    page.goto(f"/opportunities/{deal.pk}/?tab=quotations")
    page.click("text=新建报价单")
    page.fill("[name=title]", "首次报价")
    page.click("[role=dialog] button[type=submit], dialog button[type=submit]")
    page.wait_for_url("**/quotations/*/")
    page.click(".k-actions >> text=生成链接")
    page.wait_for_selector("[name=expires_on]")
    page.click("[role=dialog] button[type=submit], dialog button[type=submit]")
    link = page.wait_for_selector("#quote-link").input_value()
    visitor = page.context.browser.new_context().new_page()
    visitor.goto(link)
    assert "首次报价" in visitor.inner_text("main") and "¥200.00" in visitor.inner_text("main")
    visitor.context.close()
    page.click("text=关闭")
    page.wait_for_selector("text=打开 1 次")
    assert "已发出" in page.inner_text(".k-head")
