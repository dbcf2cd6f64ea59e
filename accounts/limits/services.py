"""What somebody has used of their limits, and what is left. Looking counts nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings

from accounts.developers.models import ApiKey
from accounts.phones import caps
from accounts.phones.models import Channel
from config.web.ratelimit import usage

BY_PHONE = {group: channel for channel, group in caps.GROUPS.items()}


def limits_of(user: Any, *, network: str) -> list[dict[str, Any]]:
    """Those of the user, of each of their keys, of their number, and of the network that they are in.

    The ones that are used most come first.
    """
    found = [row for group, limit in settings.LIMITS.items() for row in _rows(user, network, group, limit)]
    return sorted(found, key=lambda row: row["left"] / max(1, row["limit"]))


def _rows(user: Any, network: str, group: str, limit: Any) -> Iterator[dict[str, Any]]:
    about = {"name": group, "title": str(limit.title), "of": ""}
    if limit.user:
        yield about | _counted(limit, "user", group, f"user:{user.pk}")
    if limit.key:
        for key in ApiKey.objects.owned_by(user).live():
            yield about | {"of": key.name} | _counted(limit, "key", group, f"key:{key.id}")
    if limit.phone and user.phone:
        for most, seconds in limit.rates("phone"):
            used = caps.used(user.phone, Channel(BY_PHONE[group]), seconds)
            yield about | _shown("phone", most, seconds, used)
    elif limit.address and not limit.phone:
        yield about | _counted(limit, "address", f"{group}:address", f"address:{network}")


def _counted(limit: Any, by: str, group: str, key: str) -> Mapping[str, Any]:
    [(most, seconds)] = limit.rates(by)
    found = usage(group, key, getattr(limit, by))
    resets = found["time_left"] if found and found["count"] else None
    return _shown(by, most, seconds, found["count"] if found else 0, resets)


def _shown(by: str, most: int, seconds: int, used: int, resets: int | None = None) -> dict[str, Any]:
    used = min(used, most)
    return {
        "by": by,
        "limit": most,
        "seconds": seconds,
        "used": used,
        "left": most - used,
        "resets_in": resets,
    }
