"""What follows an approval: messages, a field, a call to a web address."""

from contextlib import contextmanager
from dataclasses import replace

import pytest
from django.core.exceptions import ValidationError

from approvals import documents, services
from approvals.documents import Fact
from approvals.models import Event
from approvals.services import after
from approvals.tests.factories import flow, status, step, submitted, todo
from contracts.models import Contract
from crm.notices import outgoing
from crm.notices.errors import NotSent, Unsure
from crm.notices.models import Message
from crm.records import periodic
from crm.records.models import OperationLog

pytestmark = pytest.mark.django_db
URL = "https://example.com/hook"


@contextmanager
def settable(monkeypatch, act):
    kind = documents.ALL["contract"]
    facts = [Fact("remark", "备注", "text")]
    monkeypatch.setitem(documents.ALL, "contract", replace(kind, settable=lambda: facts, set_field=act))
    yield


def approve(people, **more):
    flow(people.admin, step(people.boss), **more)
    contract, approval = submitted(people.seller)
    services.approve(todo(approval, people.boss), by=people.boss)
    return contract, approval


def test_people_are_told(people):
    who = [{"kind": "employee", "ids": [people.finance.pk]}, {"kind": "submitter"}]
    approve(people, after=[{"kind": "notify", "who": who}])
    assert Message.objects.filter(recipient=people.finance, title__contains="已通过").count() == 1


def test_a_field_is_set_and_a_refusal_leaves_the_approval_standing(people, monkeypatch):
    def act(pk, field, value, *, approval, by):
        if value == "不行":
            raise ValidationError("备注不能这样写")
        Contract.objects.filter(pk=pk).update(**{field: value})

    with settable(monkeypatch, act):
        contract, _ = approve(people, after=[{"kind": "set", "field": "remark", "value": "已走审批"}])
        contract.refresh_from_db()
        assert contract.remark == "已走审批"
        flow(people.admin, step(people.boss), name="二", after=[{"kind": "set", "field": "remark", "value": "不行"}])
        from approvals import flows
        from approvals.models import Flow

        flows.disable(Flow.objects.get(name="合同审批"), by=people.admin)
        second, approval = submitted(people.seller, name="二号")
        services.approve(todo(approval, people.boss), by=people.boss)
    assert status(second) == "approved"
    assert approval.events.get(code="set").text == "没有设置“备注”：备注不能这样写"
    assert Message.objects.filter(recipient=people.admin, title__contains="没有设置").count() == 1


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (outgoing.Answer(204, b"", True), "已发送，对方回答 HTTP 204"),
        (outgoing.Answer(500, b"", True), "发送失败：对方回答 HTTP 500"),
        (NotSent("这个地址指向内部网络", retry=False), "发送失败：这个地址指向内部网络"),
        (Unsure("没有完整地回答"), "不确定是否发出：没有完整地回答"),
    ],
)
def test_an_address_is_called_once_after_the_commit(
    people, monkeypatch, django_capture_on_commit_callbacks, answer, text
):
    calls = []

    def post(url, payload):
        calls.append((url, payload))
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(outgoing, "post_json", post)
    monkeypatch.setattr("approvals.tasks.send_webhook.delay", after.send)
    with django_capture_on_commit_callbacks(execute=True):
        contract, approval = approve(people, after=[{"kind": "webhook", "url": URL}])
        assert calls == []
    assert calls[0][0] == URL
    assert calls[0][1]["title"] == approval.title
    assert calls[0][1]["amount"] == "120000.00"
    event = Event.objects.get(code="webhook")
    assert event.text == text
    after.send(event.pk)
    periodic.run("approval_limits", by_hand=True)
    assert len(calls) == 1
    assert OperationLog.objects.filter(object_id=contract.pk, code="approval.webhook", text__endswith=text).exists()


def test_a_call_that_was_not_queued_leaves_later_and_one_cut_off_is_never_repeated(people, monkeypatch):
    from datetime import timedelta

    from django.utils import timezone

    sent = []
    monkeypatch.setattr(outgoing, "post_json", lambda url, payload: sent.append(url) or outgoing.Answer(200, b"", True))
    approve(people, after=[{"kind": "webhook", "url": URL}, {"kind": "webhook", "url": f"{URL}/2"}])
    first, second = Event.objects.filter(code="webhook").order_by("pk")
    Event.objects.filter(pk=first.pk).update(text=after.SENDING)
    after.sweep(timezone.now() + timedelta(hours=1))
    assert sent == [f"{URL}/2"]
    first.refresh_from_db()
    assert first.text == after.UNSURE


def test_the_history_says_what_followed_in_chinese(people):
    from orgs.tests.factories import client_for

    act = {"kind": "set", "field": "remark", "value": "已走审批"}
    _, approval = approve(people, after=[act, {"kind": "webhook", "url": URL}])
    page = client_for(people.seller).get(f"/approvals/{approval.pk}/history/").content.decode()
    assert "设置字段" in page and "调用 Webhook" in page
    assert "</b> set" not in page and "系统 set" not in page and "系统 webhook" not in page
