"""Reads an uploaded workbook or CSV in a process of its own and lays its rows down as lines of text.

    python -m crm.records.importing.spool FILE NAME ROWS

Prints one JSON object: what the file says about itself, or {"error": sentence}. A process of its own, because a hostile
file may eat memory or crash the parser, and because a large sheet held in memory would stay in the worker's. ROWS gets one
line per non-blank data row: row number and cells joined by \\x1f, line breaks inside a cell as \\x1d. Cells are text as
people read them: 13800138000.0 is 13800138000, dates are ISO, truth values TRUE and FALSE, formulas their last value.
"""

import codecs
import csv
import datetime
import itertools
import json
import re
import resource
import sys
import zipfile

SEPARATOR, BREAK = "\x1f", "\x1d"
MAX_ROWS = 1_000_000
MAX_COLUMNS = 500
DISTINCT = 300  # values of a column listed for matching with a dictionary; more of them are not listed
SAMPLES = 3
BLOCK = 2000
MEMORY = 3 * 2**30  # bytes of address space; beyond it the parser dies, and only this process
UNPACKED, RATIO, SMALL = 3 * 2**30, 200, 200 * 2**20
TYPES = (".xls", ".xlsx", ".csv")
ONLY = "只支持 .xls、.xlsx、.csv 文件"
LOCKED = "文件有密码保护，请在 Excel 中去掉密码后再上传"
BROKEN = "文件已损坏，无法读取。请用 Excel 打开后另存为 .xlsx 再上传"
_FORMULA_SIGNS = tuple("=+-@\t\r")
# A formula cell without the value a spreadsheet program keeps beside it; an empty text (t="str") is such a value.
_UNCALCULATED = re.compile(rb"<c\b([^<>]*)>\s*<f\b(?:[^<>]*/>|[^<>]*>[^<]*</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>")
_FORMULA_LENGTH = 2**16  # bytes of XML a formula cell can have
OLE, ZIP = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PK\x03\x04"


class Refused(Exception):
    """The file cannot be imported; the message says why."""


def read(path: str, name: str):
    """(header rows and data rows as (number, [text]), sheet name) of a file; `name` says what it should be."""
    extension = name[name.rfind(".") :].lower() if "." in name else ""
    if extension not in TYPES:
        raise Refused(ONLY)
    with open(path, "rb") as file:
        head = file.read(8)
    if not head:
        raise Refused("文件是空的")
    if extension == ".csv":
        return csv_rows(path), ""
    if extension == ".xlsx":
        if head == OLE:
            raise Refused(LOCKED if _encrypted(path) else "文件内容不是 .xlsx 格式（可能是 .xls），请另存后再上传")
        if not head.startswith(ZIP):
            raise Refused("文件内容不是 .xlsx 格式")
        check_archive(path)
    elif head != OLE:
        raise Refused("文件内容不是 .xls 格式" + ("（可能是 .xlsx），请改正扩展名" if head.startswith(ZIP) else ""))
    elif _encrypted(path):
        raise Refused(LOCKED)
    return sheet_rows(path)


def _encrypted(path: str) -> bool:
    with open(path, "rb") as file:
        return "EncryptedPackage".encode("utf-16-le") in file.read()


def check_archive(path: str) -> None:
    """Refuse what is no workbook and what would unpack to an unreasonable size, whatever its directory claims."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if "[Content_Types].xml" not in archive.namelist() or not any(
                part.filename.startswith("xl/") for part in parts
            ):
                raise Refused("文件内容不是 .xlsx 格式")
            if any(part.flag_bits & 1 for part in parts):
                raise Refused(LOCKED)
            packed = max(1, sum(part.compress_size for part in parts))
            if _too_large(sum(part.file_size for part in parts), packed) or len(parts) > 10_000:
                raise Refused("文件解压后过大，已拒绝读取")
            seen = 0
            for part in parts:
                sheet, tail = part.filename.startswith("xl/worksheets/"), b""
                with archive.open(part) as stream:
                    while block := stream.read(2**20):
                        seen += len(block)
                        if _too_large(seen, packed):
                            raise Refused("文件解压后过大，已拒绝读取")
                        if sheet:
                            _refuse_uncalculated(tail + block)
                            tail = block[-_FORMULA_LENGTH:]
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, OSError):
        raise Refused(BROKEN) from None
    except zipfile.zlib.error:
        raise Refused(BROKEN) from None


def _refuse_uncalculated(xml: bytes) -> None:
    """Formulas count as their last value; without one the cell would be read as empty and its row perhaps lost."""
    if b"<f>" not in xml and b"<f " not in xml:
        return
    for found in _UNCALCULATED.finditer(xml):
        if b't="str"' not in found[1]:
            where = re.search(rb'\br="([A-Z]+[0-9]+)"', found[1])
            place = f"（{where[1].decode()}）" if where else ""
            raise Refused(f"工作表中的公式还没有计算结果{place}，请用 Excel 打开并保存后再上传")


def _too_large(size: int, packed: int) -> bool:
    return size > UNPACKED or (size > SMALL and size / packed > RATIO)


def sheet_rows(path: str):
    """Rows of the first visible sheet that has any."""
    import python_calamine as calamine

    try:
        book = calamine.CalamineWorkbook.from_path(path)
        visible = [
            meta.name
            for meta in book.sheets_metadata
            if meta.typ == calamine.SheetTypeEnum.WorkSheet and meta.visible == calamine.SheetVisibleEnum.Visible
        ]
        for name in visible or book.sheet_names:
            sheet = book.get_sheet_by_name(name)
            if sheet.height:
                _refuse_merged(sheet)
                return _numbered(sheet), name
    except calamine.PasswordError:
        raise Refused(LOCKED) from None
    except (calamine.CalamineError, OSError, ValueError) as error:
        if "password" in str(error).lower():
            raise Refused(LOCKED) from None
        raise Refused(BROKEN) from None
    raise Refused("文件是空的，没有表头和数据")


def _refuse_merged(sheet) -> None:
    for start, end in sheet.merged_cell_ranges or ():
        if sheet.start and start[0] <= sheet.end[0] and start[1] <= sheet.end[1]:
            where = f"{_letters(start[1])}{start[0] + 1}:{_letters(end[1])}{end[0] + 1}"
            raise Refused(f"工作表有合并的单元格（{where}），请取消合并、让每列只有一个表头后再上传")


def _letters(column: int) -> str:
    text = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


def _numbered(sheet):
    for number, row in enumerate(sheet.iter_rows(), 1):
        yield number, [cell if cell.__class__ is str else as_text(cell) for cell in row]


def as_text(cell) -> str:
    """A cell as people read it."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        if cell.is_integer() and abs(cell) < 1e15:
            return str(int(cell))
        return format(cell, ".15g")  # what Excel shows: 0.1 + 0.2 is 0.3
    if isinstance(cell, datetime.datetime):
        cell = (cell + datetime.timedelta(microseconds=500_000)).replace(
            microsecond=0
        )  # serial numbers lose the last digit
        return (
            cell.strftime("%Y-%m-%d %H:%M:%S")
            if (cell.hour, cell.minute, cell.second) != (0, 0, 0)
            else cell.strftime("%Y-%m-%d")
        )
    return "" if cell is None else str(cell)


def csv_rows(path: str):
    """Rows of a CSV: by its BOM, else strict UTF-8, else GB18030; comma, semicolon or tab by the first line."""
    with open(path, "rb") as file:
        head = file.read(65536)
    encoding = _encoding(path, head)
    text = head.decode(encoding, "ignore")
    if any(ord(char) < 32 and char not in "\t\n\r\f" for char in text):
        raise Refused("文件内容不是 .csv 文本")
    first = text.splitlines()[0] if text.strip() else ""
    delimiter = max(",;\t", key=first.count)
    with open(path, encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            for number, row in enumerate(reader, 1):
                yield number, [_unguarded(cell) for cell in row]
        except csv.Error as error:
            reason = "单元格内容过长" if "limit" in str(error) else "引号不完整"
            raise Refused(f"第 {reader.line_num} 行的{reason}，无法读取") from None


def _unguarded(cell: str) -> str:
    """Take off the ' that our export puts before what a spreadsheet would run as a formula."""
    return cell[1:] if cell[:1] == "'" and cell.lstrip("'")[:1] in _FORMULA_SIGNS else cell


def _encoding(path: str, head: bytes) -> str:
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if head.startswith(mark):
            return _decodes(path, encoding) or _refuse_encoding()
    if b"\0" in head or head.startswith((b"MZ", b"%PDF", ZIP, OLE)):
        raise Refused("文件内容不是 .csv 文本")
    return _decodes(path, "utf-8") or _decodes(path, "gb18030") or _refuse_encoding()


def _decodes(path: str, encoding: str) -> str:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with open(path, "rb") as file:
            while block := file.read(2**20):
                decoder.decode(block)
            decoder.decode(b"", True)
    except UnicodeError:
        return ""
    return encoding


def _refuse_encoding():
    raise Refused("无法识别文件的编码，请另存为 UTF-8 或 GB18030 编码的 .csv")


def headers_of(rows) -> list[str]:
    """The first non-blank row as headers; refuses an empty file and repeated headers."""
    for _, row in rows:
        if any(cell.strip() for cell in row):
            names = [" ".join(cell.replace("\u3000", " ").split())[:100] for cell in row]
            break
    else:
        raise Refused("文件是空的，没有表头和数据")
    while names and not names[-1]:
        names.pop()
    if len(names) > MAX_COLUMNS:
        raise Refused(f"最多 {MAX_COLUMNS} 列，文件有 {len(names)} 列")
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names, 1):
        places.setdefault(name.rstrip("*＊ ").casefold(), []).append(place)
    for key, found in places.items():
        if key and len(found) > 1:
            raise Refused(
                f"表头重复：“{names[found[0] - 1]}”出现在第 {'、'.join(map(str, found))} 列，请改成不同的名称"
            )
    return names


def spool(rows, out) -> dict:
    """Write the data rows to `out` and return what was seen on the way."""
    rows = iter(rows)
    headers = headers_of(rows)
    width, total = len(headers), 0
    distinct: list[set | None] = [set() for _ in headers]
    samples: list[list[str]] = [[] for _ in headers]
    while block := list(itertools.islice(rows, BLOCK)):
        kept = []
        for number, row in block:
            if len(row) > width:
                if any(cell.strip() for cell in row[width:]):
                    extra = len(row) - width
                    headers += [""] * extra
                    distinct += [set() for _ in range(extra)]
                    samples += [[] for _ in range(extra)]
                    width = len(row)
                else:
                    row = row[:width]
            if any(row) and any(cell.strip() for cell in row):
                kept.append((number, row if len(row) == width else row + [""] * (width - len(row))))
        total += len(kept)
        if total > MAX_ROWS:
            raise Refused(f"最多导入 {MAX_ROWS:,} 行，文件的行数超过了这个限制，请拆分后再上传")
        for number, row in kept:
            line = SEPARATOR.join(row)
            if line.count(SEPARATOR) != len(row) - 1:
                line = SEPARATOR.join([cell.replace(SEPARATOR, "") for cell in row])
            if "\n" in line or "\r" in line or BREAK in line:
                line = line.replace(BREAK, "").replace("\r\n", "\n").replace("\r", "\n").replace("\n", BREAK)
            out.write(f"{number}{SEPARATOR}{line}\n")
        _look(kept, width, distinct, samples)
        if width > MAX_COLUMNS:
            raise Refused(f"最多 {MAX_COLUMNS} 列，文件有 {width} 列")
    if not total:
        raise Refused("文件只有表头，没有数据")
    return {
        "headers": headers,
        "total": total,
        "samples": samples,
        "distinct": [None if values is None else sorted(value for value in values if value) for values in distinct],
    }


def _look(kept, width, distinct, samples) -> None:
    if not kept:
        return
    for column, values in enumerate(
        itertools.islice(itertools.zip_longest(*[row for _, row in kept], fillvalue=""), width)
    ):
        if distinct[column] is not None:
            distinct[column].update(value.strip() for value in set(values))
            if len(distinct[column]) > DISTINCT + 1:
                distinct[column] = None
        if len(samples[column]) < SAMPLES:
            found = [value.strip()[:60] for value in values if value.strip()]
            samples[column] += [value for value in dict.fromkeys(found) if value not in samples[column]][
                : SAMPLES - len(samples[column])
            ]


def main(path: str, name: str, target: str) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    csv.field_size_limit(1_000_000)
    try:
        rows, sheet = read(path, name)
        with open(target, "w", encoding="utf-8", errors="replace", newline="\n") as out:
            answer = {**spool(rows, out), "sheet": sheet}
    except Refused as refusal:
        answer = {"error": str(refusal)}
    except MemoryError:
        answer = {"error": "文件过大，无法读取"}
    json.dump(answer, sys.stdout, ensure_ascii=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
