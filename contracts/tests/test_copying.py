"""续签, 转为合同, and a contract for an opportunity."""

from datetime import date
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from contracts import copying, services
from contracts.models import Contract
from contracts.tests.factories import add_lines, approved, contract, day
from crm.records import fieldset
from opportunities.models import Opportunity
from opportunities.quotes import services as quotes
from opportunities.tests import quoting
from opportunities.tests.factories import contact, customer
from orgs.tests.factories import client_for, role
from products.models import Product


@pytest.mark.parametrize(
    ("starts", "ends", "then"),
    [
        (date(2026, 6, 1), date(2027, 5, 31), (date(2027, 6, 1), date(2028, 5, 31))),
        (date(2026, 3, 1), date(2026, 3, 31), (date(2026, 4, 1), date(2026, 4, 30))),
        (date(2026, 2, 1), date(2026, 2, 28), (date(2026, 3, 1), date(2026, 3, 31))),
        (date(2026, 1, 10), date(2026, 1, 19), (date(2026, 1, 20), date(2026, 1, 29))),
        (None, date(2026, 1, 19), (date(2026, 1, 20), None)),
        (date(2026, 1, 10), None, (None, None)),
    ],
)
def test_the_period_behind_a_contract_is_as_long_as_its_own(starts, ends, then):
    assert copying.next_period(starts, ends) == then


def test_a_renewal_is_a_draft_behind_the_contract_and_a_second_click_finds_it(staff):
    draft = contract(staff.ann, customer_signer=contact(customer(staff.ann)), starts_on=day(-364), ends_on=day(0))
    add_lines(draft, "采集网关", "阀门")
    made = services.submit(draft, by=staff.ann)
    Product.objects.filter(name="采集网关").update(name="采集网关二代", price="150")
    Product.objects.filter(name="阀门").update(on_shelf=False)
    new, left_out = copying.renew(made, by=staff.ann)
    assert left_out == ["阀门"]
    assert (new.name, new.status, new.number) == ("一期实施合同（续签）", "draft", "")
    assert (new.renewed_from_id, new.starts_on, new.customer_signer_id) == (made.pk, day(1), made.customer_signer_id)
    line = new.lines.get()
    assert (line.name, line.list_price, line.price) == ("采集网关二代", Decimal(150), Decimal(100))
    new.refresh_from_db()
    assert new.amount == new.lines_total == Decimal(100)
    assert copying.renew(made, by=staff.ann) == (new, [])
    services.submit(new, by=staff.ann)
    third, _ = copying.renew(made, by=staff.ann)  # that one is in force: another follows
    assert third.pk != new.pk
    with pytest.raises(ValidationError, match="只有已通过"):
        copying.renew(third, by=staff.ann)


def test_a_renewal_from_the_page_asks_first_and_opens_the_draft(staff):
    made, client = approved(staff.ann), client_for(staff.ann)
    url = f"/contracts/{made.pk}/renew/"
    assert "生成续签草稿" in client.get(url).content.decode()
    assert Contract.objects.count() == 1
    response = client.post(url)
    new = Contract.objects.get(renewed_from=made)
    assert response["Location"] == f"/contracts/{new.pk}/"
    assert client.post(url)["Location"] == response["Location"]
    assert client_for(staff.stranger).post(url).status_code == 404
    assert client_for(staff.finance).post(url).status_code == 403
    draft = contract(staff.ann, name="草稿")
    assert client.post(f"/contracts/{draft.pk}/renew/").status_code == 403
    assert Contract.objects.count() == 3


# From a quotation -----------------------------------------------------------------------------------------------------------
def test_a_quotation_becomes_a_contract_once_however_often_it_is_clicked(staff):
    deal = quoting.opportunity(staff.ann, lines=2)
    made = quoting.quote(deal, by=staff.ann)
    client, url = client_for(staff.ann), f"/quotations/{made.pk}/contract/"
    assert url in client.get(f"/quotations/{made.pk}/").content.decode()
    assert client.get(url).status_code == 200 and not Contract.objects.exists()
    first = client.post(url)
    new = Contract.objects.get()
    assert first["Location"] == f"/contracts/{new.pk}/" == client.post(url)["Location"]
    assert Contract.objects.count() == 1
    assert (new.customer_id, new.opportunity_id, new.quotation_id) == (deal.customer_id, deal.pk, made.pk)
    assert (new.name, new.amount, new.lines.count(), new.owner) == ("一期报价", Decimal(200), 2, staff.ann)
    services.delete_contracts(Contract.objects.filter(pk=new.pk), by=staff.ann)
    client.post(url)
    assert Contract.objects.live().exclude(pk=new.pk).count() == 1


def test_a_quotation_that_is_void_or_refused_becomes_no_contract(staff):
    deal = quoting.opportunity(staff.ann)
    made = quoting.quote(deal, by=staff.ann)
    quotes.void(made, "报错了", by=staff.ann)
    made.refresh_from_db()
    client = client_for(staff.ann)
    assert "转为合同" not in client.get(f"/quotations/{made.pk}/").content.decode()
    assert client.post(f"/quotations/{made.pk}/contract/").status_code == 422
    assert not Contract.objects.exists()


def test_who_may_not_write_contracts_of_the_customer_is_offered_none(staff):
    deal = quoting.opportunity(staff.ann)
    made = quoting.quote(deal, by=staff.ann)
    url = f"/quotations/{made.pk}/contract/"
    assert client_for(staff.stranger).post(url).status_code == 404
    chief = staff.boss
    chief.roles.set([role("executive")])
    assert "转为合同" not in client_for(chief).get(f"/quotations/{made.pk}/").content.decode()
    assert client_for(chief).post(url).status_code == 403
    assert not Contract.objects.exists()


# For an opportunity -----------------------------------------------------------------------------------------------------------
def form(client, deal) -> dict:
    page = client.get(f"/contracts/new/?opportunity={deal.pk}")
    return {name: page.context["form"][name].initial for name in page.context["form"].fields}


def test_the_form_opened_for_an_opportunity_begins_with_what_that_says(staff):
    deal = quoting.opportunity(staff.ann, lines=2)
    Opportunity.objects.filter(pk=deal.pk).update(lines_total=200, amount=200)
    client = client_for(staff.ann)
    found = form(client, deal)
    assert (found["customer"], found["name"], found["amount"]) == (deal.customer_id, "数据中台", Decimal(200))
    assert found["take_lines"] is True
    data = {
        "customer": deal.customer_id,
        "name": "数据中台合同",
        "opportunity": deal.pk,
        "amount": "1",
        "signed_on": "2026-11-01",
        "owner": staff.ann.pk,
    }
    client.post("/contracts/new/", {**data, "take_lines": "on"})
    made = Contract.objects.get()
    assert (made.amount, made.lines_total, made.lines.count()) == (Decimal(200), Decimal(200), 2)
    client.post("/contracts/new/", {**data, "name": "不带产品"})
    assert Contract.objects.get(name="不带产品").lines_total is None


def test_the_form_tells_nothing_of_an_opportunity_out_of_sight_nor_of_a_hidden_amount(staff):
    deal = quoting.opportunity(staff.ann, lines=1)
    Opportunity.objects.filter(pk=deal.pk).update(lines_total=100, amount=100)
    body = client_for(staff.stranger).get(f"/contracts/new/?opportunity={deal.pk}").content.decode()
    assert "数据中台" not in body and "take_lines" not in body
    own = role("seller")
    own.field_rights = {"opportunity": {"amount": fieldset.HIDDEN}}
    own.save()
    found = form(client_for(staff.ann), deal)
    assert not found["amount"] and "take_lines" not in found
    for bad in ("9" * 30, "x", "-1", "²"):
        assert client_for(staff.ann).get("/contracts/new/", {"opportunity": bad}).status_code == 200


def test_the_tab_of_an_opportunity_shows_its_contracts_and_adds_one_to_a_won_one(staff):
    deal = quoting.opportunity(staff.ann)
    made = services.submit(contract(staff.ann, deal.customer, opportunity=deal), by=staff.ann)
    assert Opportunity.objects.get(pk=deal.pk).state == "won"
    page = client_for(staff.ann).get(f"/opportunities/{deal.pk}/?tab=contracts")
    body = page.content.decode()
    assert made.name in body and f"/contracts/new/?opportunity={deal.pk}" in body
    assert next(tab for tab in page.context["tabs"] if tab["key"] == "contracts")["count"] == 1
    assert f'value="{deal.pk}"' in client_for(staff.ann).get(f"/contracts/?opportunity={deal.pk}").content.decode()
