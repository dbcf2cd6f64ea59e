"""Suspensions: an account that may only be read, exported, erased and appealed; why, and until when."""

from __future__ import annotations

import uuid
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from config.querysets import OwnedQuerySet


class SuspensionQuerySet(OwnedQuerySet):
    def in_force(self) -> Self:
        return self.filter(Q(until=None) | Q(until__gt=timezone.now()), lifted_at=None)

    def appealed(self) -> Self:
        """Those whose appeal waits for staff."""
        return self.filter(appealed_at__isnull=False, answered_at=None)


class Suspension(models.Model):
    """`until` None: for good. A row is never deleted but with its account: it is the account's history."""

    class Reason(models.TextChoices):
        STRIKES = "strikes", _("Too many strikes.")
        MINOR = "minor", _("Something here put a child into something sexual.")
        OTHER_PEOPLE = "other_people", _("Pictures of other people without their consent.")
        FRAUD = "fraud", _("Payments or accounts were misused.")
        ABUSE = "abuse", _("The service or the people here were abused.")
        OTHER = "other", _("Another reason, told below.")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="suspensions")
    reason = models.CharField(max_length=20, choices=Reason.choices)
    text = models.TextField(blank=True, max_length=1000)  # staff's words to the person
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField(default=timezone.now, editable=False)
    until = models.DateTimeField(null=True)
    lifted_at = models.DateTimeField(null=True, editable=False)
    appeal = models.TextField(blank=True, max_length=2000)
    appealed_at = models.DateTimeField(null=True, editable=False)
    answer = models.TextField(blank=True, max_length=1000)
    answered_at = models.DateTimeField(null=True, editable=False)

    objects: Any = SuspensionQuerySet.as_manager()

    class Meta:
        ordering = ("-at", "-id")
        permissions = (("change_standing", "Can give strikes, suspend accounts and lift suspensions"),)
        indexes = (
            models.Index(fields=["user"], name="suspensions_standing", condition=Q(lifted_at=None)),
            models.Index(
                fields=["appealed_at"],
                name="suspensions_appealed",
                condition=Q(appealed_at__isnull=False, answered_at=None),
            ),
        )

    def __str__(self) -> str:
        return f"suspension {str(self.id)[:8]}"

    @property
    def is_in_force(self) -> bool:
        return self.lifted_at is None and (self.until is None or self.until > timezone.now())
