"""The one client for requests to addresses that people typed (robots, webhooks).

It resolves the name once, requires every address behind it to be public (or inside OUTGOING_ALLOW), connects to exactly a
checked address, follows no redirect, and gives the whole exchange TIMEOUT seconds and ANSWER bytes. A name that points
inside, changes between the check and the connection or redirects inside therefore reaches nothing.
"""

import http.client
import ipaddress
import json
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from .errors import NotSent, Unsure
from .mail import why_unreachable

TIMEOUT = 5  # seconds, from the first packet to the last
ANSWER = 64 * 1024  # bytes of the answer that are read
LONGEST_URL = 2000
# Ranges that carry or stand for other networks; `is_global` calls some of them public.
_NEVER = [
    ipaddress.ip_network(text)
    for text in (
        "192.0.0.0/24",
        "192.88.99.0/24",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2001::/23",
        "2002::/16",
        "fec0::/10",
        "::/96",
    )
]


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    complete: bool

    def json(self):
        """The answer as JSON; ValueError when it is none."""
        if not self.complete:
            raise ValueError("answer too long")
        return json.loads(self.body)


@dataclass(frozen=True)
class Target:
    """An address taken apart: what is connected to and what is asked for."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def shown(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.secure else 80) else f"{name}:{self.port}"


def parse(url: str) -> Target:
    """Take a URL apart; NotSent with the reason when it may not be asked."""
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or any(c in url for c in ' \\"<>'):
        raise NotSent("地址里有不能使用的字符，或者太长", retry=False)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise NotSent("地址格式不正确", retry=False) from None
    if parts.scheme not in ("http", "https"):
        raise NotSent("地址必须以 http:// 或 https:// 开头", retry=False)
    if not parts.hostname or "@" in parts.netloc or port == 0:
        raise NotSent("地址格式不正确", retry=False)
    secure = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(secure, parts.hostname, port or (443 if secure else 80), path)


def allowed(address: str) -> bool:
    """Whether this address may be connected to: public, or inside OUTGOING_ALLOW."""
    ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    for text in settings.OUTGOING_ALLOW:
        network = ipaddress.ip_network(text, strict=False)
        if ip.version == network.version and ip in network:
            return True
    if any(ip.version == network.version and ip in network for network in _NEVER):
        return False
    inside = ip.is_private or ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_reserved
    return ip.is_global and not inside and not ip.is_unspecified


def resolve(target: Target) -> list[tuple]:
    """(family, socket address) of every address of the host, all of them checked; NotSent otherwise."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotSent(f"找不到主机 {target.host}", retry=True) from None
    if not found or not all(allowed(place[0]) for *_, place in found):
        raise NotSent("这个地址指向内部网络，不允许访问（需要时由运维在 OUTGOING_ALLOW 中放行）", retry=False)
    return [(family, place) for family, _, _, _, place in found]


def post_json(url: str, payload: dict) -> Answer:
    """POST `payload`; NotSent when nothing went out, Unsure when it did and no whole answer came."""
    target = parse(url)
    places = resolve(target)
    ends = time.monotonic() + TIMEOUT
    connection = _connect(target, places, ends)
    watch = threading.Timer(max(0, ends - time.monotonic()), _cut, [connection])
    watch.daemon = True
    watch.start()
    try:
        return _exchange(target, connection, json.dumps(payload, ensure_ascii=False).encode())
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = "等待超时" if time.monotonic() >= ends else why_unreachable(error)
        raise Unsure(f"{target.shown} 没有完整地回答：{reason}") from None
    finally:
        watch.cancel()
        connection.close()


def _connect(target: Target, places: list[tuple], ends: float):
    """A connection to one of the checked addresses; TLS is negotiated for the name, so a certificate must fit it."""
    reason: Exception = TimeoutError()
    for family, place in places:
        left = ends - time.monotonic()
        if left <= 0:
            break
        raw = socket.socket(family, socket.SOCK_STREAM)
        try:
            raw.settimeout(left)
            raw.connect(place)
            if not target.secure:
                return raw
            raw.settimeout(max(0.1, ends - time.monotonic()))
            return _tls_context().wrap_socket(raw, server_hostname=target.host)
        except OSError as error:
            reason = error
            raw.close()
    raise NotSent(f"连接不上 {target.shown}：{why_unreachable(reason)}", retry=True, down=True)


def _tls_context() -> ssl.SSLContext:
    return ssl.create_default_context()


def _cut(connection) -> None:
    """Ends an exchange that takes too long, also one that drips byte by byte. The plain shutdown: the TLS one may wait."""
    try:
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    except OSError:
        return  # it was over already


def _exchange(target: Target, connection, body: bytes) -> Answer:
    client = http.client.HTTPConnection(target.host, target.port)
    client.sock = connection
    headers = {
        "Host": target.shown,
        "Content-Type": "application/json; charset=utf-8",
        "Accept": "application/json",
        "User-Agent": "Kaihai-CRM",
        "Connection": "close",
    }
    client.request("POST", target.path, body, headers)
    answer = client.getresponse()
    text = answer.read(ANSWER + 1)
    return Answer(answer.status, text[:ANSWER], len(text) <= ANSWER)
