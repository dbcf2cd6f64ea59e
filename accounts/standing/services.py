"""Whether an account is suspended: asked by whatever uploads, trains, makes or publishes, and by API keys."""

from __future__ import annotations

from typing import Any

from django.utils import formats, timezone
from django.utils.translation import gettext_lazy as _

from accounts.standing.models import Suspension
from config.errors import DomainError

FOR_GOOD: Any = _(
    "Your account is suspended. You can still log in, read, download and erase everything, and appeal on"
    " the page “Standing” of your account."
)


class Suspended(DomainError):
    """`extra`: `until`, None for good, and `reason`, a code."""

    code, status = "account_suspended", 403
    message = _(
        "Your account is suspended until %(until)s. You can still log in, read, download and erase"
        " everything, and appeal on the page “Standing” of your account."
    )

    def __init__(self, found: Suspension | None = None):
        until = found.until if found else None
        shown = formats.date_format(timezone.localtime(until), "DATETIME_FORMAT") if until else ""
        extra = {"until": until and until.isoformat(), "reason": found.reason if found else ""}
        super().__init__(None if until else FOR_GOOD, until=shown, extra=extra)


def current(user_id: Any) -> Suspension | None:
    """The suspension in force that ends last."""
    found = list(Suspension.objects.filter(user=user_id).in_force())
    return max(found, key=lambda each: (each.until is None, each.until), default=None) if found else None


def require(user_id: Any) -> None:
    """Raises Suspended."""
    if found := current(user_id):
        raise Suspended(found)
