"""Doors of follow-ups: timeline, writing, comments, editing, deleting, files, the list page and its export."""

from django.contrib.contenttypes.models import ContentType
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.records import teams
from crm.records.followups import services
from crm.records.models import (
    Attachment,
    DictionaryItem,
    ExportLedger,
    FollowUp,
    FollowUpComment,
    FollowUpLink,
    OperationLog,
    Selection,
)
from orgs.models import Role
from orgs.services import create_role
from orgs.tests.factories import client_for, employee

from .base import CANARY, XSS, ContractBase


def method(label: str = "电话") -> DictionaryItem:
    return DictionaryItem.objects.get(dictionary="followup.method", label=label)


def values(content: str, **more) -> dict:
    """What services.write takes."""
    empty = {"topic": None, "title": "", "next_contact_at": None, "place": "", "purpose": "", "result": ""}
    return {**empty, "method": method(), "content": content, **more}


class FollowUpContract(ContractBase):
    """Tried on every module whose records are followed."""

    def followed(self) -> bool:
        return self.module.followed

    def say(self, record, by, content="青岚跟进内容", **more) -> FollowUp:
        return services.write(record, values(content), by=by, **more)

    def sent(self, content, **more) -> dict:
        return {"method": method().pk, "content": content, **more}

    def test_a_follow_up_of_a_hidden_record_is_404_through_every_door_and_nothing_changes(self):
        if not self.followed():
            return
        hidden = self.say(
            self.canary, self.stranger, f"{CANARY}的跟进", files=[SimpleUploadedFile(f"{CANARY}.txt", b"secret")]
        )
        said = services.comment(hidden, CANARY, by=self.stranger)
        file = Attachment.objects.get(content_type=ContentType.objects.get_for_model(FollowUp), object_id=hidden.pk)
        own = self.module.url("follow-ups", self.canary.pk)
        one = f"/follow-ups/{hidden.pk}/"
        for url in (
            own,
            f"{own}new/",
            one,
            f"{one}?as=event",
            f"{one}edit/",
            f"{one}remove/",
            f"{one}comments/",
            f"/follow-ups/comments/{said.pk}/remove/",
            f"/files/{file.pk}/",
            f"/files/{file.pk}/?preview=1",
        ):
            for headers in ({}, {"HX-Request": "true"}):
                response = self.get(self.seller, url, **headers)
                self.assertEqual(response.status_code, 404, url)
                self.assert_hidden(response)
        for url in (own, f"{one}edit/", f"{one}remove/", f"{one}comments/", f"/follow-ups/comments/{said.pk}/remove/"):
            response = self.post(self.seller, url, self.sent("越权", version=1))
            self.assertEqual(response.status_code, 404, url)
        self.assertEqual(FollowUp.objects.get().content, f"{CANARY}的跟进")
        self.assertEqual(FollowUpComment.objects.count(), 1)
        self.assertEqual(self.body(self.get(self.stranger, f"/files/{file.pk}/")), "secret")
        self.assertEqual(self.get(self.nobody, own).status_code, 403)
        self.assertEqual(self.get(self.nobody, f"/files/{file.pk}/").status_code, 404)

    def test_the_list_page_and_its_export_hold_only_follow_ups_in_reach_and_count_only_them(self):
        if not self.followed():
            return
        self.say(self.mine, self.seller, "甲的青岚跟进")
        self.say(self.canary, self.stranger, f"{CANARY}的跟进")
        for person, expected in (
            (self.seller, 1),
            (self.mate, 0),
            (self.manager, 1),
            (self.stranger, 1),
            (self.chief, 2),
        ):
            response = self.get(person, "/follow-ups/")
            found = response.context
            self.assertEqual(
                (len(found["rows"]), found["total"]["n"], found["total"]["customers"], found["pager"]["count"]),
                (expected,) * 4,
                person.name,
            )
            self.assertEqual(sum(row["n"] for row in found["ranked"]), expected, person.name)
        self.assertEqual(self.get(self.seller, f"/follow-ups/?q={CANARY}").context["rows"], [])
        self.assert_hidden(self.get(self.seller, f"/follow-ups/?q=的跟进&person={self.stranger.pk}"))
        for kind in ("csv", "xlsx"):
            self.assertEqual(self.post(self.seller, "/follow-ups/export/", {"format": kind}).status_code, 200)
        text = self.body(self.post(self.seller, "/follow-ups/export/", {"format": "csv", "query": ""}))
        self.assertIn("甲的青岚跟进", text)
        self.assertNotIn(CANARY, text)
        self.assertEqual(ExportLedger.objects.filter(user=self.seller, module="followup", count=1).count(), 3)
        seen = {"customer.view", "contact.view", f"{self.module.name}.view"}
        readers = Role(name="只读", permissions=sorted(seen), reach=Role.Reach.ALL)
        reader = employee("只读", [create_role(readers, by=None)])
        self.assertEqual(len(self.get(reader, "/follow-ups/").context["rows"]), 2)
        self.assertEqual(self.post(reader, "/follow-ups/export/", {"format": "csv"}).status_code, 403)
        self.assertEqual(self.get(self.nobody, "/follow-ups/").status_code, 403)
        refused = self.post(self.seller, "/follow-ups/export/", {"format": "csv", "query": "author__password=x"})
        self.assertEqual(refused.status_code, 422)

    def test_who_only_sees_the_record_reads_and_comments_but_does_not_write_edit_or_delete(self):
        if not self.followed():
            return
        one = self.say(self.canary, self.stranger)
        teams.add([self.canary], [self.seller], write=False, by=self.stranger)
        page = self.get(self.seller, f"{self.module.url(pk=self.canary.pk)}?tab=followups")
        self.assertContains(page, "青岚跟进内容")
        self.assertNotContains(page, "data-composer")
        self.assertEqual(
            self.post(self.seller, self.module.url("follow-ups", self.canary.pk), self.sent("x")).status_code, 403
        )
        for page in ("edit", "remove"):
            self.assertEqual(
                self.post(self.seller, f"/follow-ups/{one.pk}/{page}/", self.sent("x", version=1)).status_code, 403
            )
        self.post(self.seller, f"/follow-ups/{one.pk}/comments/", {"content": "同事的评论"})
        self.assertEqual(FollowUpComment.objects.get().author, self.seller)
        teams.add([self.canary], [self.seller], write=True, by=self.stranger)
        self.assertEqual(
            self.post(self.seller, self.module.url("follow-ups", self.canary.pk), self.sent("写得了")).status_code, 302
        )
        self.assertEqual(
            self.post(self.seller, f"/follow-ups/{one.pk}/edit/", self.sent("x", version=1)).status_code, 403
        )

    def test_text_of_follow_ups_is_escaped_wherever_it_is_shown(self):
        if not self.followed():
            return
        one = services.write(
            self.mine,
            values(XSS, method=method("上门拜访"), title=XSS, place=XSS, purpose=XSS, result=XSS),
            by=self.seller,
            files=[SimpleUploadedFile("a.txt", b"x")],
        )
        services.comment(one, XSS, by=self.seller)
        services.keep_phrase(XSS, by=self.seller)
        for url in (
            self.module.url(pk=self.mine.pk),
            f"{self.module.url(pk=self.mine.pk)}?tab=log",
            f"/follow-ups/{one.pk}/",
            f"/follow-ups/{one.pk}/edit/",
            f"/follow-ups/{one.pk}/remove/",
            "/follow-ups/",
            f"/follow-ups/?q={XSS}",
        ):
            response = self.get(self.seller, url)
            self.assertEqual(response.status_code, 200, url)
            self.assertNotIn("<img src=x", self.body(response), url)

    def test_fifty_follow_ups_cost_no_more_statements_than_one_and_the_limit_holds_for_every_tab(self):
        if not self.followed():
            return
        client, url = client_for(self.manager), self.module.url(pk=self.mine.pk)
        counts = []
        for number in (2, 48):
            for n in range(number):
                one = self.say(
                    self.mine, self.seller, f"第 {n} 次", files=[SimpleUploadedFile("a.txt", b"x")] if n < 3 else ()
                )
                services.comment(one, "好", by=self.manager) if n < 3 else None
            client.get(url)
            with CaptureQueriesContext(connection) as queries:
                client.get(url)
            counts.append(len(queries))
            detail = "\n".join(query["sql"][:140] for query in queries)
        self.assertEqual(counts[0], counts[1], detail)
        self.assertLessEqual(counts[1], 20, detail)
        for tab in ("fields", "team", "files", "log", *[child.prefix for child in self.module.children]):
            with CaptureQueriesContext(connection) as queries:
                client.get(f"{url}?tab={tab}")
            self.assertLessEqual(len(queries), 20, tab)
        for page in ("/follow-ups/", f"/follow-ups/?span=month&q=第&method={method().pk}&person={self.seller.pk}"):
            with CaptureQueriesContext(connection) as queries:
                client.get(page)
            self.assertLessEqual(len(queries), 12, "\n".join(query["sql"][:140] for query in queries))

    def test_purge_takes_follow_ups_and_their_files_along_restore_and_transfer_keep_them(self):
        if not self.followed():
            return
        one = self.say(self.mine, self.seller, files=[SimpleUploadedFile("a.txt", b"x")])
        stored = Attachment.objects.get(object_id=one.pk, name="a.txt").file
        rows = self.module.model.objects.filter(pk=self.mine.pk)
        self.post(
            self.seller,
            self.module.url("transfer", self.mine.pk),
            {"ids": self.mine.pk, "confirmed": "1", "owner": self.mate.pk, "keep": ""},
        )
        page = self.get(self.mate, f"{self.module.url(pk=self.mine.pk)}?tab=followups")
        self.assertContains(page, "青岚跟进内容")
        self.module.verb("delete")(rows, by=self.mate)
        self.assertEqual(self.get(self.mate, f"/follow-ups/{one.pk}/").status_code, 404)
        self.assertEqual(self.get(self.mate, "/follow-ups/").context["rows"], [])
        self.module.verb("restore")(rows, by=self.mate)
        page = self.get(self.mate, f"{self.module.url(pk=self.mine.pk)}?tab=followups")
        self.assertContains(page, "青岚跟进内容")
        self.module.verb("delete")(rows, by=self.mate)
        with self.captureOnCommitCallbacks(execute=True):
            self.post(self.superuser, f"{self.module.bulk_url}purge/", {"ids": str(self.mine.pk)})
            token = Selection.objects.get(user=self.superuser).token
            self.post(self.superuser, f"{self.module.bulk_url}purge/", {"selection": token})
        self.assertFalse(FollowUp.objects.exists() or FollowUpLink.objects.exists())
        self.assertFalse(Attachment.objects.filter(object_id=one.pk, name="a.txt").exists())
        self.assertFalse(stored.storage.exists(stored.name))

    def test_every_change_of_a_follow_up_leaves_a_log_row_of_its_record(self):
        if not self.followed():
            return
        one = self.say(self.mine, self.seller)
        services.edit(one, values("改过的内容"), version=1, by=self.seller)
        said = services.comment(one, "好", by=self.manager)
        services.remove_comment(said, by=self.manager)
        services.remove(one, by=self.seller)
        codes = OperationLog.objects.filter(
            content_type=ContentType.objects.get_for_model(self.module.model), object_id=self.mine.pk
        ).values_list("code", flat=True)
        expected = ("added", "updated", "commented", "comment_removed", "removed")
        self.assertLessEqual({f"{self.module.name}.followup_{code}" for code in expected}, set(codes))
