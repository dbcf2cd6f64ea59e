"""The avatar: a drawn person who looks like somebody, and may be corrected by hand. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ml.drawn.people import BEARDS, EYE_COLOURS, HAIR_COLOURS, HAIR_STYLES, MORE_HAIR_STYLES, Person
from ml.errors import MLError
from ml.vocabulary import GLASSES

LABEL = "drawn avatar by the built-in engine"  # what every picture and report of such a twin says
CUTS = (*HAIR_STYLES, *MORE_HAIR_STYLES)
# What can be corrected, by choice or by a number from 0 to 1, with the code of the error.
CHOICES: dict[str, tuple[tuple[str, ...], str]] = {
    "hair": (CUTS, "avatar_unknown_hair"),
    "hair_colour": (tuple(HAIR_COLOURS), "avatar_unknown_hair_colour"),
    "eyes": (tuple(EYE_COLOURS), "avatar_unknown_eyes"),
    "beard": (BEARDS, "avatar_unknown_beard"),
    "glasses": (GLASSES, "avatar_unknown_glasses"),
}
OUT_OF_RANGE = "avatar_out_of_range"


@dataclass(frozen=True)
class Avatar:
    """The drawing program's person of somebody, and the glasses they wear. `confidence`: 0..1 by trait.
    `notes`: codes of what was not found, see ml.avatar.traits.NOTES."""

    person: Person
    glasses: str = "none"
    confidence: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """As plain data, for a file or a database; `from_facts` reads it."""
        return asdict(self) | {"notes": list(self.notes)}


def from_facts(facts: Mapping[str, Any]) -> Avatar:
    """MLError `avatar_unreadable` for what is no avatar, and the errors of `corrected`."""
    try:
        person = dict(facts["person"])
        person["mole"] = tuple(person["mole"]) if person.get("mole") else None
        avatar = Avatar(Person(**person), notes=tuple(facts["notes"]), confidence=dict(facts["confidence"]))
        checked = corrected(avatar, **(traits_of(avatar) | {"glasses": facts["glasses"]}))
        return replace(checked, confidence=avatar.confidence)
    except (KeyError, TypeError, ValueError) as e:
        raise MLError("avatar_unreadable", "This avatar cannot be read. Make it anew.") from e


def traits_of(avatar: Avatar) -> dict[str, Any]:
    """What can be corrected, as it is now: the arguments of `corrected`."""
    return {
        name: avatar.glasses if name == "glasses" else getattr(avatar.person, name)
        for name in (*CHOICES, "skin")
    }


def corrected(
    avatar: Avatar,
    *,
    hair: str | None = None,
    hair_colour: str | None = None,
    eyes: str | None = None,
    skin: float | None = None,
    glasses: str | None = None,
    beard: str | None = None,
) -> Avatar:
    """The avatar with what its person has corrected by hand; None leaves a trait as it is. `skin`: 0 fair ..
    1 darkest. MLError with a code for each trait."""
    changes: dict[str, Any] = {"hair": hair, "hair_colour": hair_colour, "eyes": eyes, "beard": beard}
    changes = {name: value for name, value in (changes | {"glasses": glasses}).items() if value is not None}
    for name, value in changes.items():
        known, code = CHOICES[name]
        if value not in known:
            what = name.replace("_", " ")
            raise MLError(code, f"This {what} cannot be drawn. Choose one of: {', '.join(known)}.")
    if skin is not None:
        changes["skin"] = in_range(skin)
    kept = avatar.confidence | dict.fromkeys(changes, 1.0)
    worn = changes.pop("glasses", avatar.glasses)
    return Avatar(replace(avatar.person, **changes), worn, kept, avatar.notes)


def in_range(value: float) -> float:
    if not 0 <= value <= 1:  # also refuses NaN
        raise MLError(OUT_OF_RANGE, "The tone of the skin goes from 0, fair, to 1, dark.")
    return float(value)
