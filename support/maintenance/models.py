"""One row for each maintenance. At most one is planned or under way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.lookups import IsNull
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class MaintenanceQuerySet(models.QuerySet["Maintenance"]):
    def open(self) -> MaintenanceQuerySet:
        """The one that is planned or under way, if there is one."""
        return self.filter(ended_at=None)


class Maintenance(models.Model):
    """It begins by itself at `starts_at`, and goes on until somebody ends it: `ends_at` is what people are
    told. `ended_at` is also set when it is cancelled, before it began."""

    starts_at = models.DateTimeField(_("begins"))
    ends_at = models.DateTimeField(_("ends, as announced"))
    ended_at = models.DateTimeField(_("ended"), null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar = MaintenanceQuerySet.as_manager()

    class Meta:
        ordering = ("-starts_at",)
        verbose_name = verbose_name_plural = _("maintenance")
        constraints = (
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="maintenance_takes_time"),
            models.UniqueConstraint(
                IsNull(F("ended_at"), True), condition=Q(ended_at=None), name="one_open_maintenance"
            ),
        )

    def __str__(self) -> str:
        return f"{_utc(self.starts_at)} – {_utc(self.ends_at)} UTC"

    @property
    def has_begun(self) -> bool:
        return self.starts_at <= timezone.now()

    @property
    def is_on(self) -> bool:
        return self.has_begun and self.ended_at is None

    @property
    def planned(self) -> timedelta:
        return self.ends_at - self.starts_at


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
