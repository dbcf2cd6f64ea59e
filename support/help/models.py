"""Whether an article helped its readers."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from config.querysets import OwnedQuerySet


class HelpVote(models.Model):
    """One reader's answer about one article. Of a reader without an account `visitor` is the SHA-256 of the
    session's key: it counts them once and says nothing of who they are."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    visitor = models.CharField(max_length=64, blank=True, editable=False)
    article = models.SlugField(_("article"), max_length=60, db_index=False)
    language = models.CharField(_("language"), max_length=10)
    helpful = models.BooleanField(_("helpful"))
    text = models.TextField(_("words"), max_length=1000, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        verbose_name, verbose_name_plural = _("answer about an article"), _("answers about articles")
        constraints = (
            models.UniqueConstraint(
                fields=["article", "user"], condition=Q(user__isnull=False), name="one_vote_of_a_user"
            ),
            models.UniqueConstraint(
                fields=["article", "visitor"], condition=~Q(visitor=""), name="one_vote_of_a_visitor"
            ),
            models.CheckConstraint(condition=Q(user=None) ^ Q(visitor=""), name="vote_of_a_user_or_visitor"),
        )

    def __str__(self) -> str:
        return f"{self.article}, {self.created_at:%Y-%m-%d}"
