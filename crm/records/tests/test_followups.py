"""Follow-ups: dates of their records, mentions, limits, edits, phrases, the timeline and the page of all of them."""

import io
from datetime import timedelta

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from openpyxl import load_workbook

from crm.notices.models import Message
from crm.records import params, services, teams
from crm.records import services as records
from crm.records.followups import queries
from crm.records.followups import services as followups
from crm.records.followups.pages import bounds
from crm.records.models import Attachment, FollowUp, FollowUpComment, FollowUpLink, Job, OperationLog, QuickText
from crm.records.views.logs import log_events
from crm.testing.followups import method, values
from customers.models import Contact, Customer
from customers.module.customer import CUSTOMER
from orgs.models import Role
from orgs.services import create_role
from orgs.tests.factories import client_for, department, employee

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def firm():
    """A seller with a customer and its contact, the manager above, a colleague elsewhere who sees neither."""
    east, south = department("华东"), department("华南")
    boss = employee("顾南乔", ["sales_manager"], east)
    seller = employee("林晓岚", ["seller"], east, supervisor=boss)
    blind = employee("何嘉欣", ["seller"], south)
    customer = records.create(Customer(name="云澜智造", owner=seller), by=seller)
    contact = records.create(Contact(name="许一诺", customer=customer, owner=seller), by=seller)
    return type("Firm", (), locals())


def tomorrow(days=1):
    return timezone.now().replace(microsecond=0) + timedelta(days=days)


def dates(customer):
    customer.refresh_from_db()
    return customer.last_followed_at, customer.next_contact_at


def sent(content="谈了二期预算", **more):
    return {"method": method().pk, "content": content, **more}


# Dates ----------------------------------------------------------------------------------------------------------------
def test_the_newest_follow_up_sets_the_dates_and_deleting_it_puts_back_those_before(firm):
    first = followups.write(firm.customer, values("一", next_contact_at=tomorrow(3)), by=firm.seller)
    second = followups.write(firm.customer, values("二", next_contact_at=tomorrow(1)), by=firm.seller)
    third = followups.write(firm.customer, values("三"), by=firm.seller)
    assert dates(firm.customer) == (third.created_at, None)
    followups.remove(third, by=firm.seller)
    assert dates(firm.customer) == (second.created_at, second.next_contact_at)
    followups.remove(first, by=firm.seller)
    assert dates(firm.customer) == (second.created_at, second.next_contact_at)
    followups.remove(second, by=firm.seller)
    assert dates(firm.customer) == (None, None)


def test_editing_the_newest_moves_the_planned_date_and_editing_an_older_one_does_not(firm):
    first = followups.write(firm.customer, values("一", next_contact_at=tomorrow(3)), by=firm.seller)
    second = followups.write(firm.customer, values("二", next_contact_at=tomorrow(1)), by=firm.seller)
    followups.edit(first, values("一", next_contact_at=tomorrow(9)), version=1, by=firm.seller)
    assert dates(firm.customer)[1] == second.next_contact_at
    followups.edit(second, values("二"), version=1, by=firm.seller)
    assert dates(firm.customer) == (second.created_at, None)


def test_a_follow_up_of_a_contact_sets_the_dates_of_its_customer_and_shows_on_both(firm):
    one = followups.write(firm.contact, values("和联系人通话", next_contact_at=tomorrow()), by=firm.seller)
    assert dates(firm.customer) == (one.created_at, one.next_contact_at)
    for url in (f"/customers/{firm.customer.pk}/", f"/contacts/{firm.contact.pk}/"):
        assert "和联系人通话" in client_for(firm.seller).get(url).content.decode()
    Contact.objects.filter(pk=firm.contact.pk).update(deleted_at=timezone.now())
    records.purge(Contact.objects.trashed(), by=firm.seller)
    assert dates(firm.customer) == (None, None) and not FollowUp.objects.exists()


def test_a_customer_form_opened_before_the_follow_up_meets_the_conflict_page_and_not_the_old_date(firm):
    before = firm.customer.version
    followups.write(firm.customer, values("一", next_contact_at=tomorrow()), by=firm.seller)
    firm.customer.refresh_from_db()
    assert firm.customer.version == before + 1
    with pytest.raises(services.Stale):
        services.update(firm.customer, {"next_contact_at": None}, version=before, by=firm.seller)
    followups.write(firm.customer, values("二", next_contact_at=firm.customer.next_contact_at), by=firm.seller)
    firm.customer.refresh_from_db()
    assert firm.customer.version == before + 1


def test_related_contacts_are_those_of_the_customer_and_carry_it_on_their_timeline(firm):
    other = records.create(Customer(name="另一家", owner=firm.seller), by=firm.seller)
    stranger = records.create(Contact(name="外人", customer=other, owner=firm.seller), by=firm.seller)
    client, url = client_for(firm.seller), f"/customers/{firm.customer.pk}/follow-ups/"
    refused = client.post(url, sent(with_contact=[stranger.pk]), headers=HTMX)
    assert refused.status_code == 422 and not FollowUp.objects.exists()
    assert client.post(url, sent(with_contact=[firm.contact.pk])).status_code == 302
    assert "谈了二期预算" in client.get(f"/contacts/{firm.contact.pk}/").content.decode()
    one = FollowUp.objects.get()
    client.post(f"/follow-ups/{one.pk}/edit/", sent(version=1))
    assert not one.links.filter(kind=FollowUpLink.Kind.RELATED).exists()
    found = client.get(f"/pick/contact/?customer={firm.customer.pk}").json()["results"]
    assert [row["text"] for row in found] == ["许一诺"]


def test_who_sees_the_customer_but_not_its_contact_does_not_see_what_was_written_there(firm):
    followups.write(firm.contact, values("只给看得到联系人的人"), by=firm.seller)
    teams.add([firm.customer], [firm.blind], write=False, by=firm.seller)
    url, client = f"/customers/{firm.customer.pk}/", client_for(firm.blind)
    page = client.get(url)
    assert "只给看得到联系人的人" in page.content.decode()
    params.store("children_follow_parent", False)
    page = client.get(url)
    assert "只给看得到联系人的人" not in page.content.decode()
    assert next(tab for tab in page.context["tabs"] if tab["key"] == "followups")["count"] == 0


# Writing ---------------------------------------------------------------------------------------------------------------
def test_limits_and_odd_characters(firm):
    client, url = client_for(firm.seller), f"/customers/{firm.customer.pk}/follow-ups/"
    for data, text in (
        (sent(""), "请填写跟进内容"),
        (sent("\x00 \u3000"), "请填写跟进内容"),
        (sent("长" * 5001), "最多 5000 个字"),
        (sent("好", title="长" * 101), "最多 100 个字"),
        (sent("好", next_contact_at="明天"), "时间格式应为"),
        ({"content": "好"}, "请选择跟进方式"),
        (sent("好", method="999999"), "请选择列表中的选项"),
        (sent("好", topic=method().pk), "请选择列表中的选项"),
    ):
        answer = client.post(url, data, headers=HTMX)
        assert answer.status_code == 422 and text in answer.content.decode(), data
    assert not FollowUp.objects.exists()
    client.post(url, sent("一\x00二\r\n三😀" + "长" * 4994))
    assert FollowUp.objects.get().content == "一二\n三😀" + "长" * 4994


def test_only_a_visit_keeps_place_purpose_and_result(firm):
    more = {"place": "一号车间", "purpose": "调研", "result": "认可"}
    assert followups.write(firm.customer, values("a", **more), by=firm.seller).place == ""
    one = followups.write(firm.customer, values("a", **more, method=method("上门拜访")), by=firm.seller)
    assert (one.place, one.purpose, one.result) == ("一号车间", "调研", "认可")
    followups.edit(one, values("a", **more), version=1, by=firm.seller)
    assert FollowUp.objects.get(pk=one.pk).place == ""


def test_foreign_fields_of_a_post_change_nothing(firm):
    data = sent(author=firm.blind.pk, object_id=1, content_type=1, created_at="2020-01-01", version="7")
    client_for(firm.seller).post(f"/customers/{firm.customer.pk}/follow-ups/", data)
    one = FollowUp.objects.get()
    assert (one.author, one.object_id, one.version) == (firm.seller, firm.customer.pk, 1)
    assert one.created_at > timezone.now() - timedelta(minutes=5)


def test_a_refused_file_keeps_what_was_typed_and_writes_nothing(firm):
    files = [SimpleUploadedFile("a.png", b"not a picture")]
    answer = client_for(firm.seller).post(
        f"/customers/{firm.customer.pk}/follow-ups/", sent("打好的字", files=files), headers=HTMX
    )
    body = answer.content.decode()
    assert answer.status_code == 422 and "打好的字" in body and "不符" in body
    assert not FollowUp.objects.exists() and not Attachment.objects.exists()


def test_a_saved_follow_up_comes_back_with_the_page_and_in_the_dialog_closes_it(firm):
    client, url = client_for(firm.seller), f"/customers/{firm.customer.pk}/follow-ups/"
    page = client.post(url, sent(), headers={**HTMX, "HX-Target": "follow-composer"})
    assert page["HX-Reselect"] == ".k-page" and "谈了二期预算" in page.content.decode()
    closed = client.post(url, sent(), headers={**HTMX, "HX-Target": "dialog"})
    assert closed.content == b"" and "followed" in closed["HX-Trigger"]
    phone = client.get(f"{url}new/?method=phone", headers={**HTMX, "HX-Target": "dialog"}).content.decode()
    assert phone.split("data-phone")[0].rstrip().endswith("checked")


# Mentions --------------------------------------------------------------------------------------------------------------
def test_a_mention_tells_the_colleague_once_and_links_the_name(firm):
    one = followups.write(firm.customer, values("@顾南乔，请看一下 @顾南乔"), by=firm.seller)
    assert list(Message.objects.filter(kind="mention").values_list("recipient", "url")) == [
        (firm.boss.pk, f"/follow-ups/{one.pk}/")
    ]
    followups.edit(one, values("@顾南乔 改了一下"), version=1, by=firm.seller)
    assert Message.objects.filter(kind="mention").count() == 1
    page = client_for(firm.boss).get(f"/customers/{firm.customer.pk}/").content.decode()
    assert f'<a class="k-mention" href="/people/{firm.boss.pk}/" data-panel>@顾南乔</a>' in page


def test_mentioning_somebody_who_may_not_see_the_record_is_a_form_error_that_names_them(firm):
    client, url = client_for(firm.seller), f"/customers/{firm.customer.pk}/follow-ups/"
    for data in (sent("@何嘉欣 帮忙看看"), sent("@何嘉欣", mentions=str(firm.blind.pk))):
        answer = client.post(url, data, headers=HTMX)
        assert answer.status_code == 422 and "何嘉欣看不到这条客户" in answer.content.decode()
    assert not FollowUp.objects.exists() and not Message.objects.filter(kind="mention").exists()
    client.post(url, sent("没有提到谁", mentions=str(firm.blind.pk)))
    assert not Message.objects.filter(kind="mention").exists()
    one = FollowUp.objects.get()
    answer = client.post(f"/follow-ups/{one.pk}/comments/", {"content": "@何嘉欣"}, headers=HTMX)
    assert answer.status_code == 422 and not FollowUpComment.objects.exists()


def test_of_two_colleagues_with_one_name_the_picked_one_is_meant(firm):
    namesake = employee("顾南乔", ["executive"])
    with pytest.raises(ValidationError, match="有 2 位同事叫"):
        followups.write(firm.customer, values("@顾南乔 看看"), by=firm.seller)
    one = followups.write(firm.customer, values("@顾南乔 看看"), by=firm.seller, mentioned=[namesake.pk])
    assert one.mentions == [[namesake.pk, "顾南乔"]]
    assert list(Message.objects.filter(kind="mention").values_list("recipient", flat=True)) == [namesake.pk]


def test_an_address_is_no_mention(firm):
    assert followups.write(firm.customer, values("发到 xu@顾南乔.example"), by=firm.seller).mentions == []


# Changing --------------------------------------------------------------------------------------------------------------
def test_a_stale_edit_writes_nothing_shows_the_other_text_and_keeps_mine(firm):
    one = followups.write(firm.customer, values("原来的"), by=firm.seller)
    followups.edit(one, values("另一处改的"), version=1, by=firm.seller)
    answer = client_for(firm.seller).post(f"/follow-ups/{one.pk}/edit/", sent("我改的", version=1), headers=HTMX)
    body = answer.content.decode()
    assert (
        answer.status_code == 422 and "另一处改的" in body and "我改的" in body and 'name="version" value="2"' in body
    )
    assert FollowUp.objects.get().content == "另一处改的"
    client_for(firm.seller).post(f"/follow-ups/{one.pk}/edit/", sent("我改的", version=2), headers=HTMX)
    assert FollowUp.objects.get().content == "我改的"


def test_only_the_author_edits_and_the_manager_who_may_delete_the_customer_deletes(firm):
    one = followups.write(firm.customer, values("原来的"), by=firm.seller)
    client = client_for(firm.boss)
    assert client.post(f"/follow-ups/{one.pk}/edit/", sent("x", version=1)).status_code == 403
    with pytest.raises(ValidationError, match="只有写跟进的人"):
        followups.edit(one, values("x"), version=1, by=firm.boss)
    assert client.get(f"/follow-ups/{one.pk}/remove/").status_code == 200
    client.post(f"/follow-ups/{one.pk}/remove/")
    assert not FollowUp.objects.exists()
    assert OperationLog.objects.get(code="customer.followup_removed").changes[0]["old"] == "原来的"


def test_files_are_dropped_by_editing_and_not_past_the_author(firm, django_capture_on_commit_callbacks):
    file = SimpleUploadedFile("合同.txt", b"x")
    one = followups.write(firm.customer, values("带附件"), by=firm.seller, files=[file])
    stored = Attachment.objects.get(object_id=one.pk)
    assert client_for(firm.boss).post(f"/files/{stored.pk}/remove/").status_code == 403
    other = Attachment.objects.create(
        content_type=ContentType.objects.get_for_model(Customer), object_id=one.pk, name="b", size=1, mime="text/plain"
    )
    with django_capture_on_commit_callbacks(execute=True):
        data = sent("带附件", version=1, drop=[stored.pk, other.pk])
        client_for(firm.seller).post(f"/follow-ups/{one.pk}/edit/", data)
    assert list(Attachment.objects.values_list("pk", flat=True)) == [other.pk]
    assert not stored.file.storage.exists(stored.file.name)


def test_a_comment_tells_the_author_and_only_its_writer_takes_it_back(firm):
    one = followups.write(firm.customer, values("原来的"), by=firm.seller)
    client_for(firm.boss).post(f"/follow-ups/{one.pk}/comments/", {"content": "继续推进"}, headers=HTMX)
    said = FollowUpComment.objects.get()
    assert Message.objects.get(kind="mention").recipient == firm.seller
    assert client_for(firm.seller).post(f"/follow-ups/comments/{said.pk}/remove/").status_code == 403
    client_for(firm.boss).post(f"/follow-ups/comments/{said.pk}/remove/")
    assert not FollowUpComment.objects.exists()
    for text, error in (("", "请填写评论"), ("长" * 1001, "最多 1000 个字")):
        answer = client_for(firm.boss).post(f"/follow-ups/{one.pk}/comments/", {"content": text}, headers=HTMX)
        assert answer.status_code == 422 and error in answer.content.decode()


# Phrases ---------------------------------------------------------------------------------------------------------------
def test_phrases_are_ones_own_and_the_company_keeps_its_for_all(firm):
    client = client_for(firm.seller)
    client.post("/follow-ups/phrases/", {"text": "我的常用语"}, headers=HTMX)
    client.post("/follow-ups/phrases/", {"text": "我的常用语"}, headers=HTMX)
    mine = QuickText.objects.get(user=firm.seller)
    refused = client.post("/follow-ups/phrases/", {"text": "公司的", "company": "1"}, headers=HTMX)
    assert refused.status_code == 422 and "没有维护公司常用语的权限" in refused.content.decode()
    assert client_for(firm.boss).post(f"/follow-ups/phrases/{mine.pk}/remove/").status_code == 404
    company = QuickText.objects.filter(user=None).first()
    assert client.post(f"/follow-ups/phrases/{company.pk}/remove/").status_code == 403
    body = client_for(firm.boss).get(f"/customers/{firm.customer.pk}/").content.decode()
    assert company.text in body and "我的常用语" not in body
    assert client.post("/follow-ups/phrases/", {"text": "长" * 501}, headers=HTMX).status_code == 422
    client.post(f"/follow-ups/phrases/{mine.pk}/remove/", headers=HTMX)
    assert not QuickText.objects.filter(user=firm.seller).exists()


# Timeline --------------------------------------------------------------------------------------------------------------
def test_the_timeline_merges_both_newest_first_and_its_pages_neither_lose_nor_repeat_a_row(firm):
    for n in range(30):
        followups.write(firm.customer, values(f"第 {n} 次"), by=firm.seller)
        if n % 2:
            services.log(firm.customer, code="customer.updated", by=firm.seller, text=f"编辑 {n}")
    for show, expected in ((queries.ALL, 46), (queries.TALK, 30), (queries.LOG, 16)):
        seen, before = [], ""
        while True:
            page = queries.timeline(
                firm.customer,
                firm.seller,
                show=show,
                before=before,
                log_events=lambda rows: log_events(CUSTOMER, firm.seller, rows),
            )
            seen += [event for _, events in page.days for event in events]
            before = page.more
            if not before:
                break
        keys = [(event.get("talk", False), event["pk"]) for event in seen]
        assert len(keys) == len(set(keys)) == expected, show
        assert [event["at"] for event in seen] == sorted((event["at"] for event in seen), reverse=True)


def test_the_head_of_a_day_says_today_and_the_weekday():
    today = timezone.localdate()
    assert queries.heading(today).startswith(f"今天 · {today:%Y-%m-%d} 周")
    assert queries.heading(today - timedelta(days=40)).startswith(f"{today - timedelta(days=40):%Y-%m-%d} 周")


# The page of all ---------------------------------------------------------------------------------------------------------
def test_filters_narrow_rows_and_figures_alike_and_odd_ones_are_named(firm):
    followups.write(firm.customer, values("报价 100%_通过"), by=firm.seller)
    followups.write(firm.contact, values("微信聊了", method=method("微信")), by=firm.boss)
    old = followups.write(firm.customer, values("上个月的"), by=firm.seller)
    FollowUp.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=70))
    client = client_for(firm.boss)
    day = f"{timezone.localdate() - timedelta(days=70):%Y-%m-%d}"
    for query, rows, customers in (
        ("", 2, 1),
        ("q=100%25_", 1, 1),
        ("q=100_", 0, 0),
        (f"method={method('微信').pk}", 1, 1),
        ("module=contact", 1, 1),
        (f"person={firm.boss.pk}", 1, 1),
        ("span=yesterday", 0, 0),
        ("span=month", 2, 1),
        (f"span=range&since={day}&until={day}", 1, 1),
        (f"until={day}", 1, 1),
    ):
        found = client.get(f"/follow-ups/?{query}").context
        assert (len(found["rows"]), found["total"]["n"], found["total"]["customers"]) == (rows, rows, customers), query
        assert found["pager"]["count"] == rows
    for query, text in (
        ("author__password__startswith=a", "author__password__startswith"),
        ("method=999", "方式"),
        ("person=x", "跟进人"),
        ("q=一", "至少 2 个字"),
        ("since=gestern", "开始日期"),
    ):
        found = client.get(f"/follow-ups/?{query}").context
        assert text in " ".join(found["notices"]) and len(found["rows"]) == 2, query


def test_pages_follow_each_other_in_both_directions_and_a_bad_number_is_refused_in_words(firm):
    for n in range(40):
        followups.write(firm.customer, values(f"第 {n} 次"), by=firm.seller)
    client, seen, url = client_for(firm.seller), [], "/follow-ups/"
    while url:
        found = client.get(url).context
        seen.append([row["pk"] for row in found["rows"]])
        url = found["pager"]["next_url"]
    assert [len(page) for page in seen] == [15, 15, 10]
    assert sum(seen, []) == sorted(FollowUp.objects.values_list("pk", flat=True), reverse=True)
    last = client.get("/follow-ups/?page=last").context
    assert [row["pk"] for row in last["rows"]] == seen[2]
    assert [row["pk"] for row in client.get(last["pager"]["prev_url"]).context["rows"]] == seen[1]
    assert [row["pk"] for row in client.get("/follow-ups/?page=2").context["rows"]] == seen[1]
    assert client.get("/follow-ups/?page=9").context["pager"]["jump_error"] == "请输入 1 到 3 之间的页码"


def test_the_panel_knows_the_ones_before_and_behind_under_the_conditions_of_the_list(firm):
    made = [followups.write(firm.customer, values(f"第 {n} 次"), by=firm.seller).pk for n in range(3)]
    mid = followups.write(firm.customer, values("微信", method=method("微信")), by=firm.seller).pk
    found = client_for(firm.seller).get(f"/follow-ups/{made[1]}/?span=today&method={method().pk}").context
    assert f"/{made[2]}/" in found["prev_url"] and f"/{made[0]}/" in found["next_url"]
    top = client_for(firm.seller).get(f"/follow-ups/{made[2]}/?method={method().pk}").context
    assert top["prev_url"] is None and str(mid) not in top["next_url"]


def test_spans_are_local_days():
    today = timezone.localdate()
    since, until = bounds({"span": "week"})
    assert timezone.localtime(since).date().weekday() == 0 and timezone.localtime(since).hour == 0
    assert timezone.localtime(until).date() == today + timedelta(days=1)
    assert bounds({"span": "range"}) == (None, None)


def test_the_export_holds_what_the_person_may_export_when_it_runs(firm):
    followups.write(firm.customer, values("=1+1", next_contact_at=tomorrow()), by=firm.seller)
    followups.write(firm.contact, values("联系人的"), by=firm.seller)
    client = client_for(firm.seller)
    answer = client.post("/follow-ups/export/", {"format": "xlsx"})
    sheet = load_workbook(io.BytesIO(b"".join(answer.streaming_content))).active
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0][:5] == ("跟进时间", "跟进人", "部门", "模块", "名称")
    assert [(row[3], row[4], row[8]) for row in rows[1:]] == [
        ("联系人", "许一诺", "联系人的"),
        ("客户", "云澜智造", "=1+1"),
    ]
    assert sheet.cell(3, 9).data_type == "s"
    csv = b"".join(client.post("/follow-ups/export/", {"format": "csv"}).streaming_content).decode("utf-8-sig")
    assert "'=1+1" in csv
    job = Job.objects.latest("pk")
    assert client_for(firm.boss).get(f"/jobs/{job.pk}/file/").status_code == 404
    only = Role(
        name="只导出联系人", permissions=["customer.view", "contact.view", "contact.export"], reach=Role.Reach.SELF
    )
    firm.seller.roles.set([create_role(only, by=None)])
    text = b"".join(client.post("/follow-ups/export/", {"format": "csv"}).streaming_content).decode()
    assert "联系人的" in text and "云澜智造" not in text
    firm.seller.roles.clear()
    assert client.get(f"/jobs/{job.pk}/file/").status_code == 403
    assert client.post("/follow-ups/export/", {"format": "csv"}).status_code == 403
    assert client_for(firm.boss).post("/follow-ups/export/", {"format": "xls"}).status_code == 422
