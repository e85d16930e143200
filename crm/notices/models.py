"""Messages (站内信). The bottom layer: knows records only by their address."""

from django.conf import settings
from django.db import models

from . import kinds


class Message(models.Model):
    """One message to one employee; `url` is a site-relative address the reader's rights are checked at again. `sender` and
    `answers` stand on letters between colleagues. Deleting hides a message from its reader only."""

    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name="收件人")
    sender = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name="发件人"
    )
    answers = models.ForeignKey("self", models.SET_NULL, null=True, related_name="+", verbose_name="回复的消息")
    kind = models.CharField("类型", max_length=20)
    title = models.CharField("标题", max_length=200)
    body = models.TextField("内容", blank=True)
    url = models.CharField("链接", max_length=300, blank=True)
    created_at = models.DateTimeField("时间", auto_now_add=True)
    read_at = models.DateTimeField("已读时间", null=True)
    deleted_at = models.DateTimeField("删除时间", null=True)

    class Meta:
        verbose_name = "消息"
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["recipient", "-id"], name="message_recipient"),
            models.Index(fields=["recipient"], condition=models.Q(read_at=None), name="message_unread"),
            models.Index(
                fields=["sender", "-created_at"], condition=models.Q(sender__isnull=False), name="message_sender"
            ),
        ]

    @property
    def kind_label(self) -> str:
        return kinds.label_of(self.kind)

    @property
    def icon(self) -> str:
        return kinds.icon_of(self.kind)


class NoticePreference(models.Model):
    """What one person wants by which channel: `choices` = {kind: {"site": bool, "mail": bool}}, only what differs from the
    defaults; `digest`: one mail a day instead of single ones."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="notice_preference"
    )
    choices = models.JSONField(default=dict)
    digest = models.BooleanField("每日摘要", default=False)

    class Meta:
        verbose_name = "消息提醒设置"
