"""Estimates the drawing program's person from somebody's photos. Torch-free.

Each view is measured by itself (details.py, hair.py, skin.py), the views' measures are put together
(combine.py), and the shape of the face is then searched for by drawing (search.py)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ml.avatar import traits
from ml.avatar.avatar import Avatar
from ml.avatar.combine import measured, spread_of
from ml.avatar.search import refined
from ml.avatar.skin import PLAIN
from ml.avatar.views import View
from ml.errors import MLError

LEAST_VIEWS = 1
MOST_VIEWS = 8  # that are measured; the most frontal ones
APART = 8.0  # CIELAB, see combine.spread_of: of 21 people the widest has 4.2


def fit(views: Sequence[View], subject: str = "person") -> Avatar:
    """The avatar of the person on all views. `subject`: person, woman or man; it says how lashes and lips are
    drawn. MLError `avatar_no_front`, `avatar_photos_differ`."""
    seen = [measured(view) for view in chosen(views)]
    if spread_of(seen) > APART:
        raise MLError(
            "avatar_photos_differ",
            "The photos differ too much in colour to draw one person. Choose photos in similar light.",
        )
    found = traits.found_in(seen, subject)
    person = replace(PLAIN, **found.values)
    person, sure = refined(person, found.glasses, seen)
    return Avatar(person, found.glasses, found.confidence | sure, tuple(found.notes))


def chosen(views: Sequence[View]) -> list[View]:
    """The views to measure: those from the front, the most frontal first."""
    front = sorted((view for view in views if view.is_frontal), key=lambda view: abs(view.yaw))
    if len(front) < LEAST_VIEWS:
        raise MLError(
            "avatar_no_front", "No photo shows the face from the front. Add one that looks at the camera."
        )
    return front[:MOST_VIEWS]
