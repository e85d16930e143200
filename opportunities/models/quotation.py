"""Quotations (报价单) of opportunities: versions that never change, links to them, letters with such links."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from approvals.models import Status
from crm.notices.models import Delivery
from crm.records import fields
from customers.models import Contact
from products.lines import ProductLine

from .opportunity import Opportunity


class QuotationState(models.TextChoices):
    DRAFT = "draft", "草稿"
    SENT = "sent", "已发出"
    ACCEPTED = "accepted", "已接受"
    REJECTED = "rejected", "已拒绝"
    VOID = "void", "已作废"


EXPIRED = "expired"  # shown for a sent one whose validity is over; never stored


class Quotation(models.Model):
    """A numbered offer of an opportunity; what it says stands in its versions, `current` is the newest. Visible to whoever
    sees the opportunity. `sent_at` is set once anything of it left the house: from then on it cannot be deleted."""

    State = QuotationState

    opportunity = models.ForeignKey(Opportunity, models.CASCADE, related_name="quotations", verbose_name="商机")
    number = models.CharField("编号", max_length=40, unique=True)
    state = models.CharField("状态", max_length=8, choices=QuotationState.choices, default=QuotationState.DRAFT)
    current = models.ForeignKey("QuotationVersion", models.SET_NULL, null=True, related_name="+", verbose_name="版本")
    sent_at = models.DateTimeField("发出时间", null=True)
    decided_on = models.DateField("答复日期", null=True)
    decided_version = models.ForeignKey(
        "QuotationVersion", models.SET_NULL, null=True, related_name="+", verbose_name="答复的版本"
    )
    decided_note = fields.Text("答复说明", max_length=200)
    void_reason = fields.Text("作废原因", max_length=200)
    reminded_at = models.DateTimeField("提醒时间", null=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="创建人", db_index=False
    )
    created_at = models.DateTimeField("创建时间", default=timezone.now)
    updated_at = models.DateTimeField("更新时间", default=timezone.now)
    version = models.PositiveIntegerField("版本", default=1)

    class Meta:
        verbose_name = "报价单"
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=("accepted", "rejected"), decided_on__isnull=False)
                | ~Q(state__in=("accepted", "rejected")) & Q(decided_on=None),
                name="quotation_decided",
            ),
            models.CheckConstraint(condition=~Q(state="sent") | Q(sent_at__isnull=False), name="quotation_sent"),
        ]
        indexes = [models.Index(fields=["opportunity", "-id"], name="quotation_opportunity")]

    def __str__(self):
        return self.number

    def state_on(self, day) -> str:
        """The state as it shows on a day: EXPIRED for a sent one whose validity was over before."""
        over = self.state == QuotationState.SENT and self.current is not None and self.current.valid_until < day
        return EXPIRED if over else self.state


class QuotationVersion(models.Model):
    """What a quotation said at one time; written once, never changed, but for `approval`: how its approval stands, "" for one that
    nobody submitted. Names are kept as they were."""

    APPROVALS = [(one.value, one.label) for one in (Status.PENDING, Status.APPROVED, Status.REJECTED, Status.WITHDRAWN)]

    quotation = models.ForeignKey(Quotation, models.CASCADE, related_name="versions", db_index=False)
    number = models.PositiveSmallIntegerField("版本号")
    title = fields.Text("标题", max_length=50, blank=False, required_message="请填写标题")
    contact = models.ForeignKey(
        Contact, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name="客户联系人"
    )
    contact_name = models.CharField("客户联系人", max_length=50, blank=True)
    customer_name = models.CharField("客户", max_length=100)
    company = models.CharField("报价单位", max_length=50)
    seller_name = models.CharField("报价人", max_length=50)
    seller_phone = models.CharField("报价人电话", max_length=20, blank=True)
    seller_email = models.CharField("报价人邮箱", max_length=254, blank=True)
    valid_until = models.DateField("有效期至")
    terms = fields.LongText("条款与说明", max_length=2000)
    note = fields.Text("内部备注", max_length=200)
    subtotal = fields.Money("合计")
    discount = models.DecimalField(
        "整单折扣（%）", max_digits=5, decimal_places=2, validators=[MinValueValidator(0), MaxValueValidator(100)]
    )
    total = fields.Money("报价总额")
    approval = models.CharField("审批", max_length=9, choices=APPROVALS, blank=True, default="")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="创建人", db_index=False
    )
    created_at = models.DateTimeField("创建时间", default=timezone.now)

    class Meta:
        verbose_name = "报价单版本"
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["quotation", "number"], name="quotation_version_once"),
            models.CheckConstraint(
                condition=Q(subtotal__gte=0, total__gte=0, discount__range=(0, 100)), name="quotation_version_figures"
            ),
        ]

    def __str__(self):
        return f"V{self.number}"


class QuotationLine(ProductLine):
    """A product line of a version."""

    version = models.ForeignKey(QuotationVersion, models.CASCADE, related_name="lines")

    class Meta(ProductLine.Meta):
        verbose_name = "报价产品"


class QuotationMail(models.Model):
    """A letter that took a version to one or more addresses; `token` is the page it was confirmed on: one page sends once."""

    version = models.ForeignKey(QuotationVersion, models.CASCADE, related_name="mails")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="发送人")
    created_at = models.DateTimeField("发送时间", default=timezone.now)
    subject = models.CharField("主题", max_length=150)
    body = models.TextField("正文")
    token = models.CharField(max_length=32)

    class Meta:
        verbose_name = "报价单邮件"
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["created_by", "token"], name="quotationmail_page_once")]


class QuotationShare(models.Model):
    """A link to one version for people without an account. Of its token only the hash is kept. With `mail` it went to
    `address`, each address its own."""

    version = models.ForeignKey(QuotationVersion, models.CASCADE, related_name="shares")
    token_hash = models.CharField(max_length=64, unique=True)
    hide_prices = models.BooleanField("隐藏价格", default=False)
    expires_on = models.DateField("链接有效期至")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="创建人")
    created_at = models.DateTimeField("创建时间", default=timezone.now)
    revoked_at = models.DateTimeField("停用时间", null=True)
    opened = models.PositiveIntegerField("打开次数", default=0)
    opened_at = models.DateTimeField("最近打开", null=True)
    mail = models.ForeignKey(QuotationMail, models.CASCADE, null=True, related_name="shares")
    address = models.CharField("收件地址", max_length=254, blank=True)
    delivery = models.OneToOneField(
        Delivery, models.SET_NULL, null=True, related_name="quotation_share", verbose_name="发件"
    )

    class Meta:
        verbose_name = "报价单链接"
        ordering = ["-pk"]

    def open_on(self, day) -> bool:
        return self.revoked_at is None and self.expires_on >= day
