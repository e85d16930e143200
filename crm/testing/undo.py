"""What bulk edit and undo promise for every record type, with no code per module."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.records import fieldset
from crm.records.bulkedit import services as bulkedit
from crm.records.bulkedit.forms import EditManyForm
from crm.records.models import FieldDefinition, OperationLog, Selection

from .base import XSS
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
        self.assertEqual(self.module.title_of(self.module.model.objects.get(pk=self.mine.pk)), "甲的青岚记录")
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
