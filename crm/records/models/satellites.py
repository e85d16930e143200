"""Satellites of every record type: one table each with a generic link; their visibility is the record's."""

import secrets

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import models


class Satellite(models.Model):
    # No constraint in the database: content types are not deleted, and checking one per log and search line took a fifth
    # of an import.
    content_type = models.ForeignKey(ContentType, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    object_id = models.BigIntegerField()

    class Meta:
        abstract = True


class OperationLog(Satellite):
    """Who did what to which record when. `changes` = [{"label", "old", "new"}] in display values."""

    created_at = models.DateTimeField("时间", auto_now_add=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name="操作人", db_index=False
    )
    code = models.CharField("操作", max_length=60)
    text = models.CharField("说明", max_length=500, blank=True)
    changes = models.JSONField("变更", default=list)
    job = models.ForeignKey("records.Job", models.SET_NULL, null=True, related_name="+", db_index=False)
    # No key: entries are cleaned up every night, and emptying a column of this table would read all of it.
    undo_id = models.BigIntegerField(null=True)

    class Meta:
        verbose_name = "操作记录"
        indexes = [models.Index("content_type", "object_id", models.F("id").desc(), name="oplog_record")]


def attachment_path(attachment, name: str) -> str:
    """Random name below two levels of folders: the original name never reaches the disk."""
    token = secrets.token_hex(16)
    return f"attachments/{token[:2]}/{token[2:4]}/{token}"


def thumbnail_path(attachment, name: str) -> str:
    """Beside the picture, under the same random name."""
    return f"{attachment.file.name}.thumb"


class Attachment(Satellite):
    """A file of a record; served only through the view that checks the record."""

    file = models.FileField(upload_to=attachment_path)
    thumbnail = models.FileField(upload_to=thumbnail_path, blank=True)  # of pictures, made once at the upload
    name = models.CharField("文件名", max_length=255)
    size = models.BigIntegerField("大小（字节）")
    mime = models.CharField("类型", max_length=100)
    sha256 = models.CharField(max_length=64)
    purpose = models.CharField("用途", max_length=20, default="file")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name="上传人"
    )
    created_at = models.DateTimeField("上传时间", auto_now_add=True)

    class Meta:
        verbose_name = "附件"
        indexes = [models.Index("content_type", "object_id", models.F("id").desc(), name="attachment_record")]


class Star(Satellite):
    """A record an employee follows (关注)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)

    class Meta:
        verbose_name = "关注"
        constraints = [models.UniqueConstraint(fields=["user", "content_type", "object_id"], name="star_once")]


class SearchRow(Satellite):
    """The narrow search table: one line per searchable field, so that updates of the record never touch its indexes.
    `key` names the field right that must be held to find by it (name, pinyin, phone)."""

    key = models.CharField(max_length=10)
    text = models.CharField(max_length=200)

    class Meta:
        # The indexes that find (grams by GIN, prefixes) exist on PostgreSQL only: migration 0002.
        indexes = [models.Index("object_id", "content_type", name="search_record")]
