"""Attachments: what may be uploaded, the check that content is what the name says, storing and removing."""

import hashlib
import io
import warnings
import zipfile
from pathlib import PurePath

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db import transaction
from PIL import Image, ImageOps

from . import modules, services
from .fields import tidy
from .models import Attachment

LIMIT = 50 * 2**20
_OLE, _ZIP = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PK\x03\x04"
_OFFICE = {"docx": "word/", "xlsx": "xl/", "pptx": "ppt/"}
_PICTURES = {"jpg": "JPEG", "jpeg": "JPEG", "png": "PNG", "gif": "GIF"}
MIMES = {
    "pdf": "application/pdf",
    "doc": "application/msword",
    "xls": "application/vnd.ms-excel",
    "ppt": "application/vnd.ms-powerpoint",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "txt": "text/plain",
    "zip": "application/zip",
}
EXTENSIONS = tuple(MIMES)
THUMBNAIL = 320  # pixels of the longer side
PIXELS = 60_000_000  # a larger picture is kept and gets no thumbnail
LARGEST_PICTURE = 200_000_000  # pixels; beyond is refused, for no browser shows it
# A zip that unpacks to more than both is a bomb: nothing people send each other is packed so tightly.
UNPACKED, RATIO, ENTRIES = 2**30, 200, 20_000


class Bomb(Exception):
    """A small file that unpacks to an enormous one."""


def extension(name: str) -> str:
    return PurePath(name).suffix.lower().removeprefix(".")


def _is_what_it_says(upload, kind: str) -> bool:
    """Whether the bytes are of the kind the extension names."""
    upload.seek(0)
    head = upload.read(4096)
    upload.seek(0)
    if kind == "pdf":
        return b"%PDF-" in head[:1024]
    if kind in ("doc", "xls", "ppt"):
        return head.startswith(_OLE)
    if kind in _PICTURES:
        try:
            with warnings.catch_warnings():  # the limit is ours, below
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                with Image.open(upload) as picture:
                    width, height = picture.size
                    if width * height > LARGEST_PICTURE:
                        raise Bomb
                    return picture.format == _PICTURES[kind]
        except Image.DecompressionBombError:
            raise Bomb from None
        except (OSError, SyntaxError, ValueError):
            return False
        finally:
            upload.seek(0)
    if kind == "txt":
        return b"\x00" not in head
    if kind == "zip" and head.startswith(b"PK\x05\x06"):
        return True
    if not head.startswith(_ZIP):
        return False
    try:
        with zipfile.ZipFile(upload) as archive:
            packed = upload.size
            entries = archive.infolist()
            unpacked = sum(entry.file_size for entry in entries)
            if len(entries) > ENTRIES or unpacked > UNPACKED or (unpacked > 2**24 and unpacked > RATIO * packed):
                raise Bomb
            return kind == "zip" or any(name.startswith(_OFFICE[kind]) for name in archive.namelist())
    except zipfile.BadZipFile:
        return False
    finally:
        upload.seek(0)


def check(upload) -> tuple[str, str]:
    """(name, extension) of an acceptable upload; ValidationError with the sentence otherwise."""
    name = tidy(PurePath(upload.name.replace("\\", "/")).name)[-200:] or "未命名"
    kind = extension(name)
    if kind not in MIMES:
        raise ValidationError(f"“{name[:60]}”：只支持 {'、'.join(EXTENSIONS)} 文件。")
    if upload.size > LIMIT:
        raise ValidationError(f"“{name[:60]}”超过 50 MB。")
    if upload.size == 0:
        raise ValidationError(f"“{name[:60]}”是空文件。")
    try:
        honest = _is_what_it_says(upload, kind)
    except Bomb:
        raise ValidationError(f"“{name[:60]}”解开后过大，不能上传。") from None
    if not honest:
        raise ValidationError(f"“{name[:60]}”的内容与扩展名 .{kind} 不符。")
    return name, kind


def thumbnail(upload, kind: str) -> ContentFile | None:
    """A small picture of an accepted one; None for other files, enormous pictures and those that cannot be decoded."""
    if kind not in _PICTURES:
        return None
    upload.seek(0)
    try:
        with Image.open(upload) as picture:
            if picture.size[0] * picture.size[1] > PIXELS:
                return None
            picture.draft("RGB", (THUMBNAIL, THUMBNAIL))  # JPEG: decoded at a fraction of its size
            small = ImageOps.exif_transpose(picture)
            clear = small.mode in ("RGBA", "LA", "PA") or "transparency" in small.info
            small = small.convert("RGBA" if clear else "RGB")
            small.thumbnail((THUMBNAIL, THUMBNAIL))
            found = io.BytesIO()
            small.save(found, "PNG" if clear else "JPEG", quality=80)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
    finally:
        upload.seek(0)
    return ContentFile(found.getvalue(), name="thumb")


def attach(record, uploads, *, by, at=None, purpose: str = "file") -> list[Attachment]:
    """Store files at a record, or `at` a satellite of it (a follow-up), all or none; `purpose` = "file" or the key of a
    custom field. Returns the attachments."""
    checked = [(upload, *check(upload)) for upload in uploads]
    small = [thumbnail(upload, kind) for upload, _, kind in checked]
    if not checked:
        raise ValidationError("请选择文件。")
    content_type, found = ContentType.objects.get_for_model(type(at or record)), []
    module = modules.of_model(type(record))
    with transaction.atomic():
        for (upload, name, kind), thumb in zip(checked, small, strict=True):
            digest = hashlib.sha256()
            for chunk in upload.chunks():
                digest.update(chunk)
            upload.seek(0)
            attachment = Attachment(
                content_type=content_type,
                object_id=(at or record).pk,
                file=upload,
                name=name,
                size=upload.size,
                mime=MIMES[kind],
                sha256=digest.hexdigest(),
                purpose=purpose,
                created_by=by,
            )
            attachment.save()
            if thumb is not None:
                attachment.thumbnail.save("thumb", thumb)
            found.append(attachment)
            code = "file_added" if at is None else "followup_file_added"
            _log(record, f"{module.name}.{code}", "添加附件", name, purpose, by=by)
    return found


@transaction.atomic
def remove(attachment: Attachment, record, *, by) -> None:
    """Delete an attachment and, once that is committed, its file."""
    module = modules.of_model(type(record))
    _log(record, f"{module.name}.file_removed", "删除附件", attachment.name, attachment.purpose, by=by)
    forget([attachment])


def _log(record, code: str, text: str, name: str, purpose: str, *, by) -> None:
    """The name of a file under a custom field stands nowhere but in the field's own difference, which obeys its rights."""
    services.log(record, code=code, by=by, text=f"{text} {name}" if purpose == "file" else text)


def forget(attachments) -> None:
    """Delete the rows of attachments and, once that is committed, their files and thumbnails; a file that another record has as
    well (of a lead that became a customer) stays."""
    attachments = list(attachments)
    Attachment.objects.filter(pk__any=[one.pk for one in attachments]).delete()

    def drop():
        for start in range(0, len(attachments), 500):
            some = attachments[start : start + 500]
            rows = Attachment.objects.filter(file__in=[one.file.name for one in some])
            used = set(rows.values_list("file", flat=True))
            for one in some:
                for name in (one.file.name, one.thumbnail.name):
                    if name and one.file.name not in used:
                        one.file.storage.delete(name)

    if attachments:
        transaction.on_commit(drop)


def note_download(record, attachments, *, by) -> None:
    """The log row of a packed download."""
    module = modules.of_model(type(record))
    names = "、".join(one.name for one in attachments)
    text = f"打包下载 {len(attachments)} 个附件：{names}"
    services.log(record, code=f"{module.name}.files_downloaded", by=by, text=text)


def picture_card(record, user) -> list[dict]:
    """Side card of the record's pictures (产品图片); nothing without any."""
    content_type = ContentType.objects.get_for_model(type(record))
    pictures = Attachment.objects.filter(
        content_type=content_type, object_id=record.pk, purpose="file", mime__startswith="image/"
    ).order_by("pk")[:12]
    card = {"title": "图片", "template": "records/side_pictures.html", "pictures": pictures}
    return [card] if pictures else []
