"""Tables the machinery itself needs: dictionaries, parameters, list settings, jobs, frozen selections, the export ledger."""

import secrets

from django.conf import settings
from django.db import models

from ..fields import Text


class DictionaryItem(models.Model):
    """One value of a data dictionary; a retired value stays on the records that use it and cannot be chosen anew."""

    dictionary = models.CharField("字典", max_length=60)
    label = Text("名称", max_length=50, blank=False)
    order = models.PositiveIntegerField("排序", default=0)
    active = models.BooleanField("启用", default=True)
    is_default = models.BooleanField("默认", default=False)

    class Meta:
        verbose_name = "字典值"
        ordering = ["order", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["dictionary", "label"], name="dictionary_label", violation_error_message="已有同名的值"
            )
        ]

    def __str__(self):
        return self.label


class Parameter(models.Model):
    """A system parameter that differs from its default (crm.records.params)."""

    key = models.CharField(max_length=60, primary_key=True)
    value = models.JSONField()


class SavedView(models.Model):
    """A list as somebody wants it. With a name it is a view (场景): `query` = conditions and order as in the URL, `shared` with
    whom. The one row of a person without a name is how they see the module's list: columns, rows a page, `tabs` =
    {"order": [keys], "hidden": [keys], "default": key}."""

    class Shared(models.TextChoices):
        NOBODY = "", "仅自己"
        DEPARTMENTS = "departments", "指定部门（含下级）"
        ROLES = "roles", "指定角色"
        EVERYONE = "everyone", "所有人"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    module = models.CharField(max_length=40)
    name = Text("名称", max_length=30)
    query = models.TextField(blank=True)
    columns = models.JSONField(default=list)
    size = models.PositiveSmallIntegerField(null=True)
    tabs = models.JSONField(default=dict)
    shared = models.CharField("共享给", max_length=12, choices=Shared.choices, blank=True, default="")
    departments = models.JSONField("部门", default=list)
    roles = models.JSONField("角色", default=list)

    class Meta:
        verbose_name = "视图"
        constraints = [
            models.UniqueConstraint(fields=["user", "module"], condition=models.Q(name=""), name="list_settings_once"),
            models.UniqueConstraint(
                fields=["user", "module", "name"],
                condition=~models.Q(name=""),
                name="saved_view_name",
                violation_error_message="您已有同名的视图",
            ),
        ]

    @property
    def key(self) -> str:
        return f"v{self.pk}"


def file_token() -> str:
    return secrets.token_hex(16)


class Job(models.Model):
    """The truth of one piece of background work. A message on the queue only says "look at this row"."""

    class State(models.TextChoices):
        QUEUED = "queued", "等待中"
        RUNNING = "running", "进行中"
        DONE = "done", "已完成"
        FAILED = "failed", "失败"
        CANCELLED = "cancelled", "已取消"

    kind = models.CharField("类型", max_length=40)
    label = models.CharField("名称", max_length=100)
    module = models.CharField(max_length=40, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name="发起人"
    )
    state = models.CharField("状态", max_length=10, choices=State.choices, default=State.QUEUED)
    params = models.JSONField(default=dict)
    checkpoint = models.JSONField(default=dict)
    result = models.JSONField(default=dict)
    error = models.TextField("错误", blank=True)
    done = models.BigIntegerField("已处理", default=0)
    total = models.BigIntegerField("总数", default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    claim = models.CharField(max_length=32, blank=True)
    cancel_requested = models.BooleanField(default=False)
    created_at = models.DateTimeField("创建时间", auto_now_add=True)
    started_at = models.DateTimeField("开始时间", null=True)
    heartbeat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField("完成时间", null=True)
    source = models.CharField(max_length=200, blank=True)
    output = models.CharField(max_length=200, blank=True)
    output_name = models.CharField(max_length=200, blank=True)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "后台任务"
        indexes = [
            models.Index("user", models.F("id").desc(), name="job_user"),
            models.Index(
                fields=["state", "heartbeat_at"], condition=models.Q(state__in=["queued", "running"]), name="job_open"
            ),
        ]

    @property
    def is_active(self) -> bool:
        return self.state in (self.State.QUEUED, self.State.RUNNING)


class PeriodicRun(models.Model):
    """One run of one periodic job in one period: the constraint makes the run unique."""

    name = models.CharField(max_length=60)
    period = models.CharField(max_length=40)
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    result = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "period"], name="periodic_once")]


class Selection(models.Model):
    """Ids frozen when the confirm page of a bulk action opened: `rows` = [[id, version], ...]."""

    token = models.CharField(max_length=32, default=file_token, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    module = models.CharField(max_length=40)
    action = models.CharField(max_length=40)
    rows = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)

    @classmethod
    def found(cls, token: str, *, user, module: str, action: str) -> "Selection | None":
        """The person's own of that name; whatever was sent as a token is answered, PostgreSQL takes no NUL in a text."""
        rows = cls.objects.filter(user=user, module=module, action=action)
        return rows.filter(token=token).first() if "\0" not in token else None


class ExportLedger(models.Model):
    """Who took which rows out of the system: written before the first byte leaves."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="导出人")
    module = models.CharField("模块", max_length=40)
    filter = models.TextField("条件", blank=True)
    words = models.JSONField("条件的说法", default=list)  # [[label, text]] of a saved view and of advanced conditions
    fields = models.JSONField("字段", default=list)
    count = models.BigIntegerField("行数", default=0)
    ids = models.TextField(blank=True)
    job = models.ForeignKey(Job, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField("时间", auto_now_add=True)

    class Meta:
        verbose_name = "导出记录"
        ordering = ["-pk"]
