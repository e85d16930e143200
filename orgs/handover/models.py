"""A handover as asked for and as done."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from crm.records.fields import LongText
from crm.records.models import Job, Undo


class Handover(models.Model):
    """What `employee` leaves to others. `plan` = {"all": [receivers], "own": {key: [receivers]}, "along": [child modules that
    go with their parent]}; a key is that of a piece (orgs.handover.pieces). It starts at `starts_at`."""

    class State(models.TextChoices):
        SCHEDULED = "scheduled", "等待生效"
        RUNNING = "running", "进行中"
        DONE = "done", "已完成"
        PARTLY = "partly", "部分完成"
        STOPPED = "stopped", "已中断"
        CANCELLED = "cancelled", "已取消"
        UNDOING = "undoing", "正在撤销"
        UNDONE = "undone", "已撤销"

    class Teams(models.TextChoices):
        DROP = "drop", "移除"
        GIVE = "give", "转给接手人"

    class Reports(models.TextChoices):
        RECEIVER = "receiver", "接手人"
        SUPERIOR = "superior", "原来的直属上级"

    class Account(models.TextChoices):
        DISABLE = "disable", "生效时停用"
        KEEP = "keep", "继续使用"

    employee = models.ForeignKey("orgs.Employee", models.PROTECT, related_name="+", verbose_name="员工")
    state = models.CharField("状态", max_length=10, choices=State.choices, default=State.SCHEDULED)
    plan = models.JSONField(default=dict)
    teams = models.CharField("参与的团队", max_length=10, choices=Teams.choices, default=Teams.DROP)
    reports = models.CharField("下属的直属上级", max_length=10, choices=Reports.choices, default=Reports.RECEIVER)
    account = models.CharField("账号", max_length=10, choices=Account.choices, default=Account.DISABLE)
    over_cap = models.BooleanField("允许超过上限", default=False)
    note = LongText("说明", max_length=500)
    starts_at = models.DateTimeField("生效时间")
    created_by = models.ForeignKey("orgs.Employee", models.PROTECT, related_name="+", verbose_name="发起人")
    created_at = models.DateTimeField("创建时间", default=timezone.now)
    started_at = models.DateTimeField("开始时间", null=True)
    finished_at = models.DateTimeField("完成时间", null=True)
    disabled = models.BooleanField("停用了账号", default=False)
    account_note = models.CharField(max_length=300, blank=True)  # why the account was not disabled
    job = models.ForeignKey(Job, models.SET_NULL, null=True, related_name="+")
    undo_job = models.ForeignKey(Job, models.SET_NULL, null=True, related_name="+")
    undone_at = models.DateTimeField("撤销时间", null=True)
    undone_by = models.ForeignKey("orgs.Employee", models.PROTECT, null=True, related_name="+", verbose_name="撤销人")

    class Meta:
        verbose_name = "离职交接"
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["employee"],
                condition=Q(state__in=["scheduled", "running", "undoing"]),
                name="handover_one_open",
                violation_error_message="这名员工已有未完成的交接。",
            )
        ]
        indexes = [models.Index(fields=["starts_at"], condition=Q(state="scheduled"), name="handover_due")]

    def __str__(self):
        return f"{self.employee.name}的交接"

    @property
    def current_job(self) -> Job | None:
        """The job that gives, or once it is being taken back the one that does that."""
        return self.undo_job or self.job


class HandoverPiece(models.Model):
    """One kind of what goes: `receivers` in turn, `place` = how many have gone, `moved` = {receiver or "": number}, `along` =
    {child module: {receiver: number}}, `reason` = why the rest stayed. `undo` = the entry that takes records back; of other things the
    lines do."""

    handover = models.ForeignKey(Handover, models.CASCADE, related_name="pieces")
    order = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=60)
    receivers = models.JSONField(default=list)
    place = models.PositiveIntegerField(default=0)
    moved = models.JSONField(default=dict)
    along = models.JSONField(default=dict)
    reason = models.CharField(max_length=500, blank=True)
    finished = models.BooleanField(default=False)
    undo = models.ForeignKey(Undo, models.SET_NULL, null=True, related_name="+")
    restored = models.PositiveIntegerField(null=True)
    refused = models.JSONField(default=list)  # [[title, reason]] as who took it back may see them
    refused_count = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = "交接的一类"
        ordering = ["order"]
        constraints = [models.UniqueConstraint(fields=["handover", "key"], name="handover_piece_once")]


class HandoverLine(models.Model):
    """A row of a piece that has no undo entry: whom it was given to (None: nobody), and what `before` needs to go back."""

    piece = models.ForeignKey(HandoverPiece, models.CASCADE, related_name="lines")
    object_id = models.BigIntegerField()
    to = models.ForeignKey("orgs.Employee", models.PROTECT, null=True, related_name="+", db_index=False)
    before = models.JSONField(default=dict)
    back = models.BooleanField(null=True)

    class Meta:
        verbose_name = "交接的一行"
