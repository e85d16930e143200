"""Tags (标签): short coloured words people put on records of a module."""

from django.db import models

from ..fields import Text
from .satellites import Satellite


class Tag(models.Model):
    """One tag of a module; `key` is its name as names are compared, `colour` a place in Colour (a class, never a style)."""

    class Colour(models.IntegerChoices):
        GRAY = 0, "灰"
        SEA = 1, "青"
        BLUE = 2, "蓝"
        GREEN = 3, "绿"
        ORANGE = 4, "橙"
        RED = 5, "红"
        ROSE = 6, "玫红"
        VIOLET = 7, "紫"

    module = models.CharField(max_length=40)
    name = Text("标签名称", max_length=20, blank=False)
    key = models.CharField(max_length=40, editable=False)
    colour = models.PositiveSmallIntegerField("颜色", choices=Colour.choices, default=Colour.GRAY)
    order = models.PositiveIntegerField("排序", default=0)

    class Meta:
        verbose_name = "标签"
        ordering = ["order", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["module", "key"], name="tag_once", violation_error_message="已有同名的标签")
        ]

    def __str__(self):
        return self.name


class TagLink(Satellite):
    """A tag on a record."""

    tag = models.ForeignKey(Tag, models.CASCADE, related_name="+", db_index=False)

    class Meta:
        verbose_name = "标签"
        constraints = [models.UniqueConstraint(fields=["content_type", "object_id", "tag"], name="tag_link_once")]
        indexes = [models.Index("tag", "object_id", name="tag_link_tag")]
