"""Notices: what the product tells its users, and the browsers that are told too."""

from __future__ import annotations

import uuid
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts import retention
from config.querysets import OwnedQuerySet

KEPT = retention.kept("notices")


class NoticeQuerySet(OwnedQuerySet):
    def unread(self) -> Self:
        return self.filter(read_at=None)

    def to_mail(self) -> Self:
        return self.filter(mail_at__isnull=False)


class Notice(models.Model):
    """Something that happened to a row of the user's. Its sentences are made when it is shown, in the
    reader's language (kinds.py), so it holds no prompt and no name.

    `mail_at` and `push_at`: when it is to be sent on that channel; None where it is not, or was.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=40)
    subject_kind = models.CharField(max_length=60)  # the label of its model, such as twins.training
    subject_id = models.UUIDField()
    facts = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    read_at = models.DateTimeField(null=True, editable=False)
    mail_at = models.DateTimeField(null=True, editable=False)
    push_at = models.DateTimeField(null=True, editable=False)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=["user", "-created_at", "-id"], name="notices_of_a_user"),
            models.Index(fields=["user"], name="notices_unread", condition=Q(read_at=None)),
            models.Index(fields=["mail_at"], name="notices_to_mail", condition=Q(mail_at__isnull=False)),
            models.Index(fields=["push_at"], name="notices_to_push", condition=Q(push_at__isnull=False)),
            models.Index(fields=["created_at"], name="notices_by_age"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {str(self.id)[:8]}"

    @classmethod
    def forget_old(cls) -> int:
        """Deletes those that are older than KEPT; returns how many."""
        return int(cls.objects.filter(created_at__lt=timezone.now() - KEPT).delete()[0])


class PushSubscription(models.Model):
    """A browser that shows notices of its user. Its push service gave it the endpoint; only the browser can
    decrypt what is sent there."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="push_subscriptions")
    endpoint = models.CharField(max_length=1000, unique=True)
    p256dh = models.CharField(max_length=100)  # the browser's public key, base64url
    auth = models.CharField(max_length=40)  # a secret that it shares with us, base64url
    device = models.CharField(max_length=200, blank=True)  # its User-Agent
    # The session that subscribed, by its name in our rows. With its end the notices end.
    session = models.CharField(max_length=64, default="", db_default="", db_index=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: Any = OwnedQuerySet.as_manager()

    class Meta:
        ordering = ("created_at", "id")

    def __str__(self) -> str:
        return f"push subscription {str(self.id)[:8]}"
