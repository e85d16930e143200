"""Text on its way out: titles become subjects of mails, so nothing may break a line or a header."""

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_CONTROL_KEEPING_LINES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def one_line(text: str, limit: int) -> str:
    """`text` without control characters and line breaks, at most `limit` code points."""
    text = " ".join(_CONTROL.sub(" ", str(text)).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def lines(text: str, limit: int) -> str:
    """`text` with its line breaks and without other control characters, at most `limit` code points."""
    text = _CONTROL_KEEPING_LINES.sub("", str(text).replace("\r\n", "\n").replace("\r", "\n"))
    return text if len(text) <= limit else text[: limit - 1] + "…"
