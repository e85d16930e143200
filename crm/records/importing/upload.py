"""From an uploaded file to an accepted one: rows in the private storage and what is known about them."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage

from ..models import ImportDraft
from ..models.system import file_token
from . import spool

PATIENCE = 180  # seconds the reading process gets


class Refused(Exception):
    """The file cannot be imported; the message is for the person. Nothing of it was kept."""


def accept(file, name: str, *, user, module, limit: int | None = None) -> ImportDraft:
    """Read an open file called `name` (at most `limit` bytes, counted while reading) into a draft of the wizard."""
    if not name.lower().endswith(spool.TYPES):
        raise Refused(spool.ONLY)
    with tempfile.TemporaryDirectory(prefix="import-", dir=_scratch()) as folder:
        path = Path(folder) / f"upload{Path(name).suffix.lower()}"  # the reader goes by the extension
        _copy(file, path, limit)
        return _keep(path, name, user=user, module=module, folder=Path(folder))


def accept_path(path: str, *, user, module) -> ImportDraft:
    """The same for a file of this machine, without a limit of size."""
    name = Path(path).name
    if not name.lower().endswith(spool.TYPES):
        raise Refused(spool.ONLY)
    if not Path(path).is_file():
        raise Refused(f"找不到文件 {path}")
    with tempfile.TemporaryDirectory(prefix="import-", dir=_scratch()) as folder:
        link = Path(folder) / f"upload{Path(name).suffix.lower()}"
        link.symlink_to(Path(path).resolve())
        return _keep(link, name, user=user, module=module, folder=Path(folder))


def _scratch() -> str:
    folder = settings.DATA_DIR / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)


def _copy(file, path: Path, limit: int | None) -> None:
    size = 0
    with path.open("wb") as out:
        while block := file.read(2**20):
            size += len(block)
            if limit is not None and size > limit:
                raise Refused(f"文件超过 {limit // 2**20} MB，请拆分后再上传")
            out.write(block)


def _keep(path: Path, name: str, *, user, module, folder: Path) -> ImportDraft:
    rows = folder / "rows"
    meta = {**read(path, name, rows), "size": path.stat().st_size}
    token = file_token()
    with rows.open("rb") as file:
        source = default_storage.save(f"imports/{token[:2]}/{token}", File(file))
    return ImportDraft.objects.create(
        user=user, module=module.name, name=Path(name).name[:200], source=source, meta=meta
    )


def read(path: Path, name: str, rows: Path) -> dict:
    """Have the reading process lay the rows of `path` down in `rows`; returns its findings or raises Refused."""
    command = [sys.executable, "-m", "crm.records.importing.spool", str(path), name, str(rows)]
    try:
        done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, timeout=PATIENCE)
        found = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise Refused("文件太复杂，读取超时。请只保留要导入的工作表后再上传") from None
    except ValueError:  # the parser died of the file
        raise Refused(spool.BROKEN) from None
    if "error" in found:
        raise Refused(found["error"])
    return found


def lines(source: str, *, offset: int = 0):
    """(row number, cells, offset behind the row) of an accepted file, from a byte offset on."""
    with default_storage.open(source, "rb") as file:
        file.seek(offset)
        for line in file.file:  # Django's own iteration would begin anew
            offset += len(line)
            number, *cells = line[:-1].decode().split(spool.SEPARATOR)
            yield int(number), cells, offset


def readable(cell: str) -> str:
    """A cell of a row line with its line breaks back."""
    return cell.replace(spool.BREAK, "\n") if spool.BREAK in cell else cell
