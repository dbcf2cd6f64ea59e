"""What staff were alarmed about."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class Alarm(models.Model):
    """Too many trainings failed on a day (UTC). One row a day, so operators get one e-mail a day."""

    day = models.DateField(primary_key=True)
    failed = models.PositiveIntegerField()
    ended = models.PositiveIntegerField()  # that succeeded or failed
    at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("-day",)

    def __str__(self) -> str:
        return f"{self.failed} of {self.ended} trainings failed on {self.day}"
