"""The alarm about failed trainings, the export of anonymous events, and the tickets' clock."""

from __future__ import annotations

import logging

import httpx2
from celery import shared_task

from support.insights import alarms
from support.telemetry import sending
from support.tickets import tasks as tickets  # noqa: F401  registers its task

log = logging.getLogger(__name__)


@shared_task(name="support.alarm")
def alarm() -> bool:
    return alarms.watch()


@shared_task(name="support.export")
def export() -> int:
    """Returns how many events were sent. A host that does not answer is tried again the next time."""
    try:
        return sending.export()
    except httpx2.HTTPError as error:
        log.warning("the export of events waits: %s", error)
        return 0
