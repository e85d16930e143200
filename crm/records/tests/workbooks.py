"""Files for tests, made on the spot."""

import io
import struct
import zipfile

import openpyxl
import xlwt
from xlwt.CompoundDoc import XlsDoc

HEADER = ("客户名称", "电话")


def xlsx(*rows, merge: str = "", at: tuple[int, int] = (1, 1)) -> bytes:
    """A workbook of these rows, the first cell standing at row and column `at`."""
    book = openpyxl.Workbook()
    for y, row in enumerate(rows, at[0]):
        for x, value in enumerate(row, at[1]):
            book.active.cell(y, x, value)
    if merge:
        book.active.merge_cells(merge)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def xls(*rows, password: bool = False) -> bytes:
    """The same as .xls; `password` puts the mark of an encrypted workbook behind its first record."""
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("a")
    for y, row in enumerate(rows):
        for x, value in enumerate(row):
            sheet.write(y, x, value)
    biff = book.get_biff_data()
    if password:
        first = 4 + struct.unpack("<H", biff[2:4])[0]
        biff = biff[:first] + struct.pack("<HHH", 0x2F, 54, 1) + b"\x01\x00\x01\x00" + bytes(48) + biff[first:]
    out = io.BytesIO()
    XlsDoc().save(out, biff)
    return out.getvalue()


def locked_xlsx() -> bytes:
    """What Excel writes for a workbook with a password: an OLE container around the encrypted package."""
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le") + bytes(2000)


def bomb() -> bytes:
    """A workbook of some hundred kilobytes that unpacks to 400 MB."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(xlsx(HEADER, ("甲", "1")))) as good,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for part in good.infolist():
            if part.filename != "xl/worksheets/sheet1.xml":
                archive.writestr(part, good.read(part))
        with archive.open("xl/worksheets/sheet1.xml", "w") as sheet:
            sheet.write(b"<worksheet><sheetData>")
            block = b" " * 2**20
            for _ in range(400):
                sheet.write(block)
            sheet.write(b"</sheetData></worksheet>")
    return out.getvalue()


def with_formulas(text: str = "公式公司") -> bytes:
    """A workbook with formulas and the values Excel kept for them, `text` for the first."""
    sheet = (
        '<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        '<row r="1"><c r="A1" t="inlineStr"><is><t>客户名称</t></is></c><c r="B1" t="inlineStr"><is><t>电话</t></is></c></row>'
        '<row r="2"><c r="A2" t="str"><f>"公"&amp;"式"&amp;"公司"</f><v>'
        f"{text}</v>"
        '</c><c r="B2"><f>13800138000+1</f><v>13800138001</v></c></row>'
        "</sheetData></worksheet>"
    )
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(xlsx(HEADER))) as good, zipfile.ZipFile(out, "w") as archive:
        for part in good.infolist():
            archive.writestr(part, sheet.encode() if part.filename == "xl/worksheets/sheet1.xml" else good.read(part))
    return out.getvalue()


def cells_of(content: bytes) -> list[list]:
    """The first sheet of a written workbook as a reader sees it."""
    import python_calamine

    return python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
