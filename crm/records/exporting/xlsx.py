"""Rows into an .xlsx as a stream (Rust writer, constant memory). Text is written as text: "=1+1" stays five signs."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from rustpy_xlsxwriter import Format, write_worksheets

ROWS_PER_SHEET = 1_048_575  # below the header
MAX_CELL = 32_767  # characters Excel takes in one cell
FORMATS = {"date": "yyyy-mm-dd", "datetime": "yyyy-mm-dd hh:mm:ss", "money": "#,##0.00", "text": "@"}
_NOT_IN_A_TITLE = re.compile(r"[\[\]:*?/\\']")


def write(path, columns: list[tuple[str, str]], rows: Iterable[tuple], *, total: int, title: str) -> None:
    """Write `columns` = [(label, kind)] and rows of values (str, int, Decimal, date, naive datetime, None) to `path` (or an open binary file);
    `total` rows are expected, more sheets follow where one is full."""
    labels = _unique([label for label, _ in columns])
    formats = {
        label: Format().set_num_format(FORMATS[kind])
        for label, (_, kind) in zip(labels, columns, strict=True)
        if kind in FORMATS
    }
    widths = {label: float(max(10, min(36, 2 * len(label) + 6))) for label in labels}
    title = _NOT_IN_A_TITLE.sub(" ", title)[:25].strip() or "Sheet1"
    names = [title, *(f"{title} {n}" for n in range(2, 2 + (total - 1) // ROWS_PER_SHEET))]
    records = _records(labels, rows)
    write_worksheets(
        [(name, islice(records, ROWS_PER_SHEET) if name != names[-1] else records) for name in names],
        path,
        bold_headers=True,
        freeze_panes={"general": {"row": 1, "col": 1}},
        column_formats=dict.fromkeys(names, formats),
        column_widths=dict.fromkeys(names, widths),
    )


def _records(labels: list[str], rows: Iterable[tuple]) -> Iterator[dict]:
    empty = True
    for row in rows:
        empty = False
        yield dict(zip(labels, row, strict=True))
    if empty:  # the headers stand even where nothing was found
        yield dict.fromkeys(labels)


def _unique(labels: list[str]) -> list[str]:
    found: list[str] = []
    for label in labels:
        name, n = label, 1
        while name in found:
            n += 1
            name = f"{label} {n}"
        found.append(name)
    return found
