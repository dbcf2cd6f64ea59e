"""A drawing as plain values: numbers and choices, so that a net can read them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from ml import vocabulary
from ml.drawn.people import BEARDS, EYE_COLOURS, HAIR_COLOURS, HAIR_STYLES, MORE_HAIR_STYLES, Person, Scene
from ml.types import STYLES

# Values that are numbers, with the least and the greatest that are drawn for the training.
NUMBERS: dict[str, tuple[float, float]] = {
    "age": (0, 1),
    "skin": (0, 1),
    "tint": (-1, 1),
    "chroma": (0.4, 1),
    "hair_shade": (0.8, 1.2),
    "width": (0.67, 0.82),
    "jaw": (1.7, 3.2),
    "eye_size": (0.85, 1.25),
    "eye_gap": (0.29, 0.38),
    "eye_slant": (-0.22, 0.22),
    "brow": (0.022, 0.085),
    "brow_arch": (0, 0.1),
    "nose": (0.15, 0.3),
    "nose_width": (0.085, 0.16),
    "nose_length": (0.34, 0.46),
    "mouth": (0.22, 0.33),
    "lips": (0.05, 0.12),
    "mole_x": (-0.42, 0.42),
    "yaw": (-35, 35),
    "pitch": (-11, 11),
    "roll": (-13, 13),
    "size": (0.52, 0.68),
    "dx": (-0.1, 0.1),
    "dy": (-0.16, 0.04),
}
# Values that are one of several.
CHOICES: dict[str, tuple[Any, ...]] = {
    "gender": ("woman", "man"),
    "hair": (*HAIR_STYLES, *MORE_HAIR_STYLES),
    "hair_colour": tuple(HAIR_COLOURS),
    "eyes": tuple(EYE_COLOURS),
    "beard": BEARDS,
    "freckles": (0.0, 0.6, 1.0),
    "mole_y": (None, 0.3, 0.74, -0.36),
    "background": vocabulary.BACKGROUNDS,
    "backdrop": tuple(vocabulary.COLOURS),
    "clothes": vocabulary.CLOTHES,
    "colour": tuple(vocabulary.COLOURS),
    "light": vocabulary.LIGHTS,
    "side": (-1, 1),
    "expression": vocabulary.EXPRESSIONS,
    "glasses": vocabulary.GLASSES,
    "hat": vocabulary.HATS,
    "hat_colour": tuple(vocabulary.COLOURS),
    "style": STYLES,
}
LENGTHS = [len(names) for names in CHOICES.values()]
OF_PERSON = [name for name in Person.__dataclass_fields__ if name != "mole"]


def values_of(person: Person, scene: Scene) -> tuple[list[float], list[int]]:
    """What the net shall read in a drawing: NUMBERS in -1..1, and the places in CHOICES; NaN and -1 for what
    the drawing does not show."""
    x, y = person.mole or (float("nan"), None)
    seen = asdict(scene) | asdict(person) | {"mole_x": x, "mole_y": y}
    if scene.background != "studio":
        seen["backdrop"] = None
    if scene.hat == "none":
        seen["hat_colour"] = None
    numbers = [2 * (seen[name] - low) / (high - low) - 1 for name, (low, high) in NUMBERS.items()]
    places = [names.index(seen[name]) if seen[name] in names else -1 for name, names in CHOICES.items()]
    return numbers, places


def drawing_of(numbers: np.ndarray, places: np.ndarray, arrangement: int) -> tuple[Person, Scene]:
    """The person and the scene that these values mean; `arrangement` is the background's seed."""
    said: dict[str, Any] = {name: names[int(at)] for (name, names), at in zip(CHOICES.items(), places)}
    for (name, (low, high)), at in zip(NUMBERS.items(), np.clip(numbers, -1, 1)):
        said[name] = float(low + (at + 1) / 2 * (high - low))
    x, y = said.pop("mole_x"), said.pop("mole_y")
    person = Person(**{name: said.pop(name) for name in OF_PERSON}, mole=None if y is None else (x, y))
    return person, Scene(**said, arrangement=arrangement)
