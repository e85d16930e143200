"""Settings of mail and robots: secrets are written only, tests go the real way, the outbox is honest."""

import pytest
from django.core import mail as outbox
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.notices import delivery, mail, sealing
from crm.notices.models import Delivery, MailServer, Robot
from crm.notices.tests.servers import http_server, say, smtp_server
from orgs.models import OrgLog
from orgs.tests.factories import client_for, employee

pytestmark = pytest.mark.django_db
XSS = '"><img src=x onerror=1>'
SERVER = {
    "host": "smtp.example.com",
    "port": "465",
    "security": "ssl",
    "username": "crm@example.com",
    "password": "geheim-7",
    "sender": "crm@example.com",
    "sender_name": "开海科技",
}
State = Delivery.State


@pytest.fixture(autouse=True)
def empty_cache():
    cache.clear()


@pytest.fixture
def admin():
    return employee("管理员", ["admin"], email="admin@example.com")


@pytest.fixture
def client(admin):
    return client_for(admin)


def text_of(response) -> str:
    return response.content.decode()


def logged() -> str:
    return repr(list(OrgLog.objects.values_list("code", "target", "text", "changes")))


def test_the_password_is_kept_sealed_never_shown_and_never_logged(client):
    assert client.post("/settings/mail/", SERVER).status_code == 302
    row = MailServer.objects.get()
    assert "geheim-7" not in row.password and mail.server().password == "geheim-7"
    assert mail.server().sender.endswith("<crm@example.com>")
    assert "geheim-7" not in text_of(client.get("/settings/mail/")) and "geheim-7" not in logged()
    assert "smtp.example.com" in logged() and "已修改" in logged()


def test_an_empty_password_leaves_the_stored_one(client):
    client.post("/settings/mail/", SERVER)
    client.post("/settings/mail/", {**SERVER, "password": "", "sender_name": "别的"})
    assert mail.server().password == "geheim-7"


@pytest.mark.parametrize("moved", [{"host": "evil.example"}, {"username": "someone@example.com"}])
def test_the_stored_password_is_not_handed_to_another_server_or_user(client, moved):
    client.post("/settings/mail/", SERVER)
    response = client.post("/settings/mail/", {**SERVER, "password": "", **moved})
    assert response.status_code == 422 and "请重新填写密码" in text_of(response)
    assert MailServer.objects.get().host == "smtp.example.com"


def test_an_empty_host_switches_mail_off_and_forgets_the_password(client):
    client.post("/settings/mail/", SERVER)
    client.post("/settings/mail/", {**SERVER, "host": "", "password": ""})
    assert not mail.configured() and MailServer.objects.get().password == ""
    assert "邮件未配置" in text_of(client.get("/settings/mail/"))


@pytest.mark.parametrize(
    "wrong,words",
    [
        ({"host": "http://smtp.example.com"}, "请只填写主机名"),
        ({"host": "smtp.example.com\r\nX"}, "请只填写主机名"),
        ({"host": "a" * 10_000}, "最多 253 个字"),
        ({"port": "0"}, "请输入 1 到 65,535 的整数"),
        ({"port": "x"}, "请输入 1 到 65,535 的整数"),
        ({"security": "rot13"}, "请选择列表中的选项"),
        ({"sender": ""}, "请填写发件人邮箱"),
        ({"sender": "nobody"}, "邮箱格式不正确"),
        ({"sender": "a@example.com\r\nBcc: b@example.com"}, "邮箱格式不正确"),
        ({"sender_name": "长" * 51}, "最多 50 个字"),
    ],
)
def test_what_is_wrong_with_the_settings_is_said(client, wrong, words):
    response = client.post("/settings/mail/", {**SERVER, **wrong})
    assert response.status_code == 422 and words in text_of(response) and not mail.configured()


def test_the_name_of_the_sender_cannot_add_headers(client, admin):
    client.post("/settings/mail/", {**SERVER, "sender_name": "开海\r\nBcc: x@example.com"})
    client.post("/settings/mail/test/", {"address": "a@example.com"})
    assert outbox.outbox[0].from_email.count("\n") == 0 and Delivery.objects.get().state == State.SENT


def test_the_environment_wins_and_cannot_be_changed_on_the_page(client, settings):
    settings.SMTP_HOST, settings.SMTP_PASSWORD = "env.example.com", "aus-der-umgebung"
    page = text_of(client.get("/settings/mail/"))
    assert "env.example.com" in page and "aus-der-umgebung" not in page and 'name="host"' not in page
    assert client.post("/settings/mail/", SERVER).status_code == 422
    assert mail.server().host == "env.example.com" and not MailServer.objects.exists()


def test_a_test_mail_goes_the_real_way_and_shows_the_answer(client, admin, settings):
    settings.EMAIL_BACKEND = "crm.notices.smtp.Backend"
    with smtp_server() as server:
        client.post("/settings/mail/", {**SERVER, "host": "127.0.0.1", "port": server.port, "security": "none"})
        response = client.post("/settings/mail/test/", {"address": "chef@example.com"})
        assert len(server.mails) == 1 and b"chef@example.com" in server.mails[0]
    page = text_of(client.get(response.url))
    assert "已发送" in page and "250 2.0.0 Ok: queued as 4711" in page
    assert "mail.tested" in logged()


def test_a_server_that_is_away_is_said_on_both_pages(client, settings):
    settings.EMAIL_BACKEND = "crm.notices.smtp.Backend"
    client.post("/settings/mail/", {**SERVER, "host": "127.0.0.1", "port": "1", "security": "none"})
    response = client.post("/settings/mail/test/", {"address": "chef@example.com"})
    for url in (response.url, "/settings/outbox/"):
        assert "连接不上邮件服务器 127.0.0.1:1：对方拒绝连接" in text_of(client.get(url))
    assert Delivery.objects.get().state == State.WAITING


def test_a_wrong_password_is_said(client, settings):
    settings.EMAIL_BACKEND = "crm.notices.smtp.Backend"
    with smtp_server(AUTH="535 no") as server:
        client.post("/settings/mail/", {**SERVER, "host": "127.0.0.1", "port": server.port, "security": "none"})
        page = text_of(client.get(client.post("/settings/mail/test/", {"address": "a@example.com"}).url))
    assert "不接受用户名或密码（535 no）" in page and "geheim-7" not in page


@pytest.mark.parametrize("address", ["", "x", "a@example.com\nBcc: b@example.com", "长" * 10_000])
def test_a_test_mail_needs_an_address(client, address):
    client.post("/settings/mail/", SERVER)
    assert client.post("/settings/mail/test/", {"address": address}).status_code == 422
    assert not Delivery.objects.exists()


def test_without_a_server_no_test_mail_is_written(client):
    assert "还没有设置邮件服务器" in text_of(client.post("/settings/mail/test/", {"address": "a@example.com"}))
    assert not Delivery.objects.exists()


def rows(*states, **more):
    return [
        Delivery.objects.create(
            channel="mail", state=state, address="li@example.com", subject="金丝雀公司", body="金丝雀", **more
        )
        for state in states
    ]


def test_the_outbox_lists_by_state_and_shows_no_titles_or_texts(client):
    rows(*State.values, error="因为" + XSS)
    assert "忽略了无法识别的状态" in text_of(client.get("/settings/outbox/?state=nonsense"))
    for state in State.values:
        response = client.get(f"/settings/outbox/?state={state}")
        assert [item["row"].state for item in response.context["rows"]] == [state]
        page = text_of(response)
        assert "金丝雀" not in page and "<img" not in page
        assert ("/resend/" in page) == (state in (State.FAILED, State.UNKNOWN))


def test_the_outbox_takes_the_same_statements_for_one_and_for_thirty(client, admin):
    counts = []
    for many in (1, 40):
        rows(*[State.FAILED] * many, user=admin)
        client.get("/settings/outbox/")
        with CaptureQueriesContext(connection) as queries:
            client.get("/settings/outbox/")
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 12


def test_sending_again_asks_first_and_is_logged(client):
    client.post("/settings/mail/", SERVER)
    unknown, failed, sent = rows(State.UNKNOWN, State.FAILED, State.SENT)
    assert "对方可能收到两次" in text_of(client.get(f"/settings/outbox/{unknown.pk}/resend/"))
    assert not outbox.outbox
    for row in (unknown, failed):
        assert client.post(f"/settings/outbox/{row.pk}/resend/").status_code == 302
    assert client.post(f"/settings/outbox/{sent.pk}/resend/").status_code == 422
    delivery.sweep()
    assert len(outbox.outbox) == 2 and logged().count("mail.resent") == 2


# Robots ----------------------------------------------------------------------------------------------------------------
def robot_data(url="https://8.8.8.8/cgi-bin/webhook/send?key=k-geheim", **more):
    return {"name": "销售群", "platform": "wecom", "address": url, "kinds": ["transfer"], "enabled": "on", **more}


def test_a_robot_is_kept_with_its_address_sealed_never_shown_and_never_logged(client):
    assert client.post("/settings/robots/new/", robot_data(secret="SEC-geheim")).status_code == 302
    robot = Robot.objects.get()
    assert sealing.unseal(robot.address).endswith("key=k-geheim") and sealing.unseal(robot.secret) == "SEC-geheim"
    for url in ("/settings/robots/", f"/settings/robots/{robot.pk}/edit/"):
        page = text_of(client.get(url))
        assert "geheim" not in page and "销售群" in page
    assert "geheim" not in logged() and "销售群" in logged()


def test_an_empty_address_and_secret_stay_as_they_are(client):
    client.post("/settings/robots/new/", robot_data(secret="SEC"))
    robot = Robot.objects.get()
    client.post(f"/settings/robots/{robot.pk}/edit/", robot_data("", name="大群", kinds=["team", "job"]))
    changed = Robot.objects.get()
    assert (changed.name, changed.kinds, changed.address) == ("大群", ["team", "job"], robot.address)
    assert changed.secret == robot.secret and changed.enabled
    client.post(f"/settings/robots/{robot.pk}/edit/", robot_data("", drop_secret="on"))
    assert Robot.objects.get().secret == ""


@pytest.mark.parametrize(
    "wrong,words",
    [
        ({"address": ""}, "请填写机器人地址"),
        ({"address": "ftp://example.com/"}, "必须以 http"),
        ({"address": "http://127.0.0.1:6379/"}, "内部网络"),
        ({"address": "http://[::ffff:10.0.0.1]/"}, "内部网络"),
        ({"address": "http://169.254.169.254/latest/meta-data/"}, "内部网络"),
        ({"address": "https://a.example/" + "长"}, "不能使用的字符"),
        ({"kinds": []}, "请至少选择一类消息"),
        ({"kinds": ["person"]}, "请选择列表中的选项"),
        ({"platform": "icq"}, "请选择列表中的选项"),
        ({"name": ""}, "请填写名称"),
        ({"name": "长" * 51}, "最多 50 个字"),
        ({"secret": "s" * 10_000}, "最多 200 个字"),
    ],
)
def test_what_is_wrong_with_a_robot_is_said(client, wrong, words):
    response = client.post("/settings/robots/new/", {**robot_data(), **wrong})
    assert response.status_code == 422 and words in text_of(response) and not Robot.objects.exists()


def test_names_of_robots_are_unique_and_shown_as_text(client):
    client.post("/settings/robots/new/", robot_data(name=XSS))
    assert "已有同名机器人" in text_of(client.post("/settings/robots/new/", robot_data(name=XSS)))
    robot = Robot.objects.get()
    for url in ("/settings/robots/", f"/settings/robots/{robot.pk}/edit/", f"/settings/robots/{robot.pk}/delete/"):
        assert "<img" not in text_of(client.get(url))


@pytest.mark.parametrize(
    "reply,words",
    [(say(), "已发送。平台已收下"), (say(200, b'{"errcode":93000,"errmsg":"x"}'), "失败。企业微信返回错误 93000")],
)
def test_a_test_goes_the_real_way_and_says_how_it_went(client, settings, reply, words):
    settings.OUTGOING_ALLOW = ["127.0.0.0/8"]
    with http_server(reply) as server:
        client.post("/settings/robots/new/", robot_data(server.url))
        response = client.post(f"/settings/robots/{Robot.objects.get().pk}/test/")
        assert "开海 CRM 测试消息" in server.asked[0]["json"]["text"]["content"]
    assert words in text_of(client.get(response.url))


def test_deleting_a_robot_is_logged_and_leaves_the_outbox(client):
    client.post("/settings/robots/new/", robot_data())
    robot = Robot.objects.get()
    Delivery.objects.create(channel="robot", robot=robot, address="销售群", subject="x", state=State.SENT)
    client.post(f"/settings/robots/{robot.pk}/delete/")
    assert not Robot.objects.exists() and Delivery.objects.get().address == "销售群"
    assert "删除群机器人" in logged()


def test_the_settings_belong_to_the_holders_of_their_function():
    client = client_for(employee("甲", ["seller"]))
    for url in ("/settings/mail/", "/settings/outbox/", "/settings/robots/", "/settings/robots/new/"):
        assert client.get(url).status_code == 403
    assert client.post("/settings/mail/", SERVER).status_code == 403 and not MailServer.objects.exists()


def test_rows_of_others_tests_are_not_shown_by_their_number(client, admin):
    row = Delivery.objects.create(
        channel="mail", user=employee(), address="fremd@example.com", subject="x", started_at=timezone.now()
    )
    assert "fremd@example.com" not in text_of(client.get(f"/settings/mail/?tried={row.pk}"))
