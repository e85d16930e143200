"""Import templates: .xlsx with drop-downs and notes at the headers, .xls with the allowed values on a second sheet."""

import io

from django.db import models

from .. import modules
from ..fields import DictionaryField
from ..models import DictionaryItem
from . import targets
from .plan import field_of

ROWS = 5000  # rows below the header that get drop-downs
INLINE = 250  # signs a drop-down may carry itself
LISTS = "可选值"


class Item:
    """One column of a template."""

    def __init__(self, target, module, user, required: bool):
        self.label, self.required = target.label, required
        if target.companion:
            target, module = target.companion, modules.get(target.key.partition(".")[0])
        self.field = field_of(module, target)
        self.values = _values(target, self.field)
        self.note = "；".join(filter(None, ["必填" if required else "", target.note, _limit(self.field)]))
        person = target.lookup in (targets.OWNER, targets.PERSON)
        self.example = user.phone if person else target.example or (self.values[0] if self.values else "")


def items(importer, module, user) -> list[Item]:
    """The columns of the template: every target the person may fill."""
    offered = importer.allowed_targets(user)
    must = {target.key for target in targets.required(offered, module)}
    return [Item(target, module, user, target.key in must) for target in offered if _writable(target)]


def _writable(target) -> bool:
    """Everything but what only repeats other columns; a target that no field checks says by an example what it takes."""
    own = target.custom or target.companion or target.lookup or target.example or target.options
    return bool(target.field != "" or own)


def _values(target, field) -> list[str]:
    if target.options:
        return target.options()
    if isinstance(field, DictionaryField):
        return list(DictionaryItem.objects.filter(dictionary=field.code, active=True).values_list("label", flat=True))
    if isinstance(field, models.BooleanField):
        return ["是", "否"]
    if field is not None and field.flatchoices:
        return [str(value) if hasattr(field, "top") else str(label) for value, label in field.flatchoices]
    return []


def _limit(field) -> str:
    if isinstance(field, models.DateTimeField):
        return "格式 2026-01-31 14:00"
    if isinstance(field, models.DateField):
        return "格式 2026-01-31"
    if isinstance(field, models.CharField) and field.max_length and not field.flatchoices:
        return f"最多 {field.max_length} 个字"
    return ""


def xlsx(importer, module, user) -> bytes:
    """The .xlsx template."""
    from openpyxl import Workbook
    from openpyxl.comments import Comment
    from openpyxl.styles import Font, PatternFill
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    book = Workbook()
    sheet, lists, used = book.active, book.create_sheet(LISTS), 0
    sheet.title = module.label
    lists.sheet_state = "hidden"
    for place, item in enumerate(items(importer, module, user), 1):
        letter = get_column_letter(place)
        head = sheet.cell(1, place, item.label + (" *" if item.required else ""))
        head.font = Font(bold=True, color="B42318" if item.required else "000000")
        head.fill = PatternFill("solid", fgColor="F2F4F5")
        if item.note:
            head.comment = Comment(item.note, "开海 CRM", width=240, height=90)
        sheet.column_dimensions[letter].width = max(12, min(36, 2 * len(item.label) + 6))
        example = sheet.cell(2, place, item.example)
        example.data_type, example.font = "s", Font(color="808080")
        for row in range(2, 200):
            sheet.cell(row, place).number_format = "@"
        if item.values:
            joined = ",".join(item.values)
            if len(joined) <= INLINE and not any("," in value or '"' in value for value in item.values):
                formula = f'"{joined}"'
            else:
                used += 1
                column = get_column_letter(used)
                for row, value in enumerate(item.values, 1):
                    lists.cell(row, used, value).data_type = "s"
                formula = f"'{LISTS}'!${column}$1:${column}${len(item.values)}"
            rule = DataValidation(type="list", formula1=formula, allow_blank=True, showErrorMessage=False)
            rule.add(f"{letter}2:{letter}{ROWS}")
            sheet.add_data_validation(rule)
    if not used:
        book.remove(lists)
    sheet.freeze_panes = "A2"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def xls(importer, module, user) -> bytes:
    """The .xls template; that format's writer has no drop-downs, so the values stand on the second sheet."""
    import xlwt

    book = xlwt.Workbook(encoding="utf-8")
    sheet, notes = book.add_sheet(module.label), book.add_sheet("填写说明")
    bold, grey, text = (
        xlwt.easyxf("font: bold on"),
        xlwt.easyxf("font: color gray50", num_format_str="@"),
        xlwt.easyxf(num_format_str="@"),
    )
    for place, title in enumerate(("字段", "必填", "说明", "可选值")):
        notes.write(0, place, title, bold)
        notes.col(place).width = 256 * (16, 8, 40, 80)[place]
    for place, item in enumerate(items(importer, module, user)):
        sheet.write(0, place, item.label + (" *" if item.required else ""), bold)
        sheet.write(1, place, item.example, grey)
        sheet.col(place).width = 256 * max(12, min(36, 2 * len(item.label) + 6))
        sheet.col(place).set_style(text)
        for column, value in enumerate(
            (item.label, "是" if item.required else "", item.note, "、".join(item.values)[:30_000])
        ):
            notes.write(place + 1, column, value)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
