"""Where the fields of a lead go when it is converted."""

from django.db import models


class ConversionMapping(models.Model):
    """The one row of the company: `targets` = {key of a lead field: "customer.phone", "" for nowhere}; a field that is not
    named goes where it goes by default. Conversions lock the row, so that two of them never make the same customer twice."""

    targets = models.JSONField("字段对应", default=dict)
    version = models.PositiveIntegerField("版本", default=1)

    class Meta:
        verbose_name = "线索转化"
