"""The pages of contracts: the list with its views, the form that submits, the doors by status, the settings."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.models import Status
from approvals.tests.factories import flow, step
from contracts import services
from contracts.models import Contract
from contracts.tests.factories import add_lines, approved, contract, day
from crm.records import fieldset, params
from crm.records.models import Selection
from opportunities.tests.factories import contact, customer, opportunity
from orgs.tests.factories import client_for, role
from products.models import Product

FREE, GOING, OVER = ("draft", "rejected", "withdrawn"), ("pending",), ("approved", "void")


def data(at, owner, **more) -> dict:
    values = {"customer": at.pk, "name": "新合同", "amount": "1,200.50", "signed_on": "2026-11-01", "owner": owner.pk}
    return {**values, **more}


def in_status(owner, status, **more) -> Contract:
    made = contract(owner, name=f"状态{status}", **more)
    number = "" if status in FREE else f"N-{made.pk}"
    Contract.objects.filter(pk=made.pk).update(status=status, number=number)
    made.refresh_from_db()
    return made


# The form -------------------------------------------------------------------------------------------------------------------
def test_the_form_saves_a_draft_or_submits_in_the_same_act(staff):
    at, client = customer(staff.ann), client_for(staff.ann)
    client.post("/contracts/new/", data(at, staff.ann))
    draft = Contract.objects.get()
    assert (draft.status, draft.number, str(draft.amount)) == ("draft", "", "1200.50")
    response = client.post("/contracts/new/", data(at, staff.ann, name="马上提交", _submit="1"))
    sent = Contract.objects.get(name="马上提交")
    assert response["Location"] == f"/contracts/{sent.pk}/" and sent.status == "approved"
    page = client.get(f"/contracts/{draft.pk}/edit/")
    form = page.context["form"]
    again = data(at, staff.ann, version=form["version"].value(), original=form["original"].value(), _submit="1")
    client.post(f"/contracts/{draft.pk}/edit/", {**again, "name": "改名后提交"})
    draft.refresh_from_db()
    assert (draft.name, draft.status) == ("改名后提交", "approved")


def test_the_form_shows_who_will_decide_and_asks_whom_the_submitter_chooses(staff):
    choice = step(who=[{"kind": "chosen"}], key="pick", name="商务审核")
    condition = {"m": "and", "c": [{"f": "amount", "o": "gte", "v": "1000"}]}
    flow(staff.admin, step(staff.boss, name="上级审批"), choice, condition=condition)
    at, client = customer(staff.ann), client_for(staff.ann)
    assert "没有启用的审批流程，提交后直接通过" in client.get("/contracts/new/").content.decode()
    fragment = client.post("/contracts/coming/", data(at, staff.ann), headers={"HX-Request": "true"}).content.decode()
    assert "陈" in fragment and 'name="chosen_pick"' in fragment
    assert "直接通过" in client.post("/contracts/coming/", data(at, staff.ann, amount="999.99")).content.decode()
    refused = client.post("/contracts/new/", data(at, staff.ann, _submit="1"))
    assert "请选择“商务审核”的审批人" in refused.content.decode() and not Contract.objects.exists()
    own = client.post("/contracts/new/", data(at, staff.ann, _submit="1", chosen_pick=staff.ann.pk))
    assert "不能选自己" in own.content.decode() and not Contract.objects.exists()
    client.post("/contracts/new/", data(at, staff.ann, _submit="1", chosen_pick=staff.finance.pk))
    assert Contract.objects.get().status == "pending"


def test_the_dialog_of_the_page_submits_and_the_list_withdraws(staff):
    flow(staff.admin, step(staff.boss, name="上级审批"))
    made, client = contract(staff.ann), client_for(staff.ann)
    url = f"/contracts/{made.pk}/submit/"
    assert url in client.get(f"/contracts/{made.pk}/").content.decode()
    assert "上级审批" in client.get(url).content.decode()
    client.post(url, {"note": "请尽快"})
    made.refresh_from_db()
    assert made.status == "pending" and client.post(url).status_code == 403
    again = client_for(staff.boss).post("/contracts/bulk/withdraw/", {"ids": made.pk, "confirmed": "1"})
    assert "只有发起人可以撤回" in again.content.decode()
    client.post("/contracts/bulk/withdraw/", {"ids": made.pk, "confirmed": "1"})
    made.refresh_from_db()
    number = made.number
    assert made.status == "withdrawn" and number
    client.post("/contracts/bulk/submit/", {"ids": made.pk, "confirmed": "1"})
    made.refresh_from_db()
    assert (made.status, made.number) == ("pending", number)


def test_who_will_decide_is_told_to_nobody_about_a_contract_out_of_reach(staff):
    made = contract(staff.ann, name="金丝雀合同")
    for bad in (made.pk, "9" * 30, "x", "0"):
        response = client_for(staff.stranger).post(f"/contracts/coming/?pk={bad}", {})
        assert response.status_code == 404 and "金丝雀" not in response.content.decode()


@pytest.mark.parametrize(
    "amount", ["NaN", "1e30", "-1", "0.001", "Infinity", "1000000000000", '"><img src=x onerror=1>']
)
def test_amounts_that_are_none_are_refused_by_form_and_preview(staff, amount):
    at, client = customer(staff.ann), client_for(staff.ann)
    body = client.post("/contracts/new/", data(at, staff.ann, amount=amount, remind_days=amount)).content.decode()
    assert not Contract.objects.exists() and "<img src=x" not in body
    assert client.post("/contracts/coming/", data(at, staff.ann, amount=amount)).status_code == 200


def test_opportunity_and_signers_must_be_of_the_customer_and_in_sight(staff):
    at, other = customer(staff.ann), customer(staff.ann, "另一家")
    deal, person = opportunity(staff.ann, other), contact(other)
    far = opportunity(staff.stranger, customer(staff.stranger))
    client = client_for(staff.ann)
    for field, value in (("opportunity", deal.pk), ("customer_signer", person.pk), ("opportunity", far.pk)):
        response = client.post("/contracts/new/", data(at, staff.ann, **{field: value}))
        assert field in response.context["form"].errors, field
    response = client.post("/contracts/new/", data(far.customer, staff.ann))
    assert "customer" in response.context["form"].errors
    response = client.post("/contracts/new/", data(at, staff.ann, starts_on="2026-12-02", ends_on="2026-12-01"))
    assert "结束日期不能早于开始日期" in response.content.decode()
    assert not Contract.objects.exists()


def test_the_amount_of_a_contract_with_lines_is_theirs(staff):
    made, client = contract(staff.ann), client_for(staff.ann)
    add_lines(made, "采集网关")
    form = client.get(f"/contracts/{made.pk}/edit/").context["form"]
    sent = {"version": form["version"].value(), "original": form["original"].value(), "amount": "5"}
    client.post(f"/contracts/{made.pk}/edit/", data(made.customer, staff.ann, name="改名") | sent)
    made.refresh_from_db()
    assert (made.name, str(made.amount)) == ("改名", "100.00")


# Status by door ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("status", Status.values)
def test_every_door_obeys_the_status(staff, status):
    one, client = in_status(staff.ann, status), client_for(staff.ann)
    may = status in FREE
    before = Contract.objects.filter(pk=one.pk).values().get()

    def bulk(key, **more):
        return client.post(f"/contracts/bulk/{key}/", {"ids": one.pk, "confirmed": "1", **more}).status_code

    assert client.get(f"/contracts/{one.pk}/").status_code == 200
    assert client.get(f"/contracts/{one.pk}/edit/").status_code == (200 if may else 403)
    assert client.get(f"/contracts/{one.pk}/lines/").status_code == (200 if may else 403)
    assert client.post(f"/contracts/{one.pk}/edit/", data(one.customer, staff.ann)).status_code != 302
    if not may:
        assert client.post(f"/contracts/{one.pk}/submit/").status_code == 403
        assert bulk("submit") == bulk("delete") == bulk("edit", many_fields="remark", remark="x") == 403
    assert (bulk("withdraw") != 403) == (status == "pending")
    for key in ("finish", "resume"):
        assert (bulk(key) != 403) == (status == "approved"), key
    Contract.objects.filter(pk=one.pk).update(
        execution=before["execution"], ended_at=None, version=before["version"], updated_at=before["updated_at"]
    )
    assert Contract.objects.filter(pk=one.pk).values().get() == before
    found = bulk("transfer", owner=staff.bob.pk)
    one.refresh_from_db()
    assert (found == 302, one.owner_id == staff.bob.pk) == ((False, False) if status == "void" else (True, True))


def test_shutting_asks_why_and_says_it_above_the_page(staff):
    made, client = approved(staff.ann), client_for(staff.ann)
    url = "/contracts/bulk/shut/"
    assert "请填写关闭原因" in client.post(url, {"ids": made.pk, "confirmed": "1"}).content.decode()
    client.post(url, {"ids": made.pk, "confirmed": "1", "reason": '"><img src=x onerror=1>停产'})
    body = client.get(f"/contracts/{made.pk}/").content.decode()
    assert "停产" in body and "<img src=x" not in body
    own = role("seller")
    own.field_rights = {"contract": {"end_reason": fieldset.HIDDEN}}
    own.save()
    assert "停产" not in client_for(staff.ann).get(f"/contracts/{made.pk}/?tab=log").content.decode()


def test_a_file_may_be_added_to_an_approved_contract_and_not_taken_away(staff):
    from django.core.files.uploadedfile import SimpleUploadedFile

    from crm.records.models import Attachment

    made, client = approved(staff.ann), client_for(staff.ann)
    client.post(f"/contracts/{made.pk}/files/", {"files": SimpleUploadedFile("扫描.txt", b"x")})
    file = Attachment.objects.get()
    assert client.post(f"/files/{file.pk}/remove/").status_code == 403
    page = client.get(f"/contracts/{made.pk}/?tab=files").content.decode()
    assert "data-upload" in page and f"/files/{file.pk}/remove/" not in page
    Contract.objects.filter(pk=made.pk).update(status="void")
    assert client.post(f"/contracts/{made.pk}/files/", {"files": SimpleUploadedFile("b.txt", b"x")}).status_code == 403


# The list ------------------------------------------------------------------------------------------------------------------------
def test_views_show_what_their_names_say(staff):
    made = {status: in_status(staff.ann, status) for status in Status.values}
    soon = approved(staff.ann, name="快到期", ends_on=day(20))
    over = approved(staff.ann, name="到期", ends_on=day(-1))
    paid = approved(staff.ann, name="回清", amount="10")
    Contract.objects.filter(pk=paid.pk).update(received=10)
    Contract.objects.filter(pk=over.pk).update(overdue=5)
    client = client_for(staff.ann)

    def names(view):
        return {row["pk"] for row in client.get(f"/contracts/?view={view}").context["rows"]}

    for view, status in (("draft", "draft"), ("pending", "pending"), ("void", "void")):
        assert names(view) == {made[status].pk}
    assert names("returned") == {made["rejected"].pk, made["withdrawn"].pk}
    assert names("ending") == {soon.pk} and names("expired") == {over.pk} == names("overdue")
    assert paid.pk not in names("unpaid") and {soon.pk, over.pk} <= names("unpaid")
    assert names("approved") == {soon.pk, over.pk, paid.pk, made["approved"].pk}


def test_a_contract_is_found_by_number_name_and_customer_as_far_as_they_may_be_read(staff):
    made = approved(staff.ann, at=customer(staff.ann, "云澜智造"))

    def found(q):
        return [row["pk"] for row in client_for(staff.ann).get("/contracts/", {"q": q}).context["rows"]]

    contract(staff.ann, customer(staff.ann, "青岚"), name="别的")
    assert found(made.number) == found("实施合同") == found("云澜") == [made.pk]
    own = role("seller")
    own.field_rights = {"contract": {"customer": fieldset.HIDDEN, "number": fieldset.MASKED}}
    own.save()
    assert found("云澜") == found(made.number) == []


def test_money_of_a_customer_stands_on_its_page_as_far_as_it_may_be_read(staff):
    at = customer(staff.ann)
    for amount, received in (("0.10", "0.10"), ("0.20", "0.05")):
        made = approved(staff.ann, at=at, amount=amount)
        Contract.objects.filter(pk=made.pk).update(received=received)
    contract(staff.ann, at, amount="99")
    body = client_for(staff.ann).get(f"/customers/{at.pk}/").content.decode()
    assert "¥0.30" in body and "¥0.15" in body and "¥99" not in body
    own = role("seller")
    own.field_rights = {"contract": {"amount": fieldset.HIDDEN}}
    own.save()
    assert "成交金额" not in client_for(staff.ann).get(f"/customers/{at.pk}/").content.decode()


def queries(client, url) -> int:
    client.get(url)
    with CaptureQueriesContext(connection) as found:
        assert client.get(url).status_code == 200
    return len(found)


def test_list_page_and_form_take_as_many_statements_for_five_as_for_fifty(staff):
    at = customer(staff.ann)
    deal = opportunity(staff.ann, at)
    first = services.submit(contract(staff.ann, at, opportunity=deal), by=staff.ann)
    client, counts = client_for(staff.boss), []
    for number in (4, 45):
        for n in range(number):
            contract(staff.ann, at, name=f"合同{number}-{n}", opportunity=deal)
        counts.append(
            [
                queries(client, url)
                for url in (
                    "/contracts/",
                    f"/contracts/{first.pk}/",
                    f"/customers/{at.pk}/?tab=contracts",
                    f"/opportunities/{deal.pk}/?tab=contracts",
                    f"/contracts/new/?customer={at.pk}",
                )
            ]
        )
    assert counts[0] == counts[1]
    assert counts[0][0] <= 12 and max(counts[0][1:4]) <= 20 and counts[0][4] <= 15, counts


# Settings ---------------------------------------------------------------------------------------------------------------------------
def test_the_settings_of_contracts_are_kept_and_only_by_administrators(staff):
    client, url = client_for(staff.admin), "/settings/contracts/"
    assert "合同设置" in client.get(url).content.decode()
    client.post(url, {"contract_wins": "on", "contract_remind_days": "7"})
    found = [params.get(key) for key in ("contract_deals", "contract_wins", "contract_remind_days")]
    assert found == [False, True, 7]
    for bad in ("-1", "366", "NaN", "9" * 30, ""):
        assert client.post(url, {"contract_remind_days": bad}).status_code == 422
    assert client_for(staff.boss).post(url, {"contract_remind_days": "1"}).status_code == 403
    assert params.get("contract_remind_days") == 7


def test_lines_of_contracts_are_exported_for_those_in_reach(staff):
    made = contract(staff.ann)
    add_lines(made, "采集网关")
    assert client_for(staff.ann).get(f"/contracts/lines/export/?ids={made.pk}").status_code == 200
    refused = client_for(staff.stranger).post("/contracts/lines/export/", {"ids": made.pk, "format": "csv"})
    assert refused.status_code == 422 and "采集网关" not in refused.content.decode()
    sent = client_for(staff.ann).post("/contracts/lines/export/", {"ids": made.pk, "format": "csv"})
    assert sent.status_code < 400 and Product.objects.exists()


def test_a_selection_submits_what_may_be_and_names_the_rest(staff):
    drafts = [contract(staff.ann, name=f"草稿{n}") for n in range(2)]
    late = approved(staff.ann, name="早通过了")
    client = client_for(staff.ann)
    client.post("/contracts/bulk/submit/", {"ids": ",".join(str(one.pk) for one in [*drafts, late])})
    response = client.post("/contracts/bulk/submit/", {"selection": Selection.objects.get(user=staff.ann).token})
    assert response.status_code == 302
    numbers = list(Contract.objects.order_by("number").values_list("number", "status"))
    assert [status for _, status in numbers] == ["approved"] * 3
    assert [number[-4:] for number, _ in numbers] == ["0001", "0002", "0003"]
