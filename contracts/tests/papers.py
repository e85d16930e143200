"""Small .docx files for tests."""

import io
import re
import zipfile
from html import unescape

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override '
    'PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.'
    'document.main+xml"/></Types>'
)


def run(text: str) -> str:
    return f"<w:r><w:rPr><w:b/></w:rPr><w:t>{text}</w:t></w:r>"


def paragraph(*texts: str) -> str:
    return f"<w:p>{''.join(map(run, texts))}</w:p>"


def row(*cells: str) -> str:
    return f"<w:tr>{''.join(f'<w:tc>{paragraph(cell)}</w:tc>' for cell in cells)}</w:tr>"


def document(body: str) -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="{W}" '
        'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
        'xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml" mc:Ignorable="w14">'
        f"<w:body>{body}</w:body></w:document>"
    )


def docx(body: str, **more: str | bytes) -> bytes:
    """A file with this body; `more` = {path: content} with "/" written as "__"."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        parts = {"[Content_Types].xml": TYPES, "word/document.xml": document(body)}
        parts |= {name.replace("__", "/").replace("_dot_", "."): content for name, content in more.items()}
        for name, content in parts.items():
            made.writestr(name, content)
    return out.getvalue()


def part(data: bytes, name: str = "word/document.xml") -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return archive.read(name).decode()


def words(data: bytes, name: str = "word/document.xml") -> list[str]:
    """The text of each paragraph."""
    found = []
    for one in re.findall(r"<w:p[ >].*?</w:p>", part(data, name), re.S):
        text = "".join(
            "\n" if tag.startswith("<w:br") else content
            for tag, content in re.findall(r"(<w:br/>|<w:t[^>]*?(?:/>|>))([^<]*)", one)
        )
        found.append(unescape(text))
    return found
