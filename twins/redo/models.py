"""Pictures marked "not me", and the free retraining of a twin."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from config.querysets import OwnedQuerySet


class Mark(models.Model):
    """Its owner says that this picture does not show the twin's person."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    twin = models.ForeignKey("twins.Twin", models.CASCADE, related_name="marks")
    training = models.ForeignKey("twins.Training", models.SET_NULL, null=True, related_name="marks")
    item = models.UUIDField(unique=True)  # the picture; the mark stays when the owner deletes it
    in_time = models.BooleanField()  # whether the picture was new enough to count for a redo
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (models.Index(fields=["twin", "training"], name="marks_of_a_version"),)

    def __str__(self) -> str:
        return str(self.item)


class Redo(models.Model):
    """The free retraining of a twin. The database holds one for each twin."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    twin = models.OneToOneField("twins.Twin", models.CASCADE, related_name="redo")
    # The version that was marked, and the one that took its place.
    training = models.ForeignKey("twins.Training", models.SET_NULL, null=True, related_name="+")
    retraining = models.ForeignKey("twins.Training", models.SET_NULL, null=True, related_name="+")
    marks = models.PositiveIntegerField()  # marked pictures, when it began
    advice = ArrayField(models.CharField(max_length=20), default=list)  # its codes, when it began
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        verbose_name, verbose_name_plural = _("free retraining"), _("free retrainings")

    def __str__(self) -> str:
        return f"redo of {self.twin_id}"
