"""Avatar: the drawing program fitted to a twin's real photos, for the base that draws its people.

The row has the state and what the person corrected. What was measured of the face is in the vault.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models, transaction
from django.db.models import Q

from accounts.vault.vault import store
from config.runs.models import Run
from config.runs.states import Status
from ml.avatar.avatar import Avatar as Drawn
from ml.avatar.avatar import corrected, from_facts


class Avatar(Run):
    """One fit. A twin has one at a time: a later one takes its corrections over and its place."""

    task, queue, kind_name = "twins.fit_avatar", "cpu", "avatar"

    twin = models.ForeignKey("twins.Twin", models.CASCADE, related_name="avatars")
    photo_ids = ArrayField(models.UUIDField(), default=list)  # the accepted photos that it was fitted to
    subject = models.CharField(max_length=10, blank=True)  # the twin's subject class then
    corrections = models.JSONField(default=dict)  # trait -> value, as ml.avatar.avatar.corrected takes them

    class Meta(Run.Meta):
        ordering = ("-created_at", "-id")
        constraints = (
            *Run.Meta.constraints,
            models.UniqueConstraint(
                fields=["twin"], condition=Q(status__in=["queued", "running"]), name="one_avatar_at_a_time"
            ),
        )

    @property
    def is_ready(self) -> bool:
        return self.status == Status.SUCCEEDED

    @property
    def file(self) -> str:
        return f"twins/{self.twin_id}/avatars/{self.id}.json"

    def fitted(self) -> Drawn:
        """As it was fitted, without corrections. Raises what the vault raises."""
        return from_facts(json.loads(store(self.user_id).read(self.file)))

    def drawn(self) -> Drawn:
        """With what was corrected."""
        return corrected(self.fitted(), **self.corrections)

    def keep(self, fitted: Drawn) -> None:
        store(self.user_id).write(self.file, encoded(fitted))

    def on_end(self) -> None:
        super().on_end()
        if not self.is_ready:
            files, name = store(self.user_id), self.file
            transaction.on_commit(lambda: files.delete(name), robust=True)

    def forget(self) -> None:
        """Deletes row and file, the file on commit."""
        files, name = store(self.user_id), self.file
        self.delete()
        transaction.on_commit(lambda: files.delete(name), robust=True)

    @classmethod
    def known_files(cls, user_id: uuid.UUID) -> Iterator[str]:
        for avatar in cls.objects.filter(user=user_id).exclude(status__in=[Status.FAILED, Status.CANCELLED]):
            yield avatar.file


def encoded(avatar: Drawn, **more: Any) -> bytes:
    """As a file of the vault; `from_facts` ignores `more`."""
    return json.dumps(avatar.facts() | more).encode()
