"""What the avatar's part of a twin's page shows: the drawing, its controls, the other engines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from billing.engines import choice
from config.studio import get_base
from twins import checks
from twins.avatars.sentences import CHOICES, TRAITS
from twins.avatars.serializers import show_avatar
from twins.models import Twin

SKIN_STEPS = 20  # of the slider, from fair to dark
SWATCHES = ("hair_colour", "eyes")  # shown as colours


@dataclass(frozen=True)
class Control:
    """One trait to correct. `options`: (value, label, whether it is chosen); none for the skin."""

    name: str
    label: Any
    value: Any
    options: tuple[tuple[str, Any, bool], ...]
    corrected: bool

    @property
    def look(self) -> str:
        if self.name in SWATCHES:
            return "swatches"
        return "range" if not self.options else "select" if len(self.options) > 5 else "chips"


def panel(twin: Twin, chosen: Any = None) -> dict[str, Any]:
    """`chosen`: the offer (twins.engines) that is chosen for the next training, if any. Nothing is shown
    while a training runs, nor where none can begin. Needs with_older()."""
    if chosen is None or twin.disabled_at or twin.is_read_only:
        return {"avatar": None}
    shown = show_avatar(twin)
    if not shown["needed"]:
        return {"avatar": None}
    cards = [card for card in choice.cards(twin.user, trains=True) if card.base.photorealistic]
    return {
        "avatar": shown,
        "controls": controls(shown),
        "can_draw": can_draw(twin),
        "draws": not get_base(chosen.card.profile).photorealistic,
        "photographic": [card for card in cards if card.included and not (card.service and twin.of_other)],
        "photographic_elsewhere": [card for card in cards if not card.included],
        "skin_step": 1 / SKIN_STEPS,
    }


def can_draw(twin: Twin) -> bool:
    """Whether there are photos enough, all of one person."""
    ready = checks.readiness(list(twin.photos.accepted()))
    return not (ready.needed or ready.people)


def controls(shown: dict[str, Any]) -> list[Control]:
    traits = shown["traits"] or {}
    return [_control(name, traits[name], name in shown["corrected"]) for name in TRAITS if name in traits]


def _control(name: str, value: Any, corrected: bool) -> Control:
    value = round(value * SKIN_STEPS) / SKIN_STEPS if name == "skin" else value
    options = tuple((each, label, each == value) for each, label in CHOICES.get(name, {}).items())
    return Control(name, TRAITS[name], value, options, corrected)
