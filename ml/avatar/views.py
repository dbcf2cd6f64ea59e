"""Brings photos and drawings of a person into one frame, so that both can be measured in the same places.

In the frame, x and y are in the units of ml/drawn: the eyes lie at y = 0, the mouth at MOUTH_Y, the chin near
1, the middle of the face at x = 0. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from ml.measures import eyes_and_mouth, yaw_of
from ml.types import Face

A = np.ndarray
MOUTH_Y = 0.62  # from the eyes' middle to the mouth's, in the drawing program's units
# Real faces are narrower than drawn ones: half of a cheek's width is 0.60 of these units, in drawings 0.74.
WIDER = 1.1
FRONTAL = 20.0  # degrees of yaw: up to here both halves of a face can be measured


@dataclass(frozen=True)
class Frame:
    """A square window: `side` pixels, `reach` units from its middle to its edge, its middle at (0, `y`)."""

    side: int
    reach: float
    y: float

    @property
    def scale(self) -> float:
        """Pixels of one unit."""
        return self.side / (2 * self.reach)

    def pixel(self, x: float, y: float) -> tuple[float, float]:
        return (x + self.reach) * self.scale, (y - self.y + self.reach) * self.scale

    def box(self, x1: float, y1: float, x2: float, y2: float) -> tuple[slice, slice]:
        """Rows and columns of a box in units."""
        (left, top), (right, low) = self.pixel(x1, y1), self.pixel(x2, y2)
        return slice(round(top), max(round(low), round(top) + 1)), slice(
            round(left), max(round(right), round(left) + 1)
        )

    @cached_property
    def grid(self) -> tuple[A, A]:
        """x and y of each pixel's middle, (side, side) each."""
        at = (np.arange(self.side, dtype=np.float32) + 0.5) / self.scale - self.reach
        return np.meshgrid(at, at + self.y)


HEAD = Frame(160, 1.75, 0.10)  # with the hair and the shoulders
FACE = Frame(256, 0.90, 0.20)  # from the brows to the chin


@dataclass(frozen=True)
class View:
    """One picture of the person. `points` are the five of ml.types.Face, in pixels of `picture`. `drawn`: it
    is a drawing, not a photograph."""

    picture: A  # (H, W, 3) uint8 RGB, upright
    points: tuple[tuple[float, float], ...]
    drawn: bool = False

    @property
    def wider(self) -> float:
        return 1.0 if self.drawn else WIDER

    @cached_property
    def yaw(self) -> float:
        return yaw_of(Face((0, 0, 0, 0), 1.0, self.points))

    @property
    def is_frontal(self) -> bool:
        return abs(self.yaw) <= FRONTAL

    @cached_property
    def unit(self) -> float:
        """The picture's pixels of one unit, upright."""
        eyes, mouth = eyes_and_mouth(Face((0, 0, 0, 0), 1.0, self.points))
        return max(float(np.hypot(*(mouth - eyes))), 1.0) / MOUTH_Y

    @cached_property
    def matrix(self) -> A:
        """(2, 3): pixels of the picture to units."""
        eyes, mouth = eyes_and_mouth(Face((0, 0, 0, 0), 1.0, self.points))
        down = (mouth - eyes) / max(float(np.hypot(*(mouth - eyes))), 1.0)
        turn = np.array([[down[1] * self.wider, -down[0] * self.wider], [down[0], down[1]]]) / self.unit
        return np.hstack([turn, -(turn @ eyes)[:, None]])

    @cached_property
    def landmarks(self) -> A:
        """(5, 2): the points in units."""
        return np.asarray(self.points) @ self.matrix[:, :2].T + self.matrix[:, 2]

    @cached_property
    def head(self) -> A:
        """(160, 160, 3) uint8."""
        return self.window(HEAD)[0]

    @cached_property
    def inside(self) -> A:
        """(160, 160) bool: where the head's window lies inside the picture."""
        return self.window(HEAD)[1]

    @cached_property
    def face(self) -> A:
        """(256, 256, 3) uint8."""
        return self.window(FACE)[0]

    def window(self, frame: Frame) -> tuple[A, A]:
        """The frame's content, (side, side, 3) uint8, and whether each pixel lies in the picture."""
        matrix = self.matrix * frame.scale
        matrix[:, 2] += np.array([frame.reach, frame.reach - frame.y]) * frame.scale
        picture, shrink = self.picture, min(1.0, 2 * frame.scale / self.unit)
        if shrink < 0.5:  # warpAffine samples four pixels and would skip others
            picture = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
            matrix[:, :2] /= shrink
        size = (frame.side, frame.side)
        made = cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        ones = np.full(picture.shape[:2], 255, np.uint8)
        return made, cv2.warpAffine(ones, matrix, size) > 127


def to_lab(rgb: A) -> A:
    """(..., 3) uint8 or 0..1 sRGB -> CIELAB: L 0..100, a and b about -100..100."""
    values = np.asarray(rgb, np.float32) / (255 if np.asarray(rgb).dtype == np.uint8 else 1)
    return cv2.cvtColor(values.reshape(-1, 1, 3), cv2.COLOR_RGB2LAB).reshape(values.shape)
