"""How many codes are sent: to one number, to its neighbours, for one asker, and a day in all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.phones.models import Channel, PhoneCode
from config.errors import DomainError, RateLimited

GROUPS = {Channel.SMS: "codes", Channel.EMAIL: "code_mails"}  # rows of settings.LIMITS
NEIGHBOURS = 3  # digits in which numbers of one block differ
DAY = timedelta(days=1)
DEVICE = "device "  # begins an asker that is a known device: it is counted apart from all others


class SmsPaused(DomainError):
    code, status = "sms_paused", 503
    message = _(
        "No more text messages are sent today. Have the code sent by e-mail, or log in with your password."
    )


def block_of(phone: str) -> str:
    return phone[:-NEIGHBOURS]


def check(phone: str, channel: str, asker: str) -> None:
    """Raises RateLimited or SmsPaused. The caller holds a lock until it has added its row."""
    for column, found in _columns(phone, channel, asker):
        for most, seconds in settings.LIMITS[GROUPS[Channel(channel)]].rates(column):
            wait = _wait(found, most, timedelta(seconds=seconds))
            if wait is not None:
                raise _refusal(column, most, seconds, wait)
    if channel == Channel.SMS and left_today() <= 0:
        raise SmsPaused(extra={"channels": [Channel.EMAIL.value]})


def _columns(phone: str, channel: str, asker: str) -> Iterator[tuple[str, Any]]:
    rows = PhoneCode.objects.filter(channel=channel)
    if asker.startswith(DEVICE):
        rows = rows.filter(asker=asker)
    yield "phone", rows.filter(phone=phone)
    yield "address", rows.filter(asker=asker)
    yield "block", rows.filter(block=block_of(phone))


def _wait(found: Any, most: int, window: timedelta) -> int | None:
    """Seconds until fewer than `most` of these rows are within the window; None where that is so now."""
    if most == 0:
        return int(window.total_seconds())
    now = timezone.now()
    times = found.filter(created_at__gt=now - window).order_by("-created_at")
    oldest: datetime | None = times.values_list("created_at", flat=True)[most - 1 : most].first()
    return None if oldest is None else max(1, int((oldest + window - now).total_seconds()))


def _refusal(column: str, most: int, seconds: int, wait: int) -> RateLimited:
    error = RateLimited(_("Too many codes were asked for. Wait, or log in another way."))
    error.headers = {  # type: ignore[attr-defined]
        "Retry-After": str(wait),
        "RateLimit-Policy": f'"{column}";q={most};w={seconds}',
        "RateLimit": f'"{column}";r=0;t={wait}',
    }
    return error


def headers(row: PhoneCode) -> dict[str, str]:
    """RateLimit of the asker alone: how much is left of a number would tell whether its owner is here."""
    [(most, seconds), *_longer] = settings.LIMITS[GROUPS[Channel(row.channel)]].rates("address")
    since = timezone.now() - timedelta(seconds=seconds)
    sent = PhoneCode.objects.filter(channel=row.channel, asker=row.asker, created_at__gt=since).count()
    left = max(0, most - sent)
    return {
        "RateLimit-Policy": f'"address";q={most};w={seconds}',
        "RateLimit": f'"address";r={left};t={seconds}',
    }


def left_today() -> int:
    """How many text messages the guard of costs still lets through (SMS_A_DAY)."""
    sent = PhoneCode.objects.filter(channel=Channel.SMS, created_at__gt=timezone.now() - DAY).count()
    return int(settings.SMS_A_DAY) - sent


def used(phone: str, channel: str, seconds: int) -> int:
    """How many codes this number got in the last `seconds`."""
    since = timezone.now() - timedelta(seconds=seconds)
    return int(PhoneCode.objects.filter(channel=channel, phone=phone, created_at__gt=since).count())
