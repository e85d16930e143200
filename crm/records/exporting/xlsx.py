"""A streaming .xlsx writer: rows go through a block of text into the archive, never through a tree of cells.

Text is written as text (inline strings), so "=1+1" stays five letters less one; numbers are numbers, dates are dates.
"""

import re
import zipfile
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.utils import timezone

ROWS_PER_SHEET = 1_048_576
BLOCK = 2000
MAX_CELL = 32_767  # characters Excel takes in one cell
_UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_LOOKS_ESCAPED = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_EPOCH = datetime(1899, 12, 30)
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_STYLES = (
    f'{_HEAD}<styleSheet {_MAIN}><numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="等线"/></font><font><b/><sz val="11"/><name val="等线"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="6">'
    '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>'
    '<xf numFmtId="4" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
# Style numbers of the cells by kind of column.
_STYLE = {"date": 1, "datetime": 2, "money": 4}


def escaped(text: str) -> str:
    """Text as XML content: markup escaped, what XML cannot hold left out, what Excel would decode kept literal."""
    text = _UNSAFE.sub("", text)[:MAX_CELL]
    if "_x" in text:
        text = _LOOKS_ESCAPED.sub("_x005F_", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def serial(moment: datetime | date) -> str:
    """A local moment or day as Excel counts it: days since 1899-12-30."""
    if isinstance(moment, datetime):
        if timezone.is_aware(moment):
            moment = timezone.localtime(moment).replace(tzinfo=None)
        gap = moment.replace(microsecond=0) - _EPOCH
        return f"{gap.days + gap.seconds / 86400:.10f}" if gap.seconds else str(gap.days)
    return str((datetime(moment.year, moment.month, moment.day) - _EPOCH) // timedelta(days=1))


def _text_cells(values) -> list[str]:
    return [f'<c t="inlineStr"><is><t xml:space="preserve">{escaped(str(value))}</t></is></c>' if value not in (None, "") else "<c/>" for value in values]


def _plain_text_cells(values) -> list[str]:
    return [f'<c t="inlineStr"><is><t>{value}</t></is></c>' if value else "<c/>" for value in values]


def cells(kind: str, values: tuple) -> list[str]:
    """One column of a block as cells."""
    if kind in ("date", "datetime"):
        style = _STYLE[kind]
        return [f'<c s="{style}"><v>{serial(value)}</v></c>' if value else "<c/>" for value in values]
    if kind in ("int", "money", "number"):
        style = f' s="{_STYLE[kind]}"' if kind in _STYLE else ""
        return [
            f"<c{style}><v>{value}</v></c>" if value.__class__ in (int, Decimal, float) else ("<c/>" if value is None or value == "" else _text_cells([value])[0])
            for value in values
        ]
    try:
        blob = "".join([value or "" for value in values])
    except TypeError:
        return _text_cells(values)
    if blob.isprintable() and "<" not in blob and "&" not in blob and ">" not in blob and "_x" not in blob and "  " not in blob and " " not in blob:
        return _plain_text_cells(values)
    return _text_cells(values)


class Workbook:
    """A workbook being written to an open binary file. `columns` = [(label, kind)]; rows are tuples of raw values."""

    def __init__(self, file, columns: list[tuple[str, str]], *, title: str = "Sheet1"):
        self.archive = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=2)
        self.columns, self.title = columns, re.sub(r"[\[\]:*?/\\']", " ", title)[:25] or "Sheet1"
        self.sheets, self.sheet, self.written = 0, None, 0

    def _open(self) -> None:
        self.sheets += 1
        self.sheet = self.archive.open(zipfile.ZipInfo(f"xl/worksheets/sheet{self.sheets}.xml", date_time=(2026, 1, 1, 0, 0, 0)), "w", force_zip64=True)
        self.sheet._compress_type = zipfile.ZIP_DEFLATED
        widths = "".join(
            f'<col min="{n}" max="{n}" width="{max(12, min(40, 2 * len(label) + 4))}" customWidth="1"/>' for n, (label, _) in enumerate(self.columns, 1)
        )
        head = "".join(f'<c s="3" t="inlineStr"><is><t>{escaped(label)}</t></is></c>' for label, _ in self.columns)
        self.sheet.write(
            f'{_HEAD}<worksheet {_MAIN}><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
            f"</sheetView></sheetViews><cols>{widths}</cols><sheetData><row>{head}</row>".encode()
        )
        self.written = 1

    def _close(self) -> None:
        if self.sheet is not None:
            self.sheet.write(b"</sheetData></worksheet>")
            self.sheet.close()
            self.sheet = None

    def write(self, rows: list[tuple]) -> None:
        """Append a block of rows."""
        while rows:
            if self.sheet is None or self.written >= ROWS_PER_SHEET:
                self._close()
                self._open()
            part, rows = rows[: ROWS_PER_SHEET - self.written], rows[ROWS_PER_SHEET - self.written :]
            columns = [cells(kind, values) for (_, kind), values in zip(self.columns, zip(*part, strict=True), strict=True)]
            self.sheet.write("".join([f"<row>{''.join(row)}</row>" for row in zip(*columns, strict=True)]).encode())
            self.written += len(part)

    def close(self) -> None:
        """Write what stands around the sheets."""
        if not self.sheets:
            self._open()
        self._close()
        names = [self.title if n == 1 else f"{self.title} {n}" for n in range(1, self.sheets + 1)]
        sheets = "".join(f'<sheet name="{escaped(name)}" sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(names, 1))
        relations = "".join(f'<Relationship Id="rId{n}" Type="{_REL}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in range(1, self.sheets + 1))
        kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
        overrides = "".join(f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{kinds}.worksheet+xml"/>' for n in range(1, self.sheets + 1))
        package = "http://schemas.openxmlformats.org/package/2006"
        for name, text in {
            "xl/workbook.xml": f'{_HEAD}<workbook {_MAIN} xmlns:r="{_REL}"><sheets>{sheets}</sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'{_HEAD}<Relationships xmlns="{package}/relationships">{relations}'
            f'<Relationship Id="rId{self.sheets + 1}" Type="{_REL}/styles" Target="styles.xml"/></Relationships>',
            "xl/styles.xml": _STYLES,
            "_rels/.rels": f'{_HEAD}<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" Type="{_REL}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
            "[Content_Types].xml": f'{_HEAD}<Types xmlns="{package}/content-types"><Default Extension="rels" '
            f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/><Override PartName="/xl/styles.xml" '
            f'ContentType="{kinds}.styles+xml"/>{overrides}</Types>',
        }.items():
            self.archive.writestr(name, text)
        self.archive.close()
