"""What the import wizard keeps between its steps, what it remembers, and the rows it could not take."""

from django.conf import settings
from django.db import models

from .satellites import Satellite
from .system import Job, file_token


class ImportDraft(models.Model):
    """An accepted file on its way through the wizard. `source` is the row file in the private storage, `meta` what the
    file says about itself (headers, samples, number of rows), `options` what the person chose so far."""

    token = models.CharField(max_length=32, primary_key=True, default=file_token)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    module = models.CharField(max_length=40)
    name = models.CharField("文件名", max_length=200)
    source = models.CharField(max_length=200)
    meta = models.JSONField(default=dict)
    options = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "导入草稿"


class ImportMapping(models.Model):
    """Which field one person last chose for a header: {header: target key, "" = not imported}."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    module = models.CharField(max_length=40)
    columns = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "module"], name="import_mapping_once")]


class ImportFailure(models.Model):
    """A row an import refused: its number in the file and why ([[column label, sentence], ...])."""

    job = models.ForeignKey(Job, models.CASCADE, related_name="failures", db_index=False)
    number = models.BigIntegerField("行号")
    reasons = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="import_failure_once")]


class ImportChange(Satellite):
    """What an import did to a record, kept as long as it may be undone. Created records stand as ranges of ids (`object_id` to
    `last_id`). For a changed one `before` holds what the import replaced ({attribute: JSON value}, custom fields below
    "extra") and `version` the one the import left."""

    job = models.ForeignKey(Job, models.CASCADE, related_name="changes", db_index=False)
    created = models.BooleanField()
    last_id = models.BigIntegerField()
    before = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "content_type", "object_id", "created"], name="import_change_once")
        ]
        indexes = [models.Index("job", "created", models.F("id").desc(), name="import_change_job")]
