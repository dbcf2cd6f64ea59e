"""Measures hair in one view: whether there is any, its colour and where it is. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from ml.avatar.cuts import Shape, shape_of
from ml.avatar.light import from_srgb, to_srgb
from ml.avatar.segments import Segments, half_width, segment
from ml.avatar.views import HEAD, A, View, to_lab
from ml.drawn.people import HAIR_COLOURS

BALD = (
    15.0  # CIELAB units: the least step of colour at a hairline; a bald head's has up to 12, hair's from 19
)
LIGHTNESS = 0.35  # weight of L beside a and b: how light hair is depends on the light
DRAWN_GAIN = 1.6  # of linear RGB: hair in a drawing of balanced light over the program's own colour
# Typical colours of hair in photographs, in balanced light; several for what varies most.
SEEN: dict[str, tuple[tuple[float, float, float], ...]] = {
    "black": ((15, 1, 0), (24, 1, 0)),
    "brown": ((16, 4, 4), (26, 5, 6), (34, 5, 8)),
    "chestnut": ((30, 10, 12), (38, 12, 17)),
    "red": ((40, 20, 25), (50, 24, 34)),
    "blonde": ((36, 4, 12), (48, 4, 14), (65, 4, 20), (78, 2, 18)),
    "grey": ((45, 0, 1), (60, 0, 2)),
    "white": ((78, 0, 3),),
    "blue": ((25, 2, -22), (40, 0, -35)),
    "pink": ((50, 35, 0), (65, 40, -5)),
    "purple": ((12, 7, -7), (25, 20, -20), (40, 30, -30)),
}
STRANDS = 1.2  # hair in dim selfies has 1.5, in well lit photos 3 to 5
STRANGE = 18.0
VIVID = ("blue", "pink", "purple")


@dataclass(frozen=True)
class Hair:
    """`lab` is the typical colour; `tint` that of its lit part, where the colour shows best."""

    is_bald: bool
    lab: A
    tint: A
    colour: str  # the drawing program's class
    sure: float  # 0..1: how much nearer the class is than the next
    off: float  # how far the class's typical colours are, CIELAB
    strands: float  # fine detail, in units of lightness: cloth and bare skin have little
    shape: Shape
    drawn: bool
    cheeks: float  # half the face's width there, units; what hides the skin hides the width
    jaw: float

    @property
    def is_covered(self) -> bool:
        """Whether what is there is no hair but cloth: without strands (drawn hair has few anyway), or of a
        colour that no hair has."""
        smooth = self.strands < STRANDS and not self.drawn
        return not self.is_bald and (smooth or self.off > STRANGE)


def hair_of(view: View) -> Hair:
    """`view` in neutral light."""
    found = segment(view)
    own = found.lab[(found.hair > 0.7) & (HEAD.grid[1] < 0.0)]
    if len(own) < 30:
        own = found.lab[HEAD.box(-0.4, -0.95, 0.4, -0.75)].reshape(-1, 3)
    lit = own[own[:, 0] >= np.percentile(own[:, 0], 55)]
    tint = np.median(lit[lit[:, 0] <= np.percentile(lit[:, 0], 80)], 0)
    lab = np.median(own, 0)
    widths = float(np.median([half_width(found, y) for y in (0.15, 0.3, 0.45)])), half_width(found, 0.65)
    colour, sure, off = class_of(np.array([lab[0], tint[1], tint[2]]), view.drawn)
    bald, strands, shape = step_of(found.lab) < BALD, strands_of(found), shape_of(found)
    return Hair(bald, lab, tint, colour, sure, off, strands, shape, view.drawn, *widths)


def strands_of(found: Segments) -> float:
    light = found.sharp[..., 0]
    fine = light - cv2.GaussianBlur(light, (0, 0), 1.5)
    inner = cv2.erode((found.hair > 0.7).astype(np.uint8), np.ones((5, 5))) > 0
    return float(fine[inner].std()) if inner.sum() > 30 else 0.0


def step_of(lab: A) -> float:
    """The least of four places' greatest change of colour between brow and crown: a hairline, if any."""
    step, found = round(0.05 * HEAD.scale), []
    for x in (-0.25, -0.1, 0.1, 0.25):
        strip = lab[HEAD.box(x - 0.05, -0.88, x + 0.05, -0.30)].mean(1)
        found.append(np.linalg.norm(strip[2 * step :] - strip[: -2 * step], axis=1).max())
    return float(min(found))


def class_of(lab: A, drawn: bool = False) -> tuple[str, float, float]:
    """The nearest class, how much nearer than the next it is (0..1), and how far away."""
    weight = np.array([LIGHTNESS, 1, 1])
    known = drawn_colours() if drawn else SEEN
    away = {
        name: min(float(np.linalg.norm((lab - np.array(one)) * weight)) for one in some)
        for name, some in known.items()
    }
    first, second = sorted(away, key=lambda name: away[name])[:2]
    ahead = (away[second] - away[first]) / (away[second] + 1e-6)
    return first, float(np.clip(ahead, 0, 1)), away[first]


@cache
def drawn_colours() -> dict[str, tuple[A, ...]]:
    shades = (0.8, 1.0, 1.2)
    return {
        name: tuple(lit(np.array(colour) * shade) for shade in shades)
        for name, colour in HAIR_COLOURS.items()
    }


def lit(colour: A) -> A:
    level = np.clip(colour * 255, 0, 255).astype(np.uint8)
    return np.asarray(to_lab(to_srgb(from_srgb(level[None]) * DRAWN_GAIN))[0])


def typical_lightness(colour: str) -> float:
    return float(np.mean([one[0] for one in SEEN[colour]]))
