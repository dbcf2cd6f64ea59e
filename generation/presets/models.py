"""Presets: the studio's settings, saved by name."""

from __future__ import annotations

import uuid
from urllib.parse import urlencode

from django.conf import settings
from django.db import models
from django.utils import timezone

from config.querysets import OwnedQuerySet


class StudioPreset(models.Model):
    """`settings` are fields of a request for pictures, without its prompt, twin and seed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="studio_presets")
    name = models.CharField(max_length=60)
    settings = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering = ("name", "id")
        constraints = (models.UniqueConstraint(fields=["user", "name"], name="one_preset_a_name"),)

    def __str__(self) -> str:
        return self.name

    @property
    def query(self) -> str:
        """The settings as the studio's page reads them from its address."""
        return urlencode(self.settings)
