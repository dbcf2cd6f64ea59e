"""Sends what happened since the last time to POSTHOG_HOST, day by day."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

import httpx2
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from support.telemetry.events import Event, Span, events
from support.telemetry.models import Exported

log = logging.getLogger(__name__)

SLACK = timedelta(minutes=1)  # a transaction may commit so much later than the time in its rows
OLDEST = timedelta(days=2)  # what is older was not to be sent: the export was off, or the host away
AT_ONCE, SECONDS = 500, 20.0  # events of a request, and its time limit


def export() -> int:
    """Returns how many events were sent. What could not be sent waits for the next call."""
    if not settings.POSTHOG_KEY:
        Exported.objects.all().delete()  # switched on later, it begins then
        return 0
    return sum(_export_day(day) for day in _days())


def _days() -> Iterator[Span]:
    """What is to be exported, cut at midnight (UTC)."""
    now = timezone.now() - SLACK
    row, _new = Exported.objects.get_or_create(id=1, defaults={"until": now})
    since = max(row.until, now - OLDEST)
    while since < now:
        midnight = datetime.combine(since.astimezone(UTC).date() + timedelta(days=1), time.min, UTC)
        yield since, min(midnight, now)
        since = min(midnight, now)


def _export_day(span: Span) -> int:
    _renew_salt(span[0].astimezone(UTC).date())
    return _export_span(span)


def _renew_salt(day: date) -> None:
    """Committed before anything is sent, so that a second try has the ids of the first."""
    Exported.objects.exclude(day=day).update(day=day, salt=uuid.uuid4())


@transaction.atomic
def _export_span(span: Span) -> int:
    """One worker at a time: a second one finds the span exported."""
    row = Exported.objects.select_for_update().get(id=1)
    since = max(row.until, span[0])
    if since >= span[1]:
        return 0
    found = list(events((since, span[1]), row.salt))
    for start in range(0, len(found), AT_ONCE):
        _send(found[start : start + AT_ONCE])
    row.until = span[1]
    row.save()
    return len(found)


def _send(batch: list[Event]) -> None:
    """Raises HTTPError for what is to be tried again. A batch that is too large is halved."""
    body = {"api_key": settings.POSTHOG_KEY, "historical_migration": False, "batch": batch}
    answer = httpx2.post(f"{settings.POSTHOG_HOST}/batch/", json=body, timeout=SECONDS)
    if answer.status_code == 413 and len(batch) > 1:
        middle = len(batch) // 2
        _send(batch[:middle])
        _send(batch[middle:])
        return
    answer.raise_for_status()
