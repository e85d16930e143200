"""What bulk edit and undo promise for every record type, with no code per module."""

from datetime import timedelta

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.notices.models import Message
from crm.records import fieldset, services, teams
from crm.records.bulkedit import services as bulkedit
from crm.records.bulkedit.forms import EditManyForm
from crm.records.models import (
    FieldDefinition,
    OperationLog,
    SearchRow,
    Selection,
    Undo,
    UndoRecord,
    UniqueValue,
)
from crm.records.undoing import services as undoing
from orgs.tests.factories import client_for

from .base import CANARY, XSS
from .customs import CustomContract

Type = FieldDefinition.Type


class BulkEditContract(CustomContract):
    """批量编辑: only allowed rows, only editable fields, the rest of the world unchanged."""

    def choose(self, person, records, **data):
        """Open the confirm page for these records and send the fields; answers the response."""
        url = f"{self.module.bulk_url}edit/"
        self.post(person, url, {"ids": ",".join(str(record.pk) for record in records)})
        token = Selection.objects.filter(user=person).latest("pk").token
        return self.post(person, url, {"selection": token, **data})

    def columns_of(self, record) -> dict:
        """Every column of the stored record."""
        fresh = type(record).objects.filter(pk=record.pk).values()
        return fresh.get()

    def test_bulk_edit_offers_every_field_the_person_may_edit_and_no_other(self):
        row = self.make_fields([Type.LINE])[Type.LINE]
        unique = self.make_fields([Type.NUMBER], unique=True)[Type.NUMBER]
        files = self.make_fields([Type.FILES])[Type.FILES]
        person = type(self.editor).objects.get(pk=self.editor.pk)
        form = EditManyForm(user=person, module=self.module, rows=None)
        offered = {name for names in form.offered.values() for name in names}
        self.assertIn(row.key, offered)
        for closed in (
            unique.key,
            files.key,
            self.title_form_field,
            "owner",
            "created_by",
            "version",
            *self.module.parents,
        ):
            self.assertNotIn(closed, offered)
        edit = self.get(self.editor, self.module.url("edit", self.mine.pk)).context["form"]
        self.assertLessEqual(offered, set(edit.fields))

    def test_bulk_edit_saves_the_chosen_fields_of_allowed_rows_with_log_and_version(self):
        row = self.make_fields([Type.CHOICE])[Type.CHOICE]
        others = [self.make(self.seller, f"第{n}条") for n in range(2)]
        before = self.columns_of(self.canary)
        response = self.choose(self.editor, [self.mine, *others, self.canary], many_fields=[row.key], **{row.key: "2"})
        self.assertEqual(response.status_code, 302, self.body(response)[:3000])
        for record in (self.mine, *others):
            now = self.columns_of(record)
            self.assertEqual((now["extra"], now["version"]), ({row.key: 2}, record.version + 1))
            log = OperationLog.objects.filter(object_id=record.pk, code=f"{self.module.name}.updated").latest("pk")
            self.assertEqual(
                (log.text, log.changes),
                ("批量编辑", [{"key": row.key, "label": "自定单选", "old": "", "new": "二期"}]),
            )
        if self.module.owned:
            self.assertEqual(self.columns_of(self.canary), before)
        count = OperationLog.objects.count()
        self.choose(self.editor, [self.mine, *others], many_fields=[row.key], **{row.key: "2"})
        self.assertEqual(OperationLog.objects.count(), count)
        self.assertEqual(self.columns_of(self.mine)["version"], self.mine.version + 1)

    def test_bulk_edit_clears_where_a_field_may_be_empty_and_asks_where_nothing_was_typed(self):
        fields = self.make_fields([Type.LINE, Type.NUMBER])
        line, number = fields[Type.LINE].key, fields[Type.NUMBER].key
        self.choose(self.editor, [self.mine], many_fields=[line, number], **{line: "原来", number: "7"})
        self.assertEqual(self.columns_of(self.mine)["extra"], {line: "原来", number: 7})
        empty = self.choose(self.editor, [self.mine], many_fields=[line], **{line: "  "})
        self.assertContains(empty, "或勾选“清空”")
        self.choose(self.editor, [self.mine], many_fields=[line, number], many_clear=[line], **{number: "8"})
        self.assertEqual(self.columns_of(self.mine)["extra"], {number: 8})

    def test_bulk_edit_refuses_fields_outside_the_form_and_leaves_everything_as_it_was(self):
        before = self.columns_of(self.mine)
        for key in (
            "owner",
            self.title_form_field,
            "version",
            "deleted_at",
            "f999999",
            "password",
            XSS,
            "x" * 10_000,
            "a\x00b",
        ):
            response = self.choose(self.editor, [self.mine], many_fields=[key])
            self.assertContains(response, "这些字段不能批量修改", msg_prefix=key[:20])
            self.assertNotIn("<img src=x", self.body(response))
        self.choose(self.editor, [self.mine])
        self.assertEqual(self.columns_of(self.mine), before)

    def test_fields_that_were_not_chosen_have_no_effect(self):
        fields = self.make_fields([Type.LINE, Type.TEXT])
        line, text = fields[Type.LINE].key, fields[Type.TEXT].key
        names = {field.name: "9" for field in self.module.model._meta.fields}
        self.choose(self.editor, [self.mine], many_fields=[line], **{**names, text: "混入", line: XSS})
        now = self.columns_of(self.mine)
        self.assertEqual(now["extra"], {line: XSS})
        self.assertEqual(getattr(self.module.model.objects.get(pk=self.mine.pk), self.title_form_field), "甲的青岚记录")
        self.assertNotIn(XSS, self.body(self.get(self.editor, self.module.url(pk=self.mine.pk) + "?tab=log")))

    def test_bulk_edit_neither_offers_nor_takes_a_field_the_role_may_only_read(self):
        key, person = self.restrict(fieldset.READ)
        own = person.roles.get()
        for level in (fieldset.READ, fieldset.MASKED, fieldset.HIDDEN):
            own.field_rights = {self.module.name: {key: level}}
            own.save()
            person = type(person).objects.get(pk=person.pk)
            before = self.columns_of(self.mine)
            form = EditManyForm(user=person, module=self.module, rows=None)
            self.assertNotIn(key, form.offered)
            response = self.choose(person, [self.mine], many_fields=[key], **{key: "改掉"})
            self.assertContains(response, "这些字段不能批量修改")
            self.assertEqual(self.columns_of(self.mine), before)

    def test_choosing_a_field_brings_its_widget_and_writes_nothing(self):
        row = self.make_fields([Type.DATE])[Type.DATE]
        before = self.columns_of(self.mine)
        response = self.choose(self.editor, [self.mine], many_add=row.key)
        self.assertContains(response, f'name="{row.key}"')
        self.assertNotContains(response, "k-error")
        self.assertEqual(self.columns_of(self.mine), before)
        gone = self.choose(self.editor, [self.mine], many_fields=[row.key], many_remove=row.key)
        self.assertNotContains(gone, f'name="{row.key}"')

    def test_bulk_edit_takes_the_same_statements_for_three_rows_and_for_twenty(self):
        fields = self.make_fields([Type.LINE])
        person, key = self.editor, fields[Type.LINE].key
        counts = []
        for size in (1, 3, 20):
            rows = [self.make(self.seller, f"多条{size}-{n}") for n in range(size)]
            chosen = self.module.model.objects.allowed(person, "edit").filter(pk__in=[one.pk for one in rows])
            with CaptureQueriesContext(connection) as queries:
                self.assertEqual(bulkedit.edit_many(chosen, {key: f"值{size}"}, by=person), (size, []))
            counts.append(len(queries))
        self.assertEqual(counts[1], counts[2])

    def test_bulk_edit_needs_the_edit_function(self):
        for person in (self.chief, self.nobody):
            response = self.post(person, f"{self.module.bulk_url}edit/", {"ids": str(self.mine.pk)})
            self.assertEqual(response.status_code, 403)


class UndoContract(BulkEditContract):
    """撤销 brings back exactly what stood there, only where nothing changed since, only for whom it is."""

    def everything_of(self, record) -> dict:
        """All that undo promises to bring back: columns but the version, search lines, unique values, grants, children."""
        kind = ContentType.objects.get_for_model(type(record))
        columns = {key: value for key, value in self.columns_of(record).items() if key != "version"}
        found = {
            "columns": columns,
            "search": sorted(
                SearchRow.objects.filter(content_type=kind, object_id=record.pk).values_list("key", "text")
            ),
            "unique": sorted(UniqueValue.objects.filter(object_id=record.pk).values_list("field_id", "digest")),
        }
        if self.module.grant_model:
            names = [field.attname for field in self.module.grant_model._meta.concrete_fields if not field.primary_key]
            grants = self.module.grant_model.objects.filter(content_object_id=record.pk)
            found["grants"] = sorted(map(str, grants.values_list(*names)))
        for child in self.module.children:
            rows = child.model.objects.filter(**{self.module.name: record}).order_by("pk")
            found[child.name] = [
                {key: value for key, value in row.items() if key != "version"} for row in rows.values()
            ]
        return found

    def entry(self) -> Undo:
        return Undo.objects.latest("pk")

    def rows(self, *records):
        return self.module.model.objects.filter(pk__in=[record.pk for record in records])

    def acts(self, other) -> dict:
        """{name: (who, what they do to self.mine and `other`)} of every act that can be undone."""
        row = self.make_fields([Type.LINE])[Type.LINE]
        unique = self.make_fields([Type.NUMBER], unique=True)[Type.NUMBER]
        for number, record in enumerate((self.mine, other)):
            services.update(record, {row.key: f"值{number}", unique.key: number}, version=1, by=self.superuser)
        own = self.editor
        found = {
            "edit": lambda: bulkedit.edit_many(self.rows(self.mine, other), {row.key: "一样的"}, by=own),
            "delete": lambda: self.module.verb("delete")(self.rows(self.mine, other), by=own),
        }
        if self.module.owned:
            children = [child.name for child in self.module.children]
            teams.add([self.mine], [self.mate], write=False, by=self.seller)
            found["transfer"] = lambda: services.transfer(
                self.rows(self.mine, other), self.stranger, by=own, keep="write", children=children
            )
        return found

    def test_undo_of_every_act_brings_each_record_back_exactly(self):
        other = self.make(self.seller, "第二条")
        for name, act in self.acts(other).items():
            before = [self.everything_of(record) for record in (self.mine, other)]
            versions = list(self.rows(self.mine, other).order_by("pk").values_list("version", flat=True))
            act()
            self.assertNotEqual([self.everything_of(record) for record in (self.mine, other)], before, name)
            entry = self.entry()
            self.assertEqual((entry.action, entry.count, entry.user), (name, 2, self.editor))
            self.assertEqual(undoing.undo(entry, by=self.editor), (2, []), name)
            self.maxDiff = None
            self.assertEqual([self.everything_of(record) for record in (self.mine, other)], before, name)
            after = list(self.rows(self.mine, other).order_by("pk").values_list("version", flat=True))
            self.assertEqual(after, [version + 2 for version in versions], name)
            log = OperationLog.objects.filter(object_id=self.mine.pk, code=f"{self.module.name}.{name}_undone").get()
            self.assertTrue(log.text.startswith("撤销"))
            with self.assertRaisesMessage(ValidationError, "已经撤销过"):
                undoing.undo(Undo.objects.get(pk=entry.pk), by=self.editor)

    def test_a_record_edited_since_stays_and_is_named(self):
        other = self.make(self.seller, "改过的一条")
        for name, act in self.acts(other).items():
            act()
            entry, changed = self.entry(), self.rows(other).get()
            type(other).objects.filter(pk=other.pk).update(version=changed.version + 1)
            before = self.columns_of(other)
            done, failures = undoing.undo(entry, by=self.editor)
            self.assertEqual((done, len(failures)), (1, 1), name)
            self.assertEqual(failures[0][1], "之后被修改过")
            self.assertIn(failures[0][0], (self.module.title_of(other), f"编号 {other.pk}"))
            self.assertEqual(self.columns_of(other), before, name)
            type(other).objects.filter(pk=other.pk).update(
                deleted_at=None, **({"owner": self.seller} if self.module.owned else {})
            )

    def test_an_act_of_which_nothing_can_go_back_stays_open(self):
        services.delete(self.rows(self.mine), by=self.editor)
        entry = self.entry()
        services.restore(self.rows(self.mine), by=self.editor)
        self.assertEqual(
            undoing.undo(entry, by=self.editor), (0, [(self.module.title_of(self.mine), "已经从回收站还原")])
        )
        self.assertIsNone(Undo.objects.get(pk=entry.pk).undone_at)

    def test_only_the_person_who_did_it_or_an_administrator_of_the_recycle_bin_takes_it_back(self):
        self.module.verb("delete")(self.rows(self.mine), by=self.editor)
        entry = self.entry()
        url = f"/undo/{entry.pk}/"
        for person in (self.mate, self.stranger, self.manager, self.nobody):
            for response in (self.get(person, url), self.post(person, url, {"undo": entry.pk})):
                self.assertEqual(response.status_code, 404, person.name)
                self.assertNotIn("甲的青岚记录", self.body(response))
        self.assertIsNotNone(self.columns_of(self.mine)["deleted_at"])
        self.assertContains(self.get(self.superuser, url), "撤销（1 个）")
        self.assertEqual(self.post(self.superuser, url, {}).status_code, 302)
        self.assertIsNone(self.columns_of(self.mine)["deleted_at"])
        again = self.post(self.superuser, url, {})
        self.assertIn("已经撤销过", self.body(again))

    def test_an_expired_act_cannot_be_taken_back_and_is_cleaned_up(self):
        self.module.verb("delete")(self.rows(self.mine), by=self.editor)
        Undo.objects.update(created_at=timezone.now() - timedelta(days=31))
        entry = self.entry()
        self.assertContains(self.get(self.editor, "/undo/"), "已过期")
        self.assertIn("已超过 30 天", self.body(self.post(self.editor, f"/undo/{entry.pk}/", {})))
        self.assertIsNotNone(self.columns_of(self.mine)["deleted_at"])
        undoing.forget(timezone.now())
        self.assertFalse(Undo.objects.exists() or UndoRecord.objects.exists())

    def test_without_the_function_nothing_goes_back(self):
        self.module.verb("delete")(self.rows(self.mine), by=self.editor)
        entry, person = self.entry(), self.editor
        person.roles.clear()
        fresh = type(person).objects.get(pk=person.pk)
        self.assertEqual(undoing.undo(entry, by=fresh)[0], 0)
        self.assertIsNotNone(self.columns_of(self.mine)["deleted_at"])

    def test_undo_takes_the_same_statements_for_three_records_and_for_twenty(self):
        counts = []
        for size in (1, 3, 20):
            made = [self.make(self.seller, f"撤销{size}-{n}") for n in range(size)]
            services.delete(self.rows(*made), by=self.editor)
            with CaptureQueriesContext(connection) as queries:
                self.assertEqual(undoing.undo(self.entry(), by=self.editor), (size, []))
            counts.append(len(queries))
        self.assertEqual(counts[1], counts[2])

    def test_the_toast_the_log_and_the_list_of_acts_offer_undo(self):
        url = f"{self.module.bulk_url}delete/"
        client = client_for(self.editor)
        client.post(url, {"ids": str(self.mine.pk)})
        page = client.post(url, {"selection": Selection.objects.get(user=self.editor).token}, follow=True)
        entry = self.entry()
        self.assertContains(page, f'data-undo="/undo/{entry.pk}/"')
        self.assertContains(client.get("/undo/"), f'href="/undo/{entry.pk}/"')
        log = f"{self.module.recycle_url}{self.mine.pk}/?tab=log"
        self.assertContains(client.get(log), f'href="/undo/{entry.pk}/"')
        self.assertContains(client.post(f"/undo/{entry.pk}/", follow=True), "已撤销")
        self.assertNotContains(client.get(f"{self.module.url(pk=self.mine.pk)}?tab=log"), f"/undo/{entry.pk}/")
        self.assertEqual(client.get("/undo/99999999/").status_code, 404)

    def test_a_transfer_out_of_sight_is_taken_back_without_showing_anything(self):
        if not self.module.owned:
            return
        services.transfer(self.rows(self.mine), self.stranger, by=self.seller)
        seen = self.get(self.seller, self.module.url(pk=self.mine.pk)).status_code == 200  # below a visible parent
        self.assertEqual(seen, bool(self.module.parents))
        entry, name = self.entry(), f"{CANARY}二"
        services.update(self.rows(self.mine).get(), {self.title_form_field: name}, version=2, by=self.stranger)
        for response in (self.get(self.seller, f"/undo/{entry.pk}/"), self.post(self.seller, f"/undo/{entry.pk}/", {})):
            self.assertIn("之后被修改过", self.body(response))
            self.assertEqual(name in self.body(response), seen and self.title_form_field == self.module.title_field)
        services.transfer(self.rows(self.canary), self.seller, by=self.stranger)
        self.assertEqual(self.post(self.stranger, f"/undo/{self.entry().pk}/", {}).status_code, 302)
        self.assertEqual(self.columns_of(self.canary)["owner_id"], self.stranger.pk)
        self.assertTrue(Message.objects.filter(recipient=self.seller, title__contains="撤销了转移").exists())
