"""Customers: fields, limits, constraints."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from crm.records import areas, fields
from crm.records.models import Grant, owned_indexes

from ..duplicates import names
from .pools import OWNER_OR_POOL, PooledRecord, pooled_constraint, pooled_indexes


def _choice(label: str, code: str):
    return fields.DictionaryField(label, code)


class ChurnState(models.TextChoices):
    """Empty = normal."""

    WARNED = "warned", "流失预警"
    LOST = "lost", "已流失"


class Customer(PooledRecord):
    """A company sold to. Without an owner it is in the public pool."""

    ChurnState = ChurnState

    class DealStatus(models.IntegerChoices):
        OPEN = 0, "未成交"
        DEALT = 1, "已成交"

    name = fields.Text("客户名称", max_length=50, blank=False, required_message="请填写客户名")
    name_key = models.CharField(max_length=100, null=True, editable=False)
    name_stem = models.CharField(max_length=100, null=True, editable=False)  # finds likely namesakes
    domain = models.CharField(max_length=100, null=True, editable=False)  # of the website
    type = _choice("客户类型", "customer.type")
    level = _choice("客户级别", "customer.level")
    status = _choice("客户状态", "customer.status")
    intent = _choice("客户意向", "customer.intent")
    relation = _choice("关系类型", "customer.relation")
    industry = _choice("客户行业", "customer.industry")
    source = _choice("客户信息来源", "customer.source")
    nature = _choice("公司性质", "customer.nature")
    postcode = fields.Digits("邮编", exact=6, message="邮编为 6 位数字")
    annual_turnover = _choice("年营业额", "customer.annual_turnover")
    rating = fields.Scale("评分", top=3, unit="星")
    region = _choice("地区", "customer.region")
    province = fields.Text("省", max_length=20)
    city = fields.Text("市", max_length=30)
    address = fields.Text("详细地址", max_length=100)
    phone = fields.Phone("电话")
    website = fields.Website("网址")
    employees = _choice("员工数", "customer.employees")
    satisfaction = fields.Scale("客户满意度", top=5, unit="分")
    credit = fields.Scale("客户信用度", top=5, unit="分")
    deal_status = models.PositiveSmallIntegerField("成交状态", choices=DealStatus.choices, default=DealStatus.OPEN)
    next_contact_at = models.DateTimeField("下次联系时间", null=True, blank=True)
    last_followed_at = models.DateTimeField("最后跟进时间", null=True, blank=True, editable=False)
    locked = models.BooleanField("锁定", default=False, editable=False)
    # Written by the services of opportunities and contracts, which stand above; the rules of the pool read them.
    last_opportunity_at = models.DateTimeField("最近新建商机时间", null=True, editable=False)
    open_opportunities = models.PositiveIntegerField("进行中的商机", default=0, editable=False)
    last_deal_at = models.DateTimeField("最近成交时间", null=True, editable=False)
    contract_ends_on = models.DateField("合同到期日", null=True, editable=False)
    churn_state = models.CharField(
        "流失状态", max_length=8, choices=ChurnState.choices, blank=True, default="", editable=False
    )
    churn_since = models.DateTimeField("流失状态变更时间", null=True, editable=False)
    churn_hold = models.DateField("暂缓流失至", null=True, editable=False)  # no warning up to this day
    remark = fields.LongText("备注", max_length=500)
    merged_into = models.ForeignKey(
        "self", models.SET_NULL, null=True, related_name="+", verbose_name="已合并到", db_index=False, editable=False
    )

    class Meta:
        verbose_name = "客户"
        constraints = [
            models.UniqueConstraint(
                fields=["name_key"],
                condition=Q(deleted_at=None),
                name="customer_name_live",
                violation_error_message="已有同名客户",
            ),
            pooled_constraint("customer"),
            models.CheckConstraint(condition=Q(rating=None) | Q(rating__range=(1, 3)), name="customer_rating"),
            models.CheckConstraint(
                condition=Q(satisfaction=None) | Q(satisfaction__range=(1, 5)), name="customer_satisfaction"
            ),
            models.CheckConstraint(condition=Q(credit=None) | Q(credit__range=(1, 5)), name="customer_credit"),
        ]
        indexes = [
            *owned_indexes("customer", "created_at", "updated_at", "name"),
            *pooled_indexes("customer"),
            models.Index("name_stem", condition=Q(deleted_at=None), name="customer_stem_live"),
            models.Index("domain", condition=Q(deleted_at=None, domain__isnull=False), name="customer_domain_live"),
            models.Index(fields=["merged_into"], condition=Q(merged_into__isnull=False), name="customer_merged"),
            models.Index(
                "churn_state",
                "owner",
                models.F("created_at").desc(),
                models.F("id").desc(),
                condition=Q(deleted_at=None, owner__isnull=False) & ~Q(churn_state=""),
                name="customer_churn",
            ),
        ]

    def __str__(self):
        return self.name

    @property
    def full_address(self) -> str:
        """客户联系地址: province, city and street in one line; a municipality's name stands once."""
        return areas.line(self.province, self.city, self.address)

    def clean(self):
        super().clean()
        self.name_key = name_key_for(self.name)
        self.name_stem, self.domain = names.name_stem(self.name), names.domain(self.website)
        self.province, self.city = areas.place(self.province, self.city)

    def explain_constraint(self, error: ValidationError) -> ValidationError:
        """The uniqueness message stands at the name, the one about owner or pool at the owner."""
        found = {}
        for message in error.messages:
            found.setdefault("owner" if message == OWNER_OR_POOL else "name", []).append(message)
        return ValidationError(found)


def name_key_for(name: str) -> str | None:
    """The unique key of a name, None where the rule is 提醒 (warn only)."""
    from crm.records import params

    return fields.name_key(name) if params.get("duplicate_names") == "forbid" else None


class CustomerGrant(Grant):
    content_object = models.ForeignKey(Customer, models.CASCADE, related_name="grants")

    class Meta(Grant.Meta):
        indexes = [models.Index(fields=["user", "content_object"], name="customergrant_user")]
