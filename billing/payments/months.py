"""Calendar months as Stripe counts them: from an anchor, in UTC, on the month's last day where the anchor's is not there."""

from __future__ import annotations

import calendar
from datetime import datetime


def plus(anchor: datetime, months: int) -> datetime:
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    return anchor.replace(
        year=year, month=month + 1, day=min(anchor.day, calendar.monthrange(year, month + 1)[1])
    )


def around(moment: datetime, anchor: datetime) -> tuple[datetime, datetime]:
    """(start, end) of the month counted from `anchor` that holds `moment`; its start belongs to it."""
    n = (moment.year - anchor.year) * 12 + moment.month - anchor.month
    if plus(anchor, n) > moment:
        n -= 1
    return plus(anchor, n), plus(anchor, n + 1)
