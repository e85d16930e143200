"""Who gets a new lead: the rules, what they gave, what waits for working time."""

from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from crm.records import fields

from .lead import Lead

AHEAD = 400  # days looked ahead for the next working time


class AssignmentRule(models.Model):
    """A rule of 线索分配; the first enabled one a lead matches decides. `conditions` = {"source": [ids], "industry": [ids],
    "campaign": [ids], "areas": ["江苏省", "江苏省/苏州市"], "forms": [ids]}: every key present must hold, none = all leads.
    `days` = working weekdays (0 = Monday), `holidays` and `workdays` = ISO dates that differ from them; without times the
    whole day is working time. None as a cap means unlimited."""

    class Way(models.TextChoices):
        ROTATE = "rotate", "轮流"
        FIXED = "fixed", "固定一人"

    name = fields.Text("名称", max_length=30, blank=False)
    order = models.PositiveIntegerField("排序", default=0, editable=False)
    enabled = models.BooleanField("启用", default=True, editable=False)
    conditions = models.JSONField("条件", default=dict, blank=True)
    way = models.CharField("分配方式", max_length=6, choices=Way.choices, default=Way.ROTATE)
    people = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+", blank=True, verbose_name="员工")
    departments = models.ManyToManyField("orgs.Department", related_name="+", blank=True, verbose_name="部门")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="固定负责人"
    )
    days = models.JSONField("工作日", default=list, blank=True)
    opens = models.TimeField("开始时间", null=True, blank=True)
    closes = models.TimeField("结束时间", null=True, blank=True)
    holidays = models.JSONField("放假的日期", default=list, blank=True)
    workdays = models.JSONField("补班的日期", default=list, blank=True)
    daily_cap = models.PositiveIntegerField("每人每天最多", null=True, blank=True)
    open_cap = models.PositiveIntegerField("每人最多跟进中", null=True, blank=True)
    fallback_person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="转给谁"
    )
    fallback_pool = models.ForeignKey(
        "customers.Pool", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="放入哪个线索池"
    )
    # An id and no reference: the turn goes on behind it even when that person is gone.
    last_given = models.BigIntegerField("上次分给", default=0, editable=False)
    version = models.PositiveIntegerField("版本", default=1, editable=False)

    class Meta:
        verbose_name = "线索分配规则"
        ordering = ["order", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["name"], name="assign_rule_name", violation_error_message="已有同名规则"),
            models.CheckConstraint(
                condition=Q(opens=None, closes=None) | Q(opens__isnull=False, closes__gt=F("opens")),
                name="assign_rule_hours",
                violation_error_message="结束时间要晚于开始时间",
            ),
            models.CheckConstraint(
                condition=Q(way="rotate", person=None) | Q(way="fixed", person__isnull=False),
                name="assign_rule_person",
                violation_error_message="请选择固定负责人",
            ),
            models.CheckConstraint(
                condition=Q(fallback_person=None) | Q(fallback_pool=None), name="assign_rule_one_fallback"
            ),
        ]

    def __str__(self):
        return self.name

    def matches(self, facts: dict) -> bool:
        """Whether a lead with these facts (see rules.matching.facts) is this rule's."""
        wanted = self.conditions
        for key in ("source", "industry", "campaign"):
            if key in wanted and facts[key] not in wanted[key]:
                return False
        if "forms" in wanted and facts["form"] not in wanted["forms"]:
            return False
        place = f"{facts['province']}/{facts['city']}"
        return "areas" not in wanted or bool({facts["province"], place} & set(wanted["areas"]))

    def works_on(self, day: date) -> bool:
        """Whether the day is a working one."""
        text = day.isoformat()
        return text not in self.holidays and (text in self.workdays or day.weekday() in self.days)

    def works_at(self, moment: datetime) -> bool:
        """Whether leads are given out at this moment; the end of working time is no longer part of it."""
        local = timezone.localtime(moment)
        if not self.works_on(local.date()):
            return False
        return self.opens is None or self.opens <= local.time() < self.closes

    def works_from(self, moment: datetime) -> datetime | None:
        """The next moment at which leads are given out, `moment` itself within working time; None where none comes."""
        if self.works_at(moment):
            return moment
        local = timezone.localtime(moment)
        for ahead in range(AHEAD):
            day = local.date() + timedelta(days=ahead)
            start = datetime.combine(day, self.opens or datetime.min.time(), tzinfo=local.tzinfo)
            if start > moment and self.works_on(day):
                return start
        return None


class LeadGift(models.Model):
    """Append-only: a lead a rule gave to somebody. The daily cap and the figures of the rule count these rows."""

    rule = models.ForeignKey(AssignmentRule, models.CASCADE, related_name="gifts", db_index=False)
    lead = models.ForeignKey(Lead, models.SET_NULL, null=True, related_name="+")
    employee = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="员工", db_index=False
    )
    fallback = models.BooleanField("兜底", default=False)
    created_at = models.DateTimeField("时间", default=timezone.now)

    class Meta:
        verbose_name = "线索分配记录"
        indexes = [models.Index("rule", "created_at", "employee", name="lead_gift_rule")]


class LeadIntake(models.Model):
    """How a lead came in without an owner: through which web form, and whether it waits for a rule. It waits as long as it
    lies in a pool since `waiting_since`; whoever claims and releases it again ends that, for then it lies there anew.
    `digest` tells a form sent twice."""

    lead = models.OneToOneField(Lead, models.CASCADE, related_name="intake")
    form = models.ForeignKey("leads.WebForm", models.SET_NULL, null=True, related_name="intakes", db_index=False)
    digest = models.CharField(max_length=64, blank=True, default="")
    waiting_since = models.DateTimeField("等待分配", null=True)
    created_at = models.DateTimeField("时间", default=timezone.now)

    class Meta:
        verbose_name = "线索来路"
        indexes = [
            models.Index("form", "created_at", name="lead_intake_form"),
            models.Index("waiting_since", condition=Q(waiting_since__isnull=False), name="lead_intake_waiting"),
        ]
