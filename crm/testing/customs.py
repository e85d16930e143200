"""What custom fields and field rights promise for every record type, with no code per module."""

import io

import openpyxl
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import Image

from crm.records import fieldset, services
from crm.records.custom import definitions
from crm.records.models import FieldDefinition, OperationLog
from orgs.services import fields as verbs
from orgs.tests.factories import client_for, employee, role

from .base import XSS, ContractBase

Type = FieldDefinition.Type
OPTIONS = [{"id": 1, "label": "一期", "off": False}, {"id": 2, "label": "二期", "off": False}]
# What people type, what is stored, what a file holds.
SAMPLES = {
    Type.LINE: ("  长三角  ", "长三角", "长三角"),
    Type.TEXT: ("一行\n二行", "一行\n二行", "一行\n二行"),
    Type.NUMBER: ("1,234.5", 1234.5, 1234.5),
    Type.MONEY: ("9,999.90", 9999.9, 9999.9),
    Type.PERCENT: ("35%", 35, 35),
    Type.DATE: ("2026-01-31", "2026-01-31", "2026-01-31"),
    Type.MOMENT: ("2026-01-31 14:00", "2026-01-31T06:00:00Z", "2026-01-31 14:00"),
    Type.CHOICE: ("1", 1, "一期"),
    Type.CHOICES: (["2", "1"], [1, 2], "一期、二期"),
    Type.CHECK: ("on", True, "是"),
    Type.MOBILE: ("+86 138-0000-8000", "13800008000", "13800008000"),
    Type.EMAIL: ("a@example.com", "a@example.com", "a@example.com"),
    Type.URL: ("example.com/x", "http://example.com/x", "http://example.com/x"),
    Type.AREA: ("江苏省/苏州市", "江苏省/苏州市", "江苏省 苏州市"),
}


class CustomContract(ContractBase):
    """Custom fields of every type, and rights on fields."""

    def make_fields(self, kinds=tuple(SAMPLES), **more) -> dict[str, FieldDefinition]:
        return {
            kind: verbs.create_field(
                self.module.name,
                {
                    "type": kind,
                    "label": f"自定{Type(kind).label}",
                    "options": OPTIONS if kind in (Type.CHOICE, Type.CHOICES) else [],
                    **more,
                },
                by=self.superuser,
            )
            for kind in kinds
        }

    @property
    def editor(self):
        return self.seller if self.module.owned else self.superuser

    def edit(self, person, record, changes) -> object:
        form = self.get(person, self.module.url("edit", record.pk)).context["form"]
        data = {name: value for name in form.fields if (value := form[name].value()) not in (None, False)}
        data = {name: getattr(value, "pk", value) for name, value in data.items()}
        return self.post(person, self.module.url("edit", record.pk), {**data, **changes})

    def test_a_field_of_every_type_shows_on_form_list_detail_log_file_and_template(self):
        fields = self.make_fields()
        typed = {row.key: SAMPLES[kind][0] for kind, row in fields.items()}
        response = self.post(self.editor, self.module.new_url, {**self.form_data("带字段的记录", self.editor), **typed})
        self.assertEqual(
            response.status_code, 302, getattr(response, "context", None) and response.context["form"].errors
        )
        record = self.module.model.objects.latest("pk")
        self.assertEqual(record.extra, {row.key: SAMPLES[kind][1] for kind, row in fields.items()})
        detail = self.body(self.get(self.editor, self.module.url(pk=record.pk) + "?tab=fields"))
        for kind in fields:
            self.assertIn(f"自定{Type(kind).label}", detail)
        for text in (
            "长三角",
            "1,234.5",
            "¥9,999.90",
            "35%",
            "2026-01-31 14:00",
            "一期、二期",
            "138 0000 8000",
            "江苏省 苏州市",
        ):
            self.assertIn(text, detail)
        self.post(self.editor, self.module.columns_url, {"columns": [row.key for row in fields.values()]})
        listed = self.body(self.get(self.editor, self.module.list_url))
        self.assertIn("一期、二期", listed)
        self.edit(self.editor, record, {fields[Type.LINE].key: XSS, fields[Type.CHOICE].key: "2"})
        log = OperationLog.objects.filter(object_id=record.pk, code=f"{self.module.name}.updated").latest("pk")
        self.assertEqual(
            {(c["label"], c["old"], c["new"]) for c in log.changes},
            {("自定单行文本", "长三角", XSS), ("自定单选", "一期", "二期")},
        )
        for url in (self.module.list_url, self.module.url(pk=record.pk), self.module.url(pk=record.pk) + "?tab=log"):
            self.assertNotIn(XSS, self.body(self.get(self.editor, url)))
        template = self.get(self.superuser, f"{self.module.import_url}template.xlsx")
        book = openpyxl.load_workbook(io.BytesIO(template.content))
        heads = {cell.value for cell in book.active[1]}
        self.assertLessEqual({f"自定{Type(kind).label}" for kind in fields}, heads)

    def test_every_limit_of_a_type_has_its_sentence_and_nothing_is_saved(self):
        fields = self.make_fields(required=True)
        bad = {
            Type.LINE: ("x" * 201, "最多 200 个字"),
            Type.TEXT: ("长" * 10_000, "最多 2000 个字"),
            Type.NUMBER: ("十二", "请填写数字"),
            Type.MONEY: ("1.005", "最多 2 位小数"),
            Type.PERCENT: ("1000000", "百分比应在 -100,000 到 100,000 之间"),
            Type.DATE: ("2026-02-30", "日期格式应为 2026-01-31"),
            Type.MOMENT: ("昨天", "日期格式应为 2026-01-31 或 2026-01-31 14:00"),
            Type.CHOICE: ("9", "请选择列表中的选项"),
            Type.CHOICES: (["9"], "请选择列表中的选项"),
            Type.MOBILE: ("12345678901", "手机号格式不正确"),
            Type.EMAIL: ("a@", "邮箱格式不正确"),
            Type.URL: ("http://", "网址格式不正确"),
            Type.AREA: ("火星", "请选择列表中的选项"),
        }
        count = self.module.model.objects.count()
        typed = {row.key: bad[kind][0] for kind, row in fields.items() if kind in bad}
        form = self.post(
            self.editor, self.module.new_url, {**self.form_data("不该保存", self.editor), **typed}
        ).context["form"]
        for kind, (_, sentence) in bad.items():
            self.assertIn(sentence, form.errors[fields[kind].key], kind)
        self.assertEqual(form.errors[fields[Type.CHECK].key], ["请勾选自定勾选"])
        empty = self.post(self.editor, self.module.new_url, self.form_data("不该保存", self.editor)).context["form"]
        self.assertEqual(empty.errors[fields[Type.LINE].key], ["请填写自定单行文本"])
        self.assertEqual(self.module.model.objects.count(), count)

    def test_files_of_a_field_are_kept_shown_and_dropped_with_it(self):
        row = self.make_fields([Type.FILES])[Type.FILES]
        out = io.BytesIO()
        Image.new("RGB", (3, 3)).save(out, "PNG")
        data = {**self.form_data("带附件", self.editor), row.key: SimpleUploadedFile("照片.png", out.getvalue())}
        self.assertEqual(self.post(self.editor, self.module.new_url, data).status_code, 302)
        record = self.module.model.objects.latest("pk")
        (pk,) = record.extra[row.key]
        self.assertContains(self.get(self.editor, self.module.url(pk=record.pk) + "?tab=fields"), "照片.png")
        self.assertEqual(self.get(self.editor, f"/files/{pk}/").status_code, 200)
        self.edit(self.editor, record, {f"{row.key}-drop": str(pk)})
        record.refresh_from_db()
        self.assertEqual(record.extra, {})
        self.assertEqual(self.get(self.editor, f"/files/{pk}/").status_code, 404)

    def test_the_name_of_a_file_under_a_hidden_field_is_not_in_the_log(self):
        row = self.make_fields([Type.FILES])[Type.FILES]
        upload = {"add": [SimpleUploadedFile("秘密合同.txt", b"x")], "drop": set()}
        services.update(self.mine, {row.key: upload}, version=self.mine.version, by=self.superuser)
        url = self.module.url(pk=self.mine.pk) + "?tab=log"
        self.assertContains(self.get(self.editor, url), "秘密合同.txt")
        own = role("sales_manager" if self.module.owned else "admin")
        own.field_rights = {self.module.name: {row.key: fieldset.HIDDEN}}
        own.save()
        person = employee("看不到的人", [own], self.manager.department)
        for page in (url, self.module.url(pk=self.mine.pk), self.module.url(pk=self.mine.pk) + "?tab=files"):
            self.assertNotContains(self.get(person, page), "秘密合同.txt")
        self.assertEqual(
            self.get(
                person, f"/files/{self.mine.__class__.objects.get(pk=self.mine.pk).extra[row.key][0]}/"
            ).status_code,
            404,
        )

    def test_a_unique_value_is_held_by_one_live_record(self):
        row = self.make_fields([Type.LINE], unique=True)[Type.LINE]
        self.assertEqual(
            self.post(
                self.editor, self.module.new_url, {**self.form_data("甲", self.editor), row.key: "ＡＢ 12"}
            ).status_code,
            302,
        )
        again = self.post(self.editor, self.module.new_url, {**self.form_data("乙", self.editor), row.key: "ab12"})
        self.assertEqual(again.context["form"].errors[row.key], ["自定单行文本“ab12”已被使用"])
        first = self.module.model.objects.latest("pk")
        other = self.make(self.seller, "乙")
        with self.assertRaisesMessage(ValidationError, "已被使用"):
            services.update(other, {row.key: "ab12"}, version=1, by=self.superuser)
        services.delete(self.module.model.objects.filter(pk=first.pk), by=self.superuser)
        services.update(other, {row.key: "ab12"}, version=1, by=self.superuser)
        with self.assertRaisesMessage(ValidationError, "已被使用"):
            services.restore(self.module.model.objects.filter(pk=first.pk), by=self.superuser)

    def test_a_retired_field_disappears_and_keeps_its_values(self):
        row = self.make_fields([Type.LINE])[Type.LINE]
        services.update(self.mine, {row.key: "留着的值"}, version=self.mine.version, by=self.superuser)
        url = self.module.url(pk=self.mine.pk) + "?tab=fields"
        self.assertContains(self.get(self.editor, url), "留着的值")
        verbs.retire_field(row, True, by=self.superuser)
        self.assertNotContains(self.get(self.editor, url), "留着的值")
        self.assertNotIn(row.key, self.get(self.editor, self.module.new_url).context["form"].fields)
        notices = self.get(self.editor, f"{self.module.list_url}?sort={row.key}").context["notices"]
        self.assertEqual(notices, [f"不能按“{row.key}”排序。"])
        verbs.retire_field(row, False, by=self.superuser)
        self.assertContains(self.get(self.editor, url), "留着的值")

    def test_lists_sort_by_custom_values_and_put_empty_ones_last(self):
        row = self.make_fields([Type.NUMBER])[Type.NUMBER]
        rows = [self.make(self.editor, f"排序{n}") for n in range(3)]
        for record, value in zip(rows, (10, 9.5, 100), strict=True):
            services.update(record, {row.key: value}, version=1, by=self.superuser)
        for sort, wanted in ((row.key, [1, 0, 2]), (f"-{row.key}", [2, 0, 1])):
            listed = [one["pk"] for one in self.get(self.editor, f"{self.module.list_url}?sort={sort}").context["rows"]]
            self.assertEqual(listed[:3], [rows[place].pk for place in wanted])

    def test_statement_counts_stay_with_twenty_custom_fields(self):
        colleague, fields = employee("被选的人"), []
        for n in range(20):
            kind = (Type.PERSON, Type.CHOICE, Type.LINE, Type.DEPARTMENT)[n % 4]
            row = verbs.create_field(
                self.module.name,
                {"type": kind, "label": f"第{n}个", "options": OPTIONS if kind == Type.CHOICE else []},
                by=self.superuser,
            )
            fields.append(
                (
                    row.key,
                    {
                        Type.PERSON: colleague.pk,
                        Type.CHOICE: 1,
                        Type.LINE: "字",
                        Type.DEPARTMENT: colleague.department_id,
                    }[kind],
                )
            )
        values = dict(fields)
        services.update(self.mine, values, version=self.mine.version, by=self.superuser)
        self.post(self.editor, self.module.columns_url, {"columns": list(values)})
        client = client_for(self.editor)
        counts = []
        for _ in range(2):
            client.get(self.module.list_url)
            with CaptureQueriesContext(connection) as queries:
                client.get(self.module.list_url)
            counts.append(len(queries))
            for n in range(10):
                record = self.make(self.seller, f"更多{len(counts)}-{n}")
                services.update(record, values, version=1, by=self.superuser)
        self.assertEqual(counts[0], counts[1])
        self.assertLessEqual(counts[0], 12)
        with CaptureQueriesContext(connection) as queries:
            client.get(self.module.url(pk=self.mine.pk) + "?tab=fields")
        self.assertLessEqual(len(queries), 20)
        with CaptureQueriesContext(connection) as queries:
            client.get(self.module.new_url)
        self.assertLessEqual(len(queries), 15)

    # Rights on fields ---------------------------------------------------------------------------------------------------
    def restrict(self, level: int) -> tuple[str, object]:
        """A custom field at this level for a person who otherwise may do everything with the record."""
        row = self.make_fields([Type.LINE])[Type.LINE]
        own = role("sales_manager" if self.module.owned else "admin")
        own.field_rights = {self.module.name: {row.key: level}}
        own.save()
        person = employee("受限的人", [own], self.manager.department)
        services.update(self.mine, {row.key: "秘密内容七七"}, version=self.mine.version, by=self.superuser)
        return row.key, person

    def test_a_hidden_field_appears_nowhere_for_the_role(self):
        key, person = self.restrict(fieldset.HIDDEN)
        services.update(self.mine, {key: "秘密内容八八"}, version=2, by=self.superuser)
        pages = [
            self.module.list_url,
            self.module.columns_url,
            self.module.url(pk=self.mine.pk),
            *[f"{self.module.url(pk=self.mine.pk)}?tab={tab}" for tab in ("fields", "log", "files")],
            self.module.url("edit", self.mine.pk),
            self.module.new_url,
            f"{self.module.list_url}?sort={key}",
            "/",
        ]
        for url in pages:
            text = self.body(self.get(person, url))
            self.assertNotIn("秘密内容", text, url)
            self.assertNotIn("自定单行文本", text, url)
        self.assertIn("不能按", self.get(person, f"{self.module.list_url}?sort={key}").context["notices"][0])
        exported = self.post(person, self.module.export_url, {"filter": "", "format": "csv", "columns": "all"})
        self.assertNotIn("秘密内容", self.body(exported))
        self.assertNotIn("自定单行文本", self.body(exported))
        template = self.get(person, f"{self.module.import_url}template.xlsx")
        self.assertNotIn(
            "自定单行文本", {cell.value for cell in openpyxl.load_workbook(io.BytesIO(template.content)).active[1]}
        )
        self.edit(person, self.mine, {key: "改掉"})
        self.mine.refresh_from_db()
        self.assertEqual(self.mine.extra[key], "秘密内容八八")
        self.assertEqual(self.post(person, self.module.url("reveal", self.mine.pk), {"field": key}).status_code, 404)

    def test_a_masked_field_shows_without_its_middle_until_it_is_revealed_with_a_log_row(self):
        key, person = self.restrict(fieldset.MASKED)
        url = self.module.url(pk=self.mine.pk) + "?tab=fields"
        self.assertContains(self.get(person, url), "秘***")
        self.assertNotContains(self.get(person, url), "秘密内容")
        exported = self.body(
            self.post(person, self.module.export_url, {"filter": "", "format": "csv", "columns": "all"})
        )
        self.assertIn("秘***", exported)
        self.assertNotIn("秘密内容", exported)
        self.assertNotIn(key, self.get(person, self.module.url("edit", self.mine.pk)).context["form"].fields)
        before = OperationLog.objects.count()
        self.assertContains(self.post(person, self.module.url("reveal", self.mine.pk), {"field": key}), "秘密内容七七")
        log = OperationLog.objects.latest("pk")
        self.assertEqual(
            (OperationLog.objects.count() - before, log.actor, log.code), (1, person, f"{self.module.name}.revealed")
        )
        self.assertNotContains(self.get(person, url), "秘密内容")

    def test_a_read_only_field_shows_and_cannot_be_changed(self):
        key, person = self.restrict(fieldset.READ)
        self.assertContains(self.get(person, self.module.url(pk=self.mine.pk) + "?tab=fields"), "秘密内容七七")
        self.assertEqual(self.get(person, self.module.url("edit", self.mine.pk)).status_code, 200)
        self.edit(person, self.mine, {key: "改掉"})
        self.mine.refresh_from_db()
        self.assertEqual(self.mine.extra[key], "秘密内容七七")

    def test_the_widest_right_of_several_roles_counts(self):
        key, person = self.restrict(fieldset.HIDDEN)
        other = role("seller" if self.module.owned else "sales_manager")
        person.roles.add(other)
        self.assertContains(self.get(person, self.module.url(pk=self.mine.pk) + "?tab=fields"), "秘密内容七七")

    def test_a_built_in_field_can_be_renamed_demanded_and_hidden(self):
        form = self.get(self.editor, self.module.new_url).context["form"]
        key = next(
            name
            for name in reversed(self.module.form_class.Meta.fields)
            if name in form.fields and not form.fields[name].required and name in self.module.by_key
        )
        verbs.change_builtin(self.module.name, key, {"label": "公司的叫法", "required": True}, by=self.superuser)
        again = self.post(self.editor, self.module.new_url, self.form_data("缺必填", self.editor)).context["form"]
        self.assertEqual(again.errors[key], ["请填写公司的叫法"])
        self.assertIn("公司的叫法", self.body(self.get(self.editor, self.module.columns_url)))
        verbs.change_builtin(
            self.module.name,
            key,
            {"required": False, "in_form": False, "in_list": False, "in_filter": False},
            by=self.superuser,
        )
        self.assertNotIn("公司的叫法", self.body(self.get(self.editor, self.module.url(pk=self.mine.pk))))
        self.assertNotIn(key, self.get(self.editor, self.module.new_url).context["form"].fields)

    def test_definitions_act_at_once_in_every_process(self):
        before = definitions.version()
        self.make_fields([Type.LINE])
        self.assertNotEqual(definitions.version(), before)
