"""Tables of people in and out of files, on the shared reader and writer."""

import io
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import tablib
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from openpyxl import Workbook as Template
from openpyxl.comments import Comment
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from crm.records.exporting import files
from crm.records.importing import spool, upload
from crm.records.models import ExportLedger

from . import tree
from .models import Role
from .resources import REQUIRED, EmployeeResource

ROWS = 500  # each gets its own password hash, which takes its time on purpose
COLUMNS = {
    "姓名": "必填，最多 50 个字",
    "手机号": "必填，登录名，不能重复",
    "部门": "必填，部门名称；重名时写全，如“华东销售部 / 苏州组”",
    "职位": "最多 50 个字",
    "直属上级": "在职同事的手机号或姓名；同一文件里的上级要写在前面的行",
    "性别": "男或女",
    "邮箱": "也可用来登录，不能重复",
    "角色": "多个用顿号隔开",
}
EXAMPLE = {
    "姓名": "王小明",
    "手机号": "13812345678",
    "职位": "客户经理",
    "性别": "男",
    "邮箱": "wang@example.com",
    "角色": "客户经理",
}


@dataclass
class Outcome:
    """What an import did: `created` = [(employee, password)], `faults` = [{"number", "name", "reason"}] (then nothing)."""

    created: list = field(default_factory=list)
    faults: list = field(default_factory=list)


def xlsx(dataset, title: str) -> bytes:
    """A dataset as a workbook whose cells are text."""
    rows = (tuple("" if value is None else str(value) for value in row) for row in dataset)
    with tempfile.TemporaryDirectory(prefix="people-") as folder:
        path = Path(folder) / "table.xlsx"
        files.write(
            "xlsx", str(path), [(header, "text") for header in dataset.headers], rows, total=len(dataset), title=title
        )
        return path.read_bytes()


def export(resource, rows, *, title: str, module: str, by, filter: str = "") -> bytes:
    """A table as .xlsx; who took it stands in the export ledger first."""
    dataset = resource.export(rows)
    ids = ",".join(str(row.pk) for row in rows)
    ExportLedger.objects.create(
        user=by, module=module, filter=filter[:2000], fields=list(dataset.headers), count=len(dataset), ids=ids
    )
    return xlsx(dataset, title)


def template() -> bytes:
    """The empty table with notes, drop-downs and one example row."""
    book = Template()
    sheet, values = book.active, book.create_sheet("可选值")
    sheet.title = "员工"
    lists = {
        "部门": [node.way for node in tree.nodes()],
        "性别": ["男", "女"],
        "角色": list(Role.objects.filter(person=None).exclude(code=Role.SUPER).values_list("name", flat=True)),
    }
    example = {**EXAMPLE, "部门": lists["部门"][-1]}
    for place, (header, note) in enumerate(COLUMNS.items(), 1):
        cell = sheet.cell(1, place, f"{header}*" if header in REQUIRED else header)
        cell.font, cell.comment = Font(bold=True), Comment(note, "开海 CRM")
        _text(sheet.cell(2, place), example.get(header, ""))
        letter = get_column_letter(place)
        sheet.column_dimensions[letter].width = 22
        for row in range(2, ROWS + 2):
            sheet.cell(row, place).number_format = "@"
        if header in lists and lists[header]:
            column = list(lists).index(header) + 1
            source = get_column_letter(column)
            values.cell(1, column, header)
            for row, value in enumerate(lists[header], 2):
                _text(values.cell(row, column), value)
            rule = DataValidation(
                type="list",
                formula1=f"可选值!${source}$2:${source}${len(lists[header]) + 1}",
                allow_blank=True,
                showErrorMessage=header != "角色",
            )
            rule.add(f"{letter}2:{letter}{ROWS + 1}")
            sheet.add_data_validation(rule)
    sheet.freeze_panes = "A2"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _text(cell, value: str) -> None:
    cell.value, cell.data_type = value, "s"


def read(file, *, required=REQUIRED, most: int = ROWS, what: str = "名员工") -> tuple[tablib.Dataset, list[int]]:
    """(table with our headers, row numbers of the file) of at most `most` rows with the `required` columns; ValidationError
    says why a file is refused."""
    limit = settings.IMPORT_MAX_MB * 2**20
    with tempfile.TemporaryDirectory(prefix="people-") as folder:
        path, rows = Path(folder) / "upload", Path(folder) / "rows"
        size = 0
        with path.open("wb") as out:
            for block in file.chunks():
                size += len(block)
                if size > limit:
                    raise ValidationError(f"文件超过 {settings.IMPORT_MAX_MB} MB，请拆分后再上传")
                out.write(block)
        try:
            found = upload.read(path, file.name, rows)
        except (upload.Refused, spool.Refused) as refused:
            raise ValidationError(str(refused)) from None
        if found["total"] > most:
            raise ValidationError(f"一次最多导入 {most:,} {what}，文件有 {found['total']:,} 行，请拆分后再上传")
        headers = [header.rstrip("*＊ ") for header in found["headers"]]
        if missing := [name for name in required if name not in headers]:
            raise ValidationError(f"缺少列：{'、'.join(missing)}。请使用模板里的表头。")
        dataset, numbers = tablib.Dataset(headers=headers), []
        with rows.open(encoding="utf-8") as lines:
            for line in lines:
                number, *cells = line.rstrip("\n").split(spool.SEPARATOR)
                numbers.append(int(number))
                dataset.append([upload.readable(cell) for cell in cells])
    return dataset, numbers


def import_employees(file, *, by) -> Outcome:
    """All rows or none: a check of every row first, then the same with passwords."""
    dataset, numbers = read(file)
    outcome = Outcome()
    for trial in (True, False):
        resource = EmployeeResource(by=by, trial=trial)
        with transaction.atomic():
            result = resource.import_data(dataset, dry_run=trial, rollback_on_validation_errors=True)
            outcome.faults = faults_of(result, numbers, resource)
            if outcome.faults:
                transaction.set_rollback(True)
        if outcome.faults:
            return outcome
    outcome.created = resource.created
    return outcome


def faults_of(result, numbers: list[int], resource) -> list[dict]:
    """[{"number", "name", "reason"}] of the rows that failed, in the order of the file."""
    labels = {name: one.column_name for name, one in resource.fields.items()}
    found = []
    for row in result.invalid_rows:
        reasons = (
            [
                f"{labels[name]}：{text}" if name in labels else text
                for name, texts in row.error.message_dict.items()
                for text in texts
            ]
            if hasattr(row.error, "error_dict")
            else row.error.messages
        )
        found.append((row.number, row.values[0] if row.values else "", "；".join(reasons)))
    for row in result.error_rows:
        found.append((row.number, "", "这一行无法读取，请检查内容"))
    return [
        {"number": numbers[number - 1], "name": str(name)[:50], "reason": reason}
        for number, name, reason in sorted(found)
    ]
