"""How far events were exported."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone


class Exported(models.Model):
    """One row. `salt` makes a person's id of a day and is replaced on the next: then nobody, also not who has
    the database, can tell whose the events of that day are."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    until = models.DateTimeField(default=timezone.now)
    day = models.DateField(null=True)
    salt = models.UUIDField(default=uuid.uuid4, editable=False)

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(id=1), name="one_export"),)

    def __str__(self) -> str:
        return f"exported until {self.until}"
