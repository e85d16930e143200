"""Titles of a customer: kept by whoever edits it, one default, carried through merge, purge and restore."""

import pytest
from django.core.exceptions import ValidationError

from contracts.invoices import services, titles
from contracts.models import Invoice, InvoiceTitle
from contracts.tests import billing, factories
from crm.records.models import OperationLog, Undo
from crm.records.undoing import services as undoing
from customers import services as customers
from customers.merging import services as merging
from customers.models import Customer
from customers.tests.merging import versions
from opportunities.tests.factories import customer
from orgs.tests.factories import client_for, department, employee

pytestmark = pytest.mark.django_db
GOOD, ODD = "91110000802100433B", "911100008021004330"


@pytest.fixture
def firm():
    east = department("华东")
    manager = employee("经理", ["sales_manager"], east)
    return manager, employee("甲", ["seller"], east, supervisor=manager), employee("丙", ["seller"], department("华南"))


def title(at, name="云澜智造科技", *, by, default=False, **more) -> InvoiceTitle:
    return titles.keep(InvoiceTitle(customer=at, name=name, **more), default=default, by=by)


def defaults(at) -> list[str]:
    return list(InvoiceTitle.objects.filter(customer=at, is_default=True).values_list("name", flat=True))


def test_the_first_is_the_default_another_takes_its_place_and_a_deleted_one_leaves_it(firm):
    seller = firm[1]
    at = customer(seller)
    first = title(at, by=seller)
    second = title(at, "云澜智造（苏州）", by=seller)
    assert defaults(at) == ["云澜智造科技"]
    titles.make_default(second, by=seller)
    assert defaults(at) == ["云澜智造（苏州）"]
    titles.drop(second, by=seller)
    assert defaults(at) == ["云澜智造科技"]
    with pytest.raises(ValidationError):
        titles.drop(second, by=seller)
    with pytest.raises(ValidationError, match="已有这个抬头"):
        title(at, by=seller)
    first.refresh_from_db()
    first.bank = "招商银行"
    titles.keep(first, default=True, version=first.version, by=seller)
    with pytest.raises(titles.Stale):
        titles.keep(first, default=True, version=1, by=seller)
    codes = set(OperationLog.objects.filter(object_id=at.pk).values_list("code", flat=True))
    assert codes >= {f"customer.title_{verb}" for verb in ("created", "updated", "default", "deleted")}


def test_a_tax_number_has_its_length_and_a_wrong_check_place_is_a_hint(firm):
    seller = firm[1]
    at = customer(seller)
    assert title(at, by=seller, tax_number=" 9111 0000 8021 0043 3b ").tax_number == GOOD
    assert not titles.doubtful(GOOD) and titles.doubtful(ODD) and not titles.doubtful("440300567890123")
    for wrong in ("123", "9" * 16, "9111000080210043３号", '"><img src=x>12345'):
        with pytest.raises(ValidationError, match="15、18 或 20 位"):
            title(at, "另一个", by=seller, tax_number=wrong)
    page = client_for(seller).post(f"/customers/{at.pk}/titles/new/", {"name": "可疑", "tax_number": ODD}, follow=True)
    assert "校验位不对" in page.content.decode() and InvoiceTitle.objects.filter(name="可疑").exists()


def test_pages_obey_the_rights_of_the_customer(firm):
    manager, seller, stranger = firm
    at, theirs = customer(seller), customer(stranger, "别家公司")
    mine, foreign = title(at, by=seller), title(theirs, "别家", by=stranger)
    base = f"/customers/{at.pk}/titles/"
    body = client_for(seller).get(f"/customers/{at.pk}/?tab=titles").content.decode()
    assert "云澜智造科技" in body and f"{base}{mine.pk}/remove/" in body
    for url in (f"{base}new/", f"{base}{mine.pk}/", f"{base}{mine.pk}/remove/"):
        assert client_for(seller).get(url).status_code == client_for(manager).get(url).status_code == 200
        assert client_for(stranger).get(url).status_code == 404
        assert client_for(stranger).post(url, {"name": "改"}).status_code == 404
    assert client_for(stranger).post(f"{base}{mine.pk}/default/").status_code == 404
    assert client_for(seller).post(f"{base}{foreign.pk}/", {"name": "改", "version": 1}).status_code == 404
    assert client_for(seller).post(f"{base}{foreign.pk}/remove/").status_code == 404
    service = employee("服", ["service"])  # sees every customer and edits none
    assert client_for(service).get(f"{base}new/").status_code == 403
    assert f"{base}new/" not in client_for(service).get(f"/customers/{at.pk}/?tab=titles").content.decode()
    assert InvoiceTitle.objects.count() == 2
    assert client_for(seller).post(f"{base}{mine.pk}/", {"name": "改了", "version": 1}).status_code == 302
    stale = client_for(seller).post(f"{base}{mine.pk}/", {"name": "又改", "version": 1})
    assert "刚被别人修改" in stale.content.decode() and InvoiceTitle.objects.get(pk=mine.pk).name == "改了"
    for wrong in ({"name": ""}, {"name": "a" * 10_000}, {"name": "x", "version": "9" * 30}):
        assert client_for(seller).post(f"{base}{mine.pk}/", {"version": 2, **wrong}).status_code == 200
    assert client_for(seller).post(f"{base}{mine.pk}/remove/").status_code == 302
    assert not InvoiceTitle.objects.filter(pk=mine.pk).exists()


def test_a_merge_carries_titles_and_invoices_and_its_undo_brings_them_back(firm):
    manager, seller, _ = firm
    kept, gone = customer(seller, "云澜智造"), customer(seller, "云澜")
    title(kept, "甲抬头", by=seller), title(kept, "同名", by=seller)
    title(gone, "同名", by=seller, bank="另一家银行"), title(gone, "乙抬头", by=seller, default=True)
    one = billing.approved(seller, factories.approved(seller, at=gone))
    before = sorted(InvoiceTitle.objects.values_list("customer", "name", "is_default", "bank"))
    done = merging.merge([kept.pk, gone.pk], kept.pk, {}, versions=versions(kept, gone), by=manager)
    assert sorted(InvoiceTitle.objects.filter(customer=kept).values_list("name", flat=True)) == [
        "乙抬头",
        "同名",
        "甲抬头",
    ]
    assert defaults(kept) == ["甲抬头"] and not InvoiceTitle.objects.filter(customer=gone).exists()
    one.refresh_from_db()
    assert one.customer_id == one.contract.customer_id == kept.pk
    undoing.undo(Undo.objects.get(pk=done.undo), by=manager)
    assert sorted(InvoiceTitle.objects.values_list("customer", "name", "is_default", "bank")) == before
    one.refresh_from_db()
    assert one.customer_id == one.contract.customer_id == gone.pk


def test_titles_wait_in_the_recycle_bin_with_their_customer_and_end_with_it(firm):
    seller = firm[1]
    at = customer(seller)
    title(at, by=seller)
    rows = Customer.objects.filter(pk=at.pk)
    customers.delete_customers(rows, by=seller)
    customers.restore_customers(rows, by=seller)
    assert defaults(at) == ["云澜智造科技"]
    customers.delete_customers(rows, by=seller)
    customers.purge_customers(rows, by=employee("超", ["super"]))
    assert not InvoiceTitle.objects.exists()


def test_an_application_keeps_its_title_with_the_customer_where_the_person_may(firm):
    _, seller, stranger = firm
    at = factories.approved(seller)
    made = Invoice(contract=at, title="新抬头", tax_number=GOOD, amount="1", owner=seller)
    services.create_invoice(made, by=seller, save_title=True)
    assert InvoiceTitle.objects.get(customer=at.customer).tax_number == GOOD
    again = Invoice(contract=at, title="新抬头", bank="工商银行", amount="1", owner=seller)
    services.create_invoice(again, by=seller, save_title=True)
    assert InvoiceTitle.objects.get(customer=at.customer).bank == "工商银行"
    finance = employee("财", ["finance"])  # sees the customer and does not edit it
    with pytest.raises(ValidationError, match="不能存为抬头"):
        services.create_invoice(
            Invoice(contract=at, title="财务的", amount="1", owner=finance), by=finance, save_title=True
        )
    assert not Invoice.objects.filter(title="财务的").exists()
