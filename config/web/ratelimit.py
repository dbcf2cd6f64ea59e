"""Rate limits per user, or per network for clients who are not logged in. Without Redis they are off.

The rates are those of `settings.LIMITS` (config/start/limits.py), looked up by the name of their group.
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import redis
from allauth.core.internal.ratelimit import truncate_ip
from django.conf import settings
from django.http.response import HttpResponseBase
from django_ratelimit.core import get_usage

from config.errors import RateLimited

CHANGES = ("DELETE", "PATCH", "POST", "PUT")  # counted together; GET and HEAD are counted apart


def address(request: Any) -> str:
    """The client's IP address. In X-Forwarded-For only the addresses appended by our PROXIES count."""
    if settings.PROXIES:
        hops = [h.strip() for h in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if h.strip()]
        if len(hops) >= settings.PROXIES:
            return _plain(hops[-settings.PROXIES])
    return _plain(str(request.META.get("REMOTE_ADDR", "")))


def _plain(address: str) -> str:
    """An IPv4 address that came as an IPv6 one (::ffff:192.0.2.1), as IPv4: allauth counts IPv6 by /64, which
    would be one for all of these."""
    with contextlib.suppress(ValueError):
        mapped = getattr(ipaddress.ip_address(address), "ipv4_mapped", None)
        return str(mapped or address)
    return address


def network(request: Any) -> str:
    """What counts as one client: an IPv4 address, or an IPv6 network of /64. A connection has at least a
    whole /64, so who is counted by single addresses is not limited. allauth's limits count alike."""
    return truncate_ip(address(request))


def who(request: Any) -> str:
    user = getattr(request, "user", None)
    return f"user:{user.pk}" if user is not None and user.is_authenticated else at(request)


def at(request: Any) -> str:
    """The network alone, whoever is logged in."""
    return f"address:{network(request)}"


def usage(group: str, key: str, rate: str, method: str = "POST", *, count: bool = False) -> Any:
    """How much of a rate `key` has used: django_ratelimit's dict. None when Redis is away.

    `count` counts one call. `method` is that of the call.
    """
    methods: Any = CHANGES if method in CHANGES else (method,)
    asked = SimpleNamespace(method=method)
    try:
        return get_usage(asked, group=group, key=lambda *_: key, rate=rate, method=methods, increment=count)
    except redis.RedisError:
        return None


def _counted(request: Any, group: str) -> list[tuple[dict[str, Any], str, str]]:
    """Counts a call by its person and by its network: (usage, rate, name) of each limit that there is."""
    limit = settings.LIMITS[group]
    asked = [
        (group, who(request), limit.user, "default"),
        (f"{group}:address", at(request), limit.address, "address"),
    ]
    found = [
        (usage(name, key, rate, request.method, count=True), rate, policy)
        for name, key, rate, policy in asked
        if rate
    ]
    return [one for one in found if one[0]]


def limited(group: str) -> Callable[[Any], Any]:
    """Decorates a view, a helper of one, or an API method: it is called as often as `settings.LIMITS[group]`
    allows one person, and one network.

    Raises RateLimited.
    """

    def decorate(method: Any) -> Any:
        @functools.wraps(method)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            request = next(a for a in args[:2] if hasattr(a, "META"))
            counted = _counted(request, group)
            for used, rate, name in counted:
                if used["should_limit"]:
                    raise refusal(used, rate, name)
            response = method(*args, **kwargs)
            if isinstance(response, HttpResponseBase):  # helpers of views answer something else
                for header in ("RateLimit-Policy", "RateLimit") if counted else ():
                    response[header] = ", ".join(headers(*one)[header] for one in counted)
            return response

        wrapper.limit = settings.LIMITS[group]  # type: ignore[attr-defined]  # read by the API's description
        return wrapper

    return decorate


def count_call(request: Any, *, group: str, key: str, rate: str) -> None:
    """Counts a call of `group`, of any method, by whoever `key` names. Raises RateLimited."""
    used = usage(group, key, rate, count=True)
    if used and used["should_limit"]:
        raise refusal(used, rate, group)


def refusal(used: dict[str, Any], rate: str, name: str = "default") -> RateLimited:
    error = RateLimited()
    error.headers = headers(used, rate, name) | {"Retry-After": str(max(1, used["time_left"]))}  # type: ignore[attr-defined]
    return error


def headers(used: dict[str, Any], rate: str, name: str = "default") -> dict[str, str]:
    """The headers RateLimit-Policy and RateLimit of the IETF draft, for the policy of this name."""
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86400}[rate.split("/")[1][-1]]
    left = max(0, used["limit"] - used["count"])
    return {
        "RateLimit-Policy": f'"{name}";q={used["limit"]};w={seconds}',
        "RateLimit": f'"{name}";r={left};t={max(0, used["time_left"])}',
    }
