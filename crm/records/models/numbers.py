"""The counters behind numbers of documents, and the company's own rules for them."""

from django.db import models


class NumberRule(models.Model):
    """How the company numbers one kind of document (see crm.records.numbering); without a row the declared pattern holds.
    `parts` in order: {"text": words}, {"date": "yyyy"|"yy"|"mm"|"dd"}, {"seq": width}, {"field": key}."""

    class Restart(models.TextChoices):
        NEVER = "never", "从不，一直往后编"
        YEAR = "year", "每年"
        MONTH = "month", "每月"
        DAY = "day", "每天"
        FIELD = "field", "字段不同时各编各的"

    key = models.CharField(max_length=40, unique=True)
    parts = models.JSONField()
    restart = models.CharField("重新开始", max_length=5, choices=Restart.choices)
    start = models.PositiveIntegerField("起始号", default=1)
    version = models.PositiveIntegerField(default=1)


class NumberCounter(models.Model):
    """The last number given out of a kind in a period."""

    key = models.CharField(max_length=40)
    period = models.CharField(max_length=120)
    last = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "period"], name="number_counter")]
