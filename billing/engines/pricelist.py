"""The price list as a page: a column for each engine, and on which engines the first training is free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from billing import prices
from billing.engines import offers
from config.web.labels import engine_name
from ml.catalogue import Base

FURTHER, FIRST = _("Each further training"), _("The first training of each twin")
SECOND = _("A second of video")
WORK = (
    (_("A picture"), "standard"),
    (_("Two pictures as drafts, or one"), "draft"),
    (_("A picture in high quality"), "high"),
)


@dataclass(frozen=True)
class PriceList:
    """`rows`: (what, the credits by engine); None where an engine does not do it."""

    names: tuple[Any, ...]
    rows: tuple[tuple[Any, list[int | None]], ...]


def offered() -> list[Base]:
    return [base for base in offers.configured() if offers.is_offered(base.name)]


def price_list() -> PriceList:
    bases = offered()
    each = [prices.of_engine(base) for base in bases]
    first = [
        0 if base.trains and offers.free_first(base.name) else own.get("training")
        for base, own in zip(bases, each, strict=True)
    ]
    work = [(what, [own.get(code) for own in each]) for what, code in WORK]
    work += [(SECOND, [prices.video_second(base) for base in bases])]
    trainings = [(FIRST, first), (FURTHER, [own.get("training") for own in each])]
    return PriceList(tuple(engine_name(base.name) for base in bases), (*work, *trainings))


def usual() -> Base | None:
    """The engine that a visitor would use: the one of this installation, if it is offered."""
    bases = offered()
    return next((base for base in bases if base.name == settings.STUDIO_PROFILE), next(iter(bases), None))


def buys(credits: int) -> dict[str, Any]:
    """What so many credits are, spent on one thing alone with the usual engine; 0 of what it does not do."""
    base = usual()
    if base is None:
        return {}
    each, second = prices.of_engine(base), prices.video_second(base)
    return {
        "engine": engine_name(base.name),
        "pictures": credits // max(each["standard"], 1),
        "seconds": credits // second if second else 0,
    }


def is_hosted_here() -> bool:
    """Whether an engine of another company is offered here."""
    return any(base.service for base in offered())


def first_training() -> dict[str, Any]:
    """On which engines the first training of a twin slot is free: `all` of them, or only those in `names`."""
    able = [base for base in offered() if base.trains]
    free = [base for base in able if offers.free_first(base.name)]
    return {"all": bool(able) and free == able, "names": ", ".join(str(engine_name(b.name)) for b in free)}
