"""Approval of quotations: what each state allows, what conditions ask, who sees what."""

from decimal import Decimal

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied, ValidationError

from approvals import documents
from approvals import services as approvals
from approvals.models import Approval, Assignment
from approvals.tests.factories import flow, step
from contracts import copying
from contracts.models import Contract
from crm.records.models import OperationLog
from opportunities.models import Opportunity, OpportunityGrant, Quotation
from opportunities.quotes import approval as rules
from opportunities.quotes import approving, services, sharing
from orgs.models import Role
from orgs.tests.factories import client_for, employee

from .asking import ABOVE_50, People, asked, brought, fresh, pending, revise, todo
from .quoting import add_line, day, opportunity, product, quote

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


def letter(quotation, by):
    """Everything but the mail server is there: the rule is asked before the outbox is touched."""
    return sharing.send(
        quotation,
        1,
        addresses=["li@example.com"],
        subject="报价",
        body="您好",
        expires_on=day(3),
        token="a" * 32,
        by=by,
    )


VERBS = {
    "revise": revise,
    "void": lambda quotation, by: services.void(quotation, "报错了", by=by),
    "delete": lambda quotation, by: services.delete_quotation(quotation, by=by),
    "submit": lambda quotation, by: approving.submit(quotation, by=by),
    "mark_sent": lambda quotation, by: services.mark_sent(quotation, by=by),
    "share": lambda quotation, by: sharing.share(quotation, 1, expires_on=day(3), by=by),
    "send": letter,
    "accept": lambda quotation, by: services.decide(quotation, True, on=day(), number=1, by=by),
    "reject": lambda quotation, by: services.decide(quotation, False, on=day(), number=1, by=by),
    "contract": lambda quotation, by: copying.from_quotation(quotation, by=by),
}
FREE, OUT = {"revise", "void", "delete"}, {"mark_sent", "share", "send", "accept", "reject", "contract"}
ALLOWED = {
    "none": FREE | OUT,
    "open": FREE | {"submit"},
    "pending": set(),
    "approved": FREE | OUT,
    "rejected": FREE | {"submit"},
    "withdrawn": FREE | {"submit"},
}


# Status × action ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("state", ALLOWED)
@pytest.mark.parametrize("verb", VERBS)
def test_each_state_allows_what_the_table_says_and_refuses_the_rest_unchanged(people, made, settings, state, verb):
    settings.SMTP_HOST, settings.SMTP_FROM = "mail.example.com", "crm@example.com"
    settings.PUBLIC_URL = "https://crm.example.com"
    if state != "none":
        asked(people)
    found = brought(made, people, state)
    before = Quotation.objects.filter(pk=made.pk).values().get()
    if verb in ALLOWED[state]:
        VERBS[verb](found, by=people.seller)
        return
    with pytest.raises(ValidationError) as error:
        VERBS[verb](found, by=people.seller)
    assert ("撤回" if state == "pending" else "现在不能" if verb == "submit" else "请先提交审批") in str(error.value)
    assert Quotation.objects.filter(pk=made.pk).values().get() == before
    assert not Contract.objects.exists() and found.versions.count() == 1 and not found.current.shares.exists()


def test_a_new_version_needs_a_new_approval_and_the_old_link_keeps_its_version(people, made):
    asked(people)
    found = brought(made, people, "approved")
    link, token = sharing.share(found, 1, expires_on=day(5), by=people.seller)
    revise(fresh(found), people.seller, title="二期报价")
    found = fresh(found)
    assert rules.standing(found, found.current) == "open"
    with pytest.raises(ValidationError, match="V2 还没有通过审批"):
        sharing.share(found, 2, expires_on=day(5), by=people.seller)
    approving.submit(found, by=people.seller)
    page = client_for(people.stranger).get(f"/q/{token}/").content.decode()
    assert "V1" in page and "二期报价" not in page and "未审批" not in page
    approvals.approve(todo(found), by=people.boss)
    sharing.share(fresh(found), 2, expires_on=day(5), by=people.seller)
    assert list(found.versions.values_list("approval", flat=True)) == ["approved", "approved"]


def test_a_quotation_sent_before_a_flow_was_enabled_still_takes_the_answer(people, made):
    services.mark_sent(made, by=people.seller)
    asked(people)
    services.decide(fresh(made), True, on=day(), number=1, by=people.seller)
    with pytest.raises(ValidationError, match="请先提交审批"):
        copying.from_quotation(fresh(made), by=people.seller)
    approving.submit(fresh(made), by=people.seller)
    approvals.approve(todo(made), by=people.boss)
    assert copying.from_quotation(fresh(made), by=people.seller)[0].quotation_id == made.pk


def test_a_draft_out_of_validity_is_not_submitted(people, made):
    asked(people)
    made.versions.update(valid_until=day(-1))
    with pytest.raises(ValidationError, match="有效期已过"):
        approving.submit(fresh(made), by=people.seller)
    assert not Approval.objects.exists()


def test_the_page_that_is_out_of_date_submits_nothing(people, made):
    asked(people)
    page = fresh(made)
    revise(fresh(made), people.seller)
    with pytest.raises(ValidationError, match="刚被同事修改"):
        approving.submit(page, version=page.version, by=people.seller)


def test_a_quotation_that_went_with_its_opportunity_lets_its_approval_end(people, made):
    asked(people)
    waits = pending(brought(made, people, "pending"))
    Opportunity.objects.filter(pk=made.opportunity_id).delete()
    approvals.withdraw(waits.pk, by=people.seller)
    assert Approval.objects.get(pk=waits.pk).state == "withdrawn"


# Conditions -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("price,state", [("49.99", "none"), ("50", "open")])
def test_only_what_meets_the_condition_needs_approval(people, price, state):
    asked(people, condition=ABOVE_50)
    deal = opportunity(people.seller, lines=0)
    add_line(deal, product(price="100"), price=price)
    found = fresh(quote(deal, by=people.seller))
    assert rules.standing(found, found.current) == state


def test_conditions_ask_the_version_and_not_the_opportunity_as_it_is_now(people):
    deal = opportunity(people.seller, lines=0)
    add_line(deal, product(price="100"), price="80")
    add_line(deal, product(price="100"), price="95")
    made = fresh(quote(deal, by=people.seller))
    deal.lines.all().delete()
    found = rules.values(made, made.current)
    assert (found["amount"], found["line_discount"]) == (Decimal("175"), Decimal("20"))
    assert (found["owner"], found["owner_department"]) == (people.seller.pk, people.east.pk)
    assert set(found) == {fact.key for fact in documents.ALL["quotation"].facts()}


def test_a_flow_of_another_department_leaves_everything_as_it_was(people, made):
    asked(people, departments=[people.south])
    sharing.share(fresh(made), 1, expires_on=day(3), by=people.seller)
    assert fresh(made).state == "sent"


# Who sees it ------------------------------------------------------------------------------------------------------------
def test_the_approver_sees_the_quotation_while_it_waits_and_so_many_days_after(people, made):
    asked(people)
    client, url = client_for(people.boss), f"/quotations/{made.pk}/"
    assert client.get(url).status_code == 404
    waits = pending(brought(made, people, "pending"))
    page = client.get(url)
    assert page.status_code == 200 and f"/approvals/{waits.pk}/approve/" in page.content.decode()
    assert client.get(f"/approvals/{waits.pk}/").headers["Location"] == url
    assert waits.title in client.get("/approvals/").content.decode()
    grant = OpportunityGrant.objects.get(user=people.boss)
    assert (grant.source, grant.until, grant.content_object_id) == ("approval", None, made.opportunity_id)
    assert not Opportunity.objects.allowed(people.boss, "edit").exists()
    approvals.approve(todo(made), by=people.boss)
    grant.refresh_from_db()
    assert grant.until == day(30)


def test_the_right_to_look_stays_while_another_quotation_of_the_opportunity_waits(people, deal, made):
    asked(people)
    other = quote(deal, by=people.seller)
    brought(made, people, "pending")
    brought(other, people, "pending")
    approvals.approve(todo(made), by=people.boss)
    assert OpportunityGrant.objects.get(user=people.boss).until is None
    approvals.approve(todo(other), by=people.boss)
    assert OpportunityGrant.objects.get(user=people.boss).until == day(30)


def test_a_stranger_neither_sees_nor_submits_nor_comments(people, made):
    asked(people)
    client = client_for(people.stranger)
    assert client.get(f"/quotations/{made.pk}/submit/").status_code == 404
    assert client.post(f"/quotations/{made.pk}/submit/").status_code == 404
    with pytest.raises(PermissionDenied):
        approving.submit(fresh(made), by=people.stranger)
    waits = pending(brought(made, people, "pending"))
    assert client.get(f"/approvals/{waits.pk}/").status_code == 404
    assert client.get(f"/approvals/{waits.pk}/history/").status_code == 404
    with pytest.raises(ValidationError, match="看不到"):
        approvals.comment(waits.pk, by=people.stranger, text="?")
    approvals.comment(waits.pk, by=people.seller, text="请尽快")


def test_nobody_decides_on_their_own_quotation(people, made):
    flow(people.admin, step(people.seller, people.boss, mode="any"), document="quotation", name="报价审批")
    waits = pending(brought(made, people, "pending"))
    assert Assignment.objects.filter(step__approval=waits, employee=people.seller, state="open").count() == 0
    assert client_for(people.seller).post(f"/approvals/{waits.pk}/approve/", {"comment": ""}).status_code == 409
    assert fresh(made).current.approval == "pending"


def test_the_log_of_the_opportunity_tells_which_quotation_it_was(people, made):
    asked(people)
    brought(made, people, "approved")
    about = ContentType.objects.get_for_model(Opportunity)
    rows = OperationLog.objects.filter(content_type=about, object_id=made.opportunity_id).order_by("pk")
    said = list(rows.filter(code__in=("approval.submitted", "approval.approved")).values_list("text", flat=True))
    assert len(said) == 2 and all(made.number in text for text in said)
    assert rows.filter(code="opportunity.quotation_approved", text__contains="V1 审批已通过").count() == 1
    assert not OperationLog.objects.filter(content_type=ContentType.objects.get_for_model(Quotation)).exists()


def test_the_approver_is_shown_what_changed_since_the_approved_version(people, deal, made):
    asked(people)
    brought(made, people, "approved")
    add_line(deal, product("维保"), price="50")
    deal.lines.filter(name="采集网关0").delete()
    revise(fresh(made), people.seller)
    found = brought(made, people, "pending")
    pairs = {one["label"]: (one["old"], one["new"]) for one in approving.differences(found, {}, people.seller)}
    assert pairs["报价总额"] == ("¥200.00", "¥150.00")
    assert {"新增 维保", "删除 采集网关0"} <= set(pairs)
    page = client_for(people.boss).get(f"/quotations/{made.pk}/").content.decode()
    assert "本次变更" in page and "删除 采集网关0" in page


def test_amounts_of_approvals_obey_the_field_right_of_the_opportunity(people):
    role = Role.objects.create(
        name="受限",
        permissions=Role.objects.get(code="sales_manager").permissions,
        reach="all",
        field_rights={"opportunity": {"amount": 0}},
    )
    shows = documents.ALL["quotation"].shows_amount
    assert shows(people.boss) and not shows(employee("限", [role]))
