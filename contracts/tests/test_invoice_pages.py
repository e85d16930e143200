"""Pages of invoices: who gets in, what bodies may say, field rights, tabs, statements."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contracts.invoices import services, titles
from contracts.models import Invoice, InvoiceTitle
from contracts.tests import factories
from contracts.tests.billing import approved, draft, figures, issued
from orgs.models import Role
from orgs.tests.factories import client_for, department, employee

pytestmark = pytest.mark.django_db
XSS = '"><img src=x onerror=1>'


@pytest.fixture
def firm():
    """(manager, their seller, a seller of another department)."""
    east = department("华东")
    manager = employee("经理", ["sales_manager"], east)
    return manager, employee("甲", ["seller"], east, supervisor=manager), employee("丙", ["seller"], department("华南"))


def issue(person, *invoices, **rows):
    data = {"ids": ",".join(str(one.pk) for one in invoices), "saved": "1"}
    for one in invoices:
        data |= {f"{one.pk}-number": "", f"{one.pk}-on": "2026-11-20", f"{one.pk}-version": one.version}
    return client_for(person).post("/invoices/issue/", data | rows)


def test_the_form_comes_filled_in_from_the_contract_and_its_default_title(firm):
    seller = firm[1]
    at = factories.approved(seller, amount="500")
    titles.keep(InvoiceTitle(customer=at.customer, name=XSS, bank="招商银行"), default=True, by=seller)
    page = client_for(seller).get(f"/invoices/new/?contract={at.pk}")
    form, body = page.context["form"], page.content.decode()
    assert (form["title"].value(), form["bank"].value(), str(form["amount"].value())) == (XSS, "招商银行", "500.00")
    assert "<img src=x" not in body and "data-title=" in body
    data = {"contract": at.pk, "title": "甲公司", "amount": "500.01", "owner": seller.pk}
    over = client_for(seller).post("/invoices/new/", data)
    assert "还能开 ¥500.00" in over.content.decode() and not Invoice.objects.exists()
    sent = client_for(seller).post("/invoices/new/", data | {"amount": "500", "save_title": "on", "status": "approved"})
    assert sent.status_code == 302
    made = Invoice.objects.get()
    assert (made.status, made.number, made.customer) == ("draft", "", at.customer)
    assert InvoiceTitle.objects.filter(customer=at.customer, name="甲公司").exists()


@pytest.mark.parametrize("amount", ["NaN", "1e30", "-1", "0", "0.001", "9" * 30, "\x00", "a" * 10_000, XSS])
def test_a_wrong_amount_is_a_form_error(firm, amount):
    seller = firm[1]
    at = factories.approved(seller)
    data = {"contract": at.pk, "title": "甲公司", "amount": amount, "owner": seller.pk}
    page = client_for(seller).post("/invoices/new/", data)
    assert page.status_code == 200 and page.context["form"].errors and not Invoice.objects.exists()


def test_a_contract_of_another_department_or_one_not_approved_is_no_choice(firm):
    manager, seller, stranger = firm
    theirs, waits = factories.approved(stranger), factories.contract(seller)
    for wrong in (theirs.pk, waits.pk, "9" * 30, "x", "\x00"):
        data = {"contract": wrong, "title": "甲公司", "amount": "1", "owner": seller.pk}
        page = client_for(seller).post("/invoices/new/", data)
        assert "contract" in page.context["form"].errors
    assert not Invoice.objects.exists()
    url = "/invoices/titles/?contract="
    assert client_for(seller).get(f"{url}{theirs.pk}").status_code == 404
    assert client_for(seller).get(f"{url}{'9' * 30}").status_code == client_for(seller).get(url).status_code == 404
    found = client_for(stranger).get(f"{url}{theirs.pk}").json()
    assert found == {"titles": [], "left": "120000.00", "left_text": "¥120,000.00"}
    assert client_for(employee("无", [])).get(f"{url}{theirs.pk}").status_code == 403


def test_issuing_is_for_holders_of_the_function_in_reach_and_on_approved_ones(firm):
    manager, seller, stranger = firm
    one, waits = approved(seller), draft(seller)
    foreign = approved(stranger)
    assert issue(seller, one, **{f"{one.pk}-number": "1"}).status_code == 403
    assert issue(manager, foreign, **{f"{foreign.pk}-number": "1"}).status_code == 404
    assert issue(manager, waits, **{f"{waits.pk}-number": "1"}).status_code == 403
    assert not Invoice.objects.exclude(invoice_number="").exists()
    mixed = issue(manager, one, foreign, **{f"{one.pk}-number": "11", f"{foreign.pk}-number": "12"})
    assert mixed.status_code == 302
    assert list(Invoice.objects.exclude(invoice_number="").values_list("pk", "invoice_number")) == [(one.pk, "11")]
    assert issue(employee("财", ["finance"]), foreign, **{f"{foreign.pk}-number": "12"}).status_code == 302


def test_many_are_issued_together_or_none(firm):
    manager, seller, _ = firm
    one, two, three = (approved(seller, amount=n) for n in (1, 2, 3))
    rows = {f"{one.pk}-number": "11", f"{two.pk}-number": "11"}
    page = issue(manager, one, two, three, **rows)
    assert "另一张发票" in page.content.decode() and not Invoice.objects.exclude(invoice_number="").exists()
    for wrong in (
        {f"{two.pk}-number": XSS},
        {f"{two.pk}-number": "9", f"{two.pk}-on": "2999-01-01"},
        {f"{two.pk}-number": "9", f"{two.pk}-version": "99"},
        {f"{two.pk}-number": "9", f"{two.pk}-on": "x"},
    ):
        page = issue(manager, one, two, three, **{f"{one.pk}-number": "11", **wrong})
        assert page.status_code == 200 and "<img src=x" not in page.content.decode()
        assert not Invoice.objects.exclude(invoice_number="").exists()
    assert issue(manager, one, two, three).status_code == 200  # nothing filled in
    assert issue(manager, one, two, three, **{f"{one.pk}-number": "11", f"{three.pk}-number": "13"}).status_code == 302
    assert Invoice.objects.filter(issued_on="2026-11-20").count() == 2
    page = client_for(manager).get(f"/invoices/issue/?ids={one.pk}").content.decode()
    assert "更正发票号码" in page and 'value="11"' in page


def test_submit_and_void_from_the_page_and_from_the_list(firm):
    manager, seller, stranger = firm
    one = draft(seller, amount="30")
    at = one.contract
    body = client_for(seller).get(f"/invoices/{one.pk}/").content.decode()
    assert "提交审批" in body and "登记开票" not in body
    confirm = {"ids": one.pk, "confirmed": "1"}
    assert client_for(stranger).post("/invoices/bulk/submit/", confirm).status_code == 404
    assert client_for(seller).post("/invoices/bulk/submit/", confirm).status_code == 302
    assert figures(at) == ("30.00", "0.00")
    assert "登记开票" in client_for(manager).get(f"/invoices/{one.pk}/").content.decode()
    assert client_for(seller).get(f"/invoices/{one.pk}/edit/").status_code == 403
    assert client_for(seller).post(f"/invoices/{one.pk}/edit/", {"title": "x", "version": 1}).status_code == 403
    assert client_for(seller).post("/invoices/bulk/delete/", confirm).status_code in (400, 403)
    void = confirm | {"kind": "void", "reason": "开错了"}
    assert client_for(seller).post("/invoices/bulk/void/", void).status_code == 403
    assert (
        client_for(manager).post("/invoices/bulk/void/", confirm | {"kind": "eaten", "reason": ""}).status_code == 200
    )
    assert figures(at) == ("30.00", "0.00")
    assert client_for(manager).post("/invoices/bulk/void/", void).status_code == 302
    assert figures(at) == ("0.00", "0.00")
    assert "已作废" in client_for(seller).get(f"/invoices/{one.pk}/").content.decode()


def test_a_hidden_amount_shows_nowhere_and_a_read_only_number_is_not_issued(firm):
    manager, seller, _ = firm
    one = approved(seller, amount="777.77")
    Role.objects.filter(code="sales_manager").update(field_rights={"invoice": {"amount": "hidden"}})
    for url in (
        "/invoices/",
        f"/invoices/{one.pk}/",
        f"/invoices/issue/?ids={one.pk}",
        f"/contracts/{one.contract_id}/?tab=invoices",
        f"/customers/{one.customer_id}/?tab=invoices",
    ):
        page = client_for(manager).get(url)
        assert page.status_code == 200 and "777.77" not in page.content.decode(), url
    Role.objects.filter(code="sales_manager").update(field_rights={"invoice": {"invoice_number": "read"}})
    assert issue(manager, one, **{f"{one.pk}-number": "1"}).status_code == 403
    Role.objects.filter(code="sales_manager").update(field_rights={"contract": {"amount": "hidden"}})
    at = one.contract
    data = {"contract": at.pk, "title": "甲", "amount": "999999", "owner": manager.pk}
    body = client_for(manager).post("/invoices/new/", data).content.decode()
    assert "超过这份合同还能开票的金额" in body and "120,000" not in body
    assert client_for(manager).get(f"/invoices/titles/?contract={at.pk}").json()["left"] is None


def test_tabs_views_and_filters_show_what_they_say(firm):
    manager, seller, stranger = firm
    one, two = issued(seller, "26512000"), draft(seller)
    theirs = approved(stranger)
    page = client_for(seller).get(f"/contracts/{one.contract_id}/?tab=invoices")
    assert f"/invoices/new/?contract={one.contract_id}" in page.content.decode()
    assert "add_url" in page.context["tab"] and len(page.context["tab"]["table"]["rows"]) == 2
    assert client_for(seller).get(f"/customers/{one.customer_id}/?tab=invoices").context["tab"]["add_url"] is None
    for query, found in (
        ("view=issued", {one.pk}),
        ("view=drafts", {two.pk}),
        ("view=waiting", set()),
        ("view=all", {one.pk, two.pk}),
        ("invoice_number=2651", {one.pk}),
        ("status=draft", {two.pk}),
        (f"contract={theirs.contract_id}", set()),
        ("issued_from=2026-11-01&issued_to=2026-11-20", {one.pk}),
        ("q=26512000", {one.pk}),
    ):
        rows = client_for(seller).get(f"/invoices/?{query}").context["rows"]
        assert {row["pk"] for row in rows} == found, query
    total = client_for(seller).get("/invoices/?totals=sum").content.decode()
    assert "2,000.00" in total


def test_statements_do_not_grow_with_rows(firm):
    seller = firm[1]
    at = factories.approved(seller)
    counts: dict[str, list[int]] = {}
    client = client_for(seller)
    urls = (
        f"/contracts/{at.pk}/?tab=invoices",
        f"/customers/{at.customer_id}/?tab=invoices",
        f"/customers/{at.customer_id}/?tab=titles",
        "/invoices/?view=waiting",
        f"/invoices/new/?contract={at.pk}",
    )
    for many in (5, 45):
        for n in range(many):
            services.submit(draft(seller, at, amount="1"), by=seller)
            InvoiceTitle.objects.create(customer=at.customer, name=f"抬头 {many} {n}")
        for url in urls:
            client.get(url)
            with CaptureQueriesContext(
                connection,
            ) as seen:
                assert client.get(url).status_code == 200
            counts.setdefault(url, []).append(len(seen))
    for url, (few, many) in counts.items():
        assert few == many and many <= (12 if url.startswith("/invoices/?") else 15 if "new" in url else 22), (
            url,
            few,
            many,
        )
    manager = firm[0]
    ids = ",".join(map(str, Invoice.objects.values_list("pk", flat=True)))
    with CaptureQueriesContext(connection) as seen:
        assert client_for(manager).get(f"/invoices/issue/?ids={ids}").status_code == 200
    assert len(seen) <= 15
