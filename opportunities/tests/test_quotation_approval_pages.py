"""Pages of quotations that need approval: what is offered, what is refused in words, how many statements they take."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.models import Approval, Assignment
from approvals.tests.factories import flow, step
from contracts.models import Contract
from opportunities.models import Opportunity, Quotation
from orgs.tests.factories import client_for

from .asking import ABOVE_50, People, asked, brought, fresh, pending, revise
from .quoting import day, opportunity, quote

pytestmark = pytest.mark.django_db


@pytest.fixture
def people():
    return People()


@pytest.fixture
def deal(people):
    return opportunity(people.seller, lines=2)


@pytest.fixture
def made(people, deal):
    return quote(deal, by=people.seller)


# Pages ------------------------------------------------------------------------------------------------------------------
def test_the_seller_submits_from_the_page_and_takes_it_back(people, made):
    asked(people)
    client, url = client_for(people.seller), f"/quotations/{made.pk}/"
    page = client.get(url).content.decode()
    assert (
        "待提交审批" in page
        and f"{url}submit/" in page
        and f"{url}share/" not in page
        and f"{url}contract/" not in page
    )
    dialog = client.get(f"{url}submit/")
    assert "王总" in dialog.content.decode()
    answer = client.post(f"{url}submit/", {"base": made.version, "note": "客户急"})
    assert answer.status_code == 302 and answer.headers["Location"] == url
    waits = pending(made)
    assert waits.payload == {"version": made.current_id} and waits.amount == made.current.total
    page = client.get(url).content.decode()
    assert "审批中" in page and f"/approvals/{waits.pk}/withdraw/" in page and f"{url}versions/new/" not in page
    assert "审批中" in client.get("/quotations/").content.decode()
    client.post(f"/approvals/{waits.pk}/withdraw/", {"comment": ""})
    assert "审批已撤回" in client.get(url).content.decode() and fresh(made).current.approval == "withdrawn"


@pytest.mark.parametrize(
    "path", ["versions/new/", "void/", "delete/", "sent/", "share/", "send/", "accept/", "submit/"]
)
def test_while_it_waits_every_door_says_to_withdraw_first(people, made, path):
    asked(people)
    brought(made, people, "pending")
    before, client = Quotation.objects.filter(pk=made.pk).values().get(), client_for(people.seller)
    for answer in (client.get(f"/quotations/{made.pk}/{path}"), client.post(f"/quotations/{made.pk}/{path}", {})):
        assert answer.status_code == 403 and "撤回" in answer.content.decode()
    assert Quotation.objects.filter(pk=made.pk).values().get() == before


@pytest.mark.parametrize("path", ["sent/", "share/", "send/", "accept/", "contract/"])
def test_a_door_that_lets_it_out_offers_the_submission_first(people, made, path):
    asked(people)
    page = client_for(people.seller).get(f"/quotations/{made.pk}/{path}").content.decode()
    assert "请先提交审批" in page and f'action="/quotations/{made.pk}/submit/"' in page
    answer = client_for(people.seller).post(f"/quotations/{made.pk}/{path}", {"number": "1", "on": f"{day()}"})
    assert answer.status_code in (404, 422) and fresh(made).state == "draft" and not Contract.objects.exists()


def test_the_submitter_chooses_where_the_flow_asks_for_it(people, made):
    flow(people.admin, step(who=[{"kind": "chosen"}], key="s1", name="主管"), document="quotation", name="报价审批")
    client, url = client_for(people.seller), f"/quotations/{made.pk}/submit/"
    answer = client.post(url, {"base": made.version})
    assert answer.status_code == 422 and not Approval.objects.exists()
    client.post(url, {"base": made.version, "chosen_s1": [people.boss.pk]})
    assert Assignment.objects.get(state="open").employee_id == people.boss.pk


@pytest.mark.parametrize("base", ["", "NaN", "-1", "9" * 30, "1\x00", '"><img src=x onerror=1>', "99"])
def test_a_bad_version_of_the_page_submits_nothing(people, made, base):
    asked(people)
    answer = client_for(people.seller).post(f"/quotations/{made.pk}/submit/", {"base": base, "note": "x" * 10_000})
    assert answer.status_code == 422 and "<img src=x" not in answer.content.decode()
    answer = client_for(people.seller).post(f"/quotations/{made.pk}/submit/", {"base": base})
    assert answer.status_code == 422 and not Approval.objects.exists()


@pytest.mark.parametrize("state,marked", [("none", False), ("open", True), ("pending", True), ("approved", False)])
def test_paper_says_what_is_not_approved(people, made, state, marked):
    if state != "none":
        asked(people)
    brought(made, people, state)
    page = client_for(people.seller).get(f"/quotations/{made.pk}/print/").content.decode()
    assert ("未审批" in page) == marked


def test_a_won_opportunity_still_lets_its_quotation_be_submitted(people, made):
    asked(people)
    Opportunity.objects.filter(pk=made.opportunity_id).update(state="won", closed_at="2026-01-01T00:00Z")
    client = client_for(people.seller)
    assert f"/quotations/{made.pk}/submit/" in client.get(f"/quotations/{made.pk}/").content.decode()
    client.post(f"/quotations/{made.pk}/submit/", {"base": made.version})
    assert fresh(made).current.approval == "pending"


def test_the_flow_editor_offers_quotations(people):
    page = client_for(people.admin).get("/settings/flows/")
    assert page.status_code == 200 and "报价单" in page.content.decode()


def test_the_page_takes_the_same_statements_with_fifty_versions_and_a_flow(people, deal, made):
    asked(people, condition=ABOVE_50)
    brought(made, people, "approved")
    client, url = client_for(people.seller), f"/quotations/{made.pk}/"

    def statements() -> int:
        with CaptureQueriesContext(
            connection,
        ) as found:
            assert client.get(url).status_code == 200
        return len(found)

    for _ in range(4):
        revise(fresh(made), people.seller)
    client.get(url)
    few = statements()
    for _ in range(45):
        revise(fresh(made), people.seller)
    assert statements() == few


def test_the_dialog_of_the_submission_stays_within_fifteen_statements(people, made):
    asked(people, condition=ABOVE_50)
    client, url = client_for(people.seller), f"/quotations/{made.pk}/submit/"
    client.get(url)
    with CaptureQueriesContext(connection) as found:
        assert client.get(url).status_code == 200
    assert len(found) <= 15


def test_the_page_of_a_waiting_quotation_stays_within_twenty_statements(people, made):
    asked(people)
    brought(made, people, "pending")
    client, url = client_for(people.boss), f"/quotations/{made.pk}/"
    client.get(url)
    with CaptureQueriesContext(connection) as found:
        assert client.get(url).status_code == 200
    assert len(found) <= 20, [one["sql"][:120] for one in found]
