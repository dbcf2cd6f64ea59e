"""The price list, in credits. The studio's button, POST /quote and the hold all read it here.

A picture costs by its work, the sampling steps: the price of the cheapest quality that takes as many. So no
request gets more steps for a credit than the price list gives.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from django.utils.translation import gettext_lazy as _

from billing.models import Price
from config.errors import Invalid
from ml.catalogue import BASES, Base, steps_of
from ml.types import QUALITIES

# A draft's price is that of two pictures: it is half the work of a standard one.
PICTURES = {"draft": 2}
DELIVERED = {"draft": 1, "standard": 1, "high": 2, "training": 20, "video_second": 5, "restoration": 1}

Quote = dict[str, int]  # `credits`, and what else to know before the request (billing.serializers)
Quoting = Callable[[Any, dict[str, Any]], Quote]  # (user, fields of the request) -> quote

_by_kind: dict[str, Quoting] = {}  # each app registers its kinds in apps.py


def register(kind: str, quoting: Quoting) -> None:
    _by_kind[kind] = quoting


def listed() -> dict[str, int]:
    """All prices: {code: credits}, as set by staff, else from DELIVERED."""
    return DELIVERED | dict(Price.objects.values_list("code", "credits"))


def quote(user: Any, kind: str, fields: dict[str, Any]) -> Quote:
    """What a request would cost this user now. Raises Invalid for a kind that is not for sale."""
    if kind not in _by_kind:
        raise Invalid(
            errors={"kind": [str(_("Choose one of: %(kinds)s.") % {"kinds": ", ".join(sorted(_by_kind))})]}
        )
    return _by_kind[kind](user, fields)


def per_picture() -> dict[str, Fraction]:
    """Quality -> credits for one picture, cheapest first."""
    prices = listed()
    return {quality: Fraction(prices[quality], PICTURES.get(quality, 1)) for quality in QUALITIES}


def pictures(base: Base, quality: str, count: int, steps: int | None = None) -> int:
    """The price of `count` pictures, rounded up. `steps` replace those of the quality; beyond those of the
    highest quality the price grows in proportion."""
    wanted, each = steps_of(base, quality, steps), per_picture()
    enough = (each[name] for name in QUALITIES if steps_of(base, name) >= wanted)
    most = Fraction(wanted, steps_of(base, QUALITIES[-1])) * each[QUALITIES[-1]]
    return math.ceil(count * next(enough, most))


def training(base: Base | None = None) -> int:
    """The price of a training; the first one in each twin slot is free. On a base that takes more steps than
    the built-in one it grows in proportion."""
    steps = BASES["nano"].recipe.steps_most
    most = steps if base is None else max(steps, base.recipe.steps_most)
    return math.ceil(Fraction(most, steps) * listed()["training"])


def video(seconds: int) -> int:
    return listed()["video_second"] * seconds


def restoration() -> int:
    return listed()["restoration"]
