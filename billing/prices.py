"""The one list of prices, in credits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext_lazy as _

from config.errors import Invalid

PICTURE = {"draft": 1, "standard": 1, "high": 2}  # a picture
TRAINING = 20  # each but the first in a twin slot

# kind -> price of its request's fields for a user; each app adds its own from apps.py.
_by_kind: dict[str, Callable[[Any, dict[str, Any]], int]] = {}


def register(kind: str, price: Callable[[Any, dict[str, Any]], int]) -> None:
    _by_kind[kind] = price


def quote(user: Any, kind: str, fields: dict[str, Any]) -> int:
    """What a request would cost this user now. Raises Invalid for a kind that is not for sale."""
    if kind not in _by_kind:
        raise Invalid(errors={"kind": [str(_("Choose one of: %(kinds)s.") % {"kinds": ", ".join(sorted(_by_kind))})]})
    return _by_kind[kind](user, fields)


def pictures(quality: str, count: int) -> int:
    return PICTURE[quality] * count
