"""Invoices (发票) and the titles (抬头) they are made out to."""

import re
import unicodedata

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from approvals.models import Approvable
from crm.records import fields
from crm.records.models import Grant, OwnedRecord, owned_indexes
from customers.models import Customer

from .contract import Contract


class TaxNumber(fields.Text):
    """纳税人识别号: 15, 18 or 20 letters and digits, stored in capitals without spaces."""

    def parse(self, text):
        text = re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", text)).upper()
        if len(text) not in (15, 18, 20) or not text.isascii() or not text.isalnum():
            raise ValidationError("税号为 15、18 或 20 位数字或字母", code="invalid")
        return text


class InvoiceTitle(models.Model):
    """Whom a customer's invoices are made out to."""

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="invoice_titles", verbose_name="客户")
    name = fields.Text("发票抬头", max_length=100, blank=False, required_message="请填写发票抬头")
    tax_number = TaxNumber("税号", max_length=30)
    bank = fields.Text("开户银行", max_length=100)
    account = fields.Text("银行账号", max_length=40)
    address = fields.Text("注册地址", max_length=200)
    phone = fields.Text("注册电话", max_length=30)
    is_default = models.BooleanField("默认抬头", default=False)
    version = models.PositiveIntegerField("版本", default=1, editable=False)

    class Meta:
        verbose_name = "发票抬头"
        ordering = ["-is_default", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "name"], name="invoice_title_once", violation_error_message="该客户已有这个抬头"
            ),
            models.UniqueConstraint(
                fields=["customer"], condition=Q(is_default=True), name="invoice_title_one_default"
            ),
        ]

    def __str__(self):
        return self.name


class Invoice(OwnedRecord, Approvable):
    """An application for an invoice (开票申请) and the invoice made out. What stands on it is copied from the title. `customer` is
    the contract's, kept beside it for the customer's page. The sum of approved and pending ones stays within the contract."""

    class VoidedAs(models.TextChoices):
        VOID = "void", "作废"
        RED = "red", "红冲"

    number = fields.Text("申请编号", max_length=60, editable=False)
    contract = models.ForeignKey(Contract, models.PROTECT, related_name="invoices", verbose_name="合同")
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+", verbose_name="客户", editable=False)
    kind = fields.DictionaryField("发票类型", "invoice.kind")
    amount = fields.Money("开票金额")
    wanted_on = models.DateField("期望开票日期", null=True, blank=True)
    title = fields.Text("发票抬头", max_length=100, blank=False, required_message="请填写发票抬头")
    tax_number = TaxNumber("税号", max_length=30)
    bank = fields.Text("开户银行", max_length=100)
    account = fields.Text("银行账号", max_length=40)
    address = fields.Text("注册地址", max_length=200)
    phone = fields.Text("注册电话", max_length=30)
    content = fields.Text("开票内容", max_length=200)
    receiver = fields.Text("收件人与地址", max_length=200)
    remark = fields.LongText("备注", max_length=500)
    invoice_number = fields.Text("发票号码", max_length=40, editable=False)
    issued_on = models.DateField("开票日期", null=True, blank=True, editable=False)
    voided_at = models.DateTimeField("作废时间", null=True, editable=False)
    voided_as = models.CharField(
        "作废方式", max_length=4, choices=VoidedAs.choices, blank=True, default="", editable=False
    )
    void_reason = fields.LongText("作废原因", max_length=500, editable=False)

    class Meta:
        verbose_name = "发票"
        constraints = [
            models.UniqueConstraint(fields=["number"], condition=~Q(number=""), name="invoice_number_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="invoice_amount"),
            models.CheckConstraint(
                condition=~Q(status__in=("pending", "approved", "void")) | ~Q(number=""), name="invoice_numbered"
            ),
            models.UniqueConstraint(
                fields=["invoice_number"],
                condition=~Q(invoice_number="") & ~Q(status="void") & Q(deleted_at=None),
                name="invoice_issued_once",
                violation_error_message="这个发票号码已登记在另一张发票上",
            ),
        ]
        indexes = [
            *owned_indexes("invoice", "created_at", "updated_at", "title"),
            models.Index("contract", F("id").desc(), condition=Q(deleted_at=None), name="invoice_contract"),
            models.Index("customer", F("id").desc(), condition=Q(deleted_at=None), name="invoice_customer"),
        ]

    def __str__(self):
        return self.number or "未提交的开票申请"

    @property
    def name(self):
        """What it is called in sentences."""
        return self.title

    def clean(self):
        super().clean()
        if self.amount is not None and self.amount <= 0:
            raise ValidationError({"amount": "开票金额应大于 0"})


class InvoiceGrant(Grant):
    content_object = models.ForeignKey(Invoice, models.CASCADE, related_name="grants")

    class Meta(Grant.Meta):
        indexes = [models.Index(fields=["user", "content_object"], name="invoicegrant_user")]
