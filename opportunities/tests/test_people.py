"""决策人 and 竞争对手: through the gate of contacts and the rights of fields."""

import pytest
from django.core.exceptions import ValidationError

from crm.records import fieldset
from crm.records.models import OperationLog
from opportunities import services, stages
from opportunities.models import Competitor, Stakeholder
from orgs.models import Role
from orgs.tests.factories import client_for, employee, role

from .factories import contact, customer, opportunity

XSS = '"><img src=x onerror=1>'


def url(one, page):
    return f"/opportunities/{one.pk}/{page}/"


def test_people_are_added_changed_made_the_main_one_and_removed(staff):
    one, client = opportunity(staff.ann), client_for(staff.ann)
    person = contact(one.customer, position="总经理")
    assert client.get(url(one, "people/new")).status_code == 200
    data = {"contact": person.pk, "attitude": "for", "main": "on", "note": XSS}
    assert client.post(url(one, "people/new"), data).status_code == 302
    row = Stakeholder.objects.get()
    one.refresh_from_db()
    assert (one.decider, row.attitude, one.version) == (person, "for", 2)
    page = client.get(f"/opportunities/{one.pk}/?tab=people").content.decode()
    assert "主要决策人" in page
    assert "支持" in page
    assert "<img src=x" not in page
    assert "已经在决策人中" in client.post(url(one, "people/new"), data).content.decode()
    client.post(url(one, f"people/{row.pk}"), {"attitude": "against"})
    one.refresh_from_db()
    row.refresh_from_db()
    assert (one.decider, row.attitude) == (None, "against")
    assert client.post(url(one, f"people/{row.pk}/remove")).status_code == 302
    assert not Stakeholder.objects.exists()
    codes = {"opportunity.stakeholder_kept": 2, "opportunity.stakeholder_removed": 1}
    for code, number in codes.items():
        assert OperationLog.objects.filter(object_id=one.pk, code=code).count() == number


def test_contacts_of_other_customers_and_bad_values_are_refused(staff):
    one, client = opportunity(staff.ann), client_for(staff.ann)
    mine = contact(one.customer)
    for wrong in (contact(customer(staff.ann, "别家")), contact(customer(staff.eve, "外区"))):
        answer = client.post(url(one, "people/new"), {"contact": wrong.pk, "attitude": "for"})
        assert "contact" in answer.context["fields"].errors
    for data in ({"attitude": "x"}, {"attitude": "for", "role": "999999"}, {"attitude": "for", "note": "长" * 10_000}):
        answer = client.post(url(one, "people/new"), {"contact": mine.pk, **data})
        assert answer.context["fields"].errors, data
    assert not Stakeholder.objects.exists()


def test_rows_of_another_opportunity_out_of_reach_or_closed_stay_as_they_are(staff):
    one, other = opportunity(staff.ann), opportunity(staff.eve)
    row = Stakeholder.objects.create(opportunity=other, contact=contact(other.customer))
    rival = Competitor.objects.create(opportunity=other, name="对手")
    for page in (
        f"people/{row.pk}",
        f"people/{row.pk}/remove",
        f"competitors/{rival.pk}",
        f"competitors/{rival.pk}/remove",
    ):
        for at in (one, other):
            assert client_for(staff.ann).get(url(at, page)).status_code == 404
            assert client_for(staff.ann).post(url(at, page), {"name": "改", "attitude": "for"}).status_code == 404
    stages.close(one, "won", by=staff.ann)
    for page in ("people/new", "competitors/new"):
        assert client_for(staff.ann).post(url(one, page), {"name": "改"}).status_code == 403
    assert (Stakeholder.objects.count(), Competitor.objects.count()) == (1, 1)


def test_contacts_the_person_may_not_see_are_counted_and_never_named(staff):
    one = opportunity(staff.ann)
    person = contact(one.customer, "金丝雀")
    Stakeholder.objects.create(opportunity=one, contact=person)
    reader = Role.objects.create(name="只看商机", permissions=["opportunity.view"], reach=Role.Reach.ALL)
    page = client_for(employee("只看", [reader])).get(f"/opportunities/{one.pk}/?tab=people").content.decode()
    assert "另有 1 位您看不到的联系人" in page
    assert f"/contacts/{person.pk}/" not in page


def test_competitors_keep_the_line_of_names_for_lists_and_files(staff):
    one, client = opportunity(staff.ann, competitors="海蓝软件，长青/海蓝软件"), client_for(staff.ann)
    one.refresh_from_db()
    assert one.competitors == "海蓝软件、长青"
    for price in ("-1", "NaN", "1e30", "1.005"):
        assert client.post(url(one, "competitors/new"), {"name": "新", "price": price}).context["fields"].errors
    assert client.post(url(one, "competitors/new"), {"name": XSS, "price": "1,200", "note": "=1+1"}).status_code == 302
    assert "已有这个竞争对手" in client.post(url(one, "competitors/new"), {"name": "长青"}).content.decode()
    one.refresh_from_db()
    assert one.competitors == f"海蓝软件、长青、{XSS}"
    page = client.get(f"/opportunities/{one.pk}/?tab=competitors").content.decode()
    assert "<img src=x" not in page
    assert "¥1,200.00" in page
    rival = Competitor.objects.get(name="长青")
    client.post(url(one, f"competitors/{rival.pk}/remove"))
    one.refresh_from_db()
    assert one.competitors == f"海蓝软件、{XSS}"
    many = opportunity(staff.ann, name="很多", competitors="、".join(f"对手公司第{n}号" for n in range(60))[:200])
    assert len(many.competitors) <= 200


def test_a_hidden_field_hides_the_tab_and_closes_its_doors(staff):
    one = opportunity(staff.ann, competitors="金丝雀对手")
    own = role("seller")
    own.field_rights = {"opportunity": {"competitors": fieldset.HIDDEN}}
    own.save()
    client = client_for(staff.ann)
    page = client.get(f"/opportunities/{one.pk}/?tab=competitors").content.decode()
    assert "竞争对手" not in page
    assert "金丝雀对手" not in page
    assert client.post(url(one, "competitors/new"), {"name": "新"}).status_code == 403


def test_removing_the_main_one_leaves_the_decider_to_those_who_may_change_it(staff):
    one = opportunity(staff.ann)
    row = Stakeholder.objects.create(opportunity=one, contact=contact(one.customer))
    type(one).objects.filter(pk=one.pk).update(decider=row.contact)
    own = role("seller")
    own.field_rights = {"opportunity": {"decider": fieldset.READ}}
    own.save()
    assert client_for(staff.ann).post(url(one, f"people/{row.pk}/remove")).status_code == 302
    one.refresh_from_db()
    assert (one.decider, Stakeholder.objects.count()) == (row.contact, 0)


def test_a_row_removed_meanwhile_does_not_come_back_and_is_not_removed_twice(staff):
    one = opportunity(staff.ann, competitors="海蓝软件")
    person = Stakeholder.objects.create(opportunity=one, contact=contact(one.customer))
    for row, keep, drop in (
        (person, lambda old: services.keep_stakeholder(old, main=False, by=staff.ann), services.drop_stakeholder),
        (one.rivals.get(), lambda old: services.keep_competitor(old, by=staff.ann), services.drop_competitor),
    ):
        stale, twice = type(row).objects.get(pk=row.pk), type(row).objects.get(pk=row.pk)
        drop(row, by=staff.ann)
        with pytest.raises(ValidationError, match="刚被移除"):
            keep(stale)
        with pytest.raises(ValidationError, match="刚被移除"):
            drop(twice, by=staff.ann)
        assert not type(row).objects.exists()
