"""Pages of quotations: who gets in, what the field rights leave of them, bad input, how many statements they take."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.records import teams
from crm.records.models import ExportLedger, OperationLog
from opportunities import stages
from opportunities.models import Quotation, QuotationShare, QuotationVersion
from opportunities.quotes import hooks, services, sharing
from orgs.models import Role
from orgs.tests.factories import client_for, department, employee

from .quoting import add_line, day, opportunity, product, quote, values

pytestmark = pytest.mark.django_db
XSS = '"><img src=x onerror=1>'


@pytest.fixture
def seller():
    return employee("甲", ["seller"], department("华东"), email="jia@kaihai.example")


@pytest.fixture
def stranger():
    return employee("丙", ["seller"], department("华南"))


@pytest.fixture
def deal(seller):
    return opportunity(seller, lines=2)


@pytest.fixture
def made(seller, deal):
    return quote(deal, by=seller)


def posted(**more) -> dict:
    return {"title": "一期报价", "valid_until": f"{day(30)}", "terms": "", "note": "", "contact": ""} | more


def limited(**levels):
    """A seller whose role has these levels of the opportunity's fields."""
    base = Role.objects.get(code="seller")
    role = Role.objects.create(
        name="受限", permissions=base.permissions, reach="all", field_rights={"opportunity": levels}
    )
    return employee("限", [role])


# Doors --------------------------------------------------------------------------------------------------------------------
def test_a_seller_quotes_revises_and_notes_the_answer(seller, deal):
    client = client_for(seller)
    answer = client.post(f"/opportunities/{deal.pk}/quotations/new/", posted(title="首次报价"))
    made = Quotation.objects.get()
    assert answer.status_code == 302 and answer.headers["Location"] == f"/quotations/{made.pk}/"
    add_line(deal, product("维保"), price="50")
    form = client.get(f"/quotations/{made.pk}/versions/new/").context["form"]
    client.post(f"/quotations/{made.pk}/versions/new/", posted(title="再次报价", base=form["base"].value()))
    page = client.get(f"/quotations/{made.pk}/").content.decode()
    assert "与 V1 相比" in page and "维保" in page and "¥250.00" in page and "贰佰伍拾元整" in page
    client.post(f"/quotations/{made.pk}/accept/", {"number": "2", "on": f"{day()}", "words": "可以"})
    made.refresh_from_db()
    assert made.state == "accepted" and made.decided_version.number == 2
    codes = OperationLog.objects.filter(object_id=deal.pk, code__contains="quot").values_list("code", flat=True)
    assert set(codes) == {"opportunity.quoted", "opportunity.requoted", "opportunity.quotation_accepted"}
    tab = client.get(f"/opportunities/{deal.pk}/?tab=quotations").content.decode()
    assert made.number in tab and "已接受" in tab


@pytest.mark.parametrize(
    "path,data",
    [
        ("versions/new/", posted(base="1")),
        ("share/", {"number": "1", "expires_on": "2099-01-01"}),
        ("send/", {"number": "1", "subject": "x", "body": "x", "typed": "a@example.com", "token": "a" * 32}),
        ("sent/", {}),
        ("accept/", {"number": "1", "on": "2026-01-01"}),
        ("reject/", {"number": "1", "on": "2026-01-01"}),
        ("void/", {"reason": "x"}),
        ("delete/", {}),
    ],
)
def test_another_department_finds_nothing_and_a_reader_changes_nothing(seller, stranger, deal, made, path, data):
    url = f"/quotations/{made.pk}/{path}"
    assert client_for(stranger).get(url).status_code == 404 == client_for(stranger).post(url, data).status_code
    _read(deal, stranger, by=seller)
    reader = client_for(stranger)
    assert reader.get(f"/quotations/{made.pk}/").status_code == 200
    answer = reader.post(url, data)
    assert answer.status_code == 403 and "您可以查看这份报价单" in answer.content.decode()
    made.refresh_from_db()
    assert (made.state, made.version, made.versions.count(), QuotationShare.objects.count()) == ("draft", 1, 1, 0)


def _read(deal, person, *, by):
    teams.add([deal], [person], write=False, until=None, by=by)


def test_a_link_of_another_department_is_not_revoked(seller, stranger, made):
    link, _ = sharing.share(made, 1, expires_on=day(3), by=seller)
    url = f"/quotations/shares/{link.pk}/revoke/"
    assert client_for(stranger).post(url).status_code == 404
    assert client_for(seller).get(url).status_code == 200
    assert client_for(seller).post(url).status_code == 302
    link.refresh_from_db()
    assert link.revoked_at is not None


def test_nobody_quotes_an_opportunity_out_of_reach_nor_takes_a_contact_from_elsewhere(seller, stranger, deal):
    assert client_for(stranger).post(f"/opportunities/{deal.pk}/quotations/new/", posted()).status_code == 404
    foreign = opportunity(stranger).customer.contacts.get()
    answer = client_for(seller).post(f"/opportunities/{deal.pk}/quotations/new/", posted(contact=foreign.pk))
    assert answer.status_code == 422 and "请选择列表中的选项" in answer.content.decode()
    assert not Quotation.objects.exists()


def test_the_list_holds_what_is_in_reach_and_finds_by_number_title_and_customer(seller, stranger, made):
    other = quote(opportunity(stranger, customer="金丝雀公司"), by=stranger, title="金丝雀标题")
    client = client_for(seller)
    for query in ("", f"?q={made.number}", "?q=一期", "?q=云澜", "?state=draft", f"?opportunity={made.opportunity_id}"):
        page = client.get(f"/quotations/{query}").content.decode()
        assert made.number in page and "金丝雀" not in page, query
    for query in ("?q=金丝雀标题", f"?q={other.number}", "?state=sent", f"?opportunity={other.opportunity_id}"):
        page = client.get(f"/quotations/{query}").content.decode()
        assert "没有符合条件的报价单" in page, query
    for junk in ("?state=x&page=zz&opportunity=abc", "?q=%00%27", f"?opportunity={'9' * 30}", f"?q={'长' * 5000}"):
        assert client.get(f"/quotations/{junk}").status_code == 200


def test_a_closed_opportunity_refuses_in_words_and_offers_nothing_to_change(seller, deal, made):
    stages.close(deal, "won", by=seller)
    client = client_for(seller)
    answer = client.post(f"/quotations/{made.pk}/void/", {"reason": "x"})
    assert answer.status_code == 403 and "请先重新打开" in answer.content.decode()
    page = client.get(f"/quotations/{made.pk}/").content.decode()
    assert "客户已接受" in page and "出新版本" not in page and "发邮件" not in page


def test_versions_are_found_by_number_and_no_other(seller, made):
    client = client_for(seller)
    assert client.get(f"/quotations/{made.pk}/?v=1").status_code == 200
    for bad in ("2", "0", "-1", "x", "99999", "9" * 30, "1e3"):
        assert client.get(f"/quotations/{made.pk}/?v={bad}").status_code == 404, bad
        assert client.get(f"/quotations/{made.pk}/print/?v={bad}").status_code == 404, bad


def test_a_module_above_can_offer_an_action(seller, made, monkeypatch):
    action = hooks.Action("转为合同", "contract", lambda quotation, user: f"/contracts/new/?quotation={quotation.pk}")
    monkeypatch.setattr(hooks, "ACTIONS", [])
    assert "转为合同" not in client_for(seller).get(f"/quotations/{made.pk}/").content.decode()
    monkeypatch.setattr(hooks, "ACTIONS", [action])
    assert f"/contracts/new/?quotation={made.pk}" in client_for(seller).get(f"/quotations/{made.pk}/").content.decode()


# Field rights -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("level", [0, 1])
def test_without_the_amount_no_page_tells_a_price(seller, deal, made, level):
    services.revise(made, values(), version=1, by=seller)
    client = client_for(limited(amount=level))
    for url in (
        "/quotations/",
        f"/quotations/{made.pk}/",
        f"/quotations/{made.pk}/?v=1",
        f"/quotations/{made.pk}/print/",
        f"/opportunities/{deal.pk}/?tab=quotations",
        f"/opportunities/{deal.pk}/?tab=log",
    ):
        page = client.get(url)
        text = page.content.decode()
        assert page.status_code == 200 and "¥" not in text.replace("¥***", "") and "贰佰元" not in text, url
    answer = client.post(f"/quotations/{made.pk}/share/", {"number": "2", "expires_on": f"{day(3)}"})
    assert answer.status_code == 422 and "只能发出隐藏价格的报价单" in answer.content.decode()
    assert not QuotationShare.objects.exists()


def test_hidden_customer_and_discount_are_absent(seller, deal, made):
    type(deal).objects.filter(pk=deal.pk).update(discount=10)
    services.revise(made, values(), version=1, by=seller)
    client = client_for(limited(customer=0, discount=0))
    for url in ("/quotations/", f"/quotations/{made.pk}/", f"/quotations/{made.pk}/print/"):
        text = client.get(url).content.decode()
        assert deal.customer.name not in text and "整单折扣" not in text, url
    assert made.number not in client.get("/quotations/?q=云澜").content.decode()


# Input --------------------------------------------------------------------------------------------------------------------
def test_odd_text_is_shown_as_text_and_long_text_refused(seller, deal):
    client = client_for(seller)
    odd = f"{XSS}=1+1😀"
    client.post(f"/opportunities/{deal.pk}/quotations/new/", posted(title=odd, terms=f"{odd}\n第二行", note=odd))
    made = Quotation.objects.get()
    link, token = sharing.share(made, 1, expires_on=day(3), by=seller)
    for page in (
        client.get("/quotations/"),
        client.get(f"/quotations/{made.pk}/"),
        client.get(f"/quotations/{made.pk}/print/"),
        client.get(f"/quotations/{made.pk}/send/"),
        client.get(f"/q/{token}/"),
    ):
        assert "<img src=x" not in page.content.decode() and "=1+1😀" in page.content.decode()
    answer = client.post(f"/opportunities/{deal.pk}/quotations/new/", posted(title="长" * 10_000, terms="长" * 10_000))
    text = answer.content.decode()
    assert answer.status_code == 422 and "最多 50 个字" in text and "最多 2000 个字" in text
    assert Quotation.objects.count() == 1


@pytest.mark.parametrize("bad", ["", "NaN", "1e30", "-1", "2026-02-31", "9999999-01-01", "昨天"])
def test_bad_days_are_refused_in_words_everywhere(seller, deal, made, bad):
    client = client_for(seller)
    for url, data in (
        (f"/opportunities/{deal.pk}/quotations/new/", posted(valid_until=bad)),
        (f"/quotations/{made.pk}/share/", {"number": "1", "expires_on": bad}),
        (f"/quotations/{made.pk}/accept/", {"number": "1", "on": bad}),
    ):
        assert client.post(url, data).status_code == 422, url
    assert Quotation.objects.count() == 1 and not QuotationShare.objects.exists()


@pytest.mark.parametrize("bad", ["", "0", "2", "-1", "NaN", "1e30", "x", "9" * 40])
def test_bad_versions_are_refused_everywhere(seller, made, bad):
    client = client_for(seller)
    for path, data in (("share/", {"expires_on": f"{day(3)}"}), ("accept/", {"on": f"{day()}"})):
        assert client.post(f"/quotations/{made.pk}/{path}", {"number": bad, **data}).status_code == 422
    assert client.post(f"/quotations/{made.pk}/versions/new/", posted(base=bad)).status_code == 422


# Statements ---------------------------------------------------------------------------------------------------------------
def statements(client, url) -> int:
    client.get(url)
    with CaptureQueriesContext(connection) as found:
        assert client.get(url).status_code == 200
    return len(found)


def test_statements_do_not_grow_with_versions_lines_or_quotations(seller, deal, made):
    client = client_for(seller)
    urls = {
        "/quotations/?size=100": 12,
        f"/opportunities/{deal.pk}/?tab=quotations": 20,
        f"/quotations/{made.pk}/": 20,
        f"/quotations/{made.pk}/print/": 12,
        f"/quotations/{made.pk}/versions/new/": 15,
        f"/quotations/{made.pk}/share/": 15,
        f"/quotations/{made.pk}/send/": 15,
        f"/opportunities/{deal.pk}/quotations/new/": 15,
    }
    item = product("授权")

    def grow(number):
        for _ in range(number):
            add_line(deal, item)
            made.refresh_from_db()
            services.revise(made, values(), version=made.version, by=seller)
            made.refresh_from_db()
            sharing.share(made, made.current.number, expires_on=day(3), by=seller)
            quote(deal, by=seller)

    grow(5)
    few = {url: statements(client, url) for url in urls}
    grow(45)
    many = {url: statements(client, url) for url in urls}
    assert few == many
    assert {url: number for url, number in many.items() if number > urls[url]} == {}


# Export -------------------------------------------------------------------------------------------------------------------
def exported(person, query="") -> str:
    answer = client_for(person).post("/quotations/export/", {"query": query, "format": "csv"})
    return b"".join(answer.streaming_content).decode("utf-8-sig")


def test_the_file_holds_what_is_in_reach_and_readable_and_stands_in_the_ledger(seller, stranger, made):
    quote(opportunity(stranger, customer="金丝雀公司"), by=stranger, title="=1+1")
    text = exported(seller, "state=draft")
    assert made.number in text and "200.00" in text and "金丝雀" not in text and len(text.splitlines()) == 2
    row = ExportLedger.objects.get()
    assert (row.module, row.count, row.user) == ("quotation", 1, seller)
    page = client_for(employee("系统管理员", ["admin"])).get("/settings/exports/").content.decode()
    assert "报价单" in page and "状态" in page and "草稿" in page
    assert "'=1+1" in exported(stranger)
    text = exported(limited(amount=0, customer=0))
    assert made.number in text and "200.00" not in text and "云澜" not in text


def test_without_the_function_or_rows_or_a_known_format_nothing_is_exported(seller, made):
    base = Role.objects.get(code="seller")
    rights = [one for one in base.permissions if one != "opportunity.export"]
    client = client_for(employee("不导出", [Role.objects.create(name="不导出", permissions=rights, reach="all")]))
    assert client.post("/quotations/export/", {"format": "csv"}).status_code == 403
    assert "/quotations/export/" not in client.get("/quotations/").content.decode()
    for data in ({"format": "exe"}, {"format": "csv", "query": "state=void"}):
        assert client_for(seller).post("/quotations/export/", data).status_code == 422
    assert not ExportLedger.objects.exists()


def test_one_out_of_validity_offers_a_new_version_and_not_to_send_it(seller, made):
    services.mark_sent(made, by=seller)
    QuotationVersion.objects.update(valid_until=day(-1))
    page = client_for(seller).get(f"/quotations/{made.pk}/").content.decode()
    assert "已过期" in page and "出新版本" in page and "客户已接受" in page
    assert "发邮件" not in page and "生成链接" not in page
