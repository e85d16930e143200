"""Pipelines (商机组) and their stages."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from crm.records import fields


class Pipeline(models.Model):
    """Ordered stages for the departments it serves (with those below them); none named: everybody. Days None = the rule is
    off."""

    name = fields.Text("名称", max_length=30, blank=False)
    enabled = models.BooleanField("启用", default=True)
    is_default = models.BooleanField("默认", default=False, editable=False)
    order = models.PositiveIntegerField("排序", default=0, editable=False)
    departments = models.ManyToManyField("orgs.Department", related_name="+", blank=True, verbose_name="部门")
    idle_days = models.PositiveIntegerField("几天未动算停滞", null=True, blank=True, default=14)
    close_days = models.PositiveIntegerField("几天未动自动输单", null=True, blank=True)
    version = models.PositiveIntegerField("版本", default=1, editable=False)

    class Meta:
        verbose_name = "商机组"
        ordering = ["order", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["name"], name="pipeline_name", violation_error_message="已有同名商机组"),
            models.UniqueConstraint(fields=["is_default"], condition=Q(is_default=True), name="pipeline_one_default"),
            models.CheckConstraint(condition=Q(is_default=False) | Q(enabled=True), name="pipeline_default_enabled"),
        ]

    def __str__(self):
        return self.name

    def validate_constraints(self, exclude=None):
        try:
            super().validate_constraints(exclude=exclude)
        except ValidationError as error:
            raise ValidationError({"name": error.messages}) from None


class Stage(models.Model):
    """A stage of a pipeline. `required` = keys of the opportunity's fields that must be filled to enter it (custom ones
    too), `checklist` = 建议动作, one text each."""

    pipeline = models.ForeignKey(Pipeline, models.CASCADE, related_name="stages", verbose_name="商机组")
    name = fields.Text("名称", max_length=20, blank=False)
    probability = models.PositiveSmallIntegerField("赢率（%）")
    order = models.PositiveIntegerField("排序", default=0, editable=False)
    required = models.JSONField("必填字段", default=list, blank=True)
    checklist = models.JSONField("建议动作", default=list, blank=True)
    max_days = models.PositiveIntegerField("最长停留天数", null=True, blank=True)
    remind_days = models.PositiveIntegerField("停留几天后提醒", null=True, blank=True)

    class Meta:
        verbose_name = "商机阶段"
        ordering = ["order", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["pipeline", "name"], name="stage_name", violation_error_message="已有同名阶段"
            ),
            models.CheckConstraint(condition=Q(probability__lte=100), name="stage_probability"),
        ]

    def __str__(self):
        return self.name
