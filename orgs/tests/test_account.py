"""Signing in, locking out, forced change, ended sessions."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from crm.notices import delivery
from crm.notices.models import Delivery
from orgs import resets, services
from orgs.models import OrgLog, SignIn, SignInLog
from orgs.tests.factories import PASSWORD, client_for, employee

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def empty_cache():
    cache.clear()


def sign_in(username, password=PASSWORD, client=None, **data):
    return (client or Client()).post("/login/", {"username": username, "password": password, **data})


def test_signs_in_by_phone_however_it_is_typed_and_by_email():
    person = employee(email="Li@Example.com")
    for typed in (person.phone, f"+86 {person.phone}", f"{person.phone[:3]}-{person.phone[3:]}", "li@example.COM"):
        client = Client()
        assert sign_in(typed, client=client).status_code == 302, typed
        assert client.get("/me/password/").status_code == 200
    assert SignIn.objects.filter(employee=person).count() == 4
    assert SignInLog.objects.filter(employee=person, result="ok").count() == 4


def test_wrong_password_unknown_name_and_disabled_account_answer_alike():
    person, gone = employee(), employee(is_active=False)
    answers = {
        sign_in(name, password).content.decode().count("账号或密码错误")
        for name, password in (
            (person.phone, "nope-nope"),
            ("13700000000", PASSWORD),
            (gone.phone, PASSWORD),
            ("", "x") if False else ("x" * 300, "y"),
        )
    }
    assert answers == {1}
    assert SignInLog.objects.filter(employee=gone, result="disabled").exists()
    assert SignInLog.objects.filter(username="13700000000", result="wrong").exists()


def test_next_is_followed_inside_the_site_only():
    person = employee()
    assert sign_in(person.phone, next="/me/?a=1&b=2").url == "/me/?a=1&b=2"
    for bad in ("https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example"):
        assert sign_in(person.phone, next=bad).url == "/"


def test_five_failures_lock_the_account_and_a_reset_password_unlocks_it():
    person, admin = employee(), employee(roles=("super",))
    for _ in range(4):
        assert sign_in(person.phone, "wrong-one").status_code == 200
    answer = sign_in(person.phone, "wrong-one")
    assert answer.status_code == 429 and "15 分钟" in answer.content.decode()
    assert sign_in(person.phone).status_code == 429
    assert SignInLog.objects.filter(username=person.phone, result="locked").exists()
    password = services.reset_password(person, by=admin)
    assert sign_in(person.phone, password).status_code == 302


def test_attempts_by_email_and_by_phone_count_together():
    person = employee(email="a@example.com")
    for name in (person.phone, "a@example.com", "A@example.com ", f"+86{person.phone}"):
        assert sign_in(name, "wrong-one").status_code == 200
    assert sign_in(person.phone, "wrong-one").status_code == 429


def test_a_password_set_by_an_administrator_must_be_changed_first():
    person = employee(must_change_password=True)
    client = client_for(person)
    assert client.get("/me/").url == "/me/password/"
    htmx = client.get("/people/1/", headers={"HX-Request": "true", "HX-Target": "panel"})
    assert htmx.status_code == 204 and htmx["HX-Redirect"] == "/me/password/"
    data = {"current": PASSWORD, "new": "fresh-words-7", "again": "fresh-words-7"}
    assert client.post("/me/password/", data).url == "/"
    person.refresh_from_db()
    assert not person.must_change_password and person.check_password("fresh-words-7")
    assert client.get("/me/password/").status_code == 200
    assert OrgLog.objects.filter(code="employee.password", actor=person).exists()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"current": "not-it", "new": "fresh-words-7", "again": "fresh-words-7"}, "当前密码不正确"),
        ({"current": PASSWORD, "new": "fresh-words-7", "again": "other-words-7"}, "两次输入的密码不一致"),
        ({"current": PASSWORD, "new": "kurz", "again": "kurz"}, "8"),
        ({"current": PASSWORD, "new": PASSWORD, "again": PASSWORD}, "不能与当前密码相同"),
        ({"current": PASSWORD, "new": "password", "again": "password"}, "密码"),
        ({"current": PASSWORD, "new": "x" * 10_000, "again": "x" * 10_000}, "最多 128 个字符"),
    ],
)
def test_bad_new_passwords_are_refused_with_a_reason(data, message):
    person = employee()
    answer = client_for(person).post("/me/password/", data)
    assert answer.status_code == 422 and message in answer.content.decode()
    person.refresh_from_db()
    assert person.check_password(PASSWORD)


def test_changing_the_password_ends_the_other_sessions_and_keeps_this_one():
    person = employee()
    here, there = Client(), Client()
    sign_in(person.phone, client=here)
    sign_in(person.phone, client=there)
    data = {"current": PASSWORD, "new": "fresh-words-7", "again": "fresh-words-7"}
    assert here.post("/me/password/", data).status_code == 302
    assert here.get("/me/password/").status_code == 200
    assert there.get("/me/password/").url.startswith("/login/")
    assert SignIn.objects.get(employee=person).session_key == here.session.session_key


def test_disabling_acts_on_the_next_request_and_ends_the_sessions():
    person, admin = employee(), employee(roles=("super",))
    client = Client()
    sign_in(person.phone, client=client)
    services.disable_employee(person, by=admin)
    assert client.get("/me/").url.startswith("/login/")
    assert not SignIn.objects.filter(employee=person).exists()
    assert Session.objects.count() == 0 or client.cookies["sessionid"].value not in set(
        Session.objects.values_list("pk", flat=True)
    )
    assert sign_in(person.phone).status_code == 200


def test_signing_out_needs_a_post_and_removes_the_session_row():
    person = employee()
    client = Client()
    sign_in(person.phone, client=client)
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/").url == "/login/"
    assert not SignIn.objects.filter(employee=person).exists()


def test_an_idle_session_ends_and_keeps_the_way_back():
    person = employee()
    client = client_for(person)
    session = client.session
    session["seen"] = (timezone.now() - timedelta(hours=9)).timestamp()
    session.save()
    answer = client.get("/people/1/?a=1&b=%E6%B1%89")
    assert answer.url == "/login/?next=%2Fpeople%2F1%2F%3Fa%3D1%26b%3D%25E6%25B1%2589"


def test_polling_for_badges_keeps_no_session_alive():
    person = employee()
    client = client_for(person)
    session = client.session
    before = (timezone.now() - timedelta(hours=7)).timestamp()
    session["seen"] = before
    session.save()
    client.get("/badges/")
    assert client.session["seen"] == before


def test_forgotten_password_without_mail_server_names_the_administrator():
    assert "请联系管理员重置密码" in Client().get("/login/forgot/").content.decode()
    assert Client().post("/login/forgot/", {"username": "13900000001"}).status_code == 200
    assert not mail.outbox


@pytest.fixture
def mail_ready(settings, monkeypatch):
    settings.SMTP_HOST, settings.PUBLIC_URL = "mail.example.com", "https://crm.example.com"
    settings.SMTP_FROM = "crm@example.com"

    def send_now(username):
        resets.send(username)
        delivery.sweep()

    monkeypatch.setattr("orgs.views.account.send_reset", type("Now", (), {"delay": staticmethod(send_now)}))


def link_in(message) -> str:
    return next(line for line in message.body.splitlines() if line.startswith("https://")).removeprefix(
        "https://crm.example.com"
    )


def test_a_reset_link_works_once_within_thirty_minutes(mail_ready, monkeypatch):
    person = employee(email="li@example.com")
    known = Client().post("/login/forgot/", {"username": person.phone}, headers={"host": "evil.example"}).content
    assert len(mail.outbox) == 1 and "evil.example" not in mail.outbox[0].body
    assert Client().post("/login/forgot/", {"username": "13700000000"}).content == known
    assert len(mail.outbox) == 1
    link = link_in(mail.outbox[0])
    row = Delivery.objects.get()
    assert (row.state, row.body, row.address) == ("sent", "", "li@example.com")  # the link is not kept
    assert Client().get(link).status_code == 200
    with monkeypatch.context() as later:
        moment = resets.tokens._now() + timedelta(minutes=31)
        later.setattr(resets.tokens, "_now", lambda: moment)
        assert Client().get(link).status_code == 410
    data = {"new": "fresh-words-7", "again": "fresh-words-7"}
    assert Client().post(link, data).url == "/login/"
    assert Client().post(link, data).status_code == 410
    assert sign_in(person.phone, "fresh-words-7").status_code == 302


def test_reset_links_are_throttled_and_never_go_to_disabled_people(mail_ready):
    person = employee(email="li@example.com")
    for _ in range(9):
        Client().post("/login/forgot/", {"username": person.phone})
    assert len(mail.outbox) == 5
    cache.clear()
    gone = employee(email="gone@example.com", is_active=False)
    Client().post("/login/forgot/", {"username": gone.phone})
    assert len(mail.outbox) == 5
    assert Client().get("/login/reset/x/y/").status_code == 410
    assert Client().get(f"/login/reset/{'A' * 4000}/y/").status_code == 410
