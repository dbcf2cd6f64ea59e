"""Puts the measures of several photos together: medians, votes, and how far both can be believed.

Torch-free."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ml.avatar.details import Details, details_of
from ml.avatar.hair import VIVID, Hair, hair_of
from ml.avatar.light import balanced, trust_in
from ml.avatar.skin import skin_colour
from ml.avatar.views import A, View


@dataclass(frozen=True)
class Measured:
    """One view in neutral light, with its measures. `trust` 0..1: how far its colours can be believed."""

    view: View
    trust: float
    skin: A
    hair: Hair
    details: Details


def measured(view: View) -> Measured:
    even = balanced(view)
    skin = skin_colour(even)
    in_shadow = 1.0 if view.drawn else float(np.clip((skin[0] - 20) / 40, 0.1, 1))
    return Measured(even, trust_in(view) * in_shadow, skin, hair_of(even), details_of(even))


def weighted_median(values: Sequence[float], weights: Sequence[float]) -> float:
    order = np.argsort(values)
    sums = np.cumsum(np.asarray(weights, float)[order])
    return float(np.asarray(values)[order][int(np.searchsorted(sums, sums[-1] / 2))])


def median_colour(colours: Sequence[A], weights: Sequence[float]) -> A:
    return np.array([weighted_median([float(c[i]) for c in colours], weights) for i in range(3)])


def vote(ballots: Iterable[tuple[str, float]]) -> tuple[str, float]:
    """The choice with most weight, and its share of all weight."""
    sums: dict[str, float] = defaultdict(float)
    for choice, weight in ballots:
        sums[choice] += weight
    best = max(sums, key=lambda choice: sums[choice])
    return best, sums[best] / max(sum(sums.values()), 1e-9)


def weight_of_hair(one: Measured) -> float:
    """How much a view tells of the hair's colour. Nothing natural looks like dyed hair, while shadows, hats
    and backgrounds look like dark hair: dyed hair counts double."""
    weight = one.trust * (0.2 + one.hair.sure) * (0.2 + one.hair.shape.crown)
    return weight * (2.0 if one.hair.colour in VIVID else 1.0)


def spread_of(seen: Sequence[Measured]) -> float:
    """How far apart the colours of skin are in the views that can be believed: the median distance to their
    median, with half the weight on lightness, which changes with the light. CIELAB."""
    most = max(one.trust for one in seen)
    points = np.array([one.skin for one in seen if one.trust >= most / 2]) * (0.5, 1, 1)
    return float(np.median(np.linalg.norm(points - np.median(points, 0), axis=1)))
