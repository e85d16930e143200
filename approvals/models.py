"""Approval flows with their versions, and what runs on them: approvals, their steps, who decides, what happened."""

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from crm.records.fields import LongText, Text

PERSON = settings.AUTH_USER_MODEL


class Status(models.TextChoices):
    """Where a record that needs approval stands."""

    DRAFT = "draft", "草稿"
    PENDING = "pending", "审批中"
    APPROVED = "approved", "已通过"
    REJECTED = "rejected", "已拒绝"
    WITHDRAWN = "withdrawn", "已撤回"
    VOID = "void", "已作废"


class Approvable(models.Model):
    """What a record type that needs approval has. `status` is written by the services of its module only."""

    Status = Status

    status = models.CharField("状态", max_length=9, choices=Status.choices, default=Status.DRAFT, editable=False)
    submitted_at = models.DateTimeField("提交时间", null=True, editable=False)
    approved_at = models.DateTimeField("通过时间", null=True, editable=False)

    class Meta:
        abstract = True


class Flow(models.Model):
    """How documents of one kind (`document`, a key of documents.ALL) are approved. What decides stands in its newest version;
    the first enabled flow, by `order`, whose people and condition hold is used."""

    document = models.CharField("单据", max_length=40)
    name = Text("名称", max_length=50, blank=False, required_message="请填写流程名称")
    note = Text("说明", max_length=200)
    enabled = models.BooleanField("启用", default=False)
    order = models.PositiveIntegerField("优先级", default=0)
    departments = models.ManyToManyField("orgs.Department", blank=True, related_name="+", verbose_name="适用部门")
    employees = models.ManyToManyField(PERSON, blank=True, related_name="+", verbose_name="适用员工")
    administrator = models.ForeignKey(PERSON, models.PROTECT, related_name="+", verbose_name="审批管理员")
    version = models.PositiveIntegerField("版本", default=0, editable=False)
    limited = models.BooleanField(
        default=False, editable=False
    )  # for some; stays set when the last department is deleted

    class Meta:
        verbose_name = "审批流程"
        ordering = ["document", "order", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["document", "name"], name="flow_name", violation_error_message="该单据下已有同名流程"
            )
        ]

    def __str__(self):
        return self.name


class FlowVersion(models.Model):
    """What a flow said from one saving to the next; never changed. `definition`:

    {"condition": {"m": "and"|"or", "c": [{"f": fact, "o": operator, "v": value} | group]} or {},
     "steps": [{"key", "name", "who": [WHO], "mode": "all"|"any"|"sequence", "skip_self": bool, "skip_approved": bool,
                "nobody": "administrator"|"approve", "changeable": bool (加签与转交), "hours": int or None,
                "late": "remind"|"transfer"}],
     "copies": [WHO],
     "resume": "first"|"rejecting",      where a resubmission begins
     "own": bool,                        may the submitter decide their own document
     "after": [{"kind": "notify", "who": [WHO]} | {"kind": "webhook", "url"} | {"kind": "set", "field", "value"}]}

    WHO = {"kind": "employee", "ids": []} | {"kind": "supervisor", "level": 1..} | {"kind": "head", "level": 0..} |
          {"kind": "role", "ids": []} | {"kind": "chosen"} | {"kind": "submitter"}; head level 0 is the head of the submitter's
    own department, 1 that of the one above it."""

    flow = models.ForeignKey(Flow, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField("版本")
    definition = models.JSONField()
    by = models.ForeignKey(PERSON, models.PROTECT, null=True, related_name="+", db_index=False)
    created_at = models.DateTimeField("保存时间", default=timezone.now)

    class Meta:
        verbose_name = "流程版本"
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["flow", "number"], name="flow_version_once")]


class Approval(models.Model):
    """One document on its way: the flow's version it began with, the step it stands at, how it ended. `payload` keeps what the
    kind of document needs to carry it out ({"version": id}, {"reason": text})."""

    class State(models.TextChoices):
        PENDING = "pending", "审批中"
        APPROVED = "approved", "已通过"
        REJECTED = "rejected", "已拒绝"
        WITHDRAWN = "withdrawn", "已撤回"
        STOPPED = "stopped", "已终止"

    document = models.CharField("单据", max_length=40)
    content_type = models.ForeignKey(ContentType, models.PROTECT, related_name="+")
    object_id = models.BigIntegerField()
    subject = GenericForeignKey()
    flow_version = models.ForeignKey(FlowVersion, models.PROTECT, null=True, related_name="approvals")
    title = models.CharField("标题", max_length=200)
    amount = models.DecimalField("金额", max_digits=18, decimal_places=2, null=True)
    submitter = models.ForeignKey(PERSON, models.PROTECT, related_name="+", db_index=False)
    state = models.CharField("状态", max_length=9, choices=State.choices, default=State.PENDING)
    payload = models.JSONField(default=dict)
    submitted_at = models.DateTimeField("提交时间", default=timezone.now)
    ended_at = models.DateTimeField("结束时间", null=True)

    class Meta:
        verbose_name = "审批"
        constraints = [
            models.UniqueConstraint(
                fields=["content_type", "object_id", "document"],
                condition=Q(state="pending"),
                name="approval_one_pending",
            ),
            models.CheckConstraint(
                condition=Q(state="pending", ended_at=None) | (~Q(state="pending") & Q(ended_at__isnull=False)),
                name="approval_ended",
            ),
        ]
        indexes = [
            models.Index("content_type", "object_id", F("id").desc(), name="approval_subject"),
            models.Index("submitter", F("id").desc(), name="approval_submitter"),
        ]


class Step(models.Model):
    """A step of an approval; steps are laid out when it is submitted, 退回 and 加签 add more."""

    class State(models.TextChoices):
        WAITING = "waiting", "未开始"
        OPEN = "open", "审批中"
        PASSED = "passed", "已通过"
        REJECTED = "rejected", "已拒绝"
        SKIPPED = "skipped", "已跳过"
        ENDED = "ended", "已结束"  # withdrawn, sent back or stopped before it was decided

    class Mode(models.TextChoices):
        ALL = "all", "会签"
        ANY = "any", "或签"
        SEQUENCE = "sequence", "依次审批"

    approval = models.ForeignKey(Approval, models.CASCADE, related_name="steps")
    order = models.PositiveIntegerField()
    key = models.CharField(max_length=20, blank=True)  # of the flow's step
    name = models.CharField("名称", max_length=50)
    mode = models.CharField("方式", max_length=8, choices=Mode.choices)
    options = models.JSONField(default=dict)  # the step of the definition, as it was
    note = models.CharField(max_length=200, blank=True)  # why it was skipped or went to the administrator
    state = models.CharField("状态", max_length=8, choices=State.choices, default=State.WAITING)
    opened_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField("截止时间", null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "审批步骤"
        ordering = ["order", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["approval"], condition=Q(state="open"), name="step_one_open"),
        ]
        indexes = [models.Index("due_at", condition=Q(state="open", due_at__isnull=False), name="step_due")]


class Assignment(models.Model):
    """Who decides in a step, and what they said."""

    class State(models.TextChoices):
        WAITING = "waiting", "未开始"
        OPEN = "open", "待审批"
        APPROVED = "approved", "已同意"
        REJECTED = "rejected", "已拒绝"
        RETURNED = "returned", "已退回"
        HANDED = "handed", "已转交"
        MOOT = "moot", "无需处理"

    step = models.ForeignKey(Step, models.CASCADE, related_name="assignments")
    employee = models.ForeignKey(PERSON, models.PROTECT, related_name="+", db_index=False)
    order = models.PositiveIntegerField(default=0)
    state = models.CharField("状态", max_length=8, choices=State.choices, default=State.WAITING)
    comment = LongText("意见", max_length=500)
    handed_by = models.ForeignKey(PERSON, models.PROTECT, null=True, related_name="+", db_index=False)
    opened_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    reminded_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "审批人"
        ordering = ["order", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["step", "employee"],
                condition=Q(state__in=("waiting", "open")),
                name="assignment_one_live",
            )
        ]
        indexes = [
            models.Index("employee", F("opened_at").desc(), condition=Q(state="open"), name="assignment_open"),
            models.Index(
                "employee", F("decided_at").desc(), condition=Q(decided_at__isnull=False), name="assignment_decided"
            ),
        ]


class Event(models.Model):
    """What happened in an approval, in order: submitted, approved, rejected, returned, handed, added, withdrawn, taken_back,
    nudged, commented, forced, stopped, replaced, late, skipped, ended, opened; of what follows the approval set and webhook (whose
    `text` is its state, WAITING until it is sent)."""

    WAITING = "等待发送"

    approval = models.ForeignKey(Approval, models.CASCADE, related_name="events")
    step = models.ForeignKey(Step, models.SET_NULL, null=True, related_name="+", db_index=False)
    code = models.CharField(max_length=12)
    by = models.ForeignKey(PERSON, models.PROTECT, null=True, related_name="+", db_index=False)
    text = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "审批记录"
        ordering = ["pk"]


class Copy(models.Model):
    """Somebody who is copied in (抄送)."""

    approval = models.ForeignKey(Approval, models.CASCADE, related_name="copies")
    employee = models.ForeignKey(PERSON, models.CASCADE, related_name="+", db_index=False)
    read_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "抄送"
        constraints = [models.UniqueConstraint(fields=["approval", "employee"], name="copy_once")]
        indexes = [models.Index("employee", F("id").desc(), name="copy_employee")]


from .requests.models import Request, RequestGrant, RequestType  # noqa: E402, F401  they stand on Approvable above
