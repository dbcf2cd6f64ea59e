"""A drawing: who and what the drawing program draws; as plain data, and after a movement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from ml.drawn.people import Person, Scene
from ml.drawn.values import CHOICES

Drawing = tuple[Person, Scene]

# Degrees at the end of a movement: of the head to a side and down, of the light round the head.
TURN, NOD, SUN = 14.0, 9.0, 45.0
TURNED_MOST = 42.0  # degrees of a head that turns further


def to_facts(drawing: Drawing) -> dict[str, Any]:
    return {"person": asdict(drawing[0]), "scene": asdict(drawing[1])}


def from_facts(facts: Mapping[str, Any]) -> Drawing | None:
    """The drawing of `to_facts`; None for one of another version of the drawing program."""
    try:
        person = dict(facts["person"])
        person["mole"] = tuple(person["mole"]) if person["mole"] else None
        said = person | facts["scene"]
        known = all(said[name] in CHOICES[name] for name in CHOICES if isinstance(said.get(name), str))
        return (Person(**person), Scene(**facts["scene"])) if known else None
    except (KeyError, TypeError):
        return None


def moved(scene: Scene, levels: Mapping[str, float]) -> Scene:
    """The scene after movements that have gone so far, see ml/moving.py: blink, smile, turn, nod, light."""
    yaw = scene.yaw + TURN * levels.get("turn", 0.0)
    most = max(TURNED_MOST, abs(scene.yaw))
    return replace(
        scene,
        blink=levels.get("blink", 0.0),
        joy=levels.get("smile", 0.0),
        yaw=min(max(yaw, -most), most),
        pitch=scene.pitch + NOD * levels.get("nod", 0.0),
        sun=scene.sun + SUN * levels.get("light", 0.0),
    )
