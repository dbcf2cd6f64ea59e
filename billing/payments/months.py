"""Stripe's months. They count from an anchor in UTC; a month without the anchor's day uses its last day."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime
from typing import Any


def plus(anchor: datetime, months: int) -> datetime:
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    return anchor.replace(
        year=year, month=month + 1, day=min(anchor.day, calendar.monthrange(year, month + 1)[1])
    )


def around(moment: datetime, anchor: datetime) -> tuple[datetime, datetime]:
    """(start, end) of the month that contains `moment`, counted from `anchor`. It includes start, not end."""
    n = (moment.year - anchor.year) * 12 + moment.month - anchor.month
    if plus(anchor, n) > moment:
        n -= 1
    return plus(anchor, n), plus(anchor, n + 1)


def from_stripe(seconds: Any) -> Any:
    """A time from Stripe's seconds since 1970; None stays None."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
