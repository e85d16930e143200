"""What tags promise for every record type: put on in place and in bulk, shown, asked for, exported, imported, kept to the
field right."""

import csv
import io
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.records import fieldset, params
from crm.records.importing import targets as import_targets
from crm.records.models import OperationLog, Selection, Tag, TagLink
from crm.records.tagging import services as tagging
from orgs.tests.factories import client_for, employee, role

from .base import XSS, ContractBase
from .views import where

FRAGMENT = {"HX-Request": "true", "HX-Target": "tags"}


class TagContract(ContractBase):
    """Tags of a record."""

    def tagged(self, record) -> list[str]:
        return [tag.name for tag in tagging.loaded(type(record), [record.pk]).get(record.pk, [])]

    def limited(self, level: int):
        """A person who may do everything with the records, with this level of the field 标签."""
        own = role("sales_manager" if self.module.owned else "admin")
        own.field_rights = {self.module.name: {"tags": level}}
        own.save()
        return employee("标签受限的人", [own], self.manager.department)

    def test_tags_are_made_while_tagging_show_everywhere_and_leave_a_log_row(self):
        url = self.module.url("tags", self.mine.pk)
        names = ["重点", "老客户🐳", XSS[:12]]
        before = OperationLog.objects.count()
        response = self.post(self.editor, url, {"tags": names}, **FRAGMENT)
        self.assertEqual(response.status_code, 200)
        self.assertEqual(self.tagged(self.mine), names)
        self.assertEqual(OperationLog.objects.count(), before + 1)
        log = OperationLog.objects.latest("pk")
        self.assertEqual((log.code, log.changes[0]["new"]), (f"{self.module.name}.tagged", "、".join(names)))
        self.post(self.editor, self.module.columns_url, {"columns": ["tags"]})
        for page in (url, self.module.list_url, self.module.url(pk=self.mine.pk), f"{url}?show=1"):
            body = self.body(self.get(self.editor, page))
            self.assertIn("老客户🐳", body, page)
            self.assertNotIn("<img", body, page)
        self.assertTrue(self.unchanged(self.mine))  # a tag is no edit: it causes no conflict
        self.post(self.editor, url, {"tags": names}, **FRAGMENT)
        self.assertEqual(OperationLog.objects.count(), before + 1)

    def test_names_of_tags_are_short_single_and_counted(self):
        url = self.module.url("tags", self.mine.pk)
        for sent, sentence in (
            (["长" * 21], "最多 20 个字"),
            ([str(n) for n in range(21)], "最多 20 个标签"),
            (["x" * 10_000], "最多 20 个字"),
        ):
            response = self.post(self.editor, url, {"tags": sent}, **FRAGMENT)
            self.assertEqual(response.status_code, 422)
            self.assertIn(sentence, self.body(response))
        self.post(self.editor, url, {"tags": ["重点\x00\u202e", " 重 点", "ＶＩＰ", "vip", "甲、乙"]}, **FRAGMENT)
        self.assertEqual(self.tagged(self.mine), ["重点", "ＶＩＰ", "甲", "乙"])
        params.store("tag_create", False)
        response = self.post(self.editor, url, {"tags": ["重点", "没有的"]}, **FRAGMENT)
        if not self.editor.has_function("admin.dictionary"):
            self.assertIn("没有“没有的”这个标签", self.body(response))
        self.assertIn("重点", self.tagged(self.mine))

    def test_tags_of_an_unreachable_row_are_404_and_a_visible_one_needs_edit(self):
        url = self.module.url("tags", self.canary.pk)
        if self.module.owned:
            for response in (self.get(self.outside, url), self.post(self.outside, url, {"tags": ["闯入"]})):
                self.assertEqual(response.status_code, 404)
                self.assert_hidden(response)
        self.assertEqual(self.post(self.nobody, url, {"tags": ["闯入"]}).status_code, 403)
        self.assertEqual(
            self.post(self.stranger, self.module.url("tags", self.mine.pk), {}).status_code in (403, 404), True
        )
        self.assertFalse(TagLink.objects.exists())
        self.assertFalse(Tag.objects.exists())

    def test_bulk_tagging_changes_the_frozen_rows_in_few_statements(self):
        rows = [self.make(self.seller, f"批量{n}") for n in range(12)]
        tagging.put(rows[0], ["旧"], by=None)
        tagging.put(rows[1], ["新"], by=None)
        url = f"{self.module.bulk_url}tags/"
        ids = ",".join(str(row.pk) for row in [*rows, self.canary])
        self.post(self.editor, url, {"ids": ids})
        token = Selection.objects.get(user=self.editor).token
        empty = self.post(self.editor, url, {"selection": token})
        self.assertIn("请选择要加上或去掉的标签", self.body(empty))
        both = self.post(self.editor, url, {"selection": token, "add": ["旧"], "drop": ["旧"]})
        self.assertIn("不能既加上又去掉", self.body(both))
        before = OperationLog.objects.count()
        client = client_for(self.editor)
        with CaptureQueriesContext(connection) as queries:
            client.post(url, {"selection": token, "add": ["新", "重点"], "drop": ["旧"]})
        self.assertLessEqual(len(queries), 45)
        for row in rows:
            self.assertEqual(set(self.tagged(row)), {"新", "重点"})
        self.assertEqual(OperationLog.objects.count() - before, 12 if self.module.owned else 13)
        if self.module.owned:
            self.assertEqual(self.tagged(self.canary), [])

    def test_tags_can_be_asked_for_and_only_by_their_own_tags(self):
        rows = [self.make(self.seller, f"带标签{n}") for n in range(3)]
        tagging.put(rows[0], ["甲", "乙"], by=None)
        tagging.put(rows[1], ["乙"], by=None)
        ids = {tag.name: str(tag.pk) for tag in Tag.objects.filter(module=self.module.name)}
        mine = {row.pk for row in rows}

        def found(*part):
            return self.found(self.superuser, where(("tags", *part))) & mine

        self.assertEqual(found("in", ids["甲"]), {rows[0].pk})
        self.assertEqual(found("in", ids["甲"], ids["乙"]), {rows[0].pk, rows[1].pk})
        self.assertEqual(found("out", ids["甲"]), {rows[1].pk, rows[2].pk})
        self.assertEqual(found("empty"), {rows[2].pk})
        self.assertEqual(found("filled"), {rows[0].pk, rows[1].pk})
        other = Tag.objects.create(module="anders", name="别的", key="别的")
        self.assertIn("没有", self.problems(self.superuser, where(("tags", "in", str(other.pk))))[0])
        query = urlencode({"where": where(("tags", "in", "9999999"))})
        self.assertIn("已忽略", self.get(self.editor, f"{self.module.list_url}?{query}").context["notices"][0])

    def test_lists_read_the_tags_of_the_page_in_one_statement(self):
        client = client_for(self.editor)
        counts = []
        for wanted in (["tags"], []):
            client.post(self.module.columns_url, {"columns": [self.module.title_field, *wanted]})
            for n in range(8):
                tagging.put(self.make(self.seller, f"第{len(counts)}批{n}"), [f"标{n}", "共同"], by=None)
            client.get(self.module.list_url)
            with CaptureQueriesContext(connection) as queries:
                client.get(self.module.list_url)
            counts.append(len(queries))
        self.assertEqual(counts[0], counts[1] + 1)
        self.assertLessEqual(counts[0], 12)

    def test_a_file_holds_the_tags_and_the_import_reads_them(self):
        tagging.put(self.mine, ["重点", "=1+1"], by=None)
        response = self.post(self.superuser, self.module.export_url, {"filter": "", "format": "csv", "columns": "all"})
        rows = list(csv.DictReader(io.StringIO(self.body(response).lstrip("\ufeff"))))
        line = next(row for row in rows if "甲的青岚记录" in row.values())
        self.assertEqual(line["标签"], "重点、=1+1")
        offered = {t.key: t for t in import_targets.importer_of(self.module).allowed_targets(self.superuser)}
        target = offered["tags"]
        answers = target.lookup(self.superuser, {"重点、新的", "长" * 21, ""})
        self.assertEqual((answers["重点、新的"], answers[""]), (["重点", "新的"], []))
        self.assertEqual(answers["长" * 21], "最多 20 个字")
        self.assertEqual(import_targets.guess(["标签"], list(offered.values())), {"tags": 0})

    def test_the_field_right_of_tags_holds_at_every_door(self):
        tagging.put(self.mine, ["机密标签"], by=None)
        url = self.module.url("tags", self.mine.pk)
        reader = self.limited(fieldset.READ)
        self.assertContains(self.get(reader, self.module.url(pk=self.mine.pk)), "机密标签")
        self.assertEqual(self.post(reader, url, {"tags": []}).status_code, 403)
        person = self.limited(fieldset.HIDDEN)
        pages = (self.module.url(pk=self.mine.pk), f"{self.module.url(pk=self.mine.pk)}?tab=log", self.module.list_url)
        for page in (*pages, self.module.url("conditions"), f"{self.module.bulk_url}tags/?ids={self.mine.pk}"):
            self.assertNotIn("机密标签", self.body(self.get(person, page)), page)
        self.assertNotIn("tags", [column.key for column in fieldset.of(self.module, person).columns])
        self.assertIn("没有“tags”", self.problems(person, where(("tags", "filled")))[0])
        for response in (self.get(person, url), self.post(person, url, {})):
            self.assertEqual(response.status_code, 404)
        with self.assertRaises(ValidationError):
            tagging.change(self.module.model.objects.filter(pk=self.mine.pk), by=person, drop=["机密标签"])
        self.assertEqual(self.tagged(self.mine), ["机密标签"])

    def test_purge_takes_tags_along_and_restore_and_transfer_keep_them(self):
        tagging.put(self.mine, ["重点"], by=None)
        rows = self.module.model.objects.filter(pk=self.mine.pk)
        if self.module.owned:
            self.module.verb("transfer")(rows, self.mate, by=self.superuser)
        self.module.verb("delete")(rows, by=self.superuser)
        self.module.verb("restore")(rows, by=self.superuser)
        self.assertEqual(self.tagged(self.mine), ["重点"])
        self.module.verb("delete")(rows, by=self.superuser)
        self.module.verb("purge")(rows, by=self.superuser)
        self.assertFalse(TagLink.objects.exists())
        self.assertTrue(Tag.objects.filter(name="重点").exists())
