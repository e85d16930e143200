"""Follow-ups (跟进记录): what was said to whom, on which timelines it shows, and what colleagues answered."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from ..fields import DictionaryField, LongText, Text
from .satellites import Satellite

METHODS, TOPICS = "followup.method", "followup.topic"


class FollowUp(Satellite):
    """One contact with a customer. `content_type`, `object_id` name the record it was written at (its visibility);
    `mentions` = [[employee id, name], ...] as the text says them."""

    method = DictionaryField("跟进方式", METHODS, null=False, blank=False)
    topic = DictionaryField("主题分类", TOPICS)
    title = Text("标题", max_length=100)
    content = LongText("跟进内容", max_length=5000, blank=False)
    next_contact_at = models.DateTimeField("下次联系时间", null=True, blank=True)
    place = Text("地点", max_length=100)
    purpose = Text("目的", max_length=200)
    result = Text("结果", max_length=500)
    mentions = models.JSONField(default=list, blank=True, editable=False)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="跟进人", db_index=False
    )
    created_at = models.DateTimeField("跟进时间", default=timezone.now, editable=False)
    updated_at = models.DateTimeField("更新时间", default=timezone.now, editable=False)
    version = models.PositiveIntegerField("版本", default=1, editable=False)

    class Meta:
        verbose_name = "跟进记录"
        indexes = [
            models.Index("content_type", "object_id", name="followup_record"),
            models.Index(fields=["created_at", "author"], name="followup_when"),
            models.Index("author", models.F("id").desc(), name="followup_author"),
        ]

    def __str__(self):
        return self.title or self.content[:40]


class FollowUpLink(Satellite):
    """A record on whose timeline a follow-up shows."""

    class Kind(models.IntegerChoices):
        OWN = 0, "所在记录"
        PARENT = 1, "上级记录"
        RELATED = 2, "相关记录"

    followup = models.ForeignKey(FollowUp, models.CASCADE, related_name="links")
    kind = models.PositiveSmallIntegerField(choices=Kind.choices)

    class Meta:
        verbose_name = "跟进关联"
        indexes = [models.Index("content_type", "object_id", models.F("followup").desc(), name="followup_timeline")]
        constraints = [
            models.UniqueConstraint(fields=["followup", "content_type", "object_id"], name="followup_link_once")
        ]


class FollowUpComment(models.Model):
    """What somebody who sees the record says to a follow-up."""

    followup = models.ForeignKey(FollowUp, models.CASCADE, related_name="comments")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="评论人", db_index=False
    )
    content = LongText("评论", max_length=1000, blank=False)
    mentions = models.JSONField(default=list, blank=True, editable=False)
    created_at = models.DateTimeField("时间", auto_now_add=True)

    class Meta:
        verbose_name = "跟进评论"
        ordering = ["pk"]


class QuickText(models.Model):
    """A phrase (常用语) for the composer: a person's own, or without `user` everybody's."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+", verbose_name="员工")
    text = LongText("常用语", max_length=500, blank=False)

    class Meta:
        verbose_name = "常用语"
        ordering = ["pk"]
