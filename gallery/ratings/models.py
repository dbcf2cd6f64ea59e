"""A rating of a picture by its owner."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from config.querysets import OwnedQuerySet

BEST = 5


class Reason(models.TextChoices):
    """What is wrong with a picture."""

    FACE = "face", pgettext_lazy("reason", "The face is not mine")
    HAIR = "hair", pgettext_lazy("reason", "Hair")
    SKIN = "skin", pgettext_lazy("reason", "Skin")
    AGE = "age", pgettext_lazy("reason", "Too old or too young")
    CLOTHES = "clothes", pgettext_lazy("reason", "Clothes")
    PLACE = "place", pgettext_lazy("reason", "Place")
    STYLE = "style", pgettext_lazy("reason", "Style")
    EYES = "eyes", pgettext_lazy("reason", "Eyes")
    HANDS = "hands", pgettext_lazy("reason", "Hands")
    BLURRED = "blurred", pgettext_lazy("reason", "Blurred")


def _stars(label: str) -> models.PositiveSmallIntegerField:
    return models.PositiveSmallIntegerField(label, null=True, blank=True)


class Rating(models.Model):
    """One for each picture. It keeps what made the picture, so that the figures stay when that is deleted."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    item = models.UUIDField(unique=True)
    kind = models.CharField(max_length=10)
    engine = models.CharField(max_length=80, blank=True)
    style = models.CharField(max_length=20, blank=True)
    likeness = _stars(_("likeness"))  # 1..BEST, each
    prompt = _stars(_("prompt"))
    quality = _stars(_("quality"))
    reasons = ArrayField(models.CharField(max_length=10, choices=Reason.choices), default=list, blank=True)
    words = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = tuple(
            models.CheckConstraint(
                condition=Q(**{name: None}) | Q(**{f"{name}__range": (1, BEST)}), name=f"{name}_of_a_rating"
            )
            for name in ("likeness", "prompt", "quality")
        )
        indexes = (models.Index(fields=["created_at"], name="ratings_by_time"),)

    def __str__(self) -> str:
        return f"rating of {self.item}"
