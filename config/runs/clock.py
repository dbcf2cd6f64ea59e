"""The database's clock, which all processes share. Leases, wake-ups and turns go by it: the clock of a
process may be wrong or jump, and then it would take a run from another process, or leave one for hours.

In queries the same clock is Django's `Now()`. Pauses inside one process go by time.monotonic.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection


def now() -> datetime:
    """With time zone; one query."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found
