"""Group robots of 企业微信, 钉钉 and 飞书: what each wants to hear and how each says no."""

import base64
import hashlib
import hmac
import time
from urllib.parse import urlencode

from . import outgoing, sealing
from .errors import NotSent, Unsure
from .models import Robot
from .text import one_line

TEXT = 600  # characters; 企业微信 takes 2,048 bytes

# Codes people meet, in words; everything else is shown as the platform says it.
WORDS = {
    Robot.Platform.WECOM: {
        93000: "机器人地址无效或机器人已被移出群",
        45009: "发送太频繁，超过了平台的限制",
        40008: "消息格式不被接受",
        45002: "消息太长",
    },
    Robot.Platform.DINGTALK: {
        310000: "安全设置不通过：关键词、加签密钥或 IP 不符",
        300005: "机器人地址无效",
        400101: "机器人地址无效",
        130101: "发送太频繁，超过了平台的限制",
        660026: "发送太频繁，超过了平台的限制",
        410100: "发送太频繁，超过了平台的限制",
    },
    Robot.Platform.FEISHU: {
        19001: "机器人地址无效",
        19021: "加签密钥不正确，或服务器时间不准",
        19022: "本机 IP 不在机器人的白名单里",
        19024: "没有包含机器人要求的关键词",
        9499: "消息格式不被接受",
        11232: "发送太频繁，超过了平台的限制",
    },
}
TOO_OFTEN = {45009, 130101, 660026, 410100, 11232}
SIGNED = (Robot.Platform.DINGTALK, Robot.Platform.FEISHU)


def request(platform: str, address: str, secret: str, text: str, *, now: float) -> tuple[str, dict]:
    """(address, payload) of one text message, signed where a secret is kept. `now` is seconds since 1970."""
    if platform == Robot.Platform.FEISHU:
        payload: dict = {"msg_type": "text", "content": {"text": text}}
        if secret:
            stamp = str(int(now))
            payload |= {"timestamp": stamp, "sign": _sign(f"{stamp}\n{secret}", "")}
        return address, payload
    if platform == Robot.Platform.DINGTALK and secret:
        stamp = str(int(now * 1000))
        query = urlencode({"timestamp": stamp, "sign": _sign(secret, f"{stamp}\n{secret}")})
        address += ("&" if "?" in address else "?") + query
    return address, {"msgtype": "text", "text": {"content": text}}


def _sign(key: str, message: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), message.encode(), hashlib.sha256).digest()).decode()


def send(row) -> str:
    """Post one row of the outbox; returns what the platform answered."""
    robot = row.robot
    if robot is None:
        raise NotSent("机器人已删除", retry=False)
    if not robot.enabled and row.kind:
        raise NotSent("机器人已停用", retry=False)
    try:
        address, secret = sealing.unseal(robot.address), sealing.unseal(robot.secret)
    except sealing.Unreadable as error:
        raise NotSent(str(error), retry=False) from None
    text = "\n".join(filter(None, [row.subject, row.body]))
    url, payload = request(robot.platform, address, secret, text[:TEXT], now=time.time())
    return read(robot, outgoing.post_json(url, payload))


def read(robot, answer: outgoing.Answer) -> str:
    """What an answer means: the platform's words when it took the message, NotSent or Unsure otherwise."""
    name = robot.get_platform_display()
    if 300 <= answer.status < 400:
        raise NotSent(f"{name}要求跳转到别的地址，没有跟随，请检查地址", retry=False)
    if 400 <= answer.status < 500:
        raise NotSent(f"{name}不接受请求（HTTP {answer.status}），请检查地址", retry=answer.status == 429)
    try:
        said = answer.json()
        code = next(said[key] for key in ("errcode", "code", "StatusCode") if key in said)
    except (ValueError, TypeError, StopIteration):
        raise Unsure(f"{name}的回答看不懂（HTTP {answer.status}），不知道是否发出") from None
    if code == 0 and answer.status == 200:
        return "平台已收下"
    words = WORDS[robot.platform].get(code) if isinstance(code, int) else None
    message = one_line(said.get("errmsg") or said.get("msg") or said.get("StatusMessage") or "", 200)
    text = f"{name}返回错误 {one_line(code, 20)}：{words or message or '没有说明原因'}"
    raise NotSent(text, retry=isinstance(code, int) and code in TOO_OFTEN)
