"""Files packed into one zip while they are sent: nothing is collected in memory or on a disk."""

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import PurePath

from django.utils import timezone

BLOCK = 2**16


class _Out:
    """What zipfile writes to and the response takes from; it cannot be rewound, so sizes follow the data."""

    def __init__(self):
        self.parts: list[bytes] = []

    def write(self, data) -> int:
        self.parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        found, self.parts = b"".join(self.parts), []
        return found


def names(wanted: Iterable[str]) -> list[str]:
    """The names as they stand in the zip: the same one again gets a number, also where only the case differs."""
    found, taken = [], set()
    for name in wanted:
        name = name.replace("/", "_").replace("\\", "_")
        path, number, free = PurePath(name), 1, name
        while free.casefold() in taken:
            number += 1
            free = f"{path.stem} ({number}){path.suffix}"
        taken.add(free.casefold())
        found.append(free)
    return found


def stream(attachments) -> Iterator[bytes]:
    """The bytes of a zip of these attachments; a file that is gone from the storage is named in a note."""
    attachments, out, lost = list(attachments), _Out(), []
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, one in zip(names(one.name for one in attachments), attachments, strict=True):
            info = zipfile.ZipInfo(name, timezone.localtime(one.created_at).timetuple()[:6])
            info.external_attr = 0o644 << 16
            try:
                source = one.file.open("rb")
            except FileNotFoundError:
                lost.append(name)
                continue
            with source, archive.open(info, "w") as target:
                while block := source.read(BLOCK):
                    target.write(block)
                    yield out.take()
            yield out.take()
        if lost:
            archive.writestr("缺少的文件.txt", "\n".join(["下列文件已不在存储中：", *lost]))
    yield out.take()
