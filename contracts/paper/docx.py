""".docx templates: what may be uploaded, and filling one in. The file is a zip of XML; placeholders may be split over runs, values
are text nodes, so that nothing in them is read as markup. Everything but the text of placeholders stays byte for byte."""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from xml.dom import minidom
from xml.parsers import expat

from django.core.exceptions import ValidationError

from .placeholders import OF_LINE, PATTERN, TABLE, Filled, unknown

LIMIT = 20 * 2**20
UNPACKED, RATIO, ENTRIES = 100 * 2**20, 200, 2000
PART, DEPTH, NODES = 5 * 2**20, 200, 200_000
MAIN = "word/document.xml"
FILLED = re.compile(r"word/(document|header\d*|footer\d*|footnotes|endnotes)\.xml")
ODD = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML cannot hold
NOT_WORD = "这不是 Word 文件（.docx）；旧格式或加密的文件请另存为 .docx 再上传"
BROKEN = "文件内容已损坏，请用 Word 重新保存后再上传"
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError)
TOO_BIG = "文件解开后过大，不能上传"


def _refuse(words: str):
    raise ValidationError({"file": words})


# Opening -----------------------------------------------------------------------------------------------------------------
def _scan(xml: bytes) -> None:
    """Refuse what would cost more than it is: declarations of types and entities, deep nests, too many elements."""
    depth = count = 0
    parser = expat.ParserCreate()

    def start(name, attributes):
        nonlocal depth, count
        depth, count = depth + 1, count + 1
        if depth > DEPTH or count > NODES:
            _refuse(TOO_BIG)

    def end(name):
        nonlocal depth
        depth -= 1

    def doctype(*args):
        _refuse(BROKEN)

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartDoctypeDeclHandler = doctype
    parser.Parse(xml, True)


def _parsed(archive: zipfile.ZipFile, name: str) -> minidom.Document:
    if archive.getinfo(name).file_size > PART:
        _refuse(TOO_BIG)
    xml = archive.read(name)
    try:
        _scan(xml)
        return minidom.parseString(xml)  # noqa: S318 _scan lets no declaration through
    except (expat.ExpatError, ValueError, LookupError):
        _refuse(BROKEN)


def _look(archive: zipfile.ZipFile, size: int) -> None:
    """What may not be in a template."""
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    lower = [name.lower() for name in names]
    unpacked = sum(entry.file_size for entry in entries)
    if len(entries) > ENTRIES or unpacked > UNPACKED or (unpacked > 2**24 and unpacked > RATIO * size):
        _refuse(TOO_BIG)
    if MAIN not in names or "[Content_Types].xml" not in names:
        _refuse(NOT_WORD)
    if len(set(lower)) != len(lower) or any(
        "\\" in name or name.startswith("/") or ".." in name.split("/") or entry.flag_bits & 1
        for name, entry in zip(names, entries, strict=True)
    ):
        _refuse(BROKEN)
    types = archive.read("[Content_Types].xml") if archive.getinfo("[Content_Types].xml").file_size < PART else b""
    if b"macroEnabled" in types or any(name.endswith(("vbaproject.bin", "vbadata.xml")) for name in lower):
        _refuse("文件含有宏，不能用作模板；请另存为不含宏的 .docx")
    if b"wordprocessingml" not in types:
        _refuse(NOT_WORD)
    if any(name.startswith(("word/embeddings/", "word/activex/")) for name in lower):
        _refuse("文件含有嵌入对象或控件，不能用作模板")
    for name in names:
        if name.endswith(".rels"):
            for one in _parsed(archive, name).getElementsByTagName("*"):
                if one.getAttribute("TargetMode") == "External" and not one.getAttribute("Type").endswith("/hyperlink"):
                    _refuse("文件引用了外部的图片或模板，不能用作模板；请把图片插入文件里")


def _open(data: bytes) -> zipfile.ZipFile:
    if len(data) > LIMIT:
        _refuse("文件超过 20 MB")
    if not data.startswith(b"PK\x03\x04"):
        _refuse(NOT_WORD)
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        _look(archive, len(data))
    except (*DAMAGE, NotImplementedError, RuntimeError, UnicodeDecodeError, KeyError):
        _refuse(BROKEN)
    return archive


def check(data: bytes) -> set[str]:
    """The placeholders of an acceptable template; ValidationError in words otherwise, also for those nobody knows."""
    with _open(data) as archive:
        found = set()
        for name in archive.namelist():
            if FILLED.fullmatch(name):
                dom = _read(archive, name)
                for paragraph in _all(dom, "p"):
                    found |= {one.strip() for one in PATTERN.findall("".join(_said(t) for t in _texts(paragraph)))}
    if strange := unknown(found, rows=True):
        _refuse(f"不认识的占位符：{'、'.join(f'{{{name}}}' for name in strange[:10])}")
    return found


def _read(archive, name):
    try:
        return _parsed(archive, name)
    except DAMAGE:
        _refuse(BROKEN)


# The document ------------------------------------------------------------------------------------------------------------
def _all(node, name: str) -> list:
    """Elements of WordprocessingML called so, in order."""
    return [one for one in node.getElementsByTagNameNS("*", name) if "wordprocessingml" in (one.namespaceURI or "")]


def _texts(paragraph) -> Iterator:
    """The text elements of a paragraph, without those of paragraphs inside it (text boxes)."""
    for child in paragraph.childNodes:
        if child.nodeType != child.ELEMENT_NODE:
            continue
        word = "wordprocessingml" in (child.namespaceURI or "")
        if word and child.localName == "t":
            yield child
        elif not (word and child.localName == "p"):
            yield from _texts(child)


def _said(element) -> str:
    return "".join(
        node.data for node in element.childNodes if node.nodeType in (node.TEXT_NODE, node.CDATA_SECTION_NODE)
    )


def _new(like, name: str):
    """An element of the namespace and prefix of another one."""
    prefix = f"{like.prefix}:" if like.prefix else ""
    return like.ownerDocument.createElementNS(like.namespaceURI, prefix + name)


def _write(element, text: str) -> None:
    """Make this the text of a text element; lines are kept apart by breaks."""
    while element.firstChild:
        element.removeChild(element.firstChild)
    first, *rest = ODD.sub("", text).replace("\r", "").split("\n")
    element.setAttribute("xml:space", "preserve")
    element.appendChild(element.ownerDocument.createTextNode(first))
    after = element.nextSibling
    for line in rest:
        more = _new(element, "t")
        more.setAttribute("xml:space", "preserve")
        more.appendChild(element.ownerDocument.createTextNode(line))
        element.parentNode.insertBefore(_new(element, "br"), after)
        element.parentNode.insertBefore(more, after)


def _fill(paragraph, values: dict[str, str]) -> None:
    """Put values at the placeholders; one that is split over runs is written into the first of them."""
    elements = list(_texts(paragraph))
    texts = [_said(one).replace("\n", " ") for one in elements]
    whole = "".join(texts)
    found = [match for match in PATTERN.finditer(whole) if match[1].strip() in values]
    if not found:
        return
    start = 0
    for element, text in zip(elements, texts, strict=True):
        end, place, pieces = start + len(text), start, []
        for match in found:
            if match.end() <= start or match.start() >= end:
                continue
            pieces.append(whole[place : max(place, match.start())])
            if match.start() >= start:
                pieces.append(values[match[1].strip()])
            place = max(place, min(match.end(), end))
        pieces.append(whole[place:end])
        if (now := "".join(pieces)) != text:
            _write(element, now)
        start = end


def _text_of(node) -> str:
    return "".join("".join(_said(t) for t in _texts(one)) for one in _all(node, "p"))


def _repeat_rows(dom, filled: Filled) -> set[int]:
    """Repeat every table row that names a product line; answers the paragraphs that are done (by identity)."""
    names, done = set(OF_LINE), set()
    lined = [row for row in _all(dom, "tr") if {n.strip() for n in PATTERN.findall(_text_of(row))} & names]
    rows = [row for row in lined if not any(inner in lined for inner in _all(row, "tr"))]
    for row in rows:
        for line in filled.lines or [dict.fromkeys(OF_LINE, "")]:
            copy = row.cloneNode(True)
            for one in [copy, *copy.getElementsByTagName("*")]:
                for key in [key for key in one.attributes.keys() if key.endswith((":paraId", ":textId"))]:
                    one.removeAttribute(key)  # they must be unique
            row.parentNode.insertBefore(copy, row)
            for paragraph in _all(copy, "p"):
                _fill(paragraph, {**filled.values, **line})
                done.add(id(paragraph))
        row.parentNode.removeChild(row)
    return done


def _cell(row, text: str, like) -> None:
    cell, paragraph, run, words = (_new(like, name) for name in ("tc", "p", "r", "t"))
    run.appendChild(words)
    paragraph.appendChild(run)
    cell.appendChild(paragraph)
    row.appendChild(cell)
    _write(words, text)


def _table(paragraph, filled: Filled) -> None:
    """A table of the product lines before the paragraph that asked for it."""
    prefix = f"{paragraph.prefix}:" if paragraph.prefix else ""

    def put(parent, name, **attributes):
        made = _new(paragraph, name)
        for key, value in attributes.items():
            made.setAttributeNS(paragraph.namespaceURI, prefix + key, value)
        parent.appendChild(made)
        return made

    table = _new(paragraph, "tbl")
    looks = put(table, "tblPr")
    put(looks, "tblW", w="5000", type="pct")
    borders = put(looks, "tblBorders")
    for side in ("top", "left", "bottom", "right", "insideH", "insideV"):
        put(borders, side, val="single", sz="4", space="0", color="auto")
    grid = put(table, "tblGrid")
    for _ in filled.columns:
        put(grid, "gridCol")
    head = put(table, "tr")
    put(put(head, "trPr"), "tblHeader")
    for name in filled.columns:
        _cell(head, name, paragraph)
    for line in filled.lines:
        row = put(table, "tr")
        put(put(row, "trPr"), "cantSplit")
        for name in filled.columns:
            _cell(row, line[name], paragraph)
    paragraph.parentNode.insertBefore(table, paragraph)


def fill(data: bytes, filled: Filled) -> bytes:
    """The template with these values, as a .docx file."""
    out = io.BytesIO()
    with _open(data) as archive, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for entry in archive.infolist():
            if not FILLED.fullmatch(entry.filename):
                made.writestr(entry.filename, archive.read(entry))
                continue
            dom = _read(archive, entry.filename)
            done = _repeat_rows(dom, filled)
            for paragraph in _all(dom, "p"):
                if id(paragraph) in done:
                    continue
                if _alone(paragraph) and filled.lines:
                    _table(paragraph, filled)
                    _fill(paragraph, {TABLE: ""})
                else:
                    _fill(paragraph, filled.values)
            made.writestr(entry.filename, dom.toxml(encoding="UTF-8", standalone=True))
    return out.getvalue()


def _alone(paragraph) -> bool:
    text = "".join(_said(t) for t in _texts(paragraph)).strip()
    return text == f"{{{TABLE}}}" and "wordprocessingml" in (paragraph.parentNode.namespaceURI or "")
