"""Rate limits per user, or per network for clients who are not logged in. Without Redis they are off."""

from __future__ import annotations

import contextlib
import functools
import ipaddress
from collections.abc import Callable
from typing import Any

import redis
from allauth.core.internal.ratelimit import truncate_ip
from django.conf import settings
from django.http.response import HttpResponseBase
from django_ratelimit.core import get_usage

from config.errors import RateLimited


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


def who(_group: str, request: Any) -> str:
    user = getattr(request, "user", None)
    return f"user:{user.pk}" if user is not None and user.is_authenticated else f"address:{network(request)}"


def at(_group: str, request: Any) -> str:
    """The network alone, whoever is logged in."""
    return f"address:{network(request)}"


def _usage(request: Any, group: str, rate: str, key: Any = who) -> dict[str, Any] | None:
    """None when Redis is away."""
    try:
        return get_usage(request, group=group, key=key, rate=rate, method=request.method, increment=True)
    except redis.RedisError:
        return None


def limited(rate: str, group: str, *, by_address: str = "") -> Callable[[Any], Any]:
    """Decorates a view, a helper of one, or an API method: at most `rate` ("60/m") calls of `group` for each
    user; with `by_address` also at most so many from one network, whoever is logged in there.

    Raises RateLimited.
    """

    def decorate(method: Any) -> Any:
        @functools.wraps(method)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            request = next(a for a in args[:2] if hasattr(a, "META"))
            found = [(_usage(request, group, rate), rate, "default")]
            if by_address:
                found.append((_usage(request, f"{group}:address", by_address, at), by_address, "address"))
            counted = [(usage, each, name) for usage, each, name in found if usage]
            for usage, each, name in counted:
                if usage["should_limit"]:
                    raise refusal(usage, each, name)
            response = method(*args, **kwargs)
            if isinstance(response, HttpResponseBase):  # helpers of views answer something else
                for header in ("RateLimit-Policy", "RateLimit") if counted else ():
                    response[header] = ", ".join(headers(*one)[header] for one in counted)
            return response

        wrapper.rate = rate  # type: ignore[attr-defined]  # read by the API's description
        return wrapper

    return decorate


def count_call(request: Any, *, group: str, key: str, rate: str) -> None:
    """Counts a call of `group`, of any method, by whoever `key` names. Raises RateLimited."""
    try:
        usage = get_usage(request, group=group, key=lambda *_: key, rate=rate, increment=True)
    except redis.RedisError:
        return
    if usage and usage["should_limit"]:
        raise refusal(usage, rate, group)


def refusal(usage: dict[str, Any], rate: str, name: str = "default") -> RateLimited:
    error = RateLimited()
    error.headers = headers(usage, rate, name) | {"Retry-After": str(max(1, usage["time_left"]))}  # type: ignore[attr-defined]
    return error


def headers(usage: dict[str, Any], rate: str, name: str = "default") -> dict[str, str]:
    """The headers RateLimit-Policy and RateLimit of the IETF draft, for the policy of this name."""
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86400}[rate.split("/")[1][-1]]
    left = max(0, usage["limit"] - usage["count"])
    return {
        "RateLimit-Policy": f'"{name}";q={usage["limit"]};w={seconds}',
        "RateLimit": f'"{name}";r={left};t={max(0, usage["time_left"])}',
    }
