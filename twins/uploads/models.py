"""An upload that comes in pieces. Each piece lies sealed in the vault; no plain byte is on the disk."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.retention import HOUR, kept
from accounts.vault.vault import store
from config.querysets import OwnedQuerySet

LIFE = kept("broken_uploads") - HOUR  # the task, which runs every hour, is in time then
SMALL = 1024 * 1024  # bytes: a shorter piece is written anew together with the next one


class UploadQuerySet(OwnedQuerySet):
    def open(self) -> Self:
        return self.filter(done_at=None, expires_at__gt=timezone.now())

    def remove(self) -> int:
        """Deletes these rows, and their files on commit; returns how many."""
        found = list(self)
        self.model.objects.filter(id__in=[upload.id for upload in found]).delete()
        transaction.on_commit(lambda: [upload.delete_pieces() for upload in found], robust=True)
        return len(found)


def end_of_life() -> datetime:
    return timezone.now() + LIFE


class Upload(models.Model):
    """What has arrived of a photo. The photo that it becomes has its id.

    It changes under the lock of its twin (TwinQuerySet.locked). `pieces` has the place at which each piece
    begins. A file may be longer than its piece, where a change was rolled back after it had been written.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    twin = models.ForeignKey("twins.Twin", models.CASCADE, related_name="uploads")
    length = models.PositiveIntegerField()  # bytes, as announced
    offset = models.PositiveIntegerField(default=0)  # bytes that have arrived
    pieces = ArrayField(models.PositiveIntegerField(), default=list)
    metadata = models.CharField(max_length=1000, blank=True)  # the header Upload-Metadata, as it came
    key = models.CharField(max_length=255, null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(default=end_of_life, editable=False)
    done_at = models.DateTimeField(null=True, editable=False)  # when it became a photo

    objects = UploadQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        verbose_name, verbose_name_plural = _("upload"), _("uploads")
        constraints = (
            models.UniqueConstraint(fields=["user", "key"], name="one_upload_a_key"),
            models.CheckConstraint(condition=Q(offset__lte=F("length")), name="no_upload_beyond_its_length"),
        )

    def __str__(self) -> str:
        return f"{self.offset} of {self.length}"

    @property
    def folder(self) -> str:
        """Inside the twin's, so that it goes with the twin."""
        return f"twins/{self.twin_id}/uploads/{self.id}"

    def piece(self, start: int) -> str:
        return f"{self.folder}/{start}"

    def append(self, data: bytes) -> None:
        """Writes the next piece. The caller saves the row."""
        last = self.pieces[-1] if self.pieces else 0
        start = last if self.pieces and self.offset - last < SMALL else self.offset
        before = self._read(start, self.offset) if start < self.offset else b""
        store(self.user_id).write(self.piece(start), before + data)
        if start == self.offset:
            self.pieces.append(start)
        self.offset += len(data)

    def read(self) -> bytes:
        """All that has arrived."""
        return b"".join(self._read(start, stop) for start, stop in pairwise([*self.pieces, self.offset]))

    def _read(self, start: int, stop: int) -> bytes:
        return store(self.user_id).read(self.piece(start))[: stop - start]

    def delete_pieces(self) -> None:
        store(self.user_id).delete_all(f"{self.folder}/")

    @classmethod
    def known_files(cls, user_id: uuid.UUID) -> Iterator[str]:
        for upload in cls.objects.filter(user=user_id).open():
            yield from map(upload.piece, upload.pieces)
