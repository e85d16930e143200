"""What is to be paid (plans), what was paid or refunded (payments), and which plans a payment belongs to."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from approvals.models import Approvable
from contracts.models import Contract
from crm.records import fields
from crm.records.models import Grant, OwnedRecord, owned_indexes
from customers.models import Customer


def check_amount(amount) -> None:
    """Nothing is no amount: the constraint says the same without words."""
    if amount is not None and amount <= 0:
        raise ValidationError({"amount": "金额应大于 0"})


class PaymentPlan(OwnedRecord):
    """A part of a contract's amount that falls due on a day (期次 is its place among the contract's plans). `received` and
    `pending` are what approved and waiting payments allot to it, net of refunds; whether it is 未回, 部分, 已回 or 逾期 follows
    from them and the date and stands in no column."""

    contract = models.ForeignKey(Contract, models.PROTECT, related_name="plans", verbose_name="合同")
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+", verbose_name="客户", editable=False)
    period = models.PositiveSmallIntegerField("期次", editable=False)
    amount = fields.Money("计划金额")
    due_on = models.DateField("计划日期")
    method = fields.DictionaryField("计划方式", "payment.method")
    remind_days = models.PositiveSmallIntegerField("提前几天提醒", null=True, blank=True, default=3)
    remark = fields.LongText("备注", max_length=500)
    received = models.DecimalField("已回", max_digits=18, decimal_places=2, default=0, editable=False)
    pending = models.DecimalField("待审批", max_digits=18, decimal_places=2, default=0, editable=False)
    reminded_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = "回款计划"
        constraints = [
            models.UniqueConstraint(
                fields=["contract", "period"], condition=Q(deleted_at=None), name="payment_plan_period"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_plan_amount"),
        ]
        indexes = [
            *owned_indexes("payment_plan", "due_on", "updated_at"),
            models.Index("contract", "period", condition=Q(deleted_at=None), name="payment_plan_contract"),
            models.Index("customer", "due_on", condition=Q(deleted_at=None), name="payment_plan_customer"),
            models.Index("due_on", condition=Q(deleted_at=None) & Q(received__lt=F("amount")), name="payment_plan_due"),
        ]

    def __str__(self):
        return f"第 {self.period} 期"

    def clean(self):
        super().clean()
        check_amount(self.amount)
        if self.remind_days is not None and self.remind_days > 365:
            raise ValidationError({"remind_days": "提前提醒最多 365 天"})


class PaymentPlanGrant(Grant):
    content_object = models.ForeignKey(PaymentPlan, models.CASCADE, related_name="grants")

    class Meta(Grant.Meta):
        indexes = [models.Index(fields=["user", "content_object"], name="paymentplangrant_user")]


class Payment(OwnedRecord, Approvable):
    """Money that came in (回款) or went back (退款); `amount` is always above nothing, `net` has the sign. It counts once it is
    approved. `batch` joins the payments one receipt of a customer was split into (按客户收款)."""

    class Type(models.TextChoices):
        RECEIPT = "receipt", "回款"
        REFUND = "refund", "退款"

    number = models.CharField("回款编号", max_length=60, blank=True, default="", editable=False)
    type = models.CharField("类型", max_length=7, choices=Type.choices, default=Type.RECEIPT)
    contract = models.ForeignKey(Contract, models.PROTECT, related_name="payments", verbose_name="合同")
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+", verbose_name="客户", editable=False)
    paid_on = models.DateField("回款日期")
    amount = fields.Money("金额")
    method = fields.DictionaryField("回款方式", "payment.method")
    remark = fields.LongText("备注", max_length=500)
    batch = models.CharField("收款批次", max_length=60, blank=True, default="", editable=False)
    settled_at = models.DateTimeField("提成结算时间", null=True, editable=False)
    voided_at = models.DateTimeField("作废时间", null=True, editable=False)
    void_reason = fields.LongText("作废原因", max_length=500, editable=False)

    class Meta:
        verbose_name = "回款"
        constraints = [
            models.UniqueConstraint(fields=["number"], condition=~Q(number=""), name="payment_number_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_amount"),
            models.CheckConstraint(
                condition=~Q(status__in=("pending", "approved", "void")) | ~Q(number=""), name="payment_numbered"
            ),
        ]
        indexes = [
            *owned_indexes("payment", "created_at", "updated_at", "paid_on", "number"),
            models.Index("contract", F("id").desc(), condition=Q(deleted_at=None), name="payment_contract"),
            models.Index("customer", F("id").desc(), condition=Q(deleted_at=None), name="payment_customer"),
        ]

    def __str__(self):
        return self.number or "未提交的回款"

    def clean(self):
        super().clean()
        check_amount(self.amount)

    @property
    def net(self):
        """What it adds to the received sum."""
        return self.amount if self.type == self.Type.RECEIPT else -self.amount


class PaymentGrant(Grant):
    content_object = models.ForeignKey(Payment, models.CASCADE, related_name="grants")

    class Meta(Grant.Meta):
        indexes = [models.Index(fields=["user", "content_object"], name="paymentgrant_user")]


class PaymentAllocation(models.Model):
    """Which part of a payment belongs to which plan of its contract; the sum stays within the payment."""

    payment = models.ForeignKey(Payment, models.CASCADE, related_name="allocations")
    plan = models.ForeignKey(PaymentPlan, models.PROTECT, related_name="allocations")
    amount = fields.Money("金额")

    class Meta:
        verbose_name = "回款分配"
        constraints = [
            models.UniqueConstraint(fields=["payment", "plan"], name="payment_allocation_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_allocation_amount"),
        ]
