"""The price list, in credits. The studio's button, POST /quote and the hold all read it here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext_lazy as _

from billing.models import Price
from config.errors import Invalid

DELIVERED = {"draft": 1, "standard": 1, "high": 2, "training": 20, "video_second": 5, "restoration": 1}

# kind -> function (user, fields of the request) -> price. Each app registers its kinds in apps.py.
_by_kind: dict[str, Callable[[Any, dict[str, Any]], int]] = {}


def register(kind: str, price: Callable[[Any, dict[str, Any]], int]) -> None:
    _by_kind[kind] = price


def listed() -> dict[str, int]:
    """All prices: {code: credits}, as set by staff, else from DELIVERED."""
    return DELIVERED | dict(Price.objects.values_list("code", "credits"))


def quote(user: Any, kind: str, fields: dict[str, Any]) -> int:
    """What a request would cost this user now. Raises Invalid for a kind that is not for sale."""
    if kind not in _by_kind:
        raise Invalid(
            errors={"kind": [str(_("Choose one of: %(kinds)s.") % {"kinds": ", ".join(sorted(_by_kind))})]}
        )
    return _by_kind[kind](user, fields)


def pictures(quality: str, count: int) -> int:
    return listed()[quality] * count


def training() -> int:
    """The price of a training; the first one in each twin slot is free."""
    return listed()["training"]


def video(seconds: int) -> int:
    return listed()["video_second"] * seconds


def restoration() -> int:
    return listed()["restoration"]
