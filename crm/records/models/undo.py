"""What can be taken back: one entry an act, one line a record it changed."""

from django.conf import settings
from django.db import models

from .satellites import Satellite


class Undo(models.Model):
    """One act (批量编辑, 删除, 转移, ...) of one person on records of `module`; `action` names its handler
    (crm.records.undoing.handlers)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False)
    module = models.CharField(max_length=40)
    action = models.CharField(max_length=20)
    label = models.CharField("操作", max_length=200)
    count = models.PositiveIntegerField("条数", default=0)
    created_at = models.DateTimeField("时间", auto_now_add=True, db_index=True)
    undone_at = models.DateTimeField("撤销时间", null=True)
    undone_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False)
    restored = models.PositiveIntegerField("恢复", null=True)

    class Meta:
        verbose_name = "可撤销的操作"
        indexes = [models.Index("user", models.F("id").desc(), name="undo_user")]


class UndoRecord(Satellite):
    """One record of an entry. `before` = {"fields": {attribute: packed value}, "extra": {key: value or None}, "grants": {...},
    "more": {...}} of what the act changed, `version` = the one it left behind, `root` = the record of the entry's module it went along
    with (None: it is one itself), `back` = whether it was taken back."""

    undo = models.ForeignKey(Undo, models.CASCADE, related_name="records", db_index=False)
    root = models.BigIntegerField(null=True)
    version = models.PositiveIntegerField()
    before = models.JSONField(default=dict)
    back = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["undo", "content_type", "object_id"], name="undo_record_once")]
