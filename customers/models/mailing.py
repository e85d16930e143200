"""Letters to customers: templates, what was sent to whom, and who does not want any."""

import hashlib

from django.conf import settings
from django.db import models
from django.db.models import Q

from crm.notices.models import Delivery
from crm.records import fields
from crm.records.models import Job
from crm.records.models.satellites import attachment_path

from .contact import Contact
from .customer import Customer

SUBJECT = fields.Text("主题", max_length=150, blank=False)
BODY = fields.LongText("正文", max_length=10_000, blank=False)


def address_key(address: str) -> str:
    """What "the same address" means: case and surrounding spaces apart; as a hash of fixed length."""
    return hashlib.sha256(address.strip().casefold().encode()).hexdigest()


class MailTemplate(models.Model):
    """A prepared letter with merge fields; `owner` = None: one of the company."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+", verbose_name="所有者"
    )
    name = fields.Text("模板名称", max_length=50, blank=False)
    subject = fields.Text("主题", max_length=150, blank=False)
    body = fields.LongText("正文", max_length=10_000, blank=False)
    updated_at = models.DateTimeField("修改时间", auto_now=True)

    class Meta:
        verbose_name = "邮件模板"
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"], name="mailtemplate_own_name", violation_error_message="已有同名的模板"
            ),
            models.UniqueConstraint(
                fields=["name"],
                condition=Q(owner=None),
                name="mailtemplate_company_name",
                violation_error_message="已有同名的公司模板",
            ),
        ]

    def __str__(self):
        return self.name


class Mailing(models.Model):
    """One letter to many, as it was confirmed. `token` is the compose page it came from: one page sends once. `excluded` =
    {reason: how many} of those who were left out at once."""

    class Who(models.TextChoices):
        PRIMARY = "primary", "每个客户的首要联系人"
        ALL = "all", "每个客户所有有邮箱的联系人"

    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="发送人", db_index=False
    )
    created_at = models.DateTimeField("发送时间", auto_now_add=True)
    module = models.CharField("模块", max_length=40)
    who = models.CharField("收件人", max_length=10, choices=Who.choices, default=Who.PRIMARY)
    subject = models.CharField("主题", max_length=150)
    body = models.TextField("正文")
    token = models.CharField(max_length=32)
    total = models.PositiveIntegerField("收件人数", default=0)
    excluded = models.JSONField("未包含", default=dict)
    job = models.ForeignKey(Job, models.SET_NULL, null=True, related_name="+", verbose_name="后台任务")
    stopped_at = models.DateTimeField("停止时间", null=True)

    class Meta:
        verbose_name = "群发邮件"
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["created_by", "token"], name="mailing_page_once")]
        indexes = [models.Index(fields=["created_by", "-id"], name="mailing_by")]

    def __str__(self):
        return self.subject


class MailingFile(models.Model):
    """A file that goes along with every letter of a mailing."""

    mailing = models.ForeignKey(Mailing, models.CASCADE, related_name="files")
    file = models.FileField(upload_to=attachment_path)
    name = models.CharField("文件名", max_length=200)
    size = models.PositiveIntegerField("大小")
    mime = models.CharField(max_length=100)

    class Meta:
        verbose_name = "群发邮件附件"
        ordering = ["pk"]


class MailingRecipient(models.Model):
    """One address of a mailing, frozen when it was confirmed; each address stands once. Where there is a row in the outbox,
    its state is the truth (`state` follows it every night, before the outbox forgets)."""

    State = Delivery.State

    mailing = models.ForeignKey(Mailing, models.CASCADE, related_name="recipients", db_index=False)
    customer = models.ForeignKey(Customer, models.SET_NULL, null=True, related_name="+", verbose_name="客户")
    contact = models.ForeignKey(Contact, models.SET_NULL, null=True, related_name="+", verbose_name="联系人")
    address = models.CharField("收件地址", max_length=254)
    address_key = models.CharField(max_length=64)
    delivery = models.OneToOneField(
        Delivery, models.SET_NULL, null=True, related_name="mailing_recipient", verbose_name="发件"
    )
    state = models.CharField("状态", max_length=10, choices=State.choices, default=State.WAITING)
    error = models.CharField("原因", max_length=500, blank=True)
    sent_at = models.DateTimeField("发送时间", null=True)

    class Meta:
        verbose_name = "群发邮件收件人"
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["mailing", "address_key"], name="mailing_address_once")]
        indexes = [models.Index(fields=["mailing", "id"], name="mailing_recipients")]


class MailOptOut(models.Model):
    """An address that wants no more letters of this kind."""

    address = models.CharField("邮箱", max_length=254)
    address_key = models.CharField(max_length=64, unique=True)
    mailing = models.ForeignKey(Mailing, models.SET_NULL, null=True, related_name="+", verbose_name="来自")
    created_at = models.DateTimeField("退订时间", auto_now_add=True)

    class Meta:
        verbose_name = "退订"
        ordering = ["-pk"]
