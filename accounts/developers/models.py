"""API keys."""

from __future__ import annotations

import uuid
from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from config.querysets import OwnedQuerySet


class ApiKeyQuerySet(OwnedQuerySet):
    def live(self) -> Self:
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=timezone.now()))


class ApiKey(models.Model):
    """A key `pf_<prefix>_<secret>`. Only the SHA-256 of the secret is kept: its 256 random bits need no slow
    hash. `ends_at` is set when another key of the same name has replaced it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    scopes = ArrayField(models.CharField(max_length=20))  # of scopes.Scope
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)  # written at most once a minute
    ends_at = models.DateTimeField(null=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=["user", "name"], condition=Q(ends_at=None), name="one_api_key_a_name"
            ),
        )

    def __str__(self) -> str:
        return self.shown

    @property
    def shown(self) -> str:
        """What tells one key from another in a list."""
        return f"pf_{self.prefix}_…"
