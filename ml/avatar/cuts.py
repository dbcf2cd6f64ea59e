"""Tells a hair cut of the drawing program from where hair is seen. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import cv2
import numpy as np

from ml.avatar.segments import Segments
from ml.avatar.views import HEAD, A


@dataclass(frozen=True)
class Shape:
    """Shares 0..1 of places that are hair, and measures in units. `left` and `right` as seen."""

    crown: float  # on the skull above the forehead
    beside: float  # beside the cheeks, at the height of the ears
    low: tuple[float, float]  # left and right of the jaw
    lowest: tuple[float, float]  # left and right of the neck, down to the shoulders
    above: float  # above the skull
    top: float  # y of the topmost hair, negative
    line: float  # y of the hairline in the middle
    slant: float  # how much lower the hairline is on one side
    curl: float  # how much the strands change their direction, 0..1


def shape_of(found: Segments) -> Shape:
    hair = (found.hair > 0.5).astype(np.float32)
    mirrored = [[(-1.0, y1, -0.55, y2), (0.55, y1, 1.0, y2)] for y1, y2 in ((0.5, 0.95), (1.05, 1.5))]
    low, lowest = ([share(hair, box) for box in pair] for pair in mirrored)
    lines = [hairline(hair, x) for x in (-0.3, 0.0, 0.3)]
    rows = np.nonzero(hair[:, HEAD.box(-0.4, 0, 0.4, 1)[1]].mean(1) > 0.2)[0]
    return Shape(
        crown=share(hair, (-0.45, -0.95, 0.45, -0.72)),
        beside=float(np.mean([share(hair, (s * 0.76 - 0.12, 0.0, s * 0.76 + 0.12, 0.4)) for s in (-1, 1)])),
        low=(low[0], low[1]),
        lowest=(lowest[0], lowest[1]),
        above=share(hair, (-0.5, -1.6, 0.5, -1.15)),
        top=float(HEAD.grid[1][rows[0], 0]) if len(rows) else 0.0,
        line=lines[1],
        slant=abs(lines[0] - lines[2]),
        curl=curl(found.lab[..., 0], hair),
    )


def mean_of(shapes: Sequence[Shape], weights: Sequence[float]) -> Shape:
    def mean(name: str) -> A:
        return np.average([getattr(one, name) for one in shapes], axis=0, weights=weights)

    low, lowest = mean("low"), mean("lowest")
    plain = {f.name: float(mean(f.name)) for f in fields(Shape) if f.name not in ("low", "lowest")}
    return Shape(low=(low[0], low[1]), lowest=(lowest[0], lowest[1]), **plain)


def share(hair: A, box: tuple[float, float, float, float]) -> float:
    return float(hair[HEAD.box(*box)].mean())


def hairline(hair: A, x: float) -> float:
    """The y where the hair ends above the face, at this x."""
    rows, columns = HEAD.box(x - 0.06, -1.2, x + 0.06, 0.0)
    strip = hair[rows, columns].mean(1) > 0.5
    return -1.2 + (int(np.nonzero(strip)[0][-1]) + 1) / HEAD.scale if strip.any() else -1.2


def curl(light: A, hair: A) -> float:
    """1 minus the coherence of the strands' direction (structure tensor), averaged where strands are seen."""
    gx, gy = (cv2.Sobel(cv2.GaussianBlur(light, (0, 0), 0.8), cv2.CV_32F, *d) for d in ((1, 0), (0, 1)))
    xx, yy, xy = (cv2.GaussianBlur(a, (0, 0), 4.0) for a in (gx * gx, gy * gy, gx * gy))
    coherent = np.sqrt((xx - yy) ** 2 + 4 * xy**2) / (xx + yy + 1e-3)
    inner = cv2.erode(hair, np.ones((7, 7)))
    weight = inner * np.sqrt(xx + yy)
    return float(1 - (coherent * weight).sum() / (weight.sum() + 1e-3))


# Limits of `cut_of`; of twenty people's photos from the front.
LONG, CHIN = 0.45, 0.30  # shares of the places beside the neck and beside the jaw
ONE_SIDE = 0.15  # beside the jaw, where the other side is bare
HIGH = 0.30  # of the place above the skull
CURLED, CURLED_SHORT = 0.34, 0.30  # curl: straight hair has up to 0.28
PARTED = 0.10  # slant of the hairline


def cut_of(shape: Shape, gender: str, *, drawn: bool = False) -> str:
    """The drawing program's cut that looks most like the measured shape."""
    if min(shape.lowest) > LONG or (max(shape.lowest) > 0.7 and min(shape.low) > CHIN):
        return "wavy" if shape.curl > 0.28 else "long"
    if shape.above > HIGH:
        return high_cut(shape, gender)
    if min(shape.low) > CHIN:
        return "wavy" if shape.curl > 0.28 else "bob"
    if shape.beside > 0.75 and min(shape.low) > 0.05:
        return "bob"
    if max(shape.low) > ONE_SIDE and max(shape.lowest) < 0.1:
        return "bob"  # more would be a tail
    if gender == "woman" and not drawn:
        return "tied"  # short at the sides: mostly hair that is tied behind
    return short_cut(shape)


def high_cut(shape: Shape, gender: str) -> str:
    if shape.beside > 0.4 and shape.curl > CURLED:
        return "afro"
    return "bun" if gender == "woman" else "quiff"


def short_cut(shape: Shape) -> str:
    if shape.curl > CURLED_SHORT:
        return "curly"
    if shape.top < -1.15:
        return "quiff"
    return "parted" if shape.slant > PARTED else "short"
