"""Draws portraits: a head is a solid met by each pixel's ray, and all that is on it is painted in the head's own coordinates.

So a turn of the head is a turn: features move, shorten and hide as they would. No meshes and no supersampling; edges
are as wide as a pixel, analytically, so one drawing serves any size. Coordinates: X right, Y down, in half frames (half
the short side of the picture is 1); in the head's own frame x right, y down, z to the viewer, half the head's height is 1,
eyes at y = 0, chin at y = 1. State of a picture: (H, W, 3) float32 RGB 0..1.
"""

from __future__ import annotations

import numpy as np

from ml.nano.backdrops import backdrop
from ml.nano.finish import finish
from ml.nano.hair import hair_behind, hair_cap, hair_over_shoulders
from ml.nano.people import Person, Scene
from ml.nano.solid import A, Canvas, Head, light_of
from ml.nano.visage import ears, face
from ml.nano.wear import body, glasses, hat


def draw(person: Person, scene: Scene, height: int, width: int) -> A:
    """(H, W, 3) uint8 RGB of a person in a scene."""
    anime = scene.style == "anime"
    rgb = backdrop(scene, height, width)
    canvas = Canvas.of(rgb)
    light = light_of(scene)
    head = Head(person, scene, canvas, 1.45 if anime else 1.0)
    hair_behind(head, light)
    body(head, light)
    hair_over_shoulders(head, light)
    reach = 1.75 * head.r
    cx, cy = head.centre
    near = Head(person, scene, canvas.window(cx - reach, cy - reach, cx + reach, cy + 1.25 * head.r), head.eye_scale)
    ears(near, light, behind=True)
    face(near, light)
    ears(near, light, behind=False)
    hair_cap(near, light)
    if scene.glasses != "none":
        glasses(near)
    if scene.hat != "none":
        hat(near, light)
    out = finish(rgb, scene, head)
    return (np.clip(out, 0, 1) * 255 + 0.5).astype(np.uint8)
