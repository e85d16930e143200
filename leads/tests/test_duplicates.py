"""Leads in 查重 and the hints of the lead's form: fixed fields only, by fields the person may read, never without 查看."""

import pytest

from crm.records import fieldset, search
from crm.records import services as records
from customers.models import Customer
from customers.pools import services as pools
from leads.models import Lead
from orgs.models import Role
from orgs.services import create_role
from orgs.tests.factories import client_for, employee

from .conftest import make, rows


@pytest.fixture
def hidden(team):
    return make("云澜智造科技有限公司", team.eve, company="云澜集团", mobile="13912345678", remark="机密")


def hits(person, field, value, **more):
    response = client_for(person).get("/leads/duplicates/", {"field": field, "value": value, **more})
    return response.context["hits"], response.content.decode()


def test_the_form_warns_of_customers_and_leads_by_name_company_and_whole_numbers(team, hidden):
    records.create(Customer(name="云澜智造科技", owner=team.ann, phone="0512-65550186"), by=team.ann)
    found, body = hits(team.ann, "name", "云澜智造科技股份有限公司")
    assert [(hit["type"], hit["name"]) for hit in found] == [
        ("客户", "云澜智造科技"),
        ("线索", "云澜智造科技有限公司"),
    ]
    assert found[1]["url"] == "" and found[1]["created"] is None and "13912345678" not in body and "机密" not in body
    assert [hit["name"] for hit in hits(team.ann, "company", "云澜集团")[0]] == ["云澜智造科技有限公司"]
    for value, number in (("13912345678", 1), ("1391234567", 0), ("3912345678", 0)):
        assert len(hits(team.ann, "mobile", value)[0]) == number, value
    assert hits(team.ann, "phone", "0512-65550186")[0][0]["type"] == "客户"
    assert hits(team.ann, "remark", "机密")[0] == []


def test_the_lead_that_is_edited_is_no_duplicate_of_itself(team, hidden):
    assert hits(team.eve, "name", hidden.name, exclude=str(hidden.pk))[0] == []
    for bad in ("x", "-1", "9" * 30, "NaN"):
        assert len(hits(team.eve, "name", hidden.name, exclude=bad)[0]) == 1


def test_the_page_finds_leads_with_the_fixed_fields_and_offers_to_claim_pooled_ones(team, hidden):
    page = client_for(team.ann).get("/duplicates/?q=云澜集团").content.decode()
    assert "云澜智造科技有限公司" in page and "线索" in page and "139****5678" in page
    assert "13912345678" not in page and "机密" not in page and f"/leads/{hidden.pk}/" not in page
    mine = make("池中线索", team.ann)
    pools.release(rows(mine), team.facts, by=team.ann, reason="其他")
    page = client_for(team.bob).get("/duplicates/?q=池中线索").content.decode()
    assert f"/lead-pool/{team.pool.pk}/bulk/claim/?ids={mine.pk}" in page
    assert "bulk/claim" not in client_for(team.eve).get("/duplicates/?q=池中线索").content.decode()


def test_without_the_function_of_leads_the_page_knows_none(team, hidden):
    only = create_role(Role(name="只看客户", permissions=["customer.view"], reach=Role.Reach.ALL), by=None)
    person = employee("看客户", [only], team.east)
    assert "云澜智造科技有限公司" not in client_for(person).get("/duplicates/?q=云澜集团").content.decode()
    assert client_for(person).get("/leads/duplicates/?field=name&value=云澜").status_code == 403


def test_a_number_one_may_not_read_finds_nothing(team, hidden):
    role = team.ann.roles.get()
    role.field_rights = {"lead": {"mobile": fieldset.HIDDEN}}
    role.save()
    assert hits(team.ann, "mobile", "13912345678")[0] == []


def test_deleted_leads_are_not_found(team, hidden):
    records.delete(rows(hidden), by=team.eve)
    assert hits(team.ann, "name", hidden.name)[0] == []


def test_stems_follow_the_name_when_it_changes(team, hidden):
    lead = Lead.objects.get(pk=hidden.pk)
    records.update(lead, {"name": "恒屿机电"}, version=lead.version, by=team.eve)
    search.index(lead_module(), [Lead.objects.get(pk=hidden.pk)])
    assert [hit["name"] for hit in hits(team.ann, "name", "恒屿机电有限公司")[0]] == ["恒屿机电"]


def lead_module():
    from crm.records import modules

    return modules.get("lead")
