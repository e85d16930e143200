"""What was done about customers that may be lost or are."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from crm.records import fields

from .customer import Customer


class ChurnRecord(models.Model):
    """One step of 客户流失: put off with measures until a day, confirmed with a reason, back to normal. May repeat."""

    class Kind(models.TextChoices):
        POSTPONED = "postponed", "暂缓流失"
        CONFIRMED = "confirmed", "确定流失"
        RESTORED = "restored", "恢复正常"

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="churn_records", verbose_name="客户")
    kind = models.CharField("动作", max_length=9, choices=Kind.choices)
    reason = fields.DictionaryField("流失原因", "customer.churn_reason")
    text = fields.LongText("说明", max_length=1000)
    until = models.DateField("暂缓至", null=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False)
    at = models.DateTimeField("时间", default=timezone.now)

    class Meta:
        verbose_name = "流失记录"
        ordering = ["-pk"]
