"""Requests about privacy of people without an account, and when each rule of retention was carried out."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

ANSWER = timedelta(days=30)  # the law's time for an answer, from the request
SIGNS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # without those that look alike


def new_number() -> str:
    """For people to read and to type. It opens nothing."""
    return "P-" + "".join(secrets.choice(SIGNS) for _sign in range(8))


class PrivacyRequest(models.Model):
    """Somebody asks what is kept about them, or that it is erased or not sold. The link in the e-mail proves
    the address; staff answer."""

    class Kind(models.TextChoices):
        ACCESS = "access", _("to know what you keep about me")
        ERASURE = "erasure", _("to erase what you keep about me")
        DO_NOT_SELL = "do_not_sell", _("not to sell or share my data")

    class Outcome(models.TextChoices):
        DONE = "done", _("done")
        NOTHING = "nothing", _("nothing is kept")
        REFUSED = "refused", _("refused")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.CharField(_("number"), max_length=12, unique=True, default=new_number, editable=False)
    kind = models.CharField(_("request"), max_length=12, choices=Kind.choices)
    email = models.EmailField(_("e-mail"))
    details = models.TextField(_("details"), blank=True)
    language = models.CharField(max_length=10, choices=settings.LANGUAGES)
    asked_at = models.DateTimeField(_("asked"), default=timezone.now, editable=False)
    mailed_at = models.DateTimeField(null=True, editable=False)
    proved_at = models.DateTimeField(_("address proved"), null=True, editable=False)
    answered_at = models.DateTimeField(_("answered"), null=True, editable=False)
    outcome = models.CharField(_("answer"), max_length=10, choices=Outcome.choices, blank=True)
    reply = models.TextField(_("sentence for the person"), max_length=1000, blank=True)

    class Meta:
        ordering = ("-asked_at",)
        verbose_name, verbose_name_plural = _("privacy request"), _("privacy requests")
        indexes = (models.Index(fields=["email", "-asked_at"], name="requests_of_an_address"),)
        constraints = (
            models.CheckConstraint(
                condition=Q(answered_at=None, outcome="") | (Q(answered_at__isnull=False) & ~Q(outcome="")),
                name="request_answered_with_outcome",
            ),
            models.CheckConstraint(
                condition=Q(answered_at=None) | Q(proved_at__isnull=False), name="request_proved_first"
            ),
        )

    def __str__(self) -> str:
        return self.number

    @property
    def due_at(self) -> datetime:
        return self.asked_at + ANSWER

    @property
    def is_overdue(self) -> bool:
        return bool(self.proved_at) and self.answered_at is None and timezone.now() > self.due_at


class RetentionRun(models.Model):
    """The last time that a rule was carried out."""

    rule = models.CharField(primary_key=True, max_length=30)  # its code in accounts/retention.py
    at = models.DateTimeField()  # tried
    done_at = models.DateTimeField(null=True)  # without an error
    deleted = models.PositiveIntegerField(default=0)  # then
    total = models.PositiveBigIntegerField(default=0)
    error = models.CharField(max_length=80, blank=True)

    class Meta:
        ordering = ("rule",)
        verbose_name, verbose_name_plural = _("retention rule"), _("retention")

    def __str__(self) -> str:
        return self.rule
