"""What every record has, and the one gate to rows: `Model.objects.allowed(user, action)`."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone


class RecordQuerySet(models.QuerySet):
    """Rows of a record type. `branches` are the index-friendly parts of the scope, kept for the list's fast path."""

    branches: tuple = ()

    def _clone(self):
        clone = super()._clone()
        clone.branches = self.branches
        return clone

    def live(self):
        return self.filter(deleted_at=None)

    def trashed(self):
        return self.filter(deleted_at__isnull=False)

    def allowed(self, user, action: str = "view", *, trashed: bool = False):
        """The rows on which `user` may do `action` ("view", "edit", "delete", ...): the only answer to "which rows"."""
        from .. import scope

        return scope.narrow(self.trashed() if trashed else self.live(), user, action)


class Record(models.Model):
    """Base of record types. `version` counts saves (edit conflicts); `deleted_at` set means the recycle bin."""

    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name="创建人",
        db_index=False,
        editable=False,
    )
    created_at = models.DateTimeField("创建时间", default=timezone.now, editable=False)
    updated_at = models.DateTimeField("更新时间", default=timezone.now, editable=False)
    deleted_at = models.DateTimeField("删除时间", null=True, editable=False)
    deleted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name="删除人",
        db_index=False,
        editable=False,
    )
    version = models.PositiveIntegerField("版本", default=1, editable=False)
    extra = models.JSONField("自定义字段", default=dict, blank=True, editable=False)

    objects = RecordQuerySet.as_manager()

    class Meta:
        abstract = True

    def validate_constraints(self, exclude=None):
        """Constraint messages as they are declared, attached to the field the person can change."""
        try:
            super().validate_constraints(exclude=exclude)
        except ValidationError as error:
            raise ValidationError(getattr(self, "explain_constraint", lambda found: found)(error)) from None


class OwnedRecord(Record):
    """A record with an owner (负责人): reach is by owner."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name="负责人", db_index=False
    )

    class Meta:
        abstract = True


def owned_indexes(prefix: str, *fields: str) -> list[models.Index]:
    """Indexes a list needs for each sort field: per owner (top rows of each owner) and over all owners."""
    found = []
    for field in fields:
        found += [
            models.Index(
                "owner",
                models.F(field).desc(),
                models.F("id").desc(),
                condition=models.Q(deleted_at=None),
                name=f"{prefix}_own_{field}"[:30],
            ),
            models.Index(
                models.F(field).desc(),
                models.F("id").desc(),
                condition=models.Q(deleted_at=None, owner__isnull=False),
                name=f"{prefix}_all_{field}"[:30],
            ),
        ]
    return found
