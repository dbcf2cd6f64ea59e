"""Reads the colour of the eyes in drawn photos. Torch-free.

Lids, lashes and small eyes darken what lies around an eye's point, up to black. So the photos with the most
colour count, and the direction in which their irises differ from black names the colour."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ml.avatar.details import irises
from ml.avatar.views import View, to_lab
from ml.drawn.people import EYE_COLOURS

LASHES = np.array((6.0, 3.0, 3.0))  # CIELAB
LEAST = 10.0  # CIELAB: irises that are nearer to the lashes are dark
COUNTED = 3  # one photo of so many


def drawn_eyes(views: Sequence[View]) -> str:
    """Of EYE_COLOURS, of the one drawn person on all views."""
    apart = np.array([irises(to_lab(view.face), view) - LASHES for view in views])
    order = np.argsort(-np.linalg.norm(apart, axis=1))
    seen = np.median(apart[order[: -(-len(views) // COUNTED)]], 0)
    far = float(np.linalg.norm(seen))
    return max(directions().items(), key=lambda row: float(row[1] @ seen))[0] if far >= LEAST else "dark"


def directions() -> dict[str, np.ndarray]:
    """From the lashes to each colour but dark: unit vectors in CIELAB."""
    found = {}
    for name, rgb in EYE_COLOURS.items():
        away = cv2.cvtColor(np.array([[rgb]], np.float32), cv2.COLOR_RGB2LAB)[0, 0] - LASHES
        found[name] = away / np.linalg.norm(away)
    del found["dark"]
    return found
