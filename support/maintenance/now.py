"""What this process knows of the maintenance, at the cost of one query in a few seconds."""

from __future__ import annotations

import logging
import time

from django.conf import settings
from django.db import DatabaseError

from support.maintenance.models import Maintenance

log = logging.getLogger(__name__)


AWAY = 30.0  # seconds without a further look, when the database did not answer: a look may wait for ten


class _Seen:
    at = 0.0  # by time.monotonic
    row: Maintenance | None = None


def current() -> Maintenance | None:
    """The maintenance that is planned or under way, as of at most settings.MAINTENANCE_LOOK seconds ago.

    While the database does not answer, as it was seen last: it may be what is maintained.
    """
    now = time.monotonic()
    if now - _Seen.at >= settings.MAINTENANCE_LOOK:
        _Seen.at = now
        try:
            _Seen.row = Maintenance.objects.open().first()
        except DatabaseError as error:
            log.warning("the maintenance cannot be read: %s", error)
            _Seen.at = time.monotonic() + AWAY
    return _Seen.row


def is_on() -> bool:
    row = current()
    return row is not None and row.is_on


def forget() -> None:
    """Makes the next call look: what this process knows was changed by itself."""
    _Seen.at = float("-inf")
