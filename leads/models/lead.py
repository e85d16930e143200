"""Leads: fields, limits, constraints."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from crm.records import areas, fields
from crm.records.models import Grant, owned_indexes
from customers.duplicates import names
from customers.models import Contact, Customer, PooledRecord, pooled_constraint, pooled_indexes
from opportunities.models import Opportunity


class Status(models.TextChoices):
    NEW = "new", "未分配"
    FOLLOWING = "following", "跟进中"
    CONVERTED = "converted", "已转化"
    DEAD = "dead", "已失效"


class Lead(PooledRecord):
    """Somebody who may become a customer (线索, 销售机会). Without an owner it lies in a lead pool."""

    Status = Status

    number = fields.Text("线索编号", max_length=40, editable=False)
    name = fields.Text("线索名称", max_length=50, blank=False, required_message="请填写线索名称")
    company = fields.Text("公司", max_length=50)
    # What likely duplicates are found by (customers.duplicates).
    name_stem = models.CharField(max_length=100, null=True, editable=False)
    company_stem = models.CharField(max_length=100, null=True, editable=False)
    domain = models.CharField(max_length=100, null=True, editable=False)
    contact_name = fields.Text("联系人", max_length=50)
    mobile = fields.Mobile("手机")
    phone = fields.Phone("电话")
    email = fields.Email("邮箱")
    position = fields.Text("职位", max_length=50)
    province = fields.Text("省", max_length=20)
    city = fields.Text("市", max_length=30)
    address = fields.Text("详细地址", max_length=100)
    industry = fields.DictionaryField("行业", "customer.industry")
    level = fields.DictionaryField("级别", "customer.level")
    source = fields.DictionaryField("来源", "customer.source")
    campaign = fields.DictionaryField("市场活动", "lead.campaign")
    status = models.CharField("状态", max_length=10, choices=Status.choices, default=Status.NEW, editable=False)
    chance = fields.Percent("成功机率（%）", default=50)
    summary = fields.Text("概要", max_length=100)
    description = fields.LongText("机会描述", max_length=2000)
    next_contact_at = models.DateTimeField("下次联系时间", null=True, blank=True)
    last_followed_at = models.DateTimeField("最后跟进时间", null=True, blank=True, editable=False)
    remark = fields.LongText("备注", max_length=500)
    locked = models.BooleanField("锁定", default=False, editable=False)
    assigned_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, editable=False, related_name="+", verbose_name="指派人",
        db_index=False,
    )  # fmt: skip
    assigned_at = models.DateTimeField("指派时间", null=True, editable=False)
    dead_reason = fields.DictionaryField("失效原因", "lead.dead_reason", editable=False)
    dead_note = fields.LongText("失效说明", max_length=500, editable=False)
    ended_at = models.DateTimeField("结束时间", null=True, editable=False)  # converted or dead
    converted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, editable=False, related_name="+", verbose_name="转化人",
        db_index=False,
    )  # fmt: skip
    customer = models.ForeignKey(
        Customer, models.SET_NULL, null=True, editable=False, related_name="+", verbose_name="转化的客户"
    )
    contact = models.ForeignKey(
        Contact, models.SET_NULL, null=True, editable=False, related_name="+", verbose_name="转化的联系人"
    )
    opportunity = models.ForeignKey(
        Opportunity, models.SET_NULL, null=True, editable=False, related_name="+", verbose_name="转化的商机"
    )

    class Meta:
        verbose_name = "线索"
        constraints = [
            pooled_constraint("lead"),
            models.UniqueConstraint(fields=["number"], condition=~Q(number=""), name="lead_number"),
            models.CheckConstraint(condition=Q(chance=None) | Q(chance__lte=100), name="lead_chance"),
            models.CheckConstraint(
                condition=Q(status__in=("new", "following"), ended_at=None)
                | Q(status__in=("converted", "dead"), ended_at__isnull=False),
                name="lead_ended",
            ),
        ]
        indexes = [
            *owned_indexes("lead", "created_at", "updated_at", "name"),
            *pooled_indexes("lead"),
            models.Index(
                "status",
                "owner",
                F("created_at").desc(),
                F("id").desc(),
                condition=Q(deleted_at=None, owner__isnull=False),
                name="lead_status",
            ),
            models.Index("name_stem", condition=Q(deleted_at=None, name_stem__isnull=False), name="lead_stem_live"),
            models.Index(
                "company_stem", condition=Q(deleted_at=None, company_stem__isnull=False), name="lead_company_live"
            ),
            models.Index("domain", condition=Q(deleted_at=None, domain__isnull=False), name="lead_domain_live"),
        ]

    def __str__(self):
        return self.name

    @property
    def full_address(self) -> str:
        """地址: province, city and street in one line."""
        return areas.line(self.province, self.city, self.address)

    def clean(self):
        super().clean()
        self.province, self.city = areas.place(self.province, self.city)
        self.name_stem, self.company_stem = names.name_stem(self.name), names.name_stem(self.company)
        self.domain = names.domain(self.email)

    def explain_constraint(self, error: ValidationError) -> ValidationError:
        return ValidationError({"owner": error.messages})


class LeadGrant(Grant):
    content_object = models.ForeignKey(Lead, models.CASCADE, related_name="grants")

    class Meta(Grant.Meta):
        indexes = [models.Index(fields=["user", "content_object"], name="leadgrant_user")]


class PlanItem(models.Model):
    """A dated item of 开发计划; its 执行效果 is written later. The date stays as it was set."""

    lead = models.ForeignKey(Lead, models.CASCADE, related_name="plan")
    day = models.DateField("日期")
    content = fields.LongText("计划内容", max_length=500, blank=False, required_message="请填写计划内容")
    result = fields.LongText("执行效果", max_length=500)
    result_at = models.DateTimeField("填写效果时间", null=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False
    )
    created_at = models.DateTimeField("创建时间", default=timezone.now)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        verbose_name = "开发计划"
        ordering = ["day", "pk"]
        indexes = [models.Index("day", "lead", condition=Q(result=""), name="lead_plan_open")]

    def __str__(self):
        return f"{self.day:%Y-%m-%d} {self.content[:30]}"
