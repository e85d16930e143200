"""Kinds of requests and the requests themselves."""

from django.db import models
from django.db.models import F, Q

from crm.records.fields import Text
from crm.records.models import Grant, OwnedRecord, owned_indexes

from ..models import Approvable

ICONS = [
    ("approval", "印章"),
    ("calendar", "日历"),
    ("payment", "金额"),
    ("visit", "出行"),
    ("product", "物品"),
    ("file", "文件"),
    ("team", "人员"),
    ("note", "记事"),
]


class RequestType(models.Model):
    """A kind of request: which custom fields of the module its form has, in order (`fields` = their ids), and how it is
    numbered. One that is off is not offered for new requests; those that exist go on."""

    name = Text("名称", max_length=30, blank=False, required_message="请填写名称")
    note = Text("说明", max_length=100)
    icon = models.CharField("图标", max_length=20, choices=ICONS, default="approval")
    pattern = models.CharField("编号规则", max_length=40, help_text="如 QJ-{yyyy}{mm}-{seq:3}；提交时编号")
    fields = models.JSONField("表单字段", default=list, blank=True)
    enabled = models.BooleanField("启用", default=True)
    order = models.PositiveIntegerField("排序", default=0)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        verbose_name = "审批类型"
        ordering = ["order", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["name"], name="request_type_name", violation_error_message="已有同名的类型"
            ),
            models.UniqueConstraint(
                fields=["pattern"], name="request_type_pattern", violation_error_message="编号规则与其他类型相同"
            ),
        ]

    def __str__(self):
        return self.name

    @property
    def keys(self) -> list[str]:
        """Keys of its custom fields."""
        return [f"f{pk}" for pk in self.fields]


class Request(OwnedRecord, Approvable):
    """What somebody asks for; everything but the title stands in custom fields. The owner is who asks."""

    type = models.ForeignKey(RequestType, models.PROTECT, related_name="requests", verbose_name="审批类型")
    number = models.CharField("编号", max_length=60, blank=True, default="", editable=False)
    title = Text("标题", max_length=100, blank=False, required_message="请填写标题")

    class Meta:
        verbose_name = "通用审批"
        constraints = [
            models.UniqueConstraint(fields=["type", "number"], condition=~Q(number=""), name="request_number"),
            models.CheckConstraint(
                condition=~Q(status__in=("pending", "approved", "void")) | ~Q(number=""), name="request_numbered"
            ),
        ]
        indexes = [
            *owned_indexes("request", "created_at", "updated_at"),
            models.Index("type", F("id").desc(), condition=Q(deleted_at=None), name="request_type"),
        ]

    def __str__(self):
        return self.title


class RequestGrant(Grant):
    content_object = models.ForeignKey(Request, models.CASCADE, related_name="grants")

    class Meta(Grant.Meta):
        indexes = [models.Index(fields=["user", "content_object"], name="requestgrant_user")]
