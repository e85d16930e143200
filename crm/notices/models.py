"""Messages (站内信), who wants them how, and the outbox. The bottom layer: knows records only by their address."""

from django.conf import settings
from django.db import models
from django.utils import timezone

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


class MailServer(models.Model):
    """The SMTP server of the settings page (one row); the environment's SMTP_* win over it. The password is sealed."""

    class Security(models.TextChoices):
        SSL = "ssl", "SSL/TLS（常用端口 465）"
        STARTTLS = "starttls", "STARTTLS（常用端口 587）"
        NONE = "none", "不加密（常用端口 25）"

    host = models.CharField("服务器地址", max_length=253, blank=True)
    port = models.PositiveIntegerField("端口", default=465)
    security = models.CharField("加密方式", max_length=10, choices=Security.choices, default=Security.SSL)
    username = models.CharField("用户名", max_length=254, blank=True)
    password = models.TextField("密码", blank=True)
    sender = models.CharField("发件人邮箱", max_length=254, blank=True)
    sender_name = models.CharField("发件人名称", max_length=50, blank=True)
    updated_at = models.DateTimeField("修改时间", auto_now=True)

    class Meta:
        verbose_name = "邮件服务器"


class Robot(models.Model):
    """A group robot messages are posted to. `address` and `secret` are sealed; `kinds` = keys of message kinds."""

    class Platform(models.TextChoices):
        WECOM = "wecom", "企业微信"
        DINGTALK = "dingtalk", "钉钉"
        FEISHU = "feishu", "飞书"

    name = models.CharField("名称", max_length=50, unique=True)
    platform = models.CharField("平台", max_length=10, choices=Platform.choices)
    address = models.TextField("地址")
    secret = models.TextField("加签密钥", blank=True)
    kinds = models.JSONField("消息类型", default=list)
    enabled = models.BooleanField("启用", default=True)
    created_at = models.DateTimeField("创建时间", auto_now_add=True)

    class Meta:
        verbose_name = "群机器人"
        ordering = ["pk"]

    def __str__(self):
        return self.name


class Delivery(models.Model):
    """One mail or robot post of the outbox: at most once (crm.notices.delivery). A row with `expires_at` carries something
    short-lived (a reset link); its text is dropped at the end. What a kind of mail.LETTERS says is asked when it leaves."""

    class Channel(models.TextChoices):
        MAIL = "mail", "邮件"
        ROBOT = "robot", "机器人"

    class State(models.TextChoices):
        WAITING = "waiting", "待发送"
        SENDING = "sending", "发送中"
        SENT = "sent", "已发送"
        FAILED = "failed", "失败"
        UNKNOWN = "unknown", "不确定"
        DROPPED = "dropped", "未发送"

    RESENDABLE = (State.FAILED, State.UNKNOWN)

    channel = models.CharField("渠道", max_length=10, choices=Channel.choices)
    state = models.CharField("状态", max_length=10, choices=State.choices, default=State.WAITING)
    kind = models.CharField("类型", max_length=20, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name="收件人"
    )
    robot = models.ForeignKey(Robot, models.SET_NULL, null=True, related_name="+", verbose_name="机器人")
    address = models.CharField("收件地址", max_length=254)
    subject = models.CharField("标题", max_length=200)
    body = models.TextField("内容", blank=True)
    created_at = models.DateTimeField("创建时间", auto_now_add=True)
    next_at = models.DateTimeField("下次发送", default=timezone.now)
    attempts = models.PositiveSmallIntegerField("次数", default=0)
    claim = models.CharField(max_length=16, blank=True)
    started_at = models.DateTimeField("开始发送", null=True)
    sent_at = models.DateTimeField("发送时间", null=True)
    expires_at = models.DateTimeField("过期时间", null=True)
    error = models.CharField("错误", max_length=500, blank=True)
    answer = models.CharField("对方的回答", max_length=500, blank=True)

    class Meta:
        verbose_name = "发件"
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["state", "-id"], name="delivery_state"),
            models.Index(fields=["next_at"], condition=models.Q(state="waiting"), name="delivery_due"),
            models.Index(fields=["started_at"], condition=models.Q(state="sending"), name="delivery_sending"),
            models.Index(fields=["channel", "-started_at"], condition=models.Q(attempts__gt=0), name="delivery_latest"),
        ]

    @property
    def may_resend(self) -> bool:
        """A text that was dropped cannot go out again."""
        return self.state in self.RESENDABLE and not (self.expires_at and not self.body)
