"""Sign-ins name the device as people do."""

import pytest

from orgs.devices import device_name
from orgs.models import SignInLog
from orgs.tests.factories import client_for, employee

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (CHROME, "Chrome 126 · Windows"),
        (f"{CHROME} Edg/126.0.1", "Edge 126 · Windows"),
        (f"{PHONE} Version/17.5 Mobile/15E148 Safari/604.1", "Safari 17 · iPhone"),
        (f"{PHONE} Mobile/15E148 MicroMessenger/8.0.49(0x1800312f)", "微信 8 · iPhone"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", "Firefox 127 · Linux"),
        ("Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/126.0 Mobile Safari/537.36", "Chrome 126 · Android"),
        ("curl/8.5", "curl/8.5"),
        ("x" * 300, "x" * 40),
        (" ", "未知设备"),
    ],
)
def test_a_device_is_named_by_browser_and_system(agent, words):
    assert device_name(agent) == words


@pytest.mark.django_db
def test_the_sign_in_log_shows_it_and_escapes_what_it_does_not_know():
    boss = employee("超管", ["super"])
    for agent in (CHROME, '"><img src=x onerror=1>'):
        SignInLog.objects.create(employee=boss, username=boss.phone, agent=agent, result="ok")
    page = client_for(boss).get("/settings/signins/").content.decode()
    assert "Chrome 126 · Windows" in page and "<img src=x" not in page
