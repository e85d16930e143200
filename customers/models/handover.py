"""申请移交: somebody asks the owner of a customer for it."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from crm.records import fields

from .customer import Customer


class TransferRequestQuerySet(models.QuerySet):
    def open(self):
        """Requests that can still be decided: waiting, and the customer is where it was when it was asked for."""
        return self.filter(state=TransferRequest.State.WAITING, customer__deleted_at=None, customer__owner=F("owner"))

    def stale(self):
        """Waiting requests whose customer changed hands or went to the recycle bin."""
        kept = Q(customer__deleted_at=None, customer__owner=F("owner"), customer__owner__isnull=False)
        return self.filter(state=TransferRequest.State.WAITING).exclude(pk__in=self.model.objects.filter(kept))


class TransferRequest(models.Model):
    """One request; `owner` is whose the customer was when it was asked for."""

    class State(models.TextChoices):
        WAITING = "waiting", "待处理"
        AGREED = "agreed", "已同意"
        REFUSED = "refused", "已拒绝"
        WITHDRAWN = "withdrawn", "已撤回"
        LAPSED = "lapsed", "已失效"

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="+", verbose_name="客户")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="申请人", db_index=False
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="负责人", db_index=False
    )
    reason = fields.LongText("申请理由", max_length=500, blank=False)
    state = models.CharField("状态", max_length=10, choices=State.choices, default=State.WAITING)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name="处理人", db_index=False
    )
    decided_at = models.DateTimeField("处理时间", null=True)
    answer = fields.LongText("答复", max_length=500)
    created_at = models.DateTimeField("申请时间", default=timezone.now)

    objects = TransferRequestQuerySet.as_manager()

    class Meta:
        verbose_name = "移交申请"
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "asked_by"], condition=Q(state="waiting"), name="transfer_request_once"
            )
        ]
        indexes = [
            models.Index("owner", F("id").desc(), name="transfer_request_owner"),
            models.Index("asked_by", F("id").desc(), name="transfer_request_asker"),
        ]

    def __str__(self):
        return f"移交申请 {self.pk}"

    @property
    def is_open(self) -> bool:
        """Whether it can still be decided; reads the customer."""
        return (
            self.state == self.State.WAITING
            and self.customer.deleted_at is None
            and self.customer.owner_id == self.owner_id
        )

    @property
    def shown_state(self) -> str:
        """The state as pages say it: a waiting one whose customer moved is over before the nightly run says so."""
        return self.State.LAPSED if self.state == self.State.WAITING and not self.is_open else self.state
