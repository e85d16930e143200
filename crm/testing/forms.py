"""Door 12 and what forms promise: declared fields only, escaping, conflicts, the recycle bin."""

from django.core.files.uploadedfile import SimpleUploadedFile

from crm.notices.models import Message
from crm.records import services, uploads
from crm.records.models import Attachment, Selection
from orgs.tests.factories import employee

from .base import XSS, ContractBase


class FormContract(ContractBase):
    """Saving, transferring, deleting."""

    # Door 12: saving out of scope, declared fields only ----------------------------------------------------------------------------
    def test_a_form_changes_only_its_declared_fields(self):
        person = self.seller if self.module.owned else self.superuser
        declared = set(self.get(person, self.module.new_url).context["form"].fields)
        names = {
            key: "9"
            for field in self.module.model._meta.fields
            for key in (field.name, field.attname)
            if field.name not in declared
        }
        response = self.post(person, self.module.new_url, {**names, **self.form_data("声明字段", person)})
        self.assertEqual(
            response.status_code, 302, getattr(response, "context", None) and response.context["form"].errors
        )
        record = self.module.model.objects.latest("pk")
        self.assertEqual((record.version, record.deleted_at, record.created_by), (1, None, person))
        self.assertNotEqual(record.pk, 9)

    def test_transfer_gives_the_row_away_and_a_disabled_person_cannot_receive_it(self):
        if not self.module.owned:
            return
        gone = employee("离职", ["seller"], is_active=False)
        url = self.module.url("transfer", self.mine.pk)
        response = self.post(self.seller, url, {"ids": self.mine.pk, "confirmed": "1", "owner": gone.pk})
        self.assertIn("owner", response.context["fields"].errors)
        self.assertTrue(self.unchanged(self.mine))
        self.post(self.seller, url, {"ids": self.mine.pk, "confirmed": "1", "owner": self.stranger.pk, "keep": "read"})
        self.mine.refresh_from_db()
        self.assertEqual(self.mine.owner, self.stranger)
        self.assertEqual(self.get(self.seller, self.module.url(pk=self.mine.pk)).status_code, 200)
        self.assertEqual(self.get(self.seller, self.module.url("edit", self.mine.pk)).status_code, 403)
        self.assertEqual(Message.objects.filter(recipient=self.stranger, kind="transfer").count(), 1)

    # Forms -----------------------------------------------------------------------------------------------------------------------
    def test_markup_is_escaped_wherever_the_record_is_shown(self):
        person = self.seller if self.module.owned else self.superuser
        record = self.make(self.seller, XSS)
        urls = [
            self.module.list_url,
            self.module.url(pk=record.pk),
            self.module.url("edit", record.pk),
            f"/search/?q={XSS[2:8]}",
            f"{self.module.bulk_url}delete/?ids={record.pk}",
            f"{self.module.url(pk=record.pk)}?tab=log",
            "/",
        ]
        for url in urls:
            body = self.body(self.get(person, url))
            self.assertNotIn("<img src=x", body, url)

    def test_a_stale_save_shows_mine_and_theirs_and_writes_nothing(self):
        person = self.seller if self.module.owned else self.superuser
        page = self.get(person, self.module.url("edit", self.mine.pk))
        form = page.context["form"]
        opened = {"version": form["version"].value(), "original": form["original"].value()}
        services.update(self.mine, {self.title_form_field: "别人先改的"}, version=self.mine.version, by=self.superuser)
        data = {**self.form_data("我改的", self.seller), **self.edit_only, **opened}
        response = self.post(person, self.module.url("edit", self.mine.pk), data)
        self.assertEqual(response.status_code, 409)
        body = self.body(response)
        for text in ("甲的青岚记录", "别人先改的", "我改的"):
            self.assertIn(text, body)
        self.mine.refresh_from_db()
        self.assertEqual(getattr(self.mine, self.title_form_field), "别人先改的")
        merged = {**dict(response.context["hidden"]), f"choose_{self.title_form_field}": "mine"}
        self.assertEqual(self.post(person, self.module.url("edit", self.mine.pk), merged).status_code, 302)
        self.mine.refresh_from_db()
        self.assertEqual(getattr(self.mine, self.title_form_field), "我改的")

    def test_deleted_rows_go_to_the_recycle_bin_and_come_back(self):
        person = self.seller if self.module.owned else self.superuser
        rows = self.module.model.objects.allowed(person, "delete").filter(pk=self.mine.pk)
        self.module.verb("delete")(rows, by=person)
        self.assertEqual(self.get(person, self.module.url(pk=self.mine.pk)).status_code, 404)
        self.assertIn(self.mine.pk, {row["pk"] for row in self.get(person, self.module.recycle_url).context["rows"]})
        recycled = self.module.url(f"recycle/{self.mine.pk}")
        self.assertContains(self.get(person, recycled), "在回收站中")
        if self.module.owned:
            self.assertEqual(self.get(self.stranger, self.module.recycle_url).context["rows"], [])
            self.assertEqual(self.get(self.stranger, recycled).status_code, 404)
        self.post(person, f"{self.module.bulk_url}restore/", {"ids": str(self.mine.pk)})
        self.post(person, f"{self.module.bulk_url}restore/", {"selection": Selection.objects.get(user=person).token})
        self.assertEqual(self.get(person, self.module.url(pk=self.mine.pk)).status_code, 200)

    def test_purge_is_for_administrators_and_takes_files_and_search_lines_along(self):
        from crm.records.models import SearchRow

        uploads.attach(self.mine, [SimpleUploadedFile("a.txt", b"x")], by=self.superuser)
        self.module.verb("delete")(self.module.model.objects.filter(pk=self.mine.pk), by=self.superuser)
        person = self.seller if self.module.owned else self.superuser
        if person is self.seller:
            self.assertEqual(
                self.post(person, f"{self.module.bulk_url}purge/", {"ids": str(self.mine.pk)}).status_code, 403
            )
        self.post(self.superuser, f"{self.module.bulk_url}purge/", {"ids": str(self.mine.pk)})
        self.post(
            self.superuser,
            f"{self.module.bulk_url}purge/",
            {"selection": Selection.objects.get(user=self.superuser).token},
        )
        self.assertFalse(self.module.model.objects.filter(pk=self.mine.pk).exists())
        self.assertFalse(Attachment.objects.filter(object_id=self.mine.pk).exists())
        self.assertFalse(SearchRow.objects.filter(object_id=self.mine.pk, text__contains="青岚").exists())
