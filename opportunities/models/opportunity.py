"""Opportunities: fields, limits, constraints."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from crm.records import fields
from crm.records.models import Grant, OwnedRecord, owned_indexes
from customers.models import Contact, Customer
from products.lines import ProductLine

from .pipeline import Pipeline, Stage

OF_LINES = "有产品明细时，预计成交金额就是明细的合计，请在“产品”标签修改"


class State(models.TextChoices):
    OPEN = "open", "进行中"
    WON = "won", "赢单"
    LOST = "lost", "输单"
    VOID = "void", "无效"


class Opportunity(OwnedRecord):
    """A possible sale to a customer, in a stage of a pipeline. A closed one keeps the stage it was closed in. With product
    lines `amount` is their total (`lines_total`, None without any), else it is typed."""

    State = State

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="opportunities", verbose_name="客户")
    name = fields.Text("商机名称", max_length=50, blank=False, required_message="请填写商机名称")
    pipeline = models.ForeignKey(Pipeline, models.PROTECT, related_name="+", verbose_name="商机组")
    stage = models.ForeignKey(Stage, models.PROTECT, related_name="+", verbose_name="商机阶段")
    stage_since = models.DateTimeField("进入阶段时间", default=timezone.now, editable=False)
    state = models.CharField("状态", max_length=4, choices=State.choices, default=State.OPEN, editable=False)
    amount = fields.Money("预计成交金额", null=True, blank=True)
    expected_on = models.DateField("预计成交日期", null=True, blank=True)
    decider = models.ForeignKey(
        Contact, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name="决策人"
    )
    discount = models.DecimalField("整单折扣（%）", max_digits=5, decimal_places=2, default=0, editable=False)
    lines_total = fields.Money("产品合计", null=True, blank=True, editable=False)
    source = fields.DictionaryField("商机来源", "customer.source")
    competitors = fields.Text("竞争对手", max_length=200)
    next_contact_at = models.DateTimeField("下次联系时间", null=True, blank=True)
    last_followed_at = models.DateTimeField("最后跟进时间", null=True, blank=True, editable=False)
    moved_at = models.DateTimeField("最后推进时间", default=timezone.now, editable=False)
    closed_at = models.DateTimeField("关闭时间", null=True, editable=False)
    close_reason = fields.DictionaryField("关闭原因", "opportunity.close_reason", editable=False)
    close_note = fields.LongText("关闭说明", max_length=500, editable=False)
    remark = fields.LongText("备注", max_length=500)

    class Meta:
        verbose_name = "商机"
        constraints = [
            models.CheckConstraint(condition=Q(discount__range=(0, 100)), name="opportunity_discount"),
            models.CheckConstraint(condition=Q(amount=None) | Q(amount__gte=0), name="opportunity_amount"),
            models.CheckConstraint(
                condition=Q(lines_total=None) | Q(amount=F("lines_total"), amount__isnull=False),
                name="opportunity_amount_of_lines",
                violation_error_message=OF_LINES,
            ),
            models.CheckConstraint(
                condition=Q(state="open", closed_at=None) | (~Q(state="open") & Q(closed_at__isnull=False)),
                name="opportunity_closed",
            ),
        ]
        indexes = [
            *owned_indexes("opportunity", "created_at", "updated_at", "name"),
            models.Index(
                "stage",
                "expected_on",
                "id",
                condition=Q(deleted_at=None, state="open"),
                name="opportunity_board",
            ),
            models.Index(
                "state",
                F("closed_at").desc(),
                "expected_on",
                "id",
                condition=Q(deleted_at=None) & ~Q(state="open"),
                name="opportunity_ended",
            ),
        ]

    def __str__(self):
        return self.name

    def clean(self):
        super().clean()
        if self.lines_total is not None and self.amount != self.lines_total:
            raise ValidationError({"amount": OF_LINES})
        if self.stage_id and self.pipeline_id and self.stage.pipeline_id != self.pipeline_id:
            raise ValidationError({"stage": "该阶段不属于所选的商机组"})
        if self.decider_id and self.customer_id and self.decider.customer_id != self.customer_id:
            raise ValidationError({"decider": "决策人应是该客户的联系人"})


class OpportunityGrant(Grant):
    content_object = models.ForeignKey(Opportunity, models.CASCADE, related_name="grants")

    class Meta(Grant.Meta):
        indexes = [models.Index(fields=["user", "content_object"], name="opportunitygrant_user")]


class OpportunityLine(ProductLine):
    """A product line of an opportunity."""

    opportunity = models.ForeignKey(Opportunity, models.CASCADE, related_name="lines")

    class Meta(ProductLine.Meta):
        verbose_name = "商机产品"


class StageEntry(models.Model):
    """One stay in a stage, or the moment it was closed (`stage` empty, `state` set). The last one has no `left_at` while the
    opportunity is open."""

    opportunity = models.ForeignKey(Opportunity, models.CASCADE, related_name="entries")
    stage = models.ForeignKey(Stage, models.SET_NULL, null=True, related_name="+")
    stage_name = models.CharField("阶段", max_length=20)
    state = models.CharField(max_length=4, choices=State.choices, default=State.OPEN)
    entered_at = models.DateTimeField("进入时间", default=timezone.now)
    left_at = models.DateTimeField("离开时间", null=True)
    reminded_at = models.DateTimeField(null=True)  # the owner was told that it stays long
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False)
    note = models.CharField("说明", max_length=500, blank=True)

    class Meta:
        verbose_name = "阶段记录"
        ordering = ["pk"]
        indexes = [
            models.Index("stage", "entered_at", condition=Q(left_at=None, reminded_at=None), name="stage_entry_waiting")
        ]
