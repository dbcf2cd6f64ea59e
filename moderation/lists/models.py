"""The history of the lists: what each change added and removed, who made it, when and why."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class ListVersion(models.Model):
    """One change of a list, as lines. Nobody changes a row: who takes a change back makes a new one."""

    class Name(models.TextChoices):
        WORDS = "words", _("words")
        PEOPLE = "people", _("people")
        HASHES = "hashes", _("hashes of pictures")

    name = models.CharField(max_length=10, choices=Name.choices)
    number = models.PositiveIntegerField()  # 1, 2, 3, ... of this list
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField(default=timezone.now, editable=False)
    why = models.CharField(max_length=200)
    added = ArrayField(models.TextField(), default=list)
    removed = ArrayField(models.TextField(), default=list)

    class Meta:
        ordering = ("-number",)
        constraints = (models.UniqueConstraint(fields=["name", "number"], name="one_version_a_number"),)

    def __str__(self) -> str:
        return f"{self.name} {self.number}"
