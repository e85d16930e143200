"""What import, export and undo promise for every record type: nothing is lost on the way out and back in."""

import io

from crm.records import fieldset, jobs, services
from crm.records.exporting import job as exporting
from crm.records.exporting import xlsx
from crm.records.importing import job as importing
from crm.records.importing import targets, templates, undo, upload
from crm.records.models import FieldDefinition, SearchRow, UniqueValue
from crm.records.tests.workbooks import cells_of

from .base import XSS
from .customs import SAMPLES, CustomContract

Type = FieldDefinition.Type
# Cells for fields whose template has no example.
CELLS = {
    "网址": "http://www.example.com",
    "备注": "第一行\n第二行",
    "描述": "说明 + 说明",
    "地址": "星湖街 1 号",
    "邮编": "215000",
    "QQ": "10001",
    "邮箱": "a@example.com",
    "微信": "wx-1",
    "部门": "采购部",
    "成本价": "7.50",
}
ODD = (XSS, "=1+1", "🐟海产", "'引号", "两行\n文字", "-2+3")


class ImportContract(CustomContract):
    """`import_values` = {field: cell} where the template's example does not fit the test company."""

    import_values: dict = {}
    open_values: dict = {}  # cells of a record that may still be changed, where `import_values` is in a final state

    def imported(self, rows, *, name="名单.xlsx", **options):
        content = rows if isinstance(rows, bytes) else self.workbook(rows)
        draft = upload.accept(io.BytesIO(content), name, user=self.superuser, module=self.module)
        offered = targets.importer_of(self.module).allowed_targets(self.superuser)
        mapping = targets.guess(draft.meta["headers"], offered)
        draft.options = {"mapping": mapping, "unknown": "create", **options}
        job = importing.begin(draft, user=self.superuser, send=False)
        jobs.execute(job.pk)
        job.refresh_from_db()
        self.assertEqual((job.state, job.result["failed"]), ("done", 0), job.result.get("errors"))
        return job

    @staticmethod
    def workbook(rows) -> bytes:
        out = io.BytesIO()
        cells = [tuple(map(str, row)) for row in rows[1:]]
        xlsx.write(out, [(head, "text") for head in rows[0]], cells, total=len(cells), title="名单")
        return out.getvalue()

    def exported(self, kind: str) -> bytes:
        job = exporting.begin(
            self.module,
            user=self.superuser,
            kind=kind,
            query=f"sort={self.module.title_field}",
            columns="all",
            send=False,
        )
        jobs.execute(job.pk, quiet=True)
        job.refresh_from_db()
        return self.body_bytes(self.get(self.superuser, f"/jobs/{job.pk}/file/"))

    @staticmethod
    def body_bytes(response) -> bytes:
        return b"".join(response.streaming_content)

    def sheet(self) -> list[tuple]:
        """A header and rows: one with every built-in and custom field, one with the required ones, odd texts."""
        fields = self.make_fields([*SAMPLES, Type.PERSON, Type.DEPARTMENT], in_form=True)
        cells = {row.label: SAMPLES[kind][2] for kind, row in fields.items() if kind in SAMPLES}
        cells[fields[Type.PERSON].label] = self.mate.phone
        cells[fields[Type.DEPARTMENT].label] = self.mate.department.name
        importer = targets.importer_of(self.module)
        for item in templates.items(importer, self.module, self.superuser):
            cells.setdefault(
                item.label, item.example or CELLS.get(item.label) or "2026-01-31 14:00" * (item.label.endswith("时间"))
            )
        companions = {target.label for target in importer.allowed_targets(self.superuser) if target.companion}
        cells = {label: value for label, value in cells.items() if label not in companions} | self.import_values
        title = fieldset.of(self.module, self.superuser).label(self.module.title_field)
        unique = {title, *(key for key in self.import_values if key.endswith("编码"))}
        must = {target.label for target in targets.required(importer.allowed_targets(self.superuser), self.module)}
        line, text = fields[Type.LINE].label, fields[Type.TEXT].label
        rows = [{**cells, **dict.fromkeys(unique, "甲一")}]
        rows.append({label: cells[label] for label in must} | dict.fromkeys(unique, "乙二"))
        for place, odd in enumerate(ODD):
            odd_row = {label: cells[label] for label in must} | dict.fromkeys(unique, f"{odd}{place}"[:40])
            rows.append({**odd_row, line: odd.replace("\n", " "), text: odd})
        return [tuple(cells), *(tuple(row.get(label, "") for label in cells) for row in rows)]

    def wipe(self):
        SearchRow.objects.all().delete()
        UniqueValue.objects.all().delete()
        self.module.model.objects.all().delete()

    def test_an_export_imported_into_an_empty_company_exports_the_same_cell_by_cell(self):
        self.wipe()
        sheet = self.sheet()
        self.imported(sheet)
        for kind in ("xlsx", "csv"):
            before = self.exported(kind)
            if kind == "xlsx":
                heads, first = cells_of(before)[0], cells_of(before)
                full = next(row for row in first if row[0] == "甲一")
                empty = [head for head, cell in zip(heads, full, strict=True) if cell in ("", None)]
                computed = [column.label for column in self.module.columns if column.computed]
                self.assertEqual([head for head in empty if head not in computed], [])
                self.assertEqual(len(first), len(sheet))
            self.wipe()
            self.imported(before, name=f"往返.{kind}")
            after = self.exported(kind)
            if kind == "csv":
                self.assertEqual(after.decode("utf-8-sig"), before.decode("utf-8-sig"))
            else:
                self.assertEqual(cells_of(after), cells_of(before))

    def test_an_import_over_existing_records_is_undone_but_for_what_was_edited_since(self):
        self.wipe()
        head, *rows = self.sheet()
        opened = [
            tuple(self.open_values.get(label, cell) for label, cell in zip(head, row, strict=True)) for row in rows
        ]
        sheet = [head, *opened]
        self.imported(sheet)
        model = self.module.model
        names = [field.attname for field in model._meta.concrete_fields if field.attname != "version"]

        def state(rows):
            return sorted(map(repr, rows.values_list(*names)))

        before, lines = state(model.objects.all()), SearchRow.objects.count()
        fresh = dict(zip(sheet[0], sheet[1], strict=True))
        title = fieldset.of(self.module, self.superuser).label(self.module.title_field)
        line = next(label for label in sheet[0] if label == "自定单行文本")
        changed = [
            tuple("改过了" if label == line else cell for label, cell in zip(sheet[0], row, strict=True))
            for row in sheet[1:]
        ]
        new = {
            **fresh,
            **dict.fromkeys((title, *(k for k in self.import_values if k.endswith("编码"))), "全新的"),
        }
        job = self.imported([sheet[0], *changed, tuple(new.values())], on_duplicate="overwrite")
        self.assertEqual((job.result["created"], job.result["updated"]), (1, len(changed)))
        edited = model.objects.order_by("pk").first()
        services.update(edited, {self.title_form_field: "之后改名"}, version=edited.version, by=self.superuser)
        page = self.body(self.post(self.superuser, f"/jobs/{job.pk}/undo/", {}))
        self.assertEqual(page, "")
        made = undo.Job.objects.filter(kind=undo.KIND).latest("pk")
        jobs.execute(made.pk)
        made.refresh_from_db()
        figures = [made.result.get(key, 0) for key in ("restored", "deleted", "binned", "kept")]
        self.assertEqual(figures, [len(changed) - 1, 1, 0, 1])
        self.assertEqual(
            state(model.objects.exclude(pk=edited.pk)), [row for row in before if row not in self.of(before, edited)]
        )
        self.assertEqual(SearchRow.objects.count(), lines)
        self.assertContains(self.get(self.superuser, f"/jobs/{made.pk}/"), "导入后又被修改")

    @staticmethod
    def of(rows, record) -> set:
        return {row for row in rows if row.startswith(f"({record.pk},")}
