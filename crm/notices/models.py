"""Messages (站内信). The bottom layer: knows records only by their address."""

from django.conf import settings
from django.db import models


class Message(models.Model):
    """One message to one employee; `url` is a site-relative address the reader's rights are checked at again."""

    class Kind(models.TextChoices):
        JOB = "job", "后台任务"
        TRANSFER = "transfer", "转移与分配"
        TEAM = "team", "团队"
        MENTION = "mention", "提及与评论"
        SYSTEM = "system", "系统"

    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name="收件人")
    kind = models.CharField("类型", max_length=20, choices=Kind.choices)
    title = models.CharField("标题", max_length=200)
    body = models.TextField("内容", blank=True)
    url = models.CharField("链接", max_length=300, blank=True)
    created_at = models.DateTimeField("时间", auto_now_add=True)
    read_at = models.DateTimeField("已读时间", null=True)

    class Meta:
        verbose_name = "消息"
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["recipient", "-id"], name="message_recipient"),
            models.Index(fields=["recipient"], condition=models.Q(read_at=None), name="message_unread"),
        ]
