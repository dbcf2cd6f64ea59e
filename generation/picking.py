"""The engines that the studio offers: which of them makes pictures of which twin, their prices and words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import ngettext

from billing import prices
from billing.engines import choice, offers
from billing.engines.choice import Card
from config.errors import DomainError
from config.studio import get_base
from config.web.labels import ERA_NAMES, QUALITY_NAMES
from ml import demonstration
from ml.catalogue import Base
from ml.prompts import known_eras
from ml.types import QUALITIES
from twins.demonstration import DEMONSTRATION
from twins.models import Twin

NOBODY = ""  # stands for a twin's id: pictures of nobody in particular


@dataclass(frozen=True)
class Picking:
    """`fitting`: twin's id (or NOBODY) -> the profiles that make its pictures, the usual one first."""

    cards: Sequence[Card]
    fitting: dict[str, list[str]]

    def chosen(self, twin: str, wanted: str) -> str:
        """The wanted profile if it makes pictures of this twin, else the usual one; "" without any."""
        able = self.fitting.get(twin, [])
        return wanted if wanted in able else next(iter(able), "")

    def eras(self) -> dict[str, Any]:
        """The times that one of these engines knows, with their names."""
        known = {era for card in self.cards for era in known_eras(card.base)}
        return {era: name for era, name in ERA_NAMES.items() if era in known}

    def for_script(self) -> str:
        """What static/studio.js reads: fitting, who is free, and what each engine costs and knows."""
        each = {card.profile: card.profile for card in self.cards}
        return json.dumps(
            {
                "fitting": self.fitting,
                "free": str(DEMONSTRATION),
                "prices": {p: {q: float(n) for q, n in prices.per_picture(p).items()} for p in each},
                "qualities": {p: qualities(p) for p in each},
                "eras": {p: known_eras(get_base(p)) for p in each},
                "steps": {p: dict(zip(QUALITIES, get_base(p).steps)) for p in each},
            }
        )


def picking(user: Any, twins: Iterable[Twin], *, video: bool = False) -> Picking:
    """`twins` with their active trainings. `video`: the engines that make clips alone."""
    cards = [card for card in choice.cards(user) if card.included and (card.base.video or not video)]
    usable = [card.base for card in cards]
    fitting = {str(twin.id): _of_twin(twin, usable) for twin in twins}
    if not video and any(demonstration.fits(base) for base in usable):
        fitting[str(DEMONSTRATION)] = [demonstration.BASE]
    return Picking(cards, fitting | {NOBODY: _first(_default(user), [base.name for base in usable])})


def _of_twin(twin: Twin, usable: list[Base]) -> list[str]:
    version = twin.active_training
    if version is None:
        return []
    found = [base.name for base in offers.serving_among(usable, version)]
    return _first(version.base, found)


def _first(usual: str, names: list[str]) -> list[str]:
    return sorted(names, key=lambda name: name != usual)


def _default(user: Any) -> str:
    try:
        return offers.default(user)
    except DomainError:
        return ""


def qualities(profile: str) -> dict[str, str]:
    """Quality -> its name with what a picture of it costs on this engine."""
    listed = prices.listed(profile)
    return {code: f"{name} · {_each(code, listed[code])}" for code, name in QUALITY_NAMES.items()}


def _each(quality: str, n: int) -> str:
    if (pictures := prices.PICTURES.get(quality, 1)) > 1:
        words = ngettext("%(n)s credit for %(of)s", "%(n)s credits for %(of)s", n)
        return words % {"n": n, "of": pictures}
    return ngettext("%(n)s credit each", "%(n)s credits each", n) % {"n": n}
