"""Per-record grants: one guardian direct foreign-key table per record type."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from guardian.models import UserObjectPermissionBase


class GrantQuerySet(models.QuerySet):
    def current(self):
        """Grants whose end date has not passed."""
        return self.filter(models.Q(until=None) | models.Q(until__gte=timezone.localdate()))


class Grant(UserObjectPermissionBase):
    """`permission` is view_<model> (只读) or change_<model> (读写); subclasses add `content_object`."""

    class Source(models.TextChoices):
        TEAM = "team", "团队"
        APPROVAL = "approval", "审批"

    source = models.CharField("来源", max_length=10, choices=Source.choices, default=Source.TEAM)
    until = models.DateField("有效期至", null=True, blank=True)
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name="添加人"
    )
    created_at = models.DateTimeField("添加时间", auto_now_add=True)

    objects = GrantQuerySet.as_manager()

    class Meta:
        abstract = True
        verbose_name = "团队成员"
        unique_together = [("user", "permission", "content_object", "source")]
