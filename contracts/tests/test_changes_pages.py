"""Pages of 变更: the form with its lines, drafts, versions side by side; who may open what."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contracts.changes import services
from contracts.models import Contract, ContractVersion
from contracts.tests import factories
from crm.records import fieldset
from opportunities.tests.quoting import product
from orgs.models import Role
from orgs.tests.factories import client_for, department, employee

from .test_changes import propose, send

pytestmark = pytest.mark.django_db
State = ContractVersion.State
CANARY = '"><img src=x onerror=1>'


@pytest.fixture
def seller(db):
    return employee("甲", ["seller"], department("华东"))


def sent(contract, **more) -> dict:
    return {
        "name": contract.name,
        "amount": "120000",
        "signed_on": "2026-11-01",
        "reason": "客户要求",
        "edition": "1",
        "revision": "0",
        **more,
    }


def test_a_change_is_written_kept_sent_and_read(seller):
    made, client = factories.approved(seller), client_for(seller)
    page = client.get(f"/contracts/{made.pk}/change/").content.decode()
    assert "第 1 版继续生效" in page and 'name="send"' in page and 'name="customer"' not in page
    answer = client.post(f"/contracts/{made.pk}/change/", sent(made, name="二期", customer="99999", number="X-1"))
    assert answer.status_code == 302 and made.versions.get(number=2).state == State.DRAFT
    page = client.get(f"/contracts/{made.pk}/change/").content.decode()
    assert "第 2 版草稿" in page and "二期" in page and "客户要求" in page
    answer = client.post(f"/contracts/{made.pk}/change/", sent(made, name="三期", revision="1", send="1"))
    assert answer.status_code == 302
    now = Contract.objects.get(pk=made.pk)
    assert (now.name, now.edition, now.customer_id, now.number) == ("三期", 2, made.customer_id, made.number)
    assert "生效中" in client.get(f"/contracts/{made.pk}/?tab=versions").content.decode()
    page = client.get(f"/contracts/{made.pk}/versions/2/").content.decode()
    assert "与第 1 版相比" in page and "<del>一期实施合同</del> → <ins>三期</ins>" in page
    page = client.get(f"/contracts/{made.pk}/versions/compare/?a=2&b=1").content.decode()
    assert "<del>三期</del> → <ins>一期实施合同</ins>" in page
    assert "<del>一期实施合同</del>" in client.get(f"/contracts/{made.pk}/?tab=log").content.decode()


def test_lines_in_the_form_are_the_amount(seller):
    made, item, client = factories.approved(seller), product("采集网关", "100"), client_for(seller)
    lines = {"row": "n1", "n1-product": item.pk, "n1-price": "90", "n1-quantity": "2.5", "n1-remark": CANARY}
    row = client.get(f"/contracts/{made.pk}/change/row/?product={item.pk}&key=n1").content.decode()
    assert "采集网关" in row and 'name="n1-price"' in row
    answer = client.post(f"/contracts/{made.pk}/change/", sent(made, amount="7", **lines))
    assert answer.status_code == 302
    draft = made.versions.get(number=2)
    assert (draft.amount, draft.data["fields"]["lines_total"]) == (Decimal("225.00"), "225.00")
    page = client.get(f"/contracts/{made.pk}/change/").content.decode()
    assert "采集网关" in page and CANARY not in page and Contract.objects.get(pk=made.pk).amount == 120000
    drawn = client.post(f"/contracts/{made.pk}/change/", {"draw": "1", **lines})
    assert drawn.status_code == 200 and "data-line-rows" in drawn.content.decode()
    send(made, seller)
    page = client.get(f"/contracts/{made.pk}/versions/2/").content.decode()
    assert "¥225.00" in page and CANARY not in page and "采集网关" in page


@pytest.mark.parametrize("amount", ["NaN", "1e30", "-1", "0.001", "9" * 30, "abc", "\x00"])
def test_amounts_nobody_can_mean_are_refused_in_words(seller, amount):
    made = factories.approved(seller)
    answer = client_for(seller).post(f"/contracts/{made.pk}/change/", sent(made, amount=amount))
    assert answer.status_code == 422 and "需要修改" in answer.content.decode()
    assert made.versions.count() == 1


def test_bad_input_is_refused_and_changes_nothing(seller):
    made, client = factories.approved(seller), client_for(seller)
    other = factories.approved(employee("外", ["seller"], department("华南")))
    for bad in (
        {"reason": "长" * 501},
        {"name": ""},
        {"name": "x" * 10_000},
        {"opportunity": "9" * 30},
        {"opportunity": "-1"},
        {"customer_signer": str(other.pk)},
        {"ends_on": "2026-13-01"},
        {"starts_on": "2027-01-01", "ends_on": "2026-01-01"},
        {"row": "n1", "n1-product": "9" * 30, "n1-price": "1", "n1-quantity": "1"},
        {"row": "n1", "n1-product": "1", "n1-price": "NaN", "n1-quantity": "-1"},
        {"send": "1", "reason": ""},
    ):
        answer = client.post(f"/contracts/{made.pk}/change/", sent(made, **bad))
        assert answer.status_code == 422, bad
    assert made.versions.count() == 1 and Contract.objects.get(pk=made.pk).name == made.name
    answer = client.post(f"/contracts/{made.pk}/change/", sent(made, name=CANARY, reason=CANARY))
    assert answer.status_code == 302
    for url in ("change/", "?tab=versions", "?tab=log", "versions/2/", "versions/compare/"):
        assert CANARY not in client.get(f"/contracts/{made.pk}/{url}").content.decode()


def test_a_stale_page_keeps_what_was_typed(seller):
    made, client = factories.approved(seller), client_for(seller)
    propose(made, seller)
    answer = client.post(f"/contracts/{made.pk}/change/", sent(made, name="我的名字"))
    page = answer.content.decode()
    assert answer.status_code == 409 and "我的名字" in page and 'name="revision" value="1"' in page
    assert made.versions.get(number=2).data["fields"]["name"] == "改过的合同"
    answer = client.post(f"/contracts/{made.pk}/change/", sent(made, name="我的名字", revision="1"))
    assert answer.status_code == 302 and made.versions.get(number=2).data["fields"]["name"] == "我的名字"


def test_what_cannot_be_sent_is_kept_as_a_draft_with_the_reason_shown(seller):
    made = factories.approved(seller)
    Contract.objects.filter(pk=made.pk).update(received=100)
    answer = client_for(seller).post(f"/contracts/{made.pk}/change/", sent(made, amount="99.99", send="1"))
    page = answer.content.decode()
    assert answer.status_code == 422 and "¥100.00" in page and 'name="revision" value="1"' in page
    assert made.versions.get(number=2).state == State.DRAFT


def test_out_of_reach_is_404_and_without_the_function_or_state_403(seller):
    made, stranger = factories.approved(seller), employee("外", ["seller"], department("华南"))
    finance = employee("财", ["finance"], department("财务"))
    propose(made, seller)
    pages = ("change/", "change/row/?product=1&key=n1", "change/discard/", "change/submit/", "versions/1/")
    for page in (*pages, "versions/compare/"):
        url = f"/contracts/{made.pk}/{page}"
        assert client_for(stranger).get(url).status_code == 404, page
        if "versions" not in page and "row" not in page:
            assert client_for(stranger).post(url, sent(made)).status_code == 404
    client = client_for(finance)
    for page in pages[:4]:
        assert client.get(f"/contracts/{made.pk}/{page}").status_code == 403
    assert client.post(f"/contracts/{made.pk}/change/", sent(made, revision="1")).status_code == 403
    assert client.get(f"/contracts/{made.pk}/versions/1/").status_code == 200
    assert client.get(f"/contracts/{made.pk}/versions/2/").status_code == 404  # a draft is its writers' own
    assert "改过的合同" not in client.get(f"/contracts/{made.pk}/?tab=versions").content.decode()
    draft = factories.contract(seller)
    answer = client_for(seller).get(f"/contracts/{draft.pk}/change/")
    assert answer.status_code == 403 and "请先提交" in answer.content.decode()
    for bad in ("9" * 30, "0", "77"):
        assert client_for(seller).get(f"/contracts/{made.pk}/versions/{bad}/").status_code == 404
    assert client_for(seller).get(f"/contracts/{made.pk}/versions/compare/?a=x&b=1").status_code == 404
    assert made.versions.get(number=2).revision == 1


def test_a_draft_is_thrown_away_in_a_dialog(seller):
    made, client = factories.approved(seller), client_for(seller)
    propose(made, seller)
    assert client.get(f"/contracts/{made.pk}/change/discard/").status_code == 200
    assert client.post(f"/contracts/{made.pk}/change/discard/").status_code == 302
    assert client.post(f"/contracts/{made.pk}/change/discard/").status_code == 422
    assert made.versions.count() == 1


def test_fields_a_person_may_not_change_stay_as_they_are(seller):
    made = factories.approved(seller)
    role = Role.objects.get(code="seller")
    role.field_rights = {"contract": {"amount": fieldset.HIDDEN, "remark": fieldset.READ}}
    role.save()
    Contract.objects.filter(pk=made.pk).update(remark="原话")
    client = client_for(type(seller).objects.get(pk=seller.pk))
    page = client.get(f"/contracts/{made.pk}/change/").content.decode()
    assert "120000" not in page and "120,000" not in page and "data-lines" not in page
    item = product()
    lines = {"row": "n1", "n1-product": item.pk, "n1-price": "1", "n1-quantity": "1"}
    answer = client.post(f"/contracts/{made.pk}/change/", sent(made, name="新名", amount="5", remark="改了", **lines))
    assert answer.status_code == 302
    data = made.versions.get(number=2).data
    assert (data["fields"]["amount"], data["fields"]["remark"], data["lines"]) == ("120000.00", "原话", [])
    for url in ("versions/2/", "versions/compare/", "?tab=versions", "?tab=log"):
        assert "120,000" not in client.get(f"/contracts/{made.pk}/{url}").content.decode()


def test_the_header_says_what_waits(seller, monkeypatch):
    from approvals import services as approvals

    made, client = factories.approved(seller), client_for(seller)
    monkeypatch.setattr(approvals, "submit", lambda *args, **kwargs: None)
    propose(made, seller)
    send(made, seller)
    page = client.get(f"/contracts/{made.pk}/").content.decode()
    assert "变更审批中" in page and "第 2 版待批，第 1 版生效中" in page
    assert client.get(f"/contracts/{made.pk}/change/").status_code == 403
    assert client.post(f"/contracts/{made.pk}/change/", sent(made, revision="1")).status_code == 403


def test_statements_do_not_grow_with_versions_or_lines(seller):
    client = client_for(seller)

    def counts(contract, lines):
        found = []
        for page in ("change/", "versions/1/", "versions/compare/?a=1&b=2", "?tab=versions"):
            client.get(f"/contracts/{contract.pk}/{page}")
            with CaptureQueriesContext(
                connection,
            ) as seen:
                assert client.get(f"/contracts/{contract.pk}/{page}").status_code == 200
            found.append(len(seen))
        return found

    def build(lines, versions):
        made = factories.approved(seller)
        items = [product(f"网关{n}") for n in range(lines)]
        for n in range(versions):
            rows = [services.Row(item.pk, str(n + 1), "1") for item in items]
            propose(made, seller, {}, rows=rows, edition=Contract.objects.get(pk=made.pk).edition)
            send(made, seller)
        return made

    few, many = counts(build(5, 2), 5), counts(build(50, 6), 50)
    assert few == many and few[0] <= 20 and max(few[1:]) <= 22, (few, many)


def test_a_kept_draft_is_sent_without_another_change(seller):
    made, client = factories.approved(seller), client_for(seller)
    client.post(f"/contracts/{made.pk}/change/", sent(made, name="二期"))
    answer = client.post(f"/contracts/{made.pk}/change/", sent(made, name="二期", revision="1", send="1"))
    assert answer.status_code == 302
    made.refresh_from_db()
    assert (made.name, made.edition) == ("二期", 2)
