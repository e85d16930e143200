"""The counters behind numbers of documents."""

from django.db import models


class NumberCounter(models.Model):
    """The last number given out of a kind in a period."""

    key = models.CharField(max_length=40)
    period = models.CharField(max_length=120)
    last = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "period"], name="number_counter")]
