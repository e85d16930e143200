"""The three formats of an export; all write rows as they come and hold none of them."""

import csv
import re
from collections.abc import Iterable

from . import xlsx

TYPES = {
    "xlsx": ("Excel 工作簿（.xlsx）", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "csv": ("CSV（.csv，UTF-8）", "text/csv; charset=utf-8"),
    "xls": ("Excel 97-2003（.xls）", "application/vnd.ms-excel"),
}
XLS_ROWS = 65_535
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_HARMLESS = re.compile(r"[+-]?\d+(\.\d+)?|\+?\d[\d\s()-]{5,}\d")


class TooManyRows(ValueError):
    """The format cannot hold so many rows; the message is for the person."""


def check(kind: str, total: int) -> None:
    """Raise TooManyRows where the format cannot hold `total` rows."""
    if kind == "xls" and total > XLS_ROWS:
        raise TooManyRows(f".xls 最多 {XLS_ROWS:,} 行，这次有 {total:,} 行。请改用 .xlsx 或 .csv，或缩小筛选范围。")


def write(
    kind: str, path: str, columns: list[tuple[str, str]], rows: Iterable[tuple], *, total: int, title: str
) -> None:
    """Write one file of the given kind; `columns` = [(label, kind of value)]."""
    check(kind, total)
    if kind == "xlsx":
        xlsx.write(path, columns, rows, total=total, title=title)
    elif kind == "csv":
        _csv(path, columns, rows)
    else:
        _xls(path, columns, rows, title=title)


def guarded(text: str) -> str:
    """A text cell of a CSV that no spreadsheet runs as a formula: a leading ' where it would be taken for one. The import
    takes it off again; pure numbers and phones stay as they are."""
    return f"'{text}" if _FORMULA.match(text) and not _HARMLESS.fullmatch(text) else text


def _csv(path, columns, rows) -> None:
    with open(path, "w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([label for label, _ in columns])
        for row in rows:
            writer.writerow([guarded(value) if value.__class__ is str else value for value in row])


def _xls(path, columns, rows, *, title) -> None:
    import xlwt

    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet(re.sub(r"[\[\]:*?/\\']", " ", title)[:31] or "Sheet1")
    bold = xlwt.easyxf("font: bold on")
    styles = {kind: xlwt.easyxf(num_format_str=pattern) for kind, pattern in xlsx.FORMATS.items()}
    plain = xlwt.easyxf()
    for place, (label, _) in enumerate(columns):
        sheet.write(0, place, label, bold)
        sheet.col(place).width = 256 * max(10, min(36, 2 * len(label) + 6))
    for number, row in enumerate(rows, 1):
        if number > XLS_ROWS:
            raise TooManyRows(f".xls 最多 {XLS_ROWS:,} 行，请改用 .xlsx 或 .csv。")
        for place, value in enumerate(row):
            if value is not None and value != "":
                sheet.write(number, place, value, styles.get(columns[place][1], plain))
        if number % 500 == 0:
            sheet.flush_row_data()
    book.save(path)
