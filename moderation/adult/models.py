"""Proofs of age: by a document that staff look at, or by a provider."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from config.querysets import OwnedQuerySet


class AgeCheckQuerySet(OwnedQuerySet):
    def waiting(self) -> Self:
        return self.filter(state=AgeCheck.State.WAITING)

    def verified(self) -> Self:
        return self.filter(state=AgeCheck.State.VERIFIED)


class AgeCheck(models.Model):
    """One try to prove that the user is 18 or older. The document is sealed in the user's vault, and deleted
    with the decision. What stays is the verdict and the country."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waits")
        VERIFIED = "verified", _("18 or older")
        REFUSED = "refused", _("not proved")
        EXPIRED = "expired", _("nobody looked in time")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="age_checks")
    verifier = models.CharField(max_length=40)  # the name of moderation.adult.verifiers.Verifier
    reference = models.CharField(max_length=100, blank=True)  # the provider's number of it
    country = models.CharField(max_length=2)  # where the user lives, ISO 3166
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    asked_at = models.DateTimeField(default=timezone.now, editable=False)
    decided_at = models.DateTimeField(null=True, editable=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    reason = models.CharField(max_length=200, blank=True)  # of a refusal, told to the user
    document_deleted_at = models.DateTimeField(null=True, editable=False)

    objects: Any = AgeCheckQuerySet.as_manager()

    class Meta:
        ordering = ("-asked_at", "-id")
        permissions = (("decide_age", "Can look at documents and decide about ages, with a reason"),)
        constraints = (
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(state__in=["waiting", "verified"]),
                name="one_age_check_at_a_time",
            ),
        )

    def __str__(self) -> str:
        return f"age {str(self.id)[:8]}"

    @property
    def document(self) -> str:
        """The name in the user's vault."""
        return f"ages/{self.id}.jpg"

    @classmethod
    def known_files(cls, user_id: UUID) -> Iterator[str]:
        kept = cls.objects.filter(user=user_id, document_deleted_at=None)
        yield from (check.document for check in kept)
