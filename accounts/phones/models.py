"""Codes for one use that are sent to a phone, or by e-mail in its place."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from config.querysets import OwnedQuerySet

VALID = timedelta(minutes=5)
TRIES = 5
DIGITS = 6


class Purpose(models.TextChoices):
    ENTER = "enter"  # to log in, or to sign up
    CHANGE = "change"  # to have this number from now on
    PROVE = "prove"  # to show again who one is


class Channel(models.TextChoices):
    SMS = "sms"
    EMAIL = "email"


class State(models.TextChoices):
    """What is known of the message. A later one is never replaced by an earlier one."""

    WAITING = "waiting"  # also: it is not known whether the sender took it
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"


def expiry() -> object:
    return timezone.now() + VALID


class PhoneCode(models.Model):
    """A code, as a hash. Its id is known to whoever asked for it, and a code counts with its id alone.

    The rows of the last day also are the counts that caps.py limits.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    reference = models.UUIDField(
        unique=True, default=uuid.uuid4, editable=False
    )  # for the sender's callbacks
    purpose = models.CharField(max_length=6, choices=Purpose.choices)
    channel = models.CharField(max_length=5, choices=Channel.choices)
    phone = models.CharField(max_length=16, db_index=True)
    block = models.CharField(max_length=16, db_index=True)  # the number without its last three digits
    asker = models.CharField(max_length=64, db_index=True)  # the network or the known device, as a hash
    # Whose code it is. None: of whoever has the number, who may have no account yet.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    digest = models.CharField(max_length=64)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    expires_at = models.DateTimeField(default=expiry)
    used_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    error = models.CharField(max_length=40, blank=True)  # the sender's code for why it failed
    message = models.CharField(max_length=64, blank=True)  # the sender's id of the message

    objects: ClassVar = OwnedQuerySet.as_manager()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(attempts__lte=TRIES), name="at_most_five_tries_a_code"),
        )

    def __str__(self) -> str:
        return f"{self.purpose} by {self.channel}, {self.state}"

    def hide(self, code: str) -> None:
        self.digest = self._digest(code)

    def is_code(self, code: str) -> bool:
        return constant_time_compare(self.digest, self._digest(code))

    def _digest(self, code: str) -> str:
        return salted_hmac("phone code", f"{self.id} {code}", algorithm="sha256").hexdigest()

    @property
    def open(self) -> bool:
        return self.used_at is None and self.expires_at > timezone.now() and self.attempts < TRIES
