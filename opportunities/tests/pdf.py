"""The text of a PDF as Chromium writes it (Skia: plain objects, deflated streams, fonts with a ToUnicode map)."""

import re
import unicodedata
import zlib

_OBJECT = re.compile(rb"(\d+) 0 obj\b(.*?)\bendobj", re.S)
NONE: tuple[int, dict[int, str]] = (4, {})
_TOKEN = re.compile(rb"/(F\d+) [\d.]+ Tf|<([0-9A-Fa-f]+)>")


def _stream(body: bytes) -> bytes:
    start = re.search(rb"stream\r?\n", body)
    data = body[start.end() : body.rindex(b"endstream")] if start else b""
    return zlib.decompressobj().decompress(data) if b"FlateDecode" in body[: start.start() if start else 0] else data


def _cmap(text: bytes) -> tuple[int, dict[int, str]]:
    """(hexadecimal digits a glyph takes, {glyph: characters}) of a ToUnicode map."""
    found: dict[int, str] = {}
    width = len(re.search(rb"begincodespacerange\s*<(\w+)>", text)[1])
    for block in re.findall(rb"beginbfchar(.*?)endbfchar", text, re.S):
        for glyph, chars in re.findall(rb"<(\w+)>\s*<(\w+)>", block):
            found[int(glyph, 16)] = bytes.fromhex(chars.decode()).decode("utf-16-be")
    for block in re.findall(rb"beginbfrange(.*?)endbfrange", text, re.S):
        for first, last, chars in re.findall(rb"<(\w+)>\s*<(\w+)>\s*<(\w+)>", block):
            start = int(first, 16)
            for glyph in range(start, int(last, 16) + 1):
                found[glyph] = chr(int(chars, 16) + glyph - start)
    return width, found


def pages(data: bytes) -> list[str]:
    """The text of each page, without spaces between what stands apart."""
    objects = {int(number): body for number, body in _OBJECT.findall(data)}
    fonts: dict[int, tuple[int, dict[int, str]]] = {}
    found = []
    for body in objects.values():
        if not re.search(rb"/Type\s*/Page\b(?!s)", body):
            continue
        named = dict(re.findall(rb"/(F\d+) (\d+) 0 R", body))
        for number in map(int, named.values()):
            if number not in fonts:
                there = re.search(rb"/ToUnicode (\d+) 0 R", objects[number])
                fonts[number] = _cmap(_stream(objects[int(there[1])])) if there else NONE
        content = b"".join(_stream(objects[int(number)]) for number in re.findall(rb"/Contents \[?\s*(\d+) 0 R", body))
        text, (width, font) = [], NONE
        for name, glyphs in _TOKEN.findall(content):
            if name:
                width, font = fonts[int(named[name])]
            else:
                text += [font.get(int(glyphs[n : n + width], 16), "") for n in range(0, len(glyphs), width)]
        found.append(unicodedata.normalize("NFKC", "".join(text)))
    return found
