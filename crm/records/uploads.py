"""Attachments: what may be uploaded, the check that content is what the name says, storing and removing."""

import hashlib
import zipfile
from pathlib import PurePath

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import transaction
from PIL import Image

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
            with Image.open(upload) as picture:
                return picture.format == _PICTURES[kind]
        except (OSError, Image.DecompressionBombError, SyntaxError, ValueError):
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
    if not _is_what_it_says(upload, kind):
        raise ValidationError(f"“{name[:60]}”的内容与扩展名 .{kind} 不符。")
    return name, kind


def attach(record, uploads, *, by, at=None, purpose: str = "file") -> list[Attachment]:
    """Store files at a record, or `at` a satellite of it (a follow-up), all or none; `purpose` = "file" or the key of a
    custom field. Returns the attachments."""
    checked = [(upload, *check(upload)) for upload in uploads]
    if not checked:
        raise ValidationError("请选择文件。")
    content_type, found = ContentType.objects.get_for_model(type(at or record)), []
    module = modules.of_model(type(record))
    with transaction.atomic():
        for upload, name, kind in checked:
            digest = hashlib.sha256()
            for chunk in upload.chunks():
                digest.update(chunk)
            upload.seek(0)
            found.append(
                Attachment.objects.create(
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
            )
            code = "file_added" if at is None else "followup_file_added"
            services.log(record, code=f"{module.name}.{code}", by=by, text=f"添加附件 {name}")
    return found


@transaction.atomic
def remove(attachment: Attachment, record, *, by) -> None:
    """Delete an attachment and, once that is committed, its file."""
    module = modules.of_model(type(record))
    services.log(record, code=f"{module.name}.file_removed", by=by, text=f"删除附件 {attachment.name}")
    stored = attachment.file
    attachment.delete()
    transaction.on_commit(lambda: stored.delete(save=False))


def picture_card(record, user) -> list[dict]:
    """Side card of the record's pictures (产品图片); nothing without any."""
    content_type = ContentType.objects.get_for_model(type(record))
    pictures = Attachment.objects.filter(
        content_type=content_type, object_id=record.pk, purpose="file", mime__startswith="image/"
    ).order_by("pk")[:12]
    card = {"title": "图片", "template": "records/side_pictures.html", "pictures": pictures}
    return [card] if pictures else []
