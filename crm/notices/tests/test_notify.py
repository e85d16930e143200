"""Kinds by registration, and what reaches whom by which channel."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.notices import kinds, preferences, services
from crm.notices.models import Message, NoticePreference
from orgs.tests.factories import employee

pytestmark = pytest.mark.django_db


@pytest.fixture
def kind(monkeypatch):
    """A kind of a module above, gone after the test."""
    monkeypatch.setattr(kinds, "ALL", dict(kinds.ALL))
    return kinds.register("harvest", "收成", "农事", mail=True)


def test_a_kind_nobody_registered_is_a_mistake_of_the_code():
    with pytest.raises(LookupError):
        services.notify([employee().pk], kind="harvest", title="苹果熟了")
    assert not Message.objects.exists()


def test_a_registered_kind_needs_no_migration(kind):
    person = employee()
    assert services.notify([person.pk, person.pk, None], kind="harvest", title="苹果熟了") == 1
    message = Message.objects.get()
    assert (message.kind_label, message.read_at) == ("收成", None)


def test_a_key_is_registered_once(kind):
    with pytest.raises(ValueError):
        kinds.register("harvest", "又一次", "农事")


def test_messages_of_a_module_that_is_gone_keep_a_label():
    assert Message(kind="gone").kind_label == "其他"


def test_who_switched_a_kind_off_gets_none_of_it_and_the_others_do(kind):
    quiet, other = employee("静"), employee("闹")
    preferences.save(quiet, {"harvest": (False, True)}, digest=False)
    assert services.notify([quiet.pk, other.pk], kind="harvest", title="梨") == 1
    assert list(Message.objects.values_list("recipient", flat=True)) == [other.pk]


def test_system_messages_and_letters_cannot_be_switched_off():
    person = employee()
    preferences.save(person, {"system": (False, False), "person": (False, False)}, digest=False)
    for key in ("system", "person"):
        services.notify([person.pk], kind=key, title="停机")
    assert Message.objects.count() == 2


def test_preferences_are_read_once_for_all_recipients(kind):
    few, many = [employee().pk for _ in range(2)], [employee().pk for _ in range(30)]
    counts = []
    for people in (few, many):
        with CaptureQueriesContext(connection) as queries:
            services.notify(people, kind="harvest", title="梨")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_only_what_differs_from_the_defaults_is_kept(kind):
    person = employee()
    preferences.save(person, {"harvest": (True, True), "team": (True, False)}, digest=True)
    row = NoticePreference.objects.get()
    assert (row.choices, row.digest) == ({}, True)
    preferences.save(person, {"harvest": (True, None), "team": (False, None)}, digest=False)
    assert NoticePreference.objects.get().choices == {"team": {"site": False}}


def test_choices_of_a_module_that_is_not_installed_now_are_kept(kind):
    person = employee()
    NoticePreference.objects.create(user=person, choices={"later": {"site": False}})
    preferences.save(person, {"harvest": (False, True)}, digest=False)
    assert NoticePreference.objects.get().choices == {"later": {"site": False}, "harvest": {"site": False}}


def test_titles_stay_one_line_and_bodies_within_their_limit():
    person = employee()
    services.notify(
        [person.pk], kind="system", title="a\r\nBcc: x@example.com\x00" + "长" * 300, body="一\x00\r\n二" * 5000
    )
    message = Message.objects.get()
    assert message.title.startswith("a Bcc: x@example.com") and len(message.title) == 200
    assert message.body.startswith("一\n二") and len(message.body) == 10_000


def test_deleted_messages_are_gone_for_their_reader_and_count_as_read():
    person = employee()
    services.notify([person.pk], kind="system", title="甲")
    message = Message.objects.get()
    other = employee()
    assert services.delete(other, [message.pk]) == 0
    assert services.delete(person, [message.pk]) == 1
    assert not services.inbox(person).exists() and services.unread_by_kind(person) == {}
