"""API keys, and endpoints of webhooks with what was sent to them."""

from __future__ import annotations

import uuid
from typing import Self
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

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


class Event(models.TextChoices):
    """What endpoints are told: how a run of this kind ended."""

    TRAINING_SUCCEEDED = "training.succeeded", _("a training succeeded")
    TRAINING_FAILED = "training.failed", _("a training failed")
    TRAINING_CANCELLED = "training.cancelled", _("a training was cancelled")
    GENERATION_SUCCEEDED = "generation.succeeded", _("pictures are ready")
    GENERATION_FAILED = "generation.failed", _("pictures failed")
    GENERATION_CANCELLED = "generation.cancelled", _("pictures were cancelled")
    RESTORATION_SUCCEEDED = "restoration.succeeded", _("a restoration is ready")
    RESTORATION_FAILED = "restoration.failed", _("a restoration failed")
    RESTORATION_CANCELLED = "restoration.cancelled", _("a restoration was cancelled")
    EXPORT_SUCCEEDED = "export.succeeded", _("an archive is packed")
    EXPORT_FAILED = "export.failed", _("an archive failed")
    EXPORT_CANCELLED = "export.cancelled", _("an archive was cancelled")


class Disabled(models.TextChoices):
    """Why an endpoint is off."""

    OWNER = "owner", _("You turned it off.")
    GONE = "gone", _("It answered 410: it does not want any more.")
    FAILING = "failing", _("Nothing reached it for ten days.")


class Webhook(models.Model):
    """An endpoint of a user's. Its secrets are sealed with the user's key. While `busy_until` is in the
    future, a dispatcher sends to it: one delivery at a time."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=500)
    events = ArrayField(models.CharField(max_length=40))  # of Event
    secret = models.BinaryField()
    former_secret = models.BinaryField(null=True)  # also signs until `former_until`
    former_until = models.DateTimeField(null=True, editable=False)
    disabled = models.CharField(max_length=10, blank=True, choices=Disabled.choices)  # "": it is on
    failing_since = models.DateTimeField(null=True, editable=False)  # nothing was taken since
    hung_at = models.DateTimeField(null=True, editable=False)  # its last delivery timed out
    busy_until = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (models.UniqueConstraint(fields=["user", "url"], name="one_webhook_an_address"),)

    def __str__(self) -> str:
        return f"webhook {str(self.id)[:8]}"

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    def fail_waiting(self) -> None:
        """What waits has failed, now that nothing is sent any more. It can be replayed."""
        waiting = self.deliveries.filter(status=Delivery.Status.PENDING)
        waiting.update(status=Delivery.Status.FAILED)


class Delivery(models.Model):
    """One message to one endpoint: its body as it is signed and sent, and when to try next."""

    class Status(models.TextChoices):
        PENDING = "pending", _("waiting")
        DELIVERED = "delivered", _("delivered")
        FAILED = "failed", _("failed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries")
    type = models.CharField(max_length=40)
    body = models.TextField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    tries = models.PositiveSmallIntegerField(default=0)  # since it was written or replayed
    next_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=["webhook", "next_at"], name="delivery_due", condition=Q(status="pending")),
            models.Index(fields=["webhook", "-created_at"], name="delivery_log"),
        )

    def __str__(self) -> str:
        return f"{self.type} {str(self.id)[:8]} ({self.status})"

    @property
    def message(self) -> str:
        """The header webhook-id: the same at every try, so that the receiver can tell repetitions."""
        return f"msg_{self.id.hex}"


class Attempt(models.Model):
    """One try of a delivery, for the log."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="attempts")
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)  # of HTTP; None: no answer
    error = models.CharField(max_length=20, blank=True)  # sending.ERRORS
    milliseconds = models.PositiveIntegerField()

    class Meta:
        ordering = ("at", "id")

    def __str__(self) -> str:
        return f"{self.status or self.error} in {self.milliseconds} ms"
