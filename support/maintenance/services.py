"""Plans, begins, ends and cancels a maintenance. Each change takes a lock, so that two at once are one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from config.errors import DomainError
from config.runs.locks import advisory_lock
from config.runs.models import kinds
from config.runs.states import Status
from support.maintenance import now
from support.maintenance.models import Maintenance

LONGEST, FARTHEST = timedelta(days=1), timedelta(days=60)


class InThePast(DomainError):
    code, message = (
        "maintenance_in_the_past",
        _("A maintenance is announced ahead, and this time has passed. Name a later one."),
    )


class WrongTimes(DomainError):
    code = "maintenance_times"
    message = _("A maintenance ends after it begins, takes at most a day and is at most 60 days away.")


class MaintenanceOpen(DomainError):
    code, status = "maintenance_open", 409
    message = _("A maintenance is planned or under way already: %(which)s. Cancel or end it first.")


class MaintenanceBegun(DomainError):
    code, status = "maintenance_begun", 409
    message = _("The maintenance has begun already. End it when it is done.")


class NoMaintenance(DomainError):
    code, status = "no_maintenance", 409
    message = _("No maintenance is planned.")


class MaintenanceNotBegun(DomainError):
    code, status = "maintenance_not_begun", 409
    message = _("No maintenance is under way. One that is only planned is cancelled, not ended.")


def check(starts_at: datetime, ends_at: datetime) -> None:
    """Raises InThePast, WrongTimes or MaintenanceOpen."""
    today = timezone.now()
    if starts_at <= today:
        raise InThePast
    if not timedelta(0) < ends_at - starts_at <= LONGEST or starts_at - today > FARTHEST:
        raise WrongTimes
    if row := Maintenance.objects.open().first():
        raise MaintenanceOpen(which=str(row))


def plan(starts_at: datetime, ends_at: datetime) -> Maintenance:
    with _alone():
        check(starts_at, ends_at)
        return Maintenance.objects.create(starts_at=starts_at, ends_at=ends_at)


def begin(lasting: timedelta | None = None) -> Maintenance:
    """Begins the planned one, or one without a plan, now. It is told to last as long as it was planned to, or
    half an hour. Raises MaintenanceBegun, WrongTimes."""
    with _alone():
        row, today = Maintenance.objects.open().first() or Maintenance(), timezone.now()
        if row.pk and row.has_begun:
            raise MaintenanceBegun
        lasting = lasting or (row.planned if row.pk else timedelta(minutes=30))
        if not timedelta(0) < lasting <= LONGEST:
            raise WrongTimes
        row.starts_at, row.ends_at = today, today + lasting
        row.save()
        return row


def end() -> Maintenance:
    """Raises MaintenanceNotBegun."""
    with _alone():
        row = Maintenance.objects.open().first()
        if row is None or not row.has_begun:
            raise MaintenanceNotBegun
        return _close(row)


def cancel() -> Maintenance:
    """Raises NoMaintenance, MaintenanceBegun."""
    with _alone():
        row = Maintenance.objects.open().first()
        if row is None:
            raise NoMaintenance
        if row.has_begun:
            raise MaintenanceBegun
        return _close(row)


def _close(row: Maintenance) -> Maintenance:
    row.ended_at = timezone.now()
    row.save(update_fields=["ended_at"])
    return row


@contextmanager
def _alone() -> Iterator[None]:
    try:
        with transaction.atomic():
            advisory_lock("maintenance")
            yield
    finally:
        now.forget()


def under_way() -> dict[str, int]:
    """How many runs work and how many wait, of all people."""
    states = (Status.RUNNING, Status.QUEUED)
    return {
        str(state): sum(kind.objects.filter(status=state).count() for kind in kinds()) for state in states
    }


def parse(text: str) -> datetime:
    """A time with its zone, such as 2026-12-01T22:00Z or 2026-12-01T23:00+01:00. Raises WrongTime."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise WrongTime from None
    if found.tzinfo is None:
        raise WrongTime
    return found.astimezone(UTC)


class WrongTime(DomainError):
    code = "maintenance_time"
    message = _("Write the time with its zone, for example 2026-12-01T22:00Z or 2026-12-01T23:00+01:00.")
