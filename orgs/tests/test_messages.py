"""消息: inbox, letters between colleagues, the person's own preferences."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.notices import kinds
from crm.notices.models import Message, NoticePreference
from crm.notices.services import notify
from orgs.services import letters
from orgs.tests.factories import client_for, employee

pytestmark = pytest.mark.django_db
XSS = '"><img src=x onerror=1>'


@pytest.fixture
def pair():
    return employee("林晓岚"), employee("周亦辰")


def text_of(response) -> str:
    return response.content.decode()


def write(person, to, text="下周一例会改到 10:00", **more):
    ids = [one.pk if hasattr(one, "pk") else one for one in to]
    return client_for(person).post("/messages/new/", {"recipients": ids, "text": text, **more})


def test_the_inbox_has_a_tab_for_every_kind_with_its_unread_count(pair):
    me, _ = pair
    for kind in ("job", "job", "team"):
        notify([me.pk], kind=kind, title="甲")
    tabs = {tab["label"]: tab["count"] for tab in client_for(me).get("/messages/").context["tabs"]}
    assert tabs["全部"] == 3 and tabs[kinds.label_of("job")] == 2 and tabs[kinds.label_of("transfer")] == 0
    assert len(tabs) == len(kinds.ALL) + 1


def test_kind_and_unread_narrow_the_list_and_an_unknown_kind_is_named(pair):
    me, _ = pair
    client = client_for(me)
    for kind in ("job", "team"):
        notify([me.pk], kind=kind, title=f"关于{kind}")
    Message.objects.filter(kind="team").update(read_at="2026-01-01T00:00Z")
    titles = lambda url: [m.title for m in client.get(url).context["items"]]  # noqa: E731
    assert titles("/messages/?kind=team") == ["关于team"]
    assert titles("/messages/?unread=1") == ["关于job"]
    assert titles("/messages/?kind=team&unread=1") == []
    assert "没有未读消息" in text_of(client.get("/messages/?kind=team&unread=1"))
    assert "忽略了无法识别的类型" in text_of(client.get("/messages/?kind=nonsense"))


def test_the_inbox_takes_the_same_statements_for_one_and_for_thirty(pair):
    me, other = pair
    client, counts = client_for(me), []
    for many in (1, 40):
        for _ in range(many):
            notify([me.pk], kind="person", title="甲", sender=other)
        client.get("/messages/")
        with CaptureQueriesContext(connection) as queries:
            client.get("/messages/")
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 12


def test_opening_a_message_marks_it_read_and_follows_its_link(pair):
    me, _ = pair
    notify([me.pk], kind="job", title="甲", url="/jobs/7/")
    message = Message.objects.get()
    assert client_for(me).get(f"/messages/{message.pk}/").url == "/jobs/7/"
    message.refresh_from_db()
    assert message.read_at


@pytest.mark.parametrize("url", ["//evil.example/", "https://evil.example/", "/\\evil.example"])
def test_a_message_never_leads_away_from_the_site(pair, url):
    me, _ = pair
    notify([me.pk], kind="job", title="甲", url=url)
    assert client_for(me).get(f"/messages/{Message.objects.get().pk}/").status_code == 200


def test_nobody_opens_reads_answers_or_deletes_the_message_of_another(pair):
    me, other = pair
    notify([other.pk], kind="person", title="秘密", sender=me)
    message = Message.objects.get()
    client = client_for(employee("丙"))
    assert client.get(f"/messages/{message.pk}/").status_code == 404
    assert client.post(f"/messages/{message.pk}/reply/", {"text": "x"}).status_code == 404
    client.post("/messages/delete/", {"ids": message.pk})
    client.post("/messages/read/", {"ids": message.pk})
    client.post("/messages/read/", {"all": "1"})
    message.refresh_from_db()
    assert message.read_at is None and message.deleted_at is None and Message.objects.count() == 1


def test_read_marks_the_chosen_ones_and_all_marks_every_one(pair):
    me, _ = pair
    client = client_for(me)
    for n in range(3):
        notify([me.pk], kind="job", title=f"第 {n}")
    first = Message.objects.order_by("pk").first()
    assert (
        client.post("/messages/read/", {"ids": [first.pk], "back": "/messages/?kind=job"}).url == "/messages/?kind=job"
    )
    assert Message.objects.filter(read_at=None).count() == 2
    client.post("/messages/read/", {})
    assert Message.objects.filter(read_at=None).count() == 2  # nothing chosen is not everything
    client.post("/messages/read/", {"all": "1"})
    assert not Message.objects.filter(read_at=None).exists()


def test_the_way_back_stays_on_the_inbox(pair):
    me, _ = pair
    for back in ("https://evil.example/", "//evil.example", "/messages/?a=1\r\nX: y", "/settings/"):
        assert client_for(me).post("/messages/read/", {"all": "1", "back": back}).url == "/messages/"


def test_one_message_goes_at_once_and_several_after_a_question(pair):
    me, _ = pair
    client = client_for(me)
    for n in range(3):
        notify([me.pk], kind="job", title=f"第 {n}")
    ids = list(Message.objects.order_by("pk").values_list("pk", flat=True))
    client.post("/messages/delete/", {"ids": ids[0]})
    question = client.post("/messages/delete/", {"ids": ids[1:]})
    assert "删除 2 条消息？" in text_of(question) and Message.objects.filter(deleted_at=None).count() == 2
    client.post("/messages/delete/", {"ids": ",".join(map(str, ids[1:])), "confirmed": "1"})
    assert "没有消息" in text_of(client.get("/messages/"))


def test_a_letter_reaches_its_people_with_the_name_of_its_writer(pair):
    me, other = pair
    third = employee("程映雪")
    assert write(me, [other, third], title="例会").status_code == 302
    assert set(Message.objects.values_list("recipient", "sender", "title")) == {
        (other.pk, me.pk, "例会"),
        (third.pk, me.pk, "例会"),
    }
    assert "林晓岚：例会" in text_of(client_for(other).get("/messages/"))


def test_without_a_title_the_beginning_of_the_text_stands_there(pair):
    me, other = pair
    write(me, [other], text="一" * 60 + "\n第二行")
    assert Message.objects.get().title == "一" * 40 + "…"


@pytest.mark.parametrize(
    "data,words",
    [
        ({"text": ""}, "请填写内容"),
        ({"text": "长" * 2001}, "最多 2000 个字"),
        ({"text": "长" * 10_000}, "最多 2000 个字"),
        ({"title": "长" * 101, "text": "x"}, "最多 100 个字"),
        ({"recipients": [], "text": "x"}, "请选择收件人"),
        ({"recipients": ["x"], "text": "x"}, "请选择列表中的选项"),
        ({"recipients": [10**30], "text": "x"}, "请选择列表中的选项"),
    ],
)
def test_what_is_wrong_with_a_letter_is_said_and_nothing_is_sent(pair, data, words):
    me, other = pair
    response = client_for(me).post("/messages/new/", {"recipients": [other.pk], "title": "", **data})
    assert response.status_code == 422 and words in text_of(response) and not Message.objects.exists()


def test_exactly_the_limits_pass(pair):
    me, other = pair
    assert write(me, [other], text="😀" * 2000, title="长" * 100).status_code == 302
    assert Message.objects.get().body == "😀" * 2000


def test_a_disabled_colleague_and_oneself_are_refused(pair):
    me, _ = pair
    gone = employee("离职", is_active=False)
    assert "离职的账号已停用" in text_of(write(me, [gone]))
    assert "不能给自己发站内信" in text_of(write(me, [me]))
    assert not Message.objects.exists()


def test_letters_are_limited_per_hour_and_at_once(pair, monkeypatch):
    me, other = pair
    monkeypatch.setattr(letters, "PER_HOUR", 3)
    monkeypatch.setattr(letters, "AT_ONCE", 2)
    for _ in range(3):
        assert write(me, [other]).status_code == 302
    response = write(me, [other])
    assert response.status_code == 422 and "每小时最多发 3 条站内信" in text_of(response)
    client_for(other).post("/messages/delete/", {"ids": Message.objects.first().pk})  # what others delete still counts
    assert write(me, [other]).status_code == 422
    assert "一次最多发给 2 位同事" in text_of(write(me, [other, employee(), employee()]))
    Message.objects.update(created_at="2020-01-01T00:00Z")
    assert write(me, [other]).status_code == 302


def test_text_is_shown_as_text_wherever_it_stands(pair):
    me, other = pair
    write(me, [other], text=f"{XSS}\x00\n第二行", title=XSS)
    client = client_for(other)
    for url in ("/messages/", "/", f"/messages/{Message.objects.get().pk}/"):
        assert "<img" not in text_of(client.get(url)), url
    assert "\x00" not in Message.objects.get().body


def test_an_answer_goes_to_the_writer_and_keeps_the_thread(pair):
    me, other = pair
    write(me, [other], title="例会")
    letter = Message.objects.get()
    client = client_for(other)
    assert client.post(f"/messages/{letter.pk}/reply/", {"text": "收到"}).status_code == 302
    answer = Message.objects.exclude(pk=letter.pk).get()
    assert (answer.recipient, answer.sender, answer.title, answer.answers) == (me, other, "回复：例会", letter)
    page = text_of(client_for(me).get(f"/messages/{answer.pk}/"))
    assert "以前的往来" in page and "下周一例会改到 10:00" in page
    client_for(me).post(f"/messages/{answer.pk}/reply/", {"text": "好"})
    assert Message.objects.latest("pk").title == "回复：例会"


def test_a_wrong_answer_keeps_what_was_typed(pair):
    me, other = pair
    write(me, [other])
    letter = Message.objects.get()
    response = client_for(other).post(f"/messages/{letter.pk}/reply/", {"text": "长" * 2001})
    assert response.status_code == 422 and "长" * 2001 in text_of(response)
    me.is_active = False
    me.save(update_fields=["is_active"])
    assert "已停用" in text_of(client_for(other).post(f"/messages/{letter.pk}/reply/", {"text": "在吗"}))
    assert Message.objects.count() == 1


def test_messages_of_the_system_cannot_be_answered(pair):
    me, _ = pair
    notify([me.pk], kind="system", title="停机")
    assert client_for(me).post(f"/messages/{Message.objects.get().pk}/reply/", {"text": "x"}).status_code == 404


def test_the_name_card_offers_a_letter_to_active_colleagues_only(pair):
    me, other = pair
    gone = employee("离职", is_active=False)
    client = client_for(me)
    assert f"/messages/new/?to={other.pk}" in text_of(client.get(f"/people/{other.pk}/"))
    for person in (me, gone):
        assert "/messages/new/" not in text_of(client.get(f"/people/{person.pk}/"))
    assert other.name in text_of(client.get(f"/messages/new/?to={other.pk}"))
    assert client.get("/messages/new/?to=x").status_code == 200


def test_preferences_are_ones_own_and_take_effect_at_once(pair):
    me, other = pair
    notice = {f"site-{kind.key}": "on" for kind in kinds.ordered() if kind.key != "team"}
    assert client_for(me).post("/me/notices/", notice).status_code == 302
    notify([me.pk, other.pk], kind="team", title="甲")
    assert list(Message.objects.values_list("recipient", flat=True)) == [other.pk]
    assert not NoticePreference.objects.filter(user=other).exists()


def test_the_page_says_that_mail_is_not_configured_and_keeps_the_choices_of_mail(pair):
    me, _ = pair
    NoticePreference.objects.create(user=me, choices={"team": {"mail": True}}, digest=True)
    assert "邮件未配置" in text_of(client_for(me).get("/me/notices/"))
    client_for(me).post("/me/notices/", {f"site-{kind.key}": "on" for kind in kinds.ordered()})
    row = NoticePreference.objects.get(user=me)
    assert row.choices == {"team": {"mail": True}} and row.digest
