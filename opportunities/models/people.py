"""Who decides, who competes, and which suggested actions are done."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from crm.records import fields
from customers.models import Contact

from .opportunity import Opportunity
from .pipeline import Stage


class Stakeholder(models.Model):
    """The part a contact of the customer plays in the decision. The main one is `Opportunity.decider`."""

    class Attitude(models.TextChoices):
        UNKNOWN = "unknown", "未知"
        FOR = "for", "支持"
        NEUTRAL = "neutral", "中立"
        AGAINST = "against", "反对"

    opportunity = models.ForeignKey(Opportunity, models.CASCADE, related_name="stakeholders")
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="+", verbose_name="联系人")
    role = fields.DictionaryField("角色", "opportunity.role")
    attitude = models.CharField("态度", max_length=7, choices=Attitude.choices, default=Attitude.UNKNOWN)
    note = fields.LongText("备注", max_length=200)

    class Meta:
        verbose_name = "决策人"
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["opportunity", "contact"],
                name="stakeholder_once",
                violation_error_message="这位联系人已经在决策人中",
            )
        ]

    def clean(self):
        super().clean()
        if self.contact_id and self.contact.customer_id != self.opportunity.customer_id:
            raise ValidationError({"contact": "决策人应是该客户的联系人"})


class Competitor(models.Model):
    """A rival for the deal. `Opportunity.competitors` has the names in one line, for lists and files."""

    opportunity = models.ForeignKey(Opportunity, models.CASCADE, related_name="rivals")
    name = fields.Text("竞争对手", max_length=50, blank=False, required_message="请填写竞争对手")
    price = fields.Money("报价", null=True, blank=True)
    strengths = fields.LongText("优势", max_length=300)
    weaknesses = fields.LongText("劣势", max_length=300)
    note = fields.LongText("对策", max_length=300)

    class Meta:
        verbose_name = "竞争对手"
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["opportunity", "name"], name="competitor_once", violation_error_message="已有这个竞争对手"
            ),
            models.CheckConstraint(condition=models.Q(price=None) | models.Q(price__gte=0), name="competitor_price"),
        ]


class Tick(models.Model):
    """A suggested action (建议动作) of a stage that was done; `text` is the action as the stage calls it."""

    opportunity = models.ForeignKey(Opportunity, models.CASCADE, related_name="ticks")
    stage = models.ForeignKey(Stage, models.CASCADE, related_name="+")
    text = models.CharField(max_length=100)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "已完成的建议动作"
        constraints = [models.UniqueConstraint(fields=["opportunity", "stage", "text"], name="tick_once")]
