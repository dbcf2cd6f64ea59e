"""Limits of wrong passwords. They are counted in PostgreSQL (config/web/counters.py), also without Redis.

A guess counts for its IP address, and for the account from that address. So whoever guesses is stopped, and
nobody else. Guesses from very many addresses are bounded by a wide limit of the account. A known device has a
limit of its own, so its owner gets in whatever others do; so does who sets a new password by e-mail. It is
for the accounts that the device is known for: a guess at another account of the address counts as anybody's.
"""

from __future__ import annotations

from typing import Any

from allauth.core.internal import ratelimit
from allauth.core.internal.ratelimit import RateLimitUsage

APP = "accounts"
RATES = {
    "passwords_from": "30/5m/ip",  # of one IP address, for all accounts
    "passwords": "5/5m/key",  # of one account: from one IP address, or from one known device
    "passwords_of": "1000/d/key",  # of one account, from all unknown devices
}


def _use(request: Any, action: str, key: str | None = None) -> RateLimitUsage | None:
    return ratelimit.consume(request, app=APP, action=action, config=RATES, key=key, limit_get=True)


def begin(request: Any, email: str, *, device: str = "") -> list[RateLimitUsage] | None:
    """Counts a guess before the password is checked, so that parallel guesses are bounded too.

    `device` is the id of a known device. Returns what was counted, for `succeeded`; None when there were too
    many.
    """
    if device:
        asked = [("passwords", f"{device} {email}")]
    else:
        here = f"{ratelimit.get_ip(request)} {email}"
        asked = [("passwords", here), ("passwords_from", ""), ("passwords_of", email)]
    counted = []
    for action, key in asked:
        usage = _use(request, action, key)
        if usage is None:
            return None
        counted.append(usage)
    return counted


def begin_proof(request: Any, user: Any) -> list[RateLimitUsage] | None:
    """As `begin`, for who is logged in and proves it again."""
    usage = _use(request, "passwords", f"again {user.pk}")
    return None if usage is None else [usage]


def succeeded(counted: list[RateLimitUsage]) -> None:
    """Takes the guess back. It clears no counter: a right password between wrong ones must not."""
    for usage in counted:
        usage.rollback()


def forget(request: Any, email: str) -> None:
    """Clears the account's wide limit: its owner has set a new password by e-mail."""
    ratelimit.clear(request, app=APP, action="passwords_of", config=RATES, key=email)
