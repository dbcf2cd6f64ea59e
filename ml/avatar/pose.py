"""Draws a person in the frame of a view: turned and tilted as there, with the face in the same place.

Torch-free."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ml.avatar.views import HEAD, A, Frame
from ml.drawn.people import Person, Scene
from ml.drawn.portraits import draw

FACE_Z = 0.82  # depth of the face before the middle of the head, units
CENTRE = -0.06  # of the head in the picture, see ml.drawn.solid.Head


def scene_in(frame: Frame, yaw: float, scene: Scene | None = None) -> Scene:
    """`scene` with the head turned by `yaw` degrees and placed as in the frame."""
    size, across = 1 / frame.reach, FACE_Z * float(np.sin(np.radians(yaw)))
    scene = scene or Scene(backdrop="white")
    at = (-size * across, -size * frame.y - CENTRE)
    return replace(scene, yaw=yaw, pitch=0.0, roll=0.0, size=size, dx=at[0], dy=at[1])


def drawn_in(frame: Frame, person: Person, yaw: float, scene: Scene | None = None, side: int = 0) -> A:
    """(side, side, 3) uint8: the frame's content, as large as the frame or as `side` says."""
    return draw(person, scene_in(frame, yaw, scene), side or frame.side, side or frame.side)


def hair_in(person: Person, yaw: float, side: int = 80) -> A:
    """(side, side) 0..1: where the person's hair is in the head's window. Drawn in two colours: what changes
    is hair."""
    pair = [
        drawn_in(HEAD, replace(person, hair_colour=c, hair_shade=1.0, beard="none"), yaw, side=side)
        for c in ("black", "white")
    ]
    change = np.abs(pair[0].astype(np.float32) - pair[1]).mean(2)
    return np.asarray(np.clip(change / 60, 0, 1))
