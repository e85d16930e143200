"""The pages of plans and payments: who gets them, what stands on them, what they cost."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from approvals.models import Status
from contracts.models import Contract, Execution
from crm.records import modules
from orgs.tests.factories import client_for, employee, role
from payments import services
from payments.models import Payment, PaymentPlan

from .factories import ago, approved, fresh, paid, payment, plan, refund

D = Decimal
HTMX = {"HX-Request": "true", "HX-Target": "dialog"}
ODD = ["NaN", "1e30", "-1", "0", "0.001", "9" * 30, "a\x00b", "长" * 10_000, '"><img src=x onerror=1>']


def tab(client, contract):
    return client.get(f"/contracts/{contract.pk}/?tab=payments")


def statements(client, url) -> int:
    client.get(url)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(url).status_code == 200
    return len(seen)


def test_the_tab_of_a_contract_shows_plans_bars_payments_and_the_card_adds_up(staff):
    contract = approved(staff.ann, amount="526000")
    plan(contract, "120000", ago(10)), plan(contract, "68200", ago(-90))
    paid(contract, "30000")
    page = tab(client_for(staff.ann), contract)
    text = page.content.decode()
    for words in ("2 期，还有 ¥337,800.00 未计划", "逾期 10 天", "¥120,000.00", "登记回款", "生成计划", "5.7%"):
        assert words in text, words
    card = page.context["side"][0]
    assert [row["amount"] for row in card["rows"]] == [30000, 0, 90000, 406000]
    assert sum(row["amount"] for row in card["rows"]) == contract.amount
    assert text.count(f"?contract={contract.pk}&amp;plan=") == 2


def test_whoever_may_not_write_sees_no_buttons_and_a_shut_contract_offers_none(staff):
    contract = approved(staff.ann, amount="100")
    plan(contract, "60")
    chief = employee("高管", ["executive"])
    for person in (chief, staff.eve):
        page = tab(client_for(person), contract)
        assert page.status_code == (200 if person is chief else 404)
        assert "登记" not in page.content.decode() or person is staff.eve
    Contract.objects.update(execution=Execution.SHUT)
    text = tab(client_for(staff.ann), contract).content.decode()
    assert "登记回款" not in text and "生成计划" not in text and "已终止" in text


def test_without_both_functions_there_is_no_tab_and_no_card(staff):
    contract = approved(staff.ann, amount="100")
    one = role("seller")
    one.permissions = [code for code in one.permissions if not code.startswith("payment")]
    one.save()
    page = client_for(staff.ann).get(f"/contracts/{contract.pk}/")
    assert "payments" not in [each["key"] for each in page.context["tabs"]]
    assert not page.context["side"]


def test_hidden_and_masked_amounts_are_on_no_page(staff):
    contract = approved(staff.ann, amount="526000")
    plan(contract, "123456.78")
    made = paid(contract, "45678.90")
    one = role("seller")
    one.field_rights = {
        "payment_plan": {"amount": 0, "received": 0},
        "payment": {"amount": 0},
        "contract": {"amount": 0},
    }
    one.save()
    client = client_for(staff.ann)
    for url in (
        f"/contracts/{contract.pk}/?tab=payments",
        f"/customers/{contract.customer_id}/?tab=payments",
        "/payments/",
        "/payment-plans/",
        f"/payments/{made.pk}/",
        f"/payment-plans/{PaymentPlan.objects.get().pk}/",
    ):
        text = client.get(url).content.decode()
        assert "123,456" not in text and "45,678" not in text, url
    assert client.get("/payment-plans/aging/").status_code == 403
    assert client.get("/payments/receive/").status_code == 403
    assert client.get(f"/payment-plans/generate/?contract={contract.pk}").status_code == 403


def test_a_payment_is_registered_for_a_plan_in_the_dialog_and_submitted(staff):
    contract = approved(staff.ann, amount="100")
    one = plan(contract, "60")
    client = client_for(staff.ann)
    form = client.get(f"/payments/new/?contract={contract.pk}&plan={one.pk}", headers=HTMX).context["form"]
    assert (form["amount"].value(), form[f"part_{one.pk}"].value()) == (60, 60)
    data = {"contract": contract.pk, "type": "receipt", "paid_on": "2026-11-01", "submit_now": "on"}
    data |= {"amount": "40", f"part_{one.pk}": "60"}
    response = client.post("/payments/new/", data)
    assert response.headers["Location"] == f"/contracts/{contract.pk}/?tab=payments"
    made = Payment.objects.get()
    assert (made.status, made.owner, fresh(one).received) == (Status.APPROVED, staff.ann, 40)
    response = client.post("/payments/new/", {**data, "amount": "60.01", f"part_{one.pk}": ""})
    assert "最多还能登记 ¥60.00" in str(response.context["form"].errors) and Payment.objects.count() == 1


def test_the_body_of_a_post_reaches_no_contract_of_another_department(staff):
    contract = approved(staff.eve, amount="100")
    other = plan(contract, "60")
    client = client_for(staff.ann)
    data = {"contract": contract.pk, "type": "receipt", "paid_on": "2026-11-01", "amount": "1", "due_on": "2026-12-01"}
    for url in ("/payments/new/", "/payment-plans/new/"):
        response = client.post(url, data)
        assert "contract" in response.context["form"].errors, url
    assert client.post(f"/payment-plans/generate/?contract={contract.pk}", {}).status_code == 404
    spread = {"customer": contract.customer_id, "amount": "1", "paid_on": "2026-11-01", "shown": contract.customer_id}
    response = client.post("/payments/receive/", {**spread, f"part-p{other.pk}": "1"})
    assert "customer" in response.context["form"].errors and not Payment.objects.exists()
    mine = payment(approved(staff.ann, amount="50"), "5")
    response = client.post(f"/payments/{mine.pk}/edit/", {"version": 1, "amount": "5", f"part_{other.pk}": "5"})
    assert not mine.allocations.exists()
    chief = client_for(employee("高管", ["executive"]))
    for url in ("/payments/receive/", f"/payment-plans/generate/?contract={contract.pk}"):
        assert chief.post(url, spread).status_code == 403


@pytest.mark.parametrize("value", ODD)
def test_odd_input_is_refused_in_words_and_writes_nothing(staff, value):
    contract = approved(staff.ann, amount="100")
    one, client = plan(contract, "60"), client_for(staff.ann)
    before = Payment.objects.count(), PaymentPlan.objects.count()
    base = {"contract": contract.pk, "type": "receipt", "paid_on": "2026-11-01", "due_on": "2026-12-01"}
    posts = [
        ("/payments/new/", {**base, "amount": value, "submit_now": "on"}),
        ("/payments/new/", {**base, "amount": "1", "submit_now": "on", "contract": value}),
        ("/payments/new/", {**base, "amount": "1", "submit_now": "on", f"part_{one.pk}": value or "x"}),
        ("/payment-plans/new/", {**base, "amount": value}),
        (
            f"/payment-plans/generate/?contract={contract.pk}",
            {"mode": "ratio", "ratio": value, "step": 1, "first_on": value},
        ),
        ("/payments/receive/", {"customer": contract.customer_id, "amount": value, "shown": contract.customer_id}),
        (
            "/payments/receive/",
            {
                "customer": contract.customer_id,
                "amount": "1",
                "paid_on": "2026-11-01",
                "shown": contract.customer_id,
                f"part-p{one.pk}": value,
            },
        ),
    ]
    for url, data in posts:
        if value == "0" and "part" in str(data):
            continue  # nothing is no part: it goes to the oldest plans
        response = client.post(url, data)
        assert response.status_code in (200, 404), (url, response.status_code)
        assert "<img src=x" not in response.content.decode()
    assert (Payment.objects.count(), PaymentPlan.objects.count()) == before
    for url in (
        "/payments/?contract=",
        "/payments/receive/?customer=",
        "/payments/new/?contract=",
        "/payment-plans/aging/?by=",
    ):
        assert client.get(url + value.replace("\x00", "%00")).status_code == 200


def test_plans_are_generated_in_one_dialog_by_shares_and_by_months(staff):
    contract = approved(staff.ann, amount="1000.01")
    client, url = client_for(staff.ann), f"/payment-plans/generate/?contract={contract.pk}"
    assert client.get(url, headers=HTMX).status_code == 200
    client.post(url, {"mode": "ratio", "ratio": "30/40/30%", "first_on": "2026-01-31", "step": "1"})
    made = list(PaymentPlan.objects.order_by("period").values_list("amount", "due_on"))
    assert [(str(a), str(b)) for a, b in made] == [
        ("300.00", "2026-01-31"),
        ("400.00", "2026-02-28"),
        ("300.01", "2026-03-31"),
    ]
    response = client.post(url, {"mode": "months", "number": "3", "first_on": "2026-01-31", "step": "3"})
    assert "金额太小" in str(response.context["fields"].errors)
    other = approved(staff.ann, amount="100", name="二")
    client.post(
        f"/payment-plans/generate/?contract={other.pk}",
        {"mode": "months", "number": "3", "first_on": "2026-01-31", "step": "3"},
    )
    assert [str(one.amount) for one in other.plans.order_by("period")] == ["33.33", "33.33", "33.34"]
    for ratio in ("30/40", "0/100", "x", "", "101/-1"):
        form = client.post(url, {"mode": "ratio", "ratio": ratio, "first_on": "2026-01-31", "step": "1"}).context[
            "fields"
        ]
        assert "ratio" in form.errors, ratio


def test_one_receipt_of_a_customer_goes_over_contracts_oldest_first_all_or_nothing(staff):
    one = approved(staff.ann, amount="100", name="甲合同")
    two = approved(staff.ann, amount="200", name="乙合同")
    late, early = plan(one, "80", ago(-20)), plan(two, "90", ago(5))
    client, customer = client_for(staff.ann), one.customer_id
    data = {"customer": customer, "amount": "150", "paid_on": "2026-11-01", "shown": customer}
    slots = client.post("/payments/receive/", {**data, "spread": "1"}).context["slots"]
    assert [(each["slot"].plan, each["value"]) for each in slots[:2]] == [(early, "90.00"), (late, "60.00")]
    parts = {f"part-p{early.pk}": "90", f"part-p{late.pk}": "50"}
    response = client.post("/payments/receive/", {**data, **parts})
    assert "分配合计 ¥140.00，与收款金额 ¥150.00 不一致" in response.content.decode()
    response = client.post("/payments/receive/", {**data, f"part-p{early.pk}": "90.01", f"part-p{late.pk}": "59.99"})
    assert "还差 ¥90.00，不能收 ¥90.01" in response.content.decode() and not Payment.objects.exists()
    response = client.post("/payments/receive/", {**data, **parts, f"part-c{two.pk}": "10"})
    assert response.status_code == 302, response.context["form"].errors
    made = Payment.objects.order_by("contract_id")
    assert [str(each.amount) for each in made] == ["50.00", "100.00"]
    assert len({each.batch for each in made}) == 1 and made[0].batch
    assert [fresh(each).received for each in (early, late)] == [90, 50]
    listed = client.get(response.headers["Location"])
    assert listed.context["pager"]["count"] == 2


def test_every_figure_of_the_aging_is_the_sum_of_the_list_it_leads_to(staff):
    for owner, name in ((staff.ann, "甲"), (staff.bob, "乙")):
        contract = approved(owner, amount="1000", name=name)
        for place, days in enumerate((-5, 0, 1, 30, 31, 60, 61, 90, 91, 400)):
            plan(contract, f"{10 + place}.10", ago(days))
        paid(contract, "3.05", parts={contract.plans.get(due_on=ago(60)).pk: D("3.05")})
    paid(approved(staff.ann, amount="5", name="丙"), "5")
    client = client_for(staff.manager)
    for by in ("customer", "owner", "department"):
        page = client.get(f"/payment-plans/aging/?by={by}")
        assert page.context["whole"].whole == sum((row["whole"] for row in page.context["rows"]), D(0))
        checked = 0
        for row in page.context["rows"]:
            assert row["whole"] == sum(cell["amount"] for cell in row["cells"])
            for cell in (*row["cells"], {"amount": row["whole"], "url": row["url"]}):
                if cell["url"]:
                    rows = client.get(cell["url"] + "&size=100").context["rows"]
                    plans = PaymentPlan.objects.filter(pk__in=[each["pk"] for each in rows])
                    assert sum(each.amount - each.received for each in plans) == cell["amount"], cell["url"]
                    checked += 1
        assert checked >= 6, by
    assert client_for(staff.eve).get("/payment-plans/aging/").context["whole"].count == 0


def test_views_hold_what_they_say(staff):
    contract = approved(staff.ann, amount="1000")
    overdue, soon, far = plan(contract, "10", ago(1)), plan(contract, "10", ago(-7)), plan(contract, "10", ago(-8))
    full = plan(contract, "10", ago(3))
    paid(contract, "10", parts={full.pk: D(10)})
    refund(contract, "1", parts={full.pk: D(1)})
    paid(contract, "1", parts={full.pk: D(1)})
    draft = payment(contract, "5")
    client = client_for(staff.ann)

    def ids(url):
        page = client.get(url)
        assert not page.context["notices"], page.context["notices"]
        return {row["pk"] for row in page.context["rows"]}

    assert ids("/payment-plans/?view=unpaid") == {overdue.pk, soon.pk, far.pk}
    assert ids("/payment-plans/?view=overdue") == ids("/payment-plans/?state=overdue") == {overdue.pk}
    assert ids("/payment-plans/?view=soon") == {soon.pk}
    assert ids("/payment-plans/?view=paid") == ids("/payment-plans/?state=paid") == {full.pk}
    assert ids(f"/payment-plans/?contract_name={contract.number}") == {overdue.pk, soon.pk, far.pk, full.pk}
    assert ids("/payments/?view=drafts") == {draft.pk}
    assert len(ids("/payments/?view=refunds")) == 1 and len(ids("/payments/?view=unsettled")) == 3
    month = {"paid_on": timezone.localdate(), "status": Status.APPROVED, "type": "receipt"}
    assert ids("/payments/?view=month") == set(Payment.objects.filter(**month).values_list("pk", flat=True))
    totals = client.get("/payment-plans/?totals=sum&view=unpaid", headers={"HX-Request": "true"}).content.decode()
    assert "¥30.00" in totals


def test_bulk_actions_obey_status_and_function(staff):
    contract = approved(staff.ann, amount="100")
    draft, done = payment(contract, "10"), paid(contract, "20")
    ann, manager = client_for(staff.ann), client_for(staff.manager)

    def act(client, key, *rows, **more):
        data = {"ids": ",".join(str(one.pk) for one in rows), "confirmed": "1", **more}
        return client.post(f"/payments/bulk/{key}/", data)

    for key in ("void", "settle", "unsettle"):
        assert act(ann, key, done).status_code == 403, key
    assert act(ann, "delete", done).status_code == 403 and fresh(done).deleted_at is None
    assert act(manager, "void", done).context["fields"].errors
    act(manager, "settle", done, draft)
    assert fresh(done).settled_at and not fresh(draft).settled_at
    act(manager, "unsettle", done)
    act(manager, "void", done, reason="重复登记")
    assert fresh(done).status == Status.VOID and fresh(contract).received == 0
    act(ann, "submit", draft)
    assert fresh(draft).status == Status.APPROVED and fresh(contract).received == 10
    assert ann.get(f"/payments/{draft.pk}/edit/").status_code == 403
    assert act(client_for(staff.eve), "submit", draft).status_code == 404


def test_pages_take_the_same_statements_for_five_rows_and_for_fifty(staff):
    contract = approved(staff.ann, amount="100000")
    client = client_for(staff.manager)
    urls = {
        f"/contracts/{contract.pk}/?tab=payments": 20,
        f"/customers/{contract.customer_id}/?tab=payments": 20,
        "/payments/": 12,
        "/payment-plans/": 12,
        "/payment-plans/aging/": 16,
        "/payment-plans/aging/?by=department": 16,
        f"/payments/receive/?customer={contract.customer_id}": 15,
        f"/payments/new/?contract={contract.pk}": 15,
    }

    def more(number):
        for _ in range(number):
            one = plan(contract, "100")
            paid(contract, "10", parts={one.pk: D(10)})

    more(5)
    first = {url: statements(client, url) for url in urls}
    more(45)
    assert {url: statements(client, url) for url in urls} == first
    over = {url: count for url, count in first.items() if count > urls[url]}
    assert over == {}


def test_owners_are_reminded_once_ahead_and_once_when_the_day_has_passed(staff):
    from crm.notices.models import Message
    from payments import nightly

    contract = approved(staff.ann, amount="1000")
    plan(contract, "10", ago(-3), remind_days=3), plan(contract, "10", ago(-3), remind_days=2)
    plan(contract, "10", ago(-3), remind_days=None), plan(contract, "10", ago(2))
    now = timezone.now()
    assert nightly.remind(now).endswith("2 期计划")
    assert nightly.remind(now).endswith("0 期计划")
    assert nightly.remind(now + timezone.timedelta(days=1)).endswith("1 期计划")
    assert nightly.remind(now + timezone.timedelta(days=4)).endswith("3 期计划")
    assert nightly.remind(now + timezone.timedelta(days=5)).endswith("0 期计划")
    titles = list(Message.objects.filter(recipient=staff.ann, kind="payment").values_list("title", flat=True))
    assert "您有 1 期回款已逾期" in titles and "您有 1 期回款即将到期" in titles


def test_the_picker_of_contracts_offers_those_that_take_payments(staff):
    contract = approved(staff.ann, amount="10")
    Contract.objects.create(name="草稿", customer=contract.customer, owner=staff.ann, amount=1, signed_on="2026-01-01")
    found = client_for(staff.ann).get("/pick/contract/?for=pay").json()["results"]
    assert [one["id"] for one in found] == [contract.pk]
    assert modules.get("contract").pick_for and services
