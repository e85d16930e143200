"""每日摘要: one mail a person and day with yesterday's unread messages."""

from datetime import timedelta

import pytest
from django.core import mail as outbox
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.notices import delivery, digest, preferences, services
from crm.notices.models import Delivery, Message
from crm.records import kinds, periodic  # noqa: F401 (registers the periodic work)
from orgs.tests.factories import employee

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ready(settings):
    settings.SMTP_HOST, settings.SMTP_FROM = "mail.example.com", "crm@example.com"


def reader(name="甲", *, wants=True, **more):
    person = employee(name, **{"email": f"{name}@example.com", **more})
    preferences.save(person, {}, digest=wants)
    return person


def yesterday(person, *titles, kind="transfer", days=1):
    for title in titles:
        services.notify([person.pk], kind=kind, title=title)
    rows = Message.objects.filter(recipient=person, title__in=titles)
    rows.update(created_at=timezone.now() - timedelta(days=days))
    return rows


def test_one_mail_holds_yesterday_s_unread_messages_by_kind(settings):
    settings.PUBLIC_URL = "https://crm.example.com"
    person = reader("a")
    yesterday(person, "转移一", "转移二")
    yesterday(person, "团队", kind="team")
    yesterday(person, "前天", days=2)
    yesterday(person, "读过").update(read_at=timezone.now())
    yesterday(person, "删了").update(deleted_at=timezone.now())
    services.notify([person.pk], kind="team", title="今天")
    assert digest.write(timezone.now()) == "写入 1 封摘要"
    delivery.sweep()
    (mail,) = outbox.outbox
    assert mail.subject.endswith("有 3 条未读消息") and mail.to == ["a@example.com"]
    assert "分配和转移给我（2）\n· 转移二\n· 转移一" in mail.body and "加入团队（1）\n· 团队" in mail.body
    assert all(word not in mail.body for word in ("前天", "读过", "删了", "今天"))
    assert "https://crm.example.com/messages/?unread=1" in mail.body


def test_only_those_who_chose_it_are_active_and_have_an_address_get_one():
    for person in (reader("b", wants=False), reader("c", email=""), reader("d", is_active=False), reader("e")):
        yesterday(person, "甲")
    digest.write(timezone.now())
    assert [row.address for row in Delivery.objects.filter(subject__contains="未读消息")] == ["e@example.com"]


def test_many_messages_of_a_kind_are_shortened():
    yesterday(reader("a"), *[f"第 {n} 条" for n in range(14)])
    digest.write(timezone.now())
    assert "还有 4 条" in Delivery.objects.get().body


def test_it_runs_once_a_day_and_without_mail_not_at_all(settings):
    yesterday(reader("a"), "甲")
    now = timezone.now()
    assert periodic.run("message_digest", now=now).result == "写入 1 封摘要"
    assert periodic.run("message_digest", now=now) is None
    settings.SMTP_HOST = ""
    assert "邮件未配置" in periodic.run("message_digest", now=now + timedelta(days=1)).result
    assert Delivery.objects.count() == 1


def test_the_statements_do_not_grow_with_the_people():
    counts = []
    for start, end in ((0, 2), (2, 20)):
        for n in range(start, end):
            yesterday(reader(f"p{n}"), f"甲{n}")
        with CaptureQueriesContext(connection) as queries:
            digest.write(timezone.now())
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_old_messages_are_cleaned_up_by_their_own_periodic_work():
    person = reader("a")
    yesterday(person, "删了很久").update(deleted_at=timezone.now() - timedelta(days=40))
    yesterday(person, "没读", days=800)
    assert periodic.run("clean_messages").result == "删除消息 1 条，发件记录 0 条"
    assert [m.title for m in Message.objects.all()] == ["没读"]
