"""Finds the drawing program's skin for a measured colour of skin. Torch-free.

The program's skins are drawn once, in soft light, and measured in the same places and in the same balanced
light as photos are."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from ml.avatar.details import CHEEKS, FOREHEAD, middle
from ml.avatar.light import balanced
from ml.avatar.pose import drawn_in
from ml.avatar.views import FACE, MOUTH_Y, A, View, to_lab
from ml.drawn.people import Person

SKINS = np.linspace(0, 1, 9)
TINTS = np.linspace(-1, 1, 3)
CHROMAS = np.linspace(0.2, 1.15, 5)
NEAR = 5.0  # CIELAB: skins as near as this to the measured colour can be chosen
FINE = 4  # steps between two drawn skins

# An ordinary face: what is drawn to measure colours on.
PLAIN = Person(
    gender="woman",
    age=0.3,
    skin=0.3,
    tint=0.0,
    hair="short",
    hair_colour="brown",
    hair_shade=1.0,
    width=0.74,
    jaw=2.3,
    eyes="brown",
    eye_size=1.0,
    eye_gap=0.335,
    eye_slant=0.0,
    brow=0.05,
    brow_arch=0.04,
    nose=0.22,
    nose_width=0.115,
    nose_length=0.39,
    mouth=0.27,
    lips=0.085,
    beard="none",
    freckles=0.0,
    mole=None,
)


def skin_colour(view: View) -> A:
    """(3,): the median colour of cheeks and forehead, CIELAB. `view` in neutral light."""
    lab = to_lab(view.face)
    parts = [middle(lab, box) for box in (*CHEEKS, *FOREHEAD)]
    return np.asarray(np.median(parts, 0))


def as_view(picture: A) -> View:
    """A drawing of the face's frame as a view of itself."""
    points = [(-0.3, 0.0), (0.3, 0.0), (0.0, 0.37), (-0.2, MOUTH_Y), (0.2, MOUTH_Y)]
    scale = picture.shape[0] / FACE.side
    at = tuple((scale * x, scale * y) for x, y in (FACE.pixel(*p) for p in points))
    return View(picture, at, drawn=True)


def skin_drawn(person: Person) -> A:
    """(3,): the colour that the person's skin has in a drawing in soft light."""
    return skin_colour(balanced(as_view(drawn_in(FACE, person, 0.0, side=96))))


@cache
def table() -> tuple[A, A]:
    """(n, 3) skin, tint and chroma of many skins; (n, 3) their colours as drawn."""
    plain = replace(PLAIN, hair="bald")
    coarse = np.array(
        [
            [[skin_drawn(replace(plain, skin=s, tint=t, chroma=c)) for c in CHROMAS] for t in TINTS]
            for s in SKINS
        ]
    )
    knobs = np.stack(np.meshgrid(SKINS, TINTS, CHROMAS, indexing="ij"), -1)
    return finer(knobs).reshape(-1, 3), finer(coarse).reshape(-1, 3)


def finer(grid: A) -> A:
    """Interpolates a grid (a, b, c, 3) to FINE steps between neighbours along each of its three axes."""
    for axis in range(3):
        count = grid.shape[axis]
        at = np.linspace(0, count - 1, (count - 1) * FINE + 1)
        low = np.minimum(at.astype(int), count - 2)
        share = (at - low).reshape([-1 if i == axis else 1 for i in range(4)])
        first, second = np.take(grid, low, axis), np.take(grid, low + 1, axis)
        grid = first + share * (second - first)
    return grid


def nearest_skin(lab: A) -> tuple[dict[str, float], float]:
    """Person's skin, tint and chroma for a colour, and how far the drawn colour is from it, CIELAB."""
    knobs, colours = table()
    away = np.linalg.norm(colours - lab, axis=1)
    # Among skins of nearly the same colour the rosiest: in drawings, true but pale skins look ill.
    near = away <= max(NEAR, float(away.min()) + 0.5)
    best = int(np.where(near, 0.15 * away + 0.5 * np.abs(knobs[:, 1]) - 8 * knobs[:, 2], np.inf).argmin())
    skin, tint, chroma = (float(v) for v in knobs[best])
    return {"skin": skin, "tint": tint, "chroma": chroma}, float(away[best])
