"""客户关怀: rules, contact plans, and the tasks both make."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from crm.records import fields

from .contact import Contact
from .customer import Customer

LONGEST = 366  # days between two contacts of a plan


def _period(label: str, **kwargs) -> models.PositiveSmallIntegerField:
    limits = [MinValueValidator(1, "请填写 1 以上的天数"), MaxValueValidator(LONGEST, f"最多 {LONGEST} 天")]
    return models.PositiveSmallIntegerField(label, validators=limits, **kwargs)


class CareKind(models.TextChoices):
    BIRTHDAY = "birthday", "生日"
    HOLIDAY = "holiday", "节日"
    RENEWAL = "renewal", "续约"
    CONTACT = "contact", "定期联系"


class CareRule(models.Model):
    """Whom to care for and when. `holiday` says which day a 节日 is: a fixed one, `month_day` of every year, or `dates`
    ("2026-02-17", ...) typed for each year."""

    class Audience(models.TextChoices):
        CUSTOMERS = "customers", "客户"
        CONTACTS = "contacts", "联系人"

    class Holiday(models.TextChoices):
        NEW_YEAR = "01-01", "元旦（1 月 1 日）"
        LABOUR = "05-01", "劳动节（5 月 1 日）"
        NATIONAL = "10-01", "国庆节（10 月 1 日）"
        YEARLY = "yearly", "每年固定的一天"
        DATES = "dates", "每年日期不同（春节、中秋等）"

    name = fields.Text("名称", max_length=50, blank=False, required_message="请填写名称")
    kind = models.CharField("类型", max_length=8, choices=CareKind.choices, default=CareKind.BIRTHDAY)
    audience = models.CharField("对象", max_length=9, choices=Audience.choices, default=Audience.CUSTOMERS)
    days_before = models.PositiveSmallIntegerField(
        "提前天数", default=0, validators=[MaxValueValidator(90, "最多提前 90 天")]
    )
    holiday = models.CharField("节日", max_length=6, choices=Holiday.choices, blank=True)
    month_day = models.CharField("每年的日期", max_length=5, blank=True)
    dates = models.JSONField("各年的日期", default=list, blank=True)
    plan_type = fields.DictionaryField("联系方式", "customer.plan_type")
    text = fields.Text("关怀内容", max_length=200, blank=False, required_message="请填写关怀内容")
    active = models.BooleanField("启用", default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "关怀规则"
        ordering = ["pk"]

    def __str__(self):
        return self.name


class CareRuleLevel(models.Model):
    """A customer level a rule is for; `days` = the period of 定期联系 at that level."""

    rule = models.ForeignKey(CareRule, models.CASCADE, related_name="levels")
    level = fields.DictionaryField("客户级别", "customer.level", null=False, blank=False)
    days = _period("间隔天数", null=True, blank=True)

    class Meta:
        verbose_name = "关怀规则的客户级别"
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["rule", "level"], name="care_rule_level_once")]


class ContactPlan(models.Model):
    """联系计划 of a customer: every `period` days, next on `next_on`. `rule` = the rule that made it for a customer without
    a plan of its own. `owner` empty = whoever owns the customer."""

    customer = models.OneToOneField(Customer, models.CASCADE, related_name="contact_plan", verbose_name="客户")
    rule = models.ForeignKey(CareRule, models.PROTECT, null=True, blank=True, related_name="plans")
    type = fields.DictionaryField("联系方式", "customer.plan_type")
    period = _period("间隔天数")
    next_on = models.DateField("下次联系日期")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="执行人"
    )
    active = models.BooleanField("执行中", default=True)

    class Meta:
        verbose_name = "联系计划"
        indexes = [models.Index("next_on", condition=Q(active=True), name="contact_plan_next")]


class CareTask(models.Model):
    """One care to give. `occurs_on` = the birthday or holiday itself, `due_on` = when to act; 逾期 is an open one past that
    day. `owner` empty = whoever owns the customer."""

    class State(models.TextChoices):
        OPEN = "open", "待关怀"
        DONE = "done", "已完成"
        SKIPPED = "skipped", "已跳过"

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="care_tasks", verbose_name="客户")
    contact = models.ForeignKey(Contact, models.CASCADE, null=True, blank=True, related_name="+", verbose_name="联系人")
    rule = models.ForeignKey(CareRule, models.PROTECT, null=True, blank=True, related_name="tasks")
    plan = models.ForeignKey(ContactPlan, models.SET_NULL, null=True, blank=True, related_name="tasks")
    kind = models.CharField("类型", max_length=8, choices=CareKind.choices)
    text = fields.Text("关怀内容", max_length=200)
    occurs_on = models.DateField("日期")
    due_on = models.DateField("到期")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="执行人",
        db_index=False,
    )
    state = models.CharField("状态", max_length=7, choices=State.choices, default=State.OPEN)
    result = fields.LongText("关怀结果", max_length=500)
    satisfaction = fields.Scale("客户满意度", top=5, unit="分")
    done_at = models.DateTimeField("完成时间", null=True, blank=True)
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name="完成人",
        db_index=False,
        blank=True,
    )
    followup = models.ForeignKey("records.FollowUp", models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "客户关怀"
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "customer", "occurs_on"], condition=Q(contact=None), name="care_task_customer_once"
            ),
            models.UniqueConstraint(
                fields=["rule", "customer", "contact", "occurs_on"],
                condition=Q(contact__isnull=False),
                name="care_task_contact_once",
            ),
            models.UniqueConstraint(fields=["plan"], condition=Q(state="open"), name="care_task_plan_open"),
            models.CheckConstraint(
                condition=Q(satisfaction=None) | Q(satisfaction__range=(1, 5)), name="care_task_satisfaction"
            ),
        ]
        indexes = [
            models.Index("owner", "due_on", condition=Q(state="open"), name="care_task_due"),
            models.Index("done_by", models.F("done_at").desc(), condition=~Q(state="open"), name="care_task_done"),
        ]
