"""What a bulk edit changed, so that it can be undone."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts import retention
from config.querysets import OwnedQuerySet

UNDO = retention.kept("changes")


class BulkEditQuerySet(OwnedQuerySet):
    def open(self) -> BulkEditQuerySet:
        """Those that can still be undone."""
        return self.filter(undone_at=None, made_at__gt=timezone.now() - UNDO)


class BulkEdit(models.Model):
    """The last bulk edit of a user. Each edit that changes something replaces the one before."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="bulk_edits")
    count = models.PositiveIntegerField()  # of the items that changed
    # The previous values of what changed; gallery.shelf.bulk explains the keys.
    before = models.JSONField(default=dict)
    made_at = models.DateTimeField(default=timezone.now, editable=False)
    undone_at = models.DateTimeField(null=True)

    objects = BulkEditQuerySet.as_manager()

    def __str__(self) -> str:
        return f"bulk edit {str(self.id)[:8]}"

    @property
    def undo_until(self) -> object:
        return self.made_at + UNDO
