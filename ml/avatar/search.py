"""Searches for the shape of the face by drawing it: what a drawing in the photo's pose shows in the face's
frame is compared with the photo, trait by trait. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np

from ml.avatar.combine import Measured
from ml.avatar.pose import drawn_in
from ml.avatar.views import FACE, A
from ml.drawn.people import Person, Scene

SIDE = 64  # px: what is finer differs between photos and drawings
VIEWS = 3  # that are compared: the best lit
# Of each trait: its range, and the steps of the first round, halved after two rounds.
RANGES: dict[str, tuple[float, float, float]] = {
    "eye_slant": (-0.22, 0.22, 0.12),
    "eye_size": (0.85, 1.25, 0.10),
    "eye_gap": (0.29, 0.38, 0.012),
    "brow": (0.022, 0.085, 0.012),
    "brow_arch": (0.0, 0.10, 0.03),
    "nose_width": (0.085, 0.16, 0.02),
    "nose_length": (0.34, 0.46, 0.02),
    "mouth": (0.22, 0.33, 0.02),
    "lips": (0.05, 0.12, 0.012),
    "jaw": (1.7, 3.2, 0.3),
}
ROUNDS = 4
STAY = 0.001  # cost of a step of the first round away from what was measured


@dataclass(frozen=True)
class Target:
    """A view to be drawn: its face in relief, its yaw, the expression that drawings of it have."""

    relief: A  # (64, 64)
    yaw: float
    scene: Scene


def refined(person: Person, glasses: str, seen: Sequence[Measured]) -> tuple[Person, dict[str, float]]:
    """The person with a better fitting face, and how well the face's shape fits: `face`, 0..1."""
    best_lit = sorted(seen, key=lambda one: -one.trust)[:VIEWS]
    targets = [target_of(one, person, glasses) for one in best_lit]
    start, cost = person, cost_of(person, person, targets)
    for again in range(ROUNDS):
        for name, (low, high, step) in RANGES.items():
            here = getattr(person, name)
            for move in (-step / 2 ** (again // 2), step / 2 ** (again // 2)):
                value = float(np.clip(here + move, low, high))
                other: Person = replace(person, **{name: value})  # type: ignore[arg-type]
                found = cost_of(other, start, targets)
                if found < cost:
                    person, cost = other, found
    return person, {"face": round(float(np.clip(1.5 - cost, 0, 1)), 2)}


def cost_of(person: Person, start: Person, targets: Sequence[Target]) -> float:
    """The mean distance of the drawings from the views, 0..2, and what the steps from `start` cost."""
    away = [distance(relief_of(drawing(person, one.yaw, one.scene)), one.relief) for one in targets]
    steps = [(getattr(person, n) - getattr(start, n)) / step for n, (_, _, step) in RANGES.items()]
    return float(np.mean(away) + STAY * np.square(steps).sum())


def target_of(one: Measured, person: Person, glasses: str) -> Target:
    relief, yaw = relief_of(one.view.face), one.view.yaw
    scenes = [Scene(expression=e, glasses=glasses, backdrop="white") for e in ("neutral", "smiling")]
    return Target(
        relief, yaw, min(scenes, key=lambda s: distance(relief_of(drawing(person, yaw, s)), relief))
    )


def drawing(person: Person, yaw: float, scene: Scene) -> A:
    return drawn_in(FACE, person, yaw, scene, side=SIDE)


def relief_of(face: A) -> A:
    """(64, 64): lightness without its slow changes, which are the light's, of one mean size."""
    light = cv2.cvtColor(cv2.resize(face, (SIDE, SIDE), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2LAB)
    values = light[..., 0].astype(np.float32)
    fine = cv2.GaussianBlur(values, (0, 0), 1.2) - cv2.GaussianBlur(values, (0, 0), 6.0)
    fine = np.tanh(fine / (2.5 * fine[oval() > 0.5].std() + 1e-3))
    return np.asarray(fine / (np.sqrt((oval() * fine**2).mean()) + 1e-6))


def distance(a: A, b: A) -> float:
    """1 minus the correlation inside the face, 0..2."""
    return float(1 - (oval() * a * b).mean())


@cache
def oval() -> A:
    """(64, 64): the weight of each place; of mean 1."""
    x, y = (cv2.resize(g, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for g in FACE.grid)
    inside = np.clip((1 - np.hypot(x / 0.72, (y - 0.25) / 0.85)) / 0.15, 0, 1)
    return np.asarray(inside / inside.mean(), np.float32)
