"""Contracts: fields, limits, constraints."""

from datetime import date

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from approvals.models import Approvable
from crm.records import fields
from crm.records.models import Grant, OwnedRecord, owned_indexes
from customers.models import Contact, Customer
from opportunities.models import Opportunity, Quotation
from products.lines import ProductLine

EARLIEST = date(1900, 1, 1)  # like moments: the first day of all has none in UTC
TOO_EARLY = "日期不能早于 1900 年"
OF_LINES = "有产品明细时，合同金额就是明细的合计，请在“产品”标签修改"


def days_of(text) -> int | None:
    """What was typed at 到期前几天提醒; empty is None."""
    text = fields.tidy(str(text if text is not None else "")).removesuffix("天").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 4 and int(text) <= 365):
        raise ValidationError("请填写 0 到 365 的整数", code="invalid")
    return int(text)


class Execution(models.TextChoices):
    NOT_STARTED = "waiting", "未开始"
    RUNNING = "running", "执行中"
    EXPIRED = "expired", "已到期"
    FINISHED = "finished", "已完成"
    SHUT = "shut", "已关闭"


class Contract(OwnedRecord, Approvable):
    """A contract with a customer. The number is given at the first submission and never again. `execution` follows the dates
    (every night and at every save) unless somebody finished or shut it. The figures of payments and invoices are written by
    the services of their modules under the contract's lock and re-checked nightly; they count what is approved, `pending` and
    `invoicing` what waits."""

    Execution = Execution

    number = models.CharField("合同编号", max_length=60, blank=True, default="", editable=False)
    name = fields.Text("合同名称", max_length=100, blank=False, required_message="请填写合同名称")
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="contracts", verbose_name="客户")
    opportunity = models.ForeignKey(
        Opportunity, models.PROTECT, null=True, blank=True, related_name="contracts", verbose_name="商机"
    )
    kind = fields.DictionaryField("合同类型", "contract.kind")
    signed_on = models.DateField("签约日期")
    starts_on = models.DateField("开始日期", null=True, blank=True)
    ends_on = models.DateField("结束日期", null=True, blank=True)
    amount = fields.Money("合同金额")
    customer_signer = models.ForeignKey(
        Contact, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name="客户签约人"
    )
    company_signer = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="公司签约人"
    )
    discount = models.DecimalField("整单折扣（%）", max_digits=5, decimal_places=2, default=0, editable=False)
    lines_total = fields.Money("产品合计", null=True, blank=True, editable=False)
    remind_days = models.PositiveSmallIntegerField("到期前几天提醒", null=True, blank=True)
    remark = fields.LongText("备注", max_length=1000)
    renewed_from = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="renewals", verbose_name="续签自", editable=False
    )
    quotation = models.ForeignKey(
        Quotation,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="contracts",
        verbose_name="报价单",
        editable=False,
    )
    reminded_for = models.DateField(null=True, editable=False)  # the end date its owner was reminded of

    execution = models.CharField(
        "执行状态", max_length=8, choices=Execution.choices, default=Execution.NOT_STARTED, editable=False
    )
    ended_at = models.DateTimeField("完成或关闭时间", null=True, editable=False)
    end_reason = fields.LongText("关闭原因", max_length=500, editable=False)
    voided_at = models.DateTimeField("作废时间", null=True, editable=False)
    void_reason = fields.LongText("作废原因", max_length=500, editable=False)
    edition = models.PositiveIntegerField("生效版本", default=0, editable=False)
    changing = models.CharField(
        "变更状态",
        max_length=9,
        blank=True,
        default="",
        editable=False,
        choices=[("change", "变更审批中"), ("void", "作废审批中")],
    )

    planned = fields.Money("计划回款", default=0, editable=False)
    received = models.DecimalField("已回款", max_digits=18, decimal_places=2, default=0, editable=False)
    pending = models.DecimalField("待审批回款", max_digits=18, decimal_places=2, default=0, editable=False)
    overdue = fields.Money("逾期未回", default=0, editable=False)
    invoiced = fields.Money("已开票", default=0, editable=False)
    invoicing = fields.Money("待审批开票", default=0, editable=False)

    next_contact_at = models.DateTimeField("下次联系时间", null=True, blank=True)
    last_followed_at = models.DateTimeField("最后跟进时间", null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "合同"
        constraints = [
            models.UniqueConstraint(fields=["number"], condition=~Q(number=""), name="contract_number"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="contract_amount"),
            models.CheckConstraint(condition=Q(discount__range=(0, 100)), name="contract_discount"),
            models.CheckConstraint(
                condition=Q(lines_total=None) | Q(amount=F("lines_total")),
                name="contract_amount_of_lines",
                violation_error_message=OF_LINES,
            ),
            models.CheckConstraint(
                condition=Q(starts_on=None) | Q(ends_on=None) | Q(starts_on__lte=F("ends_on")),
                name="contract_dates",
                violation_error_message="结束日期不能早于开始日期",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=("pending", "approved", "void")) | ~Q(number=""), name="contract_numbered"
            ),
        ]
        indexes = [
            *owned_indexes("contract", "created_at", "updated_at", "signed_on"),
            models.Index("customer", F("id").desc(), condition=Q(deleted_at=None), name="contract_customer"),
            models.Index("ends_on", condition=Q(deleted_at=None, status="approved"), name="contract_ends"),
        ]

    def __str__(self):
        return self.name

    @property
    def outstanding(self):
        """What is still to be paid (未回), never below nothing."""
        return max(self.amount - self.received, 0)

    def clean(self):
        super().clean()
        if self.lines_total is not None and self.amount != self.lines_total:
            raise ValidationError({"amount": OF_LINES})
        days = ("signed_on", "starts_on", "ends_on")
        if early := [name for name in days if (day := getattr(self, name)) and day < EARLIEST]:
            raise ValidationError(dict.fromkeys(early, TOO_EARLY))
        if self.starts_on and self.ends_on and self.ends_on < self.starts_on:
            raise ValidationError({"ends_on": "结束日期不能早于开始日期"})
        if self.opportunity_id and self.customer_id and self.opportunity.customer_id != self.customer_id:
            raise ValidationError({"opportunity": "商机应是该客户的商机"})
        if self.customer_signer_id and self.customer_id and self.customer_signer.customer_id != self.customer_id:
            raise ValidationError({"customer_signer": "客户签约人应是该客户的联系人"})


class ContractGrant(Grant):
    content_object = models.ForeignKey(Contract, models.CASCADE, related_name="grants")

    class Meta(Grant.Meta):
        indexes = [models.Index(fields=["user", "content_object"], name="contractgrant_user")]


class ContractLine(ProductLine):
    """A product line of a contract."""

    contract = models.ForeignKey(Contract, models.CASCADE, related_name="lines")

    class Meta(ProductLine.Meta):
        verbose_name = "合同产品"


class ContractVersion(models.Model):
    """What a contract said (`data` = {"fields": {name: stored value}, "lines": [{...}]}): one when it was approved first, one a
    变更. The one in force is EFFECTIVE; DRAFT and PENDING ones are proposed changes, at most one at a time."""

    class State(models.TextChoices):
        DRAFT = "draft", "草稿"
        PENDING = "pending", "审批中"
        EFFECTIVE = "effective", "生效中"
        FORMER = "former", "已被替代"
        REJECTED = "rejected", "已拒绝"
        WITHDRAWN = "withdrawn", "已撤回"

    contract = models.ForeignKey(Contract, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField("版本")
    state = models.CharField("状态", max_length=9, choices=State.choices)
    data = models.JSONField()
    amount = fields.Money("合同金额")
    reason = fields.LongText("变更原因", max_length=500)
    revision = models.PositiveIntegerField("保存次数", default=1, db_default=1, editable=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False)
    created_at = models.DateTimeField("创建时间", auto_now_add=True)
    submitted_at = models.DateTimeField("提交时间", null=True, editable=False)
    decided_at = models.DateTimeField("审批结束时间", null=True, editable=False)
    effective_at = models.DateTimeField("生效时间", null=True)

    class Meta:
        verbose_name = "合同版本"
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["contract", "number"], name="contract_version_once"),
            models.UniqueConstraint(
                fields=["contract"], condition=Q(state__in=("draft", "pending")), name="contract_one_change"
            ),
            models.UniqueConstraint(fields=["contract"], condition=Q(state="effective"), name="contract_one_in_force"),
        ]
