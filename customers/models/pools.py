"""The public pool (公海): which pools there are, their rules, who came and went. The same tables serve every pooled type of
record (customers, leads): `kind` is the name of its module."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from crm.records import fields
from crm.records.models import OwnedRecord
from crm.records.models.satellites import Satellite


class Pool(models.Model):
    """One pool. `rules` = {rule: {"on": bool, "days": int | None, "levels": {level id: int | None}}}, `levels` only where
    the days differ by level; `exempt` = keys of what is never reclaimed; `reminders` = days before; `hidden` = field keys
    ("customer.phone") members see masked. None as a limit means unlimited."""

    kind = models.CharField(max_length=40, default="customer", editable=False)
    name = fields.Text("名称", max_length=30, blank=False)
    enabled = models.BooleanField("启用", default=True)
    is_default = models.BooleanField("默认", default=False, editable=False)
    order = models.PositiveIntegerField("排序", default=0, editable=False)
    everyone = models.BooleanField("所有员工", default=True)
    departments = models.ManyToManyField("orgs.Department", related_name="+", blank=True, verbose_name="部门")
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+", blank=True, verbose_name="员工")
    admins = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+", blank=True, verbose_name="管理员")
    rules = models.JSONField("回收规则", default=dict, blank=True)
    exempt = models.JSONField("不回收", default=list, blank=True)
    reminders = models.JSONField("提前几天提醒", default=list, blank=True)
    claim_limit = models.PositiveIntegerField("每人每天最多领取", null=True, blank=True)
    view_limit = models.PositiveIntegerField("每人每天最多打开", null=True, blank=True)
    former_days = models.PositiveIntegerField("原负责人等待天数", default=0)
    freeze_days = models.PositiveIntegerField("新入池冻结天数", default=0)
    hidden = models.JSONField("隐藏的字段", default=list, blank=True)
    version = models.PositiveIntegerField("版本", default=1, editable=False)
    removed_at = models.DateTimeField("删除时间", null=True, editable=False)  # the history still names it

    class Meta:
        verbose_name = "公海"
        ordering = ["order", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "name"],
                condition=Q(removed_at=None),
                name="pool_name",
                violation_error_message="已有同名公海",
            ),
            models.UniqueConstraint(fields=["kind"], condition=Q(is_default=True), name="pool_one_default"),
            models.CheckConstraint(condition=Q(is_default=False) | Q(enabled=True), name="pool_default_enabled"),
        ]

    def __str__(self):
        return self.name

    def validate_constraints(self, exclude=None):
        try:
            super().validate_constraints(exclude=exclude)
        except ValidationError as error:
            raise ValidationError({"name": error.messages}) from None


class OwnerCap(models.Model):
    """How many records an employee may own or lock. For whom: a role, a department with those below it, or (both empty)
    everybody; the largest matching one counts. `uncounted` = keys of exemptions that do not count."""

    class What(models.TextChoices):
        OWN = "own", "拥有"
        LOCK = "lock", "锁定"

    kind = models.CharField(max_length=40, default="customer", editable=False)
    what = models.CharField("限制", max_length=4, choices=What.choices, default=What.OWN)
    role = models.ForeignKey("orgs.Role", models.CASCADE, null=True, blank=True, related_name="+", verbose_name="角色")
    department = models.ForeignKey(
        "orgs.Department", models.CASCADE, null=True, blank=True, related_name="+", verbose_name="部门"
    )
    limit = models.PositiveIntegerField("上限")
    uncounted = models.JSONField("不计入", default=list, blank=True)

    class Meta:
        verbose_name = "拥有上限"
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=Q(role=None) | Q(department=None), name="cap_role_or_department"),
            models.UniqueConstraint(
                "kind",
                "what",
                Coalesce("role", Value(0)),
                Coalesce("department", Value(0)),
                name="cap_once",
                violation_error_message="已有同样对象的上限",
            ),
        ]


class PooledRecord(OwnedRecord):
    """A record that is owned or lies in exactly one pool. `received_at` = when the present owner got it, which is where
    the clocks of the rules start at the earliest."""

    pool = models.ForeignKey(
        Pool, models.PROTECT, null=True, editable=False, related_name="+", verbose_name="所在公海", db_index=False
    )
    pooled_at = models.DateTimeField("入池时间", null=True, editable=False)
    pool_reason = models.CharField("入池原因", max_length=200, blank=True, default="", editable=False)
    former_owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        verbose_name="前负责人",
        db_index=False,
    )
    received_at = models.DateTimeField("得到时间", default=timezone.now, editable=False)

    class Meta:
        abstract = True

    def clean_fields(self, exclude=None):
        """In a pool there is no owner to ask for."""
        pooled = {"owner"} if self.pool_id and not self.owner_id else set()
        super().clean_fields(exclude={*(exclude or ()), *pooled})


OWNER_OR_POOL = "请选择负责人或公海。"


def pooled_constraint(prefix: str) -> models.CheckConstraint:
    """Without an owner it lies in a pool, with one it does not."""
    return models.CheckConstraint(
        condition=Q(owner=None, pool__isnull=False) | Q(owner__isnull=False, pool=None),
        name=f"{prefix}_owner_or_pool",
        violation_error_message=OWNER_OR_POOL,
    )


def pooled_indexes(prefix: str) -> list[models.Index]:
    """What the pool's list and the nightly job look up."""
    return [
        models.Index(
            "pool",
            models.F("pooled_at").desc(),
            models.F("id").desc(),
            condition=Q(deleted_at=None, owner=None),
            name=f"{prefix}_pool",
        ),
        models.Index("received_at", condition=Q(deleted_at=None, owner__isnull=False), name=f"{prefix}_received"),
    ]


class PoolEvent(Satellite):
    """Append-only: who put a record into a pool or took it out, when and by which rule. Claims of a day are counted here,
    so that putting back frees nothing."""

    class Action(models.TextChoices):
        RELEASED = "released", "放入"
        RECLAIMED = "reclaimed", "自动回收"
        CREATED = "created", "新建"
        IMPORTED = "imported", "导入"
        MOVED = "moved", "移动"
        CLAIMED = "claimed", "领取"
        ASSIGNED = "assigned", "分配"
        UNDONE = "undone", "撤销放入"

    pool = models.ForeignKey(Pool, models.PROTECT, related_name="+", verbose_name="公海", db_index=False)
    action = models.CharField("动作", max_length=10, choices=Action.choices)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name="操作人", db_index=False
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name="负责人", db_index=False
    )  # who lost it or got it
    reason = models.CharField("原因", max_length=200, blank=True)
    note = models.CharField("补充说明", max_length=500, blank=True)
    told = models.BooleanField(default=True)  # False: the owner who lost it still has to be told
    created_at = models.DateTimeField("时间", default=timezone.now)

    class Meta:
        verbose_name = "公海进出"
        indexes = [
            models.Index("content_type", "object_id", models.F("id").desc(), name="pool_event_record"),
            models.Index("pool", models.F("id").desc(), name="pool_event_pool"),
            models.Index("actor", "pool", "created_at", condition=Q(action="claimed"), name="pool_event_claims"),
            models.Index("owner", condition=Q(told=False), name="pool_event_untold"),
        ]


class PoolOpen(models.Model):
    """A record an employee opened in a pool on a day; the daily cap counts them."""

    employee = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    pool = models.ForeignKey(Pool, models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    object_id = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["employee", "pool", "day", "object_id"], name="pool_open_once")]
