"""How long a service asks us to wait: Retry-After in seconds or as a date, and retry-after-ms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

from ml.remote.http import Answer

MOST = 60.0  # seconds in all, for one request
FIRST = 1.0  # where nothing is said; doubles
LEAST = 0.5  # what each wait counts for, so that "wait 0 seconds" ends too


def told(headers: Mapping[str, str]) -> float | None:
    """Seconds; None when nothing sensible is said. A date counts from the answer's own date: the service's
    clock may be wrong."""
    try:
        if ms := headers.get("retry-after-ms"):
            return _positive(float(ms) / 1000)
        said = headers.get("retry-after")
        if not said:
            return None
        if said.strip().replace(".", "", 1).isdigit():
            return _positive(float(said))
        until, now = parsedate_to_datetime(said), parsedate_to_datetime(headers["date"])
        return _positive((until - now).total_seconds())
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


def _positive(seconds: float) -> float | None:
    return seconds if 0 <= seconds < float("inf") else None


class Patience:
    """The waits for one request, at most MOST seconds together. `pause` waits and may raise Stopped."""

    def __init__(self, pause: Callable[[float], None]):
        self.pause, self.left, self.next = pause, MOST, FIRST

    def wait(self, answer: Answer) -> bool:
        """Waits as told; False when that would be too long."""
        asked = told(answer.headers)
        seconds = self.next if asked is None else asked
        self.next *= 2
        if seconds > self.left:
            return False
        self.left -= max(seconds, LEAST)
        self.pause(seconds)
        return self.left > 0
