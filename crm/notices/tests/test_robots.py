"""Group robots: what is posted, how the platforms sign and refuse, and that private letters stay private."""

import base64
import hashlib
import hmac
from urllib.parse import parse_qs, urlsplit

import pytest

from crm.notices import delivery, robots, sealing, services
from crm.notices.models import Delivery, Robot
from crm.notices.tests.servers import http_server, say
from orgs.tests.factories import employee

pytestmark = pytest.mark.django_db
State = Delivery.State
OK = {"wecom": b'{"errcode":0,"errmsg":"ok"}', "dingtalk": b'{"errcode":0}', "feishu": b'{"code":0,"msg":"success"}'}


@pytest.fixture(autouse=True)
def allowed(settings):
    settings.OUTGOING_ALLOW = ["127.0.0.0/8"]


def robot(url, platform="wecom", secret="", **more):
    values = {"name": f"群{Robot.objects.count()}", "kinds": ["transfer"], **more}
    return Robot.objects.create(platform=platform, address=sealing.seal(url), secret=sealing.seal(secret), **values)


def tell(kind="transfer", title="转移给您 1 个客户", body="青岚电子"):
    services.notify([employee("林晓岚").pk], kind=kind, title=title, body=body)
    delivery.sweep()


@pytest.mark.parametrize("platform", ["wecom", "dingtalk", "feishu"])
def test_each_platform_gets_the_text_in_its_form(platform, settings):
    settings.PUBLIC_URL = ""
    with http_server(say(200, OK[platform])) as server:
        robot(server.url, platform)
        tell()
    said = server.asked[0]["json"]
    text = said["content"]["text"] if platform == "feishu" else said["text"]["content"]
    assert text == "转移给您 1 个客户\n收件人：林晓岚\n青岚电子"
    row = Delivery.objects.get()
    assert (row.state, row.answer, row.channel) == (State.SENT, "平台已收下", "robot")


def test_dingtalk_is_signed_in_the_address():
    with http_server() as server:
        robot(server.url, "dingtalk", "SEC-geheim")
        tell()
    query = {name: values[0] for name, values in parse_qs(urlsplit(server.asked[0]["path"]).query).items()}
    digest = hmac.new(b"SEC-geheim", f"{query['timestamp']}\nSEC-geheim".encode(), hashlib.sha256).digest()
    assert (
        query["key"] == "k-1" and query["sign"] == base64.b64encode(digest).decode() and len(query["timestamp"]) == 13
    )


def test_feishu_is_signed_in_the_payload():
    with http_server(say(200, OK["feishu"])) as server:
        robot(server.url, "feishu", "geheim")
        tell()
    said = server.asked[0]["json"]
    digest = hmac.new(f"{said['timestamp']}\ngeheim".encode(), b"", hashlib.sha256).digest()
    assert said["sign"] == base64.b64encode(digest).decode() and len(said["timestamp"]) == 10


@pytest.mark.parametrize(
    "platform,reply,state,words",
    [
        ("wecom", say(200, b'{"errcode":93000,"errmsg":"invalid webhook url"}'), State.FAILED, "机器人地址无效"),
        ("wecom", say(200, b'{"errcode":45009,"errmsg":"freq"}'), State.WAITING, "发送太频繁"),
        ("wecom", say(200, b'{"errcode":40058,"errmsg":"some reason"}'), State.FAILED, "错误 40058：some reason"),
        (
            "dingtalk",
            say(200, b'{"errcode":310000,"errmsg":"keywords not in content"}'),
            State.FAILED,
            "安全设置不通过",
        ),
        ("feishu", say(200, b'{"code":19021,"msg":"sign match fail"}'), State.FAILED, "加签密钥不正确"),
        ("feishu", say(200, b'{"StatusCode":0,"StatusMessage":"success"}'), State.SENT, ""),
        ("wecom", say(302, b"", Location="http://127.0.0.1/"), State.FAILED, "没有跟随"),
        ("wecom", say(404, b"nope"), State.FAILED, "HTTP 404"),
        ("wecom", say(500, b"oops"), State.UNKNOWN, "看不懂"),
        ("wecom", say(200, b"<html>"), State.UNKNOWN, "看不懂"),
        ("wecom", say(200, b"[]"), State.UNKNOWN, "看不懂"),
        ("wecom", say(200, b'{"errcode":"<b>","errmsg":{"a":1}}'), State.FAILED, "返回错误"),
    ],
)
def test_a_refusal_is_said_in_words(platform, reply, state, words):
    with http_server(reply) as server:
        robot(server.url, platform)
        tell()
    row = Delivery.objects.get()
    assert row.state == state and words in row.error and "k-1" not in row.error


def test_nothing_is_posted_inside_without_the_allow_list(settings):
    settings.OUTGOING_ALLOW = []
    with http_server() as server:
        robot(server.url)
        tell()
        assert server.asked == []
    row = Delivery.objects.get()
    assert row.state == State.FAILED and "内部网络" in row.error


def test_a_group_gets_the_kinds_it_listens_to_and_one_post_for_all_recipients():
    with http_server() as server:
        robot(server.url, kinds=["team", "transfer"])
        robot(server.url, enabled=False)
        services.notify([employee(f"员工{n}").pk for n in range(7)], kind="team", title="甲")
        services.notify([employee().pk], kind="job", title="乙")
        delivery.sweep()
    assert [asked["json"]["text"]["content"] for asked in server.asked] == [
        "甲\n收件人：员工0、员工1、员工2、员工3、员工4 等 7 人"
    ]


def test_letters_between_colleagues_never_reach_a_group():
    robot("http://127.0.0.1:1/", kinds=["person", "transfer"])
    services.notify([employee().pk], kind="person", title="私", sender=employee())
    assert not Delivery.objects.exists()


def test_rows_of_a_robot_that_is_gone_or_switched_off_are_not_sent():
    gone, off = robot("http://127.0.0.1:1/"), robot("http://127.0.0.1:1/")
    services.notify([employee().pk], kind="transfer", title="甲")
    gone.delete()
    Robot.objects.filter(pk=off.pk).update(enabled=False)
    delivery.sweep()
    assert set(Delivery.objects.values_list("state", "error")) == {
        (State.FAILED, "机器人已删除"),
        (State.FAILED, "机器人已停用"),
    }


def test_long_texts_fit_the_smallest_limit():
    with http_server() as server:
        robot(server.url)
        tell(title="长" * 200, body="海" * 10_000)
    assert len(server.asked[0]["json"]["text"]["content"].encode()) <= 2048


def test_the_address_is_sealed_in_the_database():
    assert "k-geheim" not in robot("https://qyapi.example/?key=k-geheim").address


def test_every_platform_has_words_for_its_refusals():
    assert set(robots.WORDS) == set(Robot.Platform)
