"""The outbox: written with what it tells about, sent at most once, tried again only when certainly nothing went out."""

import socket
import threading
from datetime import timedelta

import pytest
from django.core import mail as outbox
from django.db import connection, transaction
from django.utils import timezone

from crm.notices import delivery, kinds, mail, preferences, sealing, services
from crm.notices.errors import NotSent
from crm.notices.models import Delivery, MailServer, Message
from crm.notices.tests.servers import smtp_server
from orgs.tests.factories import employee

pytestmark = pytest.mark.django_db
State = Delivery.State


@pytest.fixture
def ready(settings):
    """A mail server that takes everything (Django's test backend)."""
    settings.SMTP_HOST, settings.SMTP_FROM = "mail.example.com", "crm@example.com"


@pytest.fixture
def real(settings):
    """Our own SMTP backend, to a server of the test."""
    settings.EMAIL_BACKEND, settings.SMTP_SECURITY = "crm.notices.smtp.Backend", "none"
    settings.SMTP_HOST, settings.SMTP_FROM = "127.0.0.1", "crm@example.com"

    def point(server, **more):
        settings.SMTP_PORT = server if isinstance(server, int) else server.port
        for name, value in more.items():
            setattr(settings, name, value)

    return point


def a_mail(**more):
    return delivery.queue_mail("li@example.com", "标题", "内容", **more)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_without_a_mail_server_no_row_is_written():
    person = employee(email="li@example.com")
    services.notify([person.pk], kind="system", title="停机")
    assert a_mail() is None and not Delivery.objects.exists() and Message.objects.count() == 1


def test_a_notice_is_mailed_to_those_who_want_it_and_can_be_reached(ready, settings):
    settings.PUBLIC_URL = "https://crm.example.com"
    wants, not_now, nowhere = employee(email="a@example.com"), employee(email="b@example.com"), employee()
    gone = employee(email="c@example.com", is_active=False)
    preferences.save(not_now, {"transfer": (True, False)}, digest=False)
    services.notify(
        [p.pk for p in (wants, not_now, nowhere, gone)], kind="transfer", title="转移", body="甲", url="/c/1/"
    )
    row = Delivery.objects.get()
    assert (row.address, row.state, row.user) == ("a@example.com", State.WAITING, wants)
    delivery.sweep()
    sent = outbox.outbox[0]
    assert sent.subject == "转移" and "https://crm.example.com/c/1/" in sent.body and sent.to == ["a@example.com"]


def test_with_the_digest_no_single_mail_goes_out_unless_the_inbox_is_off(ready):
    person = employee(email="a@example.com")
    preferences.save(person, {"transfer": (True, True), "team": (False, True)}, digest=True)
    services.notify([person.pk], kind="transfer", title="转移")
    assert not Delivery.objects.exists()
    services.notify([person.pk], kind="team", title="团队")
    assert Delivery.objects.get().subject == "团队"


def test_a_rolled_back_change_sends_nothing(ready):
    with pytest.raises(RuntimeError), transaction.atomic():
        a_mail()
        raise RuntimeError
    assert not Delivery.objects.exists()


def test_a_row_is_sent_once_and_says_so(ready):
    row = a_mail()
    assert delivery.deliver(row.pk).state == State.SENT
    assert delivery.deliver(row.pk) is None and delivery.sweep() == 0
    assert len(outbox.outbox) == 1 and Delivery.objects.get().sent_at


def test_the_state_is_committed_before_the_dialogue_begins(ready, monkeypatch):
    seen = []
    monkeypatch.setitem(
        delivery._SENDERS, "mail", lambda row: seen.append(Delivery.objects.get(pk=row.pk).state) or "ok"
    )
    delivery.deliver(a_mail().pk)
    assert seen == [State.SENDING]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_sending_inside_a_transaction_is_refused(ready):
    row = a_mail()
    with pytest.raises(RuntimeError), transaction.atomic():
        delivery.deliver(row.pk)
    assert not outbox.outbox


def test_a_worker_that_died_leaves_an_uncertain_row_that_is_never_sent_by_itself(ready):
    row = a_mail()
    assert delivery.claim(row.pk)  # and the worker dies here
    assert delivery.sweep() == 0 and Delivery.objects.get().state == State.SENDING
    assert delivery.sweep(timezone.now() + timedelta(minutes=6)) == 0
    row.refresh_from_db()
    assert row.state == State.UNKNOWN and "不知道对方是否收到" in row.error
    delivery.sweep(timezone.now() + timedelta(days=3))
    assert not outbox.outbox
    assert delivery.resend(row)
    delivery.sweep()
    assert len(outbox.outbox) == 1 and Delivery.objects.get().state == State.SENT


def test_a_slow_worker_cannot_write_over_a_row_that_was_sent_again(ready):
    slow = delivery.claim(a_mail().pk)
    Delivery.objects.update(state=State.UNKNOWN)
    delivery.resend(slow)
    delivery.sweep()
    delivery._end(slow, State.FAILED, error="zu spät")
    assert Delivery.objects.get().state == State.SENT


def test_only_failed_and_uncertain_rows_are_sent_again(ready):
    row = a_mail()
    assert not delivery.resend(row)
    delivery.deliver(row.pk)
    assert not delivery.resend(row)


def test_a_refused_connection_is_tried_again_with_growing_pauses_and_then_given_up(real):
    real(free_port())
    row, pauses = a_mail(), []
    for _ in range(len(delivery.BACKOFF)):
        row = delivery.deliver(row.pk)
        assert row.state == State.WAITING and "拒绝连接" in row.error
        pauses.append(round((row.next_at - timezone.now()).total_seconds() / 60))
        assert delivery.deliver(row.pk) is None  # not before its time
        Delivery.objects.update(next_at=timezone.now())
    assert pauses == [1, 5, 30, 120]
    assert delivery.deliver(row.pk).state == State.FAILED
    assert "连接不上邮件服务器 127.0.0.1" in delivery.trouble()


def test_while_the_server_is_away_one_row_finds_out_for_all(real, monkeypatch):
    real(free_port())
    opened = []
    monkeypatch.setattr(
        mail, "_open", lambda *a: opened.append(1) or (_ for _ in ()).throw(NotSent("weg", retry=True, down=True))
    )
    rows = [a_mail() for _ in range(5)]
    delivery.sweep()
    assert len(opened) == 1 and Delivery.objects.filter(attempts=0).count() == 4
    assert delivery.deliver_some([row.pk for row in rows]) == 0 and len(opened) == 1


def test_the_server_s_answer_is_kept(real):
    with smtp_server() as server:
        real(server, SMTP_USER="crm", SMTP_PASSWORD="pw")
        row = delivery.deliver(a_mail().pk)
        assert (row.state, row.answer) == (State.SENT, "250 2.0.0 Ok: queued as 4711")
        assert len(server.mails) == 1 and any(line.startswith("AUTH") for line in server.heard)
    assert delivery.trouble() == ""


@pytest.mark.parametrize(
    "answers,state,words",
    [
        ({"AUTH": "535 5.7.8 bad credentials"}, State.FAILED, "不接受用户名或密码（535"),
        ({"RCPT": "550 no such user"}, State.FAILED, "不接受收件地址（550 no such user）"),
        ({"RCPT": "450 greylisted"}, State.WAITING, "不接受收件地址（450 greylisted）"),
        ({"MAIL": "553 not yours"}, State.FAILED, "不接受发件地址（553 not yours）"),
        ({"MAIL": "drop"}, State.WAITING, "断开了连接"),
        ({"DATA": "451 later"}, State.WAITING, "没有收下邮件（451 later）"),
        ({"end": "554 spam"}, State.FAILED, "没有收下邮件（554 spam）"),
        ({"end": "drop"}, State.UNKNOWN, "不知道对方是否收到"),
        ({"hello": "421 busy"}, State.WAITING, "连接不上"),
    ],
)
def test_what_a_server_says_decides_between_again_never_and_uncertain(real, answers, state, words):
    with smtp_server(**answers) as server:
        real(server, SMTP_USER="crm", SMTP_PASSWORD="falsch-geheim")
        row = delivery.deliver(a_mail().pk)
    assert row.state == state and words in row.error and "falsch-geheim" not in row.error


@pytest.mark.parametrize(
    "title", ["甲\r\nBcc: x@example.com", "甲\nBcc: x@example.com", "甲\u2028Bcc: x", "😀" * 300, "\x00甲"]
)
def test_titles_cannot_add_headers(real, title):
    person = employee(email="a@example.com")
    with smtp_server() as server:
        real(server)
        services.notify([person.pk], kind="system", title=title)
        delivery.sweep()
        head = server.mails[0].split(b"\r\n\r\n")[0]
    assert b"\r\nBcc" not in head and b"\nBcc" not in head.replace(b"\r\n", b"\n")
    assert Delivery.objects.get().state == State.SENT


def test_an_address_with_line_breaks_is_never_spoken_to_the_server(real):
    with smtp_server() as server:
        real(server)
        row = delivery.queue([delivery.letter("a@example.com\r\nRCPT TO:<b@example.com>", "甲", "乙")])[0]
        assert delivery.deliver(row.pk).state == State.FAILED
        assert not server.mails and not any("b@example.com" in line for line in server.heard)


def test_ten_thousand_characters_arrive_whole(real):
    with smtp_server() as server:
        real(server)
        delivery.deliver(delivery.queue_mail("a@example.com", "长", "海" * 10_000).pk)
        from email import message_from_bytes

        text = message_from_bytes(server.mails[0].removesuffix(b".\r\n")).get_payload(decode=True).decode()
    assert text.strip() == "海" * 10_000


def test_short_lived_texts_are_not_sent_late_and_not_kept(ready):
    row = a_mail(expires_at=timezone.now() - timedelta(seconds=1))
    row = delivery.deliver(row.pk)
    assert (row.state, row.body, row.may_resend) == (State.FAILED, "", False)
    assert not delivery.resend(row) and not outbox.outbox


def test_an_unforeseen_error_leaves_the_row_uncertain(ready, monkeypatch):
    monkeypatch.setitem(delivery._SENDERS, "mail", lambda row: 1 / 0)
    assert delivery.deliver(a_mail().pk).state == State.UNKNOWN


def test_the_password_of_the_settings_page_is_sealed_and_a_new_key_is_said(settings):
    MailServer.objects.create(host="mail.example.com", sender="a@example.com", password=sealing.seal("geheim-7"))
    assert "geheim-7" not in MailServer.objects.get().password
    assert mail.server().password == "geheim-7"
    row = a_mail()
    settings.SECRET_KEY = "another key altogether, long enough for everything"
    row = delivery.deliver(row.pk)
    assert row.state == State.FAILED and "SECRET_KEY 已更换" in row.error


def test_the_former_key_still_opens_what_it_sealed(settings):
    sealed, settings.SECRET_KEY_FALLBACKS = sealing.seal("geheim"), [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key altogether, long enough for everything"
    assert sealing.unseal(sealed) == "geheim"


def test_old_rows_are_removed_and_uncertain_ones_live_longer(ready):
    for state, days in ((State.SENT, 91), (State.SENT, 89), (State.UNKNOWN, 91), (State.FAILED, 400)):
        row = a_mail()
        Delivery.objects.filter(pk=row.pk).update(state=state, created_at=timezone.now() - timedelta(days=days))
    assert delivery.purge(timezone.now()) == 2


def test_every_kind_that_is_mailed_can_be_switched_off(ready):
    person = employee(email="a@example.com")
    preferences.save(person, {kind.key: (True, False) for kind in kinds.ordered()}, digest=False)
    for kind in kinds.ordered():
        services.notify([person.pk], kind=kind.key, title="甲")
    assert not Delivery.objects.exists()


@pytest.mark.pg
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_two_workers_at_one_row_send_one_mail(real):
    with smtp_server() as server:
        real(server)
        for _ in range(10):
            row, start = a_mail(), threading.Barrier(2)

            def work(pk=row.pk, start=start):
                try:
                    start.wait(timeout=10)
                    delivery.deliver(pk)
                finally:
                    connection.close()

            threads = [threading.Thread(target=work) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(timeout=30)
        assert len(server.mails) == 10
    assert set(Delivery.objects.values_list("state", "attempts")) == {(State.SENT, 1)}
