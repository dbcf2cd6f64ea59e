"""Strikes: what a person was refused again and again, or what was taken down."""

from __future__ import annotations

import uuid
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from config.querysets import OwnedQuerySet
from moderation.standing.rules import RULES


class StrikeQuerySet(OwnedQuerySet):
    def counting(self) -> Self:
        return self.filter(cancelled_at=None, expires_at__gt=timezone.now())


class Strike(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="strikes")
    rule = models.CharField(max_length=20, choices=[(code, rule.what) for code, rule in RULES.items()])
    cause = models.CharField(max_length=40, blank=True)  # the number of the case that it came from
    text = models.CharField(max_length=200, blank=True)  # staff's reason
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True, editable=False)

    objects: Any = StrikeQuerySet.as_manager()

    class Meta:
        ordering = ("-at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=["user", "cause"], condition=~Q(cause=""), name="one_strike_a_cause"
            ),
        )

    def __str__(self) -> str:
        return f"{self.rule} {str(self.id)[:8]}"

    @property
    def counts(self) -> bool:
        return self.cancelled_at is None and self.expires_at > timezone.now()
