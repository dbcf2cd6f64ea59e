"""Blocked words and the audit log."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ml.words.screening import is_term


class BlockedTerm(models.Model):
    """A word, a phrase or a name that staff forbid, in addition to the built-in rules. The list changes by
    versions (moderation.lists)."""

    class Kind(models.TextChoices):
        WORD = "word", _("word")
        PERSON = "person", _("person")

    kind = models.CharField(
        _("kind"), max_length=10, choices=Kind.choices, default=Kind.WORD, db_default="word"
    )
    text = models.CharField(_("word or phrase"), max_length=80, unique=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.text

    def clean(self) -> None:
        if not is_term(self.text):
            raise ValidationError(
                {"text": _("Write a word or a phrase: signs alone would match everything or nothing.")}
            )


class AuditEntry(models.Model):
    """An action of staff or the system. It names its subject by kind and id, so it outlives the subject.

    The database fills the chain's columns and refuses every change but an erasure's (migration 0003).
    """

    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    account = models.UUIDField(null=True, editable=False)  # the wallet id of an erased actor
    verb = models.CharField(max_length=40)
    subject_kind = models.CharField(max_length=20, blank=True)
    subject_id = models.CharField(max_length=40, blank=True)
    detail = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField(default=timezone.now, editable=False)
    place = models.BigIntegerField(null=True, unique=True, editable=False)  # in the chain: 1, 2, 3, ...
    previous = models.CharField(max_length=64, default="", editable=False)  # the hash of the row before
    hash = models.CharField(max_length=64, default="", editable=False)
    # Salted hashes of actor and subject_id. An erasure deletes the salt.
    salt = models.UUIDField(null=True, editable=False)
    who = models.CharField(max_length=64, default="", editable=False)
    whom = models.CharField(max_length=64, default="", editable=False)

    class Meta:
        ordering = ("-at",)
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.verb} {self.subject_kind} {self.subject_id}"
