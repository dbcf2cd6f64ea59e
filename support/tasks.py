"""The alarm about failed trainings, checks, the export of events, the tickets' clock, and backups."""

from __future__ import annotations

import logging
from collections.abc import Callable

import httpx2
from celery import shared_task
from django.conf import settings

from support.backups import services as backups
from support.backups.archive import BackupError, UnderWay
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


@shared_task(name="support.back_up")
def back_up() -> bool:
    """Whether a base backup was due. Does nothing where BACKUPS is not set."""
    return bool(settings.BACKUPS and _logged(backups.back_up_daily))


@shared_task(name="support.copy_files")
def copy_files() -> int:
    return _logged(backups.copy_files) if settings.BACKUPS else 0


def _logged(work: Callable[[], int]) -> int:
    try:
        return work()
    except UnderWay:
        return 0
    except (BackupError, OSError) as error:
        log.error("no backup: %s", error)
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
