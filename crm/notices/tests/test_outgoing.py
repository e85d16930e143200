"""The outgoing client: only public addresses or those of OUTGOING_ALLOW, exactly the checked one, no redirect, in time."""

import datetime
import ipaddress
import socket
import ssl
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from crm.notices import outgoing
from crm.notices.errors import NotSent, Unsure
from crm.notices.tests.servers import http_server, say

LOCAL = ["127.0.0.0/8"]


@pytest.fixture
def allowed(settings):
    settings.OUTGOING_ALLOW = LOCAL


def names(monkeypatch, **table):
    """Have host names resolve to these addresses."""
    real = socket.getaddrinfo

    def resolve(host, port, *args, **kwargs):
        if host not in table:
            return real(host, port, *args, **kwargs)
        found = table[host]
        return [
            (socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
            for one in (found if isinstance(found, list) else [found])
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def test_an_allowed_address_is_posted_to(allowed):
    with http_server() as server:
        answer = outgoing.post_json(server.url, {"甲": "乙"})
    asked = server.asked[0]
    assert answer.status == 200 and answer.json()["errcode"] == 0
    assert asked["json"] == {"甲": "乙"} and asked["path"] == "/hook?key=k-1"
    assert asked["headers"]["Host"] == f"127.0.0.1:{server.port}"


def test_without_the_allow_list_this_machine_is_not_reached(settings):
    settings.OUTGOING_ALLOW = []
    with http_server() as server:
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "2130706433", "0x7f.1", "0"):
            with pytest.raises(NotSent):
                outgoing.post_json(f"http://{host}:{server.port}/", {})
        assert server.asked == []


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",  # noqa: S104
        "240.0.0.1", "255.255.255.255", "192.0.0.8", "198.18.0.1", "203.0.113.5", "192.88.99.1", "::1", "::", "fe80::1",
        "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a00:1",
        "64:ff9b:1::1", "2002:a00:1::", "2001:0:1::1", "2001:db8::1", "::10.0.0.1", "fec0::1",
    ],
)  # fmt: skip
def test_addresses_inside_are_refused(settings, address):
    settings.OUTGOING_ALLOW = []
    assert not outgoing.allowed(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "223.5.5.5", "2400:3200::1", "::ffff:223.5.5.5"])
def test_public_addresses_pass(settings, address):
    settings.OUTGOING_ALLOW = []
    assert outgoing.allowed(address)


def test_the_allow_list_opens_only_its_networks(settings):
    settings.OUTGOING_ALLOW = ["10.1.0.0/16"]
    assert outgoing.allowed("10.1.2.3") and outgoing.allowed("::ffff:10.1.2.3")
    assert not outgoing.allowed("10.2.2.3") and not outgoing.allowed("::a01:203")


def test_a_name_that_points_inside_reaches_nothing(settings, monkeypatch):
    settings.OUTGOING_ALLOW = []
    with http_server() as server:
        names(monkeypatch, **{"robot.example": "127.0.0.1", "mixed.example": ["223.5.5.5", "127.0.0.1"]})
        for host in ("robot.example", "mixed.example"):
            with pytest.raises(NotSent) as refused:
                outgoing.post_json(f"http://{host}:{server.port}/", {})
            assert "内部网络" in str(refused.value) and not refused.value.retry
        assert server.asked == []


def test_a_name_is_resolved_once_so_that_it_cannot_change_in_between(allowed, monkeypatch):
    with http_server() as server:
        asked = []
        names(monkeypatch, **{"robot.example": "127.0.0.1"})
        first = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: asked.append(a[0]) or first(*a, **k))
        outgoing.post_json(f"http://robot.example:{server.port}/x", {})
        assert asked == ["robot.example"]
        assert server.asked[0]["headers"]["Host"] == f"robot.example:{server.port}"


def test_redirects_are_not_followed(allowed):
    with http_server() as inside, http_server(say(302, b"", Location=inside.url)) as server:
        assert outgoing.post_json(server.url, {}).status == 302
        assert len(server.asked) == 1 and inside.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/", "file:///etc/passwd", "//example.com", "example.com", "", "http://", "http://a:b@c.example/",
        "http://example.com:99999/", "http://example.com:0/", "http://exa mple.com/", "http://例子.cn/", "http://a.example/\r\nX: y",
        "http://a.example\\@b.example/", "http://[::1/", "https://" + "a" * 2000 + ".example/",
    ],
)  # fmt: skip
def test_what_is_no_plain_web_address_is_refused_before_anything_is_resolved(url, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: pytest.fail("resolved"))
    with pytest.raises(NotSent):
        outgoing.post_json(url, {})


def test_a_long_answer_is_cut_and_is_no_json(allowed):
    with http_server(say(200, b'"' + b"a" * 200_000 + b'"')) as server:
        answer = outgoing.post_json(server.url, {})
    assert len(answer.body) == 64 * 1024
    with pytest.raises(ValueError):
        answer.json()


def drip(handler):
    """A byte now and then, for ever."""
    handler.send_response(200)
    handler.end_headers()
    try:
        for _ in range(200):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)
    except OSError:
        return


def test_an_answer_that_drips_is_cut_off_in_time(allowed, monkeypatch):
    monkeypatch.setattr(outgoing, "TIMEOUT", 0.5)
    with http_server(drip) as server:
        began = time.monotonic()
        try:
            outgoing.post_json(server.url, {}).json()
        except (Unsure, ValueError):
            pass
        else:
            pytest.fail("a dripping answer was taken for a whole one")
    assert time.monotonic() - began < 3


def test_silence_after_the_request_is_uncertain_and_before_it_is_not(allowed, monkeypatch):
    monkeypatch.setattr(outgoing, "TIMEOUT", 0.4)
    with http_server(lambda handler: time.sleep(1)) as server, pytest.raises(Unsure, match="等待超时"):
        outgoing.post_json(server.url, {})
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(NotSent) as refused:
        outgoing.post_json(f"http://127.0.0.1:{port}/", {})
    assert refused.value.retry and refused.value.down


def certificate(folder, name):
    """A self-signed certificate for `name`: (server context, context that trusts it)."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "pem").write_bytes(pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "pem")
    return server, ssl.create_default_context(cadata=made.public_bytes(serialization.Encoding.PEM).decode())


def test_tls_is_negotiated_for_the_name_and_its_certificate_must_fit(allowed, monkeypatch, tmp_path):
    context, trusting = certificate(tmp_path, "robot.example")
    heard = []
    context.sni_callback = lambda connection, name, context: heard.append(name)
    names(monkeypatch, **{"robot.example": "127.0.0.1", "other.example": "127.0.0.1"})
    with http_server(tls=context) as server:
        with pytest.raises(NotSent, match="证书不可信"):  # nobody vouches for it yet
            outgoing.post_json(f"https://robot.example:{server.port}/", {})
        monkeypatch.setattr(outgoing, "_tls_context", lambda: trusting)
        assert outgoing.post_json(f"https://robot.example:{server.port}/", {}).status == 200
        with pytest.raises(NotSent, match="证书不可信"):
            outgoing.post_json(f"https://other.example:{server.port}/", {})
        assert len(server.asked) == 1
    assert heard == ["robot.example", "robot.example", "other.example"]


def test_the_check_covers_every_range_that_is_private_by_the_book():
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10"):
        network = ipaddress.ip_network(text)
        assert not any(outgoing.allowed(str(one)) for one in (network[0], network[1], network[-1]))
