"""Feedback, with the page from which it came."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from config.querysets import OwnedQuerySet


class Feedback(models.Model):
    """`user` is None for a visitor. Of the page only the pattern of its address is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    page = models.CharField(_("page"), max_length=200, blank=True)
    language = models.CharField(_("language"), max_length=10)
    text = models.TextField(_("words"), max_length=2000)
    done = models.BooleanField(_("done"), default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        verbose_name = verbose_name_plural = _("feedback")

    def __str__(self) -> str:
        return f"feedback {str(self.id)[:8]}"
