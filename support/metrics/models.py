"""When what must always hold was last checked."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class Check(models.Model):
    """The last run of a check: "ledger" (billing/audit.py) or "audit" (moderation/audit.py)."""

    name = models.CharField(max_length=20, primary_key=True)
    at = models.DateTimeField(default=timezone.now)
    problems = models.PositiveIntegerField()  # that it found

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return f"{self.name}: {self.problems} problems, {self.at:%Y-%m-%d %H:%M}"
