"""Fields the company adds to or changes on a module, and the side table that keeps custom values unique."""

from django.db import models

from ..fields import Text


class FieldDefinition(models.Model):
    """A custom field (`type` set; its values stand in `extra` under the key "f<id>") or, with `type` empty, how a built-in
    field of that `name` differs from its declaration. `options` = [{"id", "label", "off"}] of 单选 and 多选; ids are never
    used again."""

    class Type(models.TextChoices):
        LINE = "line", "单行文本"
        TEXT = "text", "多行文本"
        NUMBER = "number", "数字"
        MONEY = "money", "金额"
        PERCENT = "percent", "百分比"
        DATE = "date", "日期"
        MOMENT = "moment", "日期时间"
        CHOICE = "choice", "单选"
        CHOICES = "choices", "多选"
        CHECK = "check", "勾选"
        MOBILE = "mobile", "手机"
        EMAIL = "email", "邮箱"
        URL = "url", "网址"
        PERSON = "person", "员工"
        DEPARTMENT = "department", "部门"
        FILES = "files", "附件"
        AREA = "area", "地区"

    class Index(models.TextChoices):
        OFF = "off", "未建"
        BUILDING = "building", "建立中"
        ON = "on", "已建"

    module = models.CharField(max_length=40)
    name = models.CharField(max_length=60, blank=True)
    type = models.CharField("类型", max_length=12, choices=Type.choices, blank=True)
    label = Text("名称", max_length=50)
    required = models.BooleanField("必填", default=False)
    unique = models.BooleanField("不允许重复", default=False)
    default = models.JSONField("默认值", null=True, blank=True)
    hint = Text("填写说明", max_length=200)
    options = models.JSONField("选项", default=list, blank=True)
    section = Text("分组", max_length=50)
    order = models.IntegerField("排序", default=0)
    in_form = models.BooleanField("在表单显示", default=True)
    in_list = models.BooleanField("在列表显示", default=True)
    in_filter = models.BooleanField("可筛选", default=True)
    retired = models.BooleanField("停用", default=False)
    index = models.CharField("索引", max_length=10, choices=Index.choices, default=Index.OFF)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        verbose_name = "字段"
        ordering = ["order", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["module", "name"], condition=~models.Q(name=""), name="field_builtin_once")
        ]

    def __str__(self):
        return self.label or self.name

    @property
    def key(self) -> str:
        return self.name or f"f{self.pk}"


class UniqueValue(models.Model):
    """One value of a custom field that must not repeat: the record in use that holds it (rows of the recycle bin hold none)."""

    field = models.ForeignKey(FieldDefinition, models.CASCADE, related_name="+", db_index=False)
    digest = models.CharField(max_length=64)
    object_id = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["field", "digest"], name="custom_value_once")]
        indexes = [models.Index("field", "object_id", name="custom_value_record")]


class Stamp(models.Model):
    """Which state of something that processes keep in memory is the present one; read with the user of every request. A token,
    not a counter: what a transaction read before it was rolled back must never pass for a later state."""

    key = models.CharField(max_length=20, primary_key=True)
    version = models.CharField(max_length=32)
