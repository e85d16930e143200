"""申请移交: asking for a customer one may not see, deciding, withdrawing, lapsing, two at once."""

import re

import pytest
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.notices.models import Message
from crm.records import kinds, periodic  # noqa: F401 (kinds registers the periodic jobs)
from crm.records import services as records
from crm.records.models import OperationLog
from customers.handover import services
from customers.models import Contact, Customer, Pool, TransferRequest
from customers.services import create_customer
from orgs.tests.factories import client_for, department, employee

XSS = '"><img src=x onerror=1>'
State = TransferRequest.State
pytestmark = pytest.mark.django_db


class Company:
    def __init__(self):
        cache.clear()
        south, east = department("华南"), department("华东")
        self.manager = employee("华南经理", ["sales_manager"], south)
        self.owner = employee("丙", ["seller"], south, supervisor=self.manager)
        self.seller, self.mate = employee("甲", ["seller"], east), employee("乙", ["seller"], east)
        self.customer = create_customer(
            Customer(name="云澜智造科技", owner=self.owner, phone="13911112222", remark="机密备注"),
            by=self.owner,
            contact={"name": "许一诺"},
        )

    def ask(self, by=None, reason="上周在展会谈过") -> TransferRequest:
        return services.ask(self.customer, reason, by=by or self.seller)

    def address(self, person) -> str:
        """Where 查重 leads this person."""
        page = client_for(person).get("/duplicates/", {"q": "云澜智造科技"}).content.decode()
        found = re.search(r'href="(/transfer-requests/new/[^"]+)"', page)
        return found[1].replace("&amp;", "&") if found else ""


@pytest.fixture
def company(db):
    return Company()


def titles(person) -> list[str]:
    return list(Message.objects.filter(recipient=person).order_by("-pk").values_list("title", flat=True))


def log() -> list[tuple]:
    return list(OperationLog.objects.filter(code__contains="handover").order_by("pk").values_list("code", "text"))


def test_asking_from_the_page_tells_the_owner_and_the_superior_and_nothing_else_changes(company):
    client, url = client_for(company.seller), company.address(company.seller)
    page = client.get(url).content.decode()
    assert "云澜智造科技" in page and "现由丙（华南）负责" in page
    assert "机密" not in page and "13911112222" not in page
    assert client.post(url, {"reason": ""}).status_code == 200
    assert TransferRequest.objects.count() == 0
    assert client.post(url, {"reason": "展会谈过"}).headers["Location"] == "/transfer-requests/?tab=sent"
    request = TransferRequest.objects.get()
    assert (request.asked_by, request.owner, request.reason, request.state) == (
        company.seller,
        company.owner,
        "展会谈过",
        State.WAITING,
    )
    for person in (company.owner, company.manager):
        message = Message.objects.get(recipient=person, kind="handover_ask")
        assert message.url == f"/transfer-requests/{request.pk}/" and "甲申请把客户“云澜智造科技”" in message.title
    assert log() == [("customer.handover_asked", "甲申请移交给自己")]
    assert Customer.objects.get().owner == company.owner
    assert client.get(f"/customers/{company.customer.pk}/").status_code == 404
    again = client.get("/duplicates/", {"q": "云澜智造科技"}).content.decode()
    assert "已申请" in again and f"/transfer-requests/{request.pk}/" in again and "transfer-requests/new/" not in again


def test_a_second_open_request_is_refused_in_words_and_another_person_may_ask_too(company):
    url = company.address(company.seller)
    company.ask()
    with pytest.raises(ValidationError, match="您已经申请过移交这个客户，还在等待处理。"):
        company.ask()
    page = client_for(company.seller).post(url, {"reason": "再问一次"})
    assert "您已经申请过移交这个客户" in page.content.decode()
    company.ask(by=company.mate)
    assert TransferRequest.objects.count() == 2


def test_the_address_is_made_for_one_person_and_one_customer(company):
    url = company.address(company.seller)
    assert client_for(company.mate).get(url).status_code == 404
    assert client_for(company.mate).post(url, {"reason": "偷"}).status_code == 404
    for wrong in ("", "1", str(company.customer.pk), url.partition("customer=")[2][:-2] + "xx", "x" * 10_000):
        assert client_for(company.seller).get("/transfer-requests/new/", {"customer": wrong}).status_code == 404
    records.delete(Contact.objects.all(), by=company.owner)
    records.delete(Customer.objects.all(), by=company.owner)
    assert client_for(company.seller).get(url).status_code == 404
    assert TransferRequest.objects.count() == 0


def test_ones_own_and_pool_customers_are_not_asked_for(company):
    with pytest.raises(ValidationError, match="您就是这个客户的负责人"):
        company.ask(by=company.owner)
    Customer.objects.update(owner=None, pool=Pool.objects.get(kind="customer"))
    with pytest.raises(ValidationError, match="在公海中"):
        company.ask()


@pytest.mark.parametrize(
    "reason,words", [("", "请填写申请理由"), ("长" * 501, "最多 500 个字"), ("长" * 10_000, "最多 500 个字")]
)
def test_the_reason_has_its_limits_in_the_service_and_on_the_page(company, reason, words):
    with pytest.raises(ValidationError, match=words):
        company.ask(reason=reason)
    page = client_for(company.seller).post(company.address(company.seller), {"reason": reason})
    assert words in page.content.decode()
    assert TransferRequest.objects.count() == 0


def test_agreeing_transfers_with_the_contacts_and_can_be_undone(company):
    request = company.ask(reason=f"🚀 =1+1 {XSS}")
    client = client_for(company.owner)
    page = client.get(f"/transfer-requests/{request.pk}/").content.decode()
    assert "<img src=x" not in page and "🚀 =1+1" in page and f"/transfer-requests/{request.pk}/agree/" in page
    form = client.get(f"/transfer-requests/{request.pk}/agree/").context["fields"]
    assert "owner" not in form.fields and form.fields["children"].choices == [("contact", "联系人（1 个）")]
    data = {"children": ["contact"], "keep": "read", "answer": "好好跟", "owner": company.mate.pk}
    answer = client.post(f"/transfer-requests/{request.pk}/agree/", data)
    assert answer.headers["Location"] == "/transfer-requests/"
    request.refresh_from_db()
    assert (request.state, request.decided_by, request.answer) == (State.AGREED, company.owner, "好好跟")
    assert Customer.objects.get().owner == company.seller == Contact.objects.get().owner
    assert client.get(f"/customers/{company.customer.pk}/").status_code == 200  # in the team now
    assert (
        "undo:" in str(client.get("/transfer-requests/").content) or OperationLog.objects.exclude(undo_id=None).exists()
    )
    assert {"丙转移给您 1 个客户", "丙同意了您对客户“云澜智造科技”的移交申请"} <= set(titles(company.seller))
    assert ("customer.handover_agreed", "同意甲的移交申请") in log()


def test_refusing_needs_words_and_tells_the_asker(company):
    request = company.ask()
    client = client_for(company.manager)
    assert (
        "请填写拒绝的理由" in client.post(f"/transfer-requests/{request.pk}/refuse/", {"answer": " "}).content.decode()
    )
    assert client.post(f"/transfer-requests/{request.pk}/refuse/", {"answer": "还在谈"}).status_code == 302
    request.refresh_from_db()
    assert (request.state, request.decided_by, request.answer) == (State.REFUSED, company.manager, "还在谈")
    assert Customer.objects.get().owner == company.owner
    assert titles(company.seller) == ["华南经理拒绝了您对客户“云澜智造科技”的移交申请"]
    own = client_for(company.seller).get(f"/transfer-requests/{request.pk}/").content.decode()
    assert "还在谈" in own and "机密" not in own and f"/customers/{company.customer.pk}/" not in own
    company.ask()  # asking again is allowed once it is over


def test_nobody_decides_on_their_own_request_or_one_out_of_sight(company):
    request = company.ask(by=company.manager)
    for verb in ("agree", "refuse"):
        for method in ("get", "post"):
            url = f"/transfer-requests/{request.pk}/{verb}/"
            assert getattr(client_for(company.manager), method)(url, {"answer": "自己"}).status_code == 403
            assert getattr(client_for(company.mate), method)(url, {"answer": "别人"}).status_code == 404
    with pytest.raises(ValidationError, match="不能处理自己的申请"):
        services.agree(request, by=company.manager)
    with pytest.raises(ValidationError, match="您没有转移这个客户的权限"):
        services.refuse(request, "我来拒绝", by=company.mate)
    assert client_for(company.mate).get(f"/transfer-requests/{request.pk}/").status_code == 404
    assert client_for(company.owner).post(f"/transfer-requests/{request.pk}/withdraw/").status_code == 403
    request.refresh_from_db()
    assert request.state == State.WAITING and Customer.objects.get().owner == company.owner


def test_an_owner_without_the_function_reads_the_request_and_is_sent_to_the_superior(company):
    role = company.owner.roles.get()
    role.permissions = [code for code in role.permissions if code != "customer.transfer"]
    role.save()
    request = company.ask()
    client = client_for(company.owner)
    page = client.get(f"/transfer-requests/{request.pk}/").content.decode()
    assert "请由您的上级处理" in page and "/agree/" not in page
    assert client.get(f"/transfer-requests/{request.pk}/agree/").status_code == 403
    assert client_for(company.manager).get(f"/transfer-requests/{request.pk}/agree/").status_code == 200


def test_the_asker_withdraws(company):
    request = company.ask()
    client = client_for(company.seller)
    assert client.get(f"/transfer-requests/{request.pk}/withdraw/").status_code == 200
    assert client.post(f"/transfer-requests/{request.pk}/withdraw/").headers["Location"].endswith("?tab=sent")
    request.refresh_from_db()
    assert request.state == State.WITHDRAWN
    late = client_for(company.owner).post(f"/transfer-requests/{request.pk}/agree/", {"answer": ""})
    assert late.status_code == 422 and "已由甲处理：已撤回" in late.content.decode()
    assert Customer.objects.get().owner == company.owner


def test_of_two_deciders_one_wins_and_the_other_is_told(company):
    request = company.ask()
    stale = TransferRequest.objects.get()
    services.refuse(request, "不行", by=company.owner)
    with pytest.raises(ValidationError, match="这个申请刚刚由丙处理：已拒绝。"):
        services.agree(stale, by=company.manager)
    page = client_for(company.manager).get(f"/transfer-requests/{request.pk}/agree/")
    assert page.status_code == 422 and "已由丙处理：已拒绝" in page.content.decode()
    assert Customer.objects.get().owner == company.owner


def test_a_request_lapses_when_the_customer_changes_hands_or_goes(company):
    request = company.ask()
    other = employee("丁", ["seller"], company.owner.department)
    records.transfer(Customer.objects.all(), other, by=company.manager)
    page = client_for(company.manager).get(f"/transfer-requests/{request.pk}/")
    assert "已失效" in page.content.decode() and not page.context["may_decide"]
    assert request.pk not in [row.pk for row in TransferRequest.objects.open()]
    with pytest.raises(ValidationError, match="已换了负责人或已被删除，申请已失效"):
        services.agree(request, by=company.manager)
    with pytest.raises(ValidationError, match="移交"):
        company.ask() and company.ask()  # a new one to the new owner, and not two
    request.refresh_from_db()
    assert request.state == State.LAPSED
    records.delete(Contact.objects.all(), by=company.manager)
    records.delete(Customer.objects.all(), by=company.manager)
    with CaptureQueriesContext(connection) as queries:
        assert services.lapse_requests(timezone.now()) == "失效 1 个申请"
    assert len(queries) < 15
    assert services.lapse_requests(timezone.now()) == "失效 0 个申请"
    assert not TransferRequest.objects.filter(state=State.WAITING).exists()
    assert [title for title in titles(company.seller) if "已失效" in title]
    assert log()[-1] == ("customer.handover_lapsed", "移交申请已失效：换了负责人或已删除")


def test_agreeing_with_one_ends_the_others(company):
    first, second = company.ask(), company.ask(by=company.mate)
    services.agree(first, by=company.owner)
    second.refresh_from_db()
    assert second.state == State.LAPSED
    assert "已失效" in titles(company.mate)[0]


def test_the_lists_show_what_is_ones_own_and_their_statements_do_not_grow(company):
    company.ask()
    assert client_for(company.mate).get("/transfer-requests/").context["rows"] == []
    client = client_for(company.owner)
    assert client.get("/transfer-requests/").context["tabs"][0]["count"] == 1
    sent = client_for(company.seller).get("/transfer-requests/?tab=sent").content.decode()
    assert "云澜智造科技" in sent and "机密" not in sent and f"/customers/{company.customer.pk}/" not in sent
    with CaptureQueriesContext(connection) as one:
        client.get("/transfer-requests/")
    for n in range(12):
        other = records.create(Customer(name=f"客户{n}", owner=company.owner), by=company.owner)
        services.ask(other, "想要", by=company.seller)
    with CaptureQueriesContext(connection) as many:
        page = client.get("/transfer-requests/")
    assert len(page.context["rows"]) == 13
    assert len(many) == len(one) <= 16


def test_a_stopped_asker_receives_nothing(company):
    request = company.ask()
    company.seller.is_active = False
    company.seller.save(update_fields=["is_active"])
    with pytest.raises(ValidationError, match="甲已停用，不能接收客户"):
        services.agree(request, by=company.owner)
    assert Customer.objects.get().owner == company.owner
