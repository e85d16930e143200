"""Public forms (公开表单): a page without sign-in whose answers become leads."""

import secrets

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from crm.records import fields


def new_token() -> str:
    """What stands in a form's address: 128 random bits."""
    return secrets.token_urlsafe(16)


class WebForm(models.Model):
    """`asks` = [{"key", "label", "required", "hint"}] in their order, keys of webforms.offered; `domains` = origins that
    may show the form in a frame ("https://www.example.com"). Without `pool` the assignment rules decide who gets a lead."""

    name = fields.Text("表单名称", max_length=30, blank=False)
    title = fields.Text("页面标题", max_length=50, blank=False)
    intro = fields.LongText("说明", max_length=500)
    asks = models.JSONField("字段", default=list)
    submit = fields.Text("按钮文字", max_length=10)
    thanks = fields.LongText("提交后的话", max_length=500)
    campaign = fields.DictionaryField("市场活动", "lead.campaign")
    source = fields.DictionaryField("线索来源", "customer.source")
    pool = models.ForeignKey(
        "customers.Pool", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="放入线索池"
    )
    watchers = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+", blank=True, verbose_name="通知谁")
    enabled = models.BooleanField("启用", default=True, editable=False)
    expires_on = models.DateField("截止日期", null=True, blank=True)
    domains = models.JSONField("可以嵌入的网站", default=list, blank=True)
    token = models.CharField(max_length=40, default=new_token, unique=True, editable=False)
    submissions = models.PositiveIntegerField("提交数", default=0, editable=False)
    last_at = models.DateTimeField("最近提交", null=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, editable=False, related_name="+", verbose_name="创建人",
        db_index=False,
    )  # fmt: skip
    created_at = models.DateTimeField("创建时间", default=timezone.now, editable=False)
    version = models.PositiveIntegerField("版本", default=1, editable=False)

    class Meta:
        verbose_name = "公开表单"
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["name"], name="web_form_name", violation_error_message="已有同名表单"),
            models.CheckConstraint(condition=~Q(token=""), name="web_form_token"),
        ]

    def __str__(self):
        return self.name

    @property
    def path(self) -> str:
        return f"/f/{self.token}/"

    @property
    def expired(self) -> bool:
        """Whether its last day is over."""
        return self.expires_on is not None and self.expires_on < timezone.localdate()

    @property
    def open(self) -> bool:
        """Whether it takes answers now."""
        return self.enabled and not self.expired
