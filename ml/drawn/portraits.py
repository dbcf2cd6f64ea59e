"""Draws portraits: each pixel's ray meets the head, a solid, and features are painted in the head's
coordinates.

When the head turns, features therefore move, shorten and hide correctly. There are no meshes and no
supersampling. Edges are computed one pixel wide, so a drawing works at any size. Coordinates: X right, Y
down, in half frames (half the short side of the picture is 1). In the head's frame x right, y down, z to the
viewer; half the head's height is 1, eyes at y = 0, chin at y = 1. Pictures in progress: (3, H, W) float32 RGB
0..1.
"""

from __future__ import annotations

import cv2
import numpy as np

from ml.drawn.backdrops import backdrop
from ml.drawn.clothing import body, glasses, hat
from ml.drawn.features import ears, face
from ml.drawn.hair import hair_behind, hair_cap, hair_over_shoulders
from ml.drawn.people import Person, Scene
from ml.drawn.solid import A, Canvas, Head, light_of
from ml.drawn.styles import finish


def draw(person: Person, scene: Scene, height: int, width: int) -> A:
    """(H, W, 3) uint8 RGB of a person in a scene."""
    anime = scene.style == "anime"
    rgb = np.ascontiguousarray(backdrop(scene, height, width).transpose(2, 0, 1))
    canvas = Canvas.of(rgb)
    light = light_of(scene)
    head = Head(person, scene, canvas, 1.45 if anime else 1.0)
    hair_behind(head, light)
    body(head, light)
    hair_over_shoulders(head, light)
    ears(head, light, behind=True)
    face(head, light)
    ears(head, light, behind=False)
    hair_cap(head, light)
    if scene.glasses != "none":
        glasses(head)
    if scene.hat != "none":
        hat(head, light)
    levels = np.clip(finish(rgb, scene, head), 0, 1) * 255 + 0.5
    return cv2.merge(list(levels.astype(np.uint8)))
