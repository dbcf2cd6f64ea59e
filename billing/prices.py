"""The price list, in credits. The studio's button, POST /quote and the hold all read it here.

A picture costs by its work, the sampling steps: the price of the cheapest quality that takes as many. So no
request gets more steps for a credit than the price list gives. An engine may have prices of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from django.utils.translation import gettext_lazy as _

from billing.models import Price
from config.errors import Invalid
from config.web.once import once
from ml.catalogue import BASES, Base, steps_of
from ml.types import QUALITIES

# A draft's price is that of two pictures: it is half the work of a standard one.
PICTURES = {"draft": 2}
DELIVERED = {"draft": 1, "standard": 1, "high": 2, "training": 20, "video_second": 5, "restoration": 1}
# A hosted engine's own prices. fal bills pictures by their size alone, so a draft costs as much as any other.
DELIVERED_BY_ENGINE = {"fal": {"draft": 2, "standard": 1, "high": 2, "training": 80}}
BY_ENGINE = (*QUALITIES, "training")  # the codes of which an engine may have prices of its own

Quote = dict[str, int]  # `credits`, and what else to know before the request (billing.serializers)
Quoting = Callable[[Any, dict[str, Any]], Quote]  # (user, fields of the request) -> quote

_by_kind: dict[str, Quoting] = {}  # each app registers its kinds in apps.py


def register(kind: str, quoting: Quoting) -> None:
    _by_kind[kind] = quoting


def listed(profile: str = "") -> dict[str, int]:
    """All prices: {code: credits}, as set by staff, else from DELIVERED. With `profile` those of this engine:
    its own where it has any, as set by staff or delivered, else the general ones."""
    by_staff = _by_staff()
    general = DELIVERED | {code: n for code, n in by_staff.items() if ":" not in code}
    return general | _own(profile, by_staff)


@once
def _by_staff() -> dict[str, int]:
    return dict(Price.objects.values_list("code", "credits"))


def _own(profile: str, by_staff: dict[str, int]) -> dict[str, int]:
    """The prices that are this engine's own."""
    prefix = f"{profile}:"
    set_here = {code.removeprefix(prefix): n for code, n in by_staff.items() if code.startswith(prefix)}
    return DELIVERED_BY_ENGINE.get(profile, {}) | set_here


def quote(user: Any, kind: str, fields: dict[str, Any]) -> Quote:
    """What a request would cost this user now. Raises Invalid for a kind that is not for sale."""
    if kind not in _by_kind:
        raise Invalid(
            errors={"kind": [str(_("Choose one of: %(kinds)s.") % {"kinds": ", ".join(sorted(_by_kind))})]}
        )
    return _by_kind[kind](user, fields)


def per_picture(profile: str = "") -> dict[str, Fraction]:
    """Quality -> credits for one picture, in the order of QUALITIES."""
    prices = listed(profile)
    return {quality: Fraction(prices[quality], PICTURES.get(quality, 1)) for quality in QUALITIES}


def pictures(base: Base, quality: str, count: int, steps: int | None = None) -> int:
    """The price of `count` pictures, rounded up. `steps` replace those of the quality; beyond those of the
    highest quality the price grows in proportion."""
    wanted, each = steps_of(base, quality, steps), per_picture(base.name)
    enough = (each[name] for name in QUALITIES if steps_of(base, name) >= wanted)
    most = Fraction(wanted, steps_of(base, QUALITIES[-1])) * each[QUALITIES[-1]]
    return math.ceil(count * next(enough, most))


def training(base: Base | None = None) -> int:
    """The price of a training; the first one in each twin slot may be free. A base without a price of its own
    that takes more steps than the built-in one costs more in proportion."""
    if base is None:
        return listed()["training"]
    own = _own(base.name, _by_staff()).get("training")
    if own is not None:
        return own
    steps = BASES["nano"].recipe.steps_most
    return math.ceil(Fraction(max(steps, base.recipe.steps_most), steps) * listed()["training"])


def of_engine(base: Base) -> dict[str, int]:
    """The prices of an engine by code, those that it may have of its own (BY_ENGINE)."""
    by_code = listed(base.name) | {"training": training(base)}
    return {code: by_code[code] for code in BY_ENGINE if base.trains or code != "training"}


def video(seconds: int) -> int:
    return listed()["video_second"] * seconds


def video_second(base: Base) -> int | None:
    """None for an engine that makes no clips."""
    return video(1) if base.video else None


def restoration() -> int:
    return listed()["restoration"]
