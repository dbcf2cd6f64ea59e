"""The alarm about failed trainings, the checks by the clock, the export of events, the tickets' clock."""

from __future__ import annotations

import logging

import httpx2
from celery import shared_task

from support.insights import alarms
from support.metrics import checks
from support.telemetry import sending
from support.tickets import services
from support.tickets.mail import sending as mails

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


@shared_task(name="support.check")
def check() -> int:
    """Returns how many problems the ledger and the audit log have."""
    found = checks.run()
    if found:
        log.error("the ledger or the audit log is broken: %s problems", found)
    return found


@shared_task(name="support.tickets")
def tickets() -> int:
    """Closes what was solved long ago, and sends the answers that are due by e-mail; returns how many."""
    services.close_solved()
    return mails.send_due()
