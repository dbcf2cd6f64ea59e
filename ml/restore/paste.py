"""Lays a face upright into a square of 512 px, as face restorers want it, and pastes the restored one back.

What is pasted is the difference to the square as it was, through a soft mask: so nothing of the picture's own
detail is lost by resampling, and there is no seam. Pictures are (H, W, 3) uint8 RGB.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ml.nets.alignment import scale_of, similarity, warp
from ml.types import Face

SIDE = 512
# Eyes, nose and corners of the mouth in the square, px: the mean face of FFHQ's crops, which GFPGAN,
# RestoreFormer and CodeFormer were trained on.
FIVE = np.array([(193.0, 239.9), (318.9, 240.2), (256.6, 314.0), (201.3, 371.4), (313.1, 371.2)])
# The mask is 0 from an ellipse on, 1 where the sum of squares is below INNER of it. CENTRE, HALF: shares of
# the side.
CENTRE, HALF, INNER = (0.5, 0.51), (0.48, 0.48), 0.36


@dataclass(frozen=True)
class Square:
    """A face of a picture, laid upright. `matrix` (2, 3) brings the picture's points into the square."""

    matrix: np.ndarray
    pixels: np.ndarray  # (SIDE, SIDE, 3) uint8
    face: Face  # in the square

    @property
    def enlarged(self) -> float:
        return scale_of(self.matrix)


def lay(picture: np.ndarray, face: Face) -> Square:
    points = np.asarray(face.points, np.float64)
    matrix = similarity(points, FIVE)
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    return Square(matrix, _moved(picture, matrix), in_square(face, matrix, moved))


def in_square(face: Face, matrix: np.ndarray, points: np.ndarray) -> Face:
    """The face with its box in the square: the box's middle moved, its sides scaled."""
    x1, y1, x2, y2 = face.box
    middle = matrix[:, :2] @ np.array([(x1 + x2) / 2, (y1 + y2) / 2]) + matrix[:, 2]
    half = np.array([x2 - x1, y2 - y1]) / 2 * scale_of(matrix)
    (left, top), (right, bottom) = middle - half, middle + half
    five = tuple((float(x), float(y)) for x, y in points)
    return Face((float(left), float(top), float(right), float(bottom)), face.score, five)


def _moved(picture: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    if scale_of(matrix) < 1:
        return warp(picture, matrix, SIDE, border=cv2.BORDER_REFLECT)
    return cv2.warpAffine(picture, matrix, (SIDE, SIDE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def soft_mask() -> np.ndarray:
    """(SIDE, SIDE, 1) float32: 1 over the face, falling smoothly to 0 before the square's edge."""
    y, x = ((np.arange(SIDE, dtype=np.float32) + 0.5) / SIDE)[:, None], (np.arange(SIDE) + 0.5)[None] / SIDE
    far = ((x - CENTRE[0]) / HALF[0]) ** 2 + ((y - CENTRE[1]) / HALF[1]) ** 2
    t = np.clip((1 - far) / (1 - INNER), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)[..., None]


def paste(ground: np.ndarray, plain: np.ndarray, square: Square, restored: np.ndarray) -> None:
    """Changes `ground` in place: the restored square takes the face's place. `plain` is the picture from
    which the square was taken; `ground` may differ from it outside of faces."""
    mask = soft_mask()
    change = (restored.astype(np.float32) - square.pixels) * mask
    box, back = _place(square, ground.shape)
    if box is None:
        return
    left, top, right, bottom = box
    size = (right - left, bottom - top)
    both = [_back(layer, back, square.enlarged, size) for layer in (change, mask)]
    soft = both[1] if both[1].ndim == 3 else both[1][..., None]
    here, there = ground[top:bottom, left:right], plain[top:bottom, left:right].astype(np.float32)
    made = here + (there - here) * soft + both[0]
    ground[top:bottom, left:right] = np.clip(made + 0.5, 0, 255).astype(np.uint8)


def _place(square: Square, shape: tuple[int, ...]) -> tuple[tuple[int, int, int, int] | None, np.ndarray]:
    """The part of the picture that the square covers, and the matrix from the square into it."""
    back = cv2.invertAffineTransform(square.matrix)
    corners = np.array([(0, 0), (SIDE, 0), (SIDE, SIDE), (0, SIDE)]) @ back[:, :2].T + back[:, 2]
    low, high = np.floor(corners.min(0)), np.ceil(corners.max(0))
    left, top = (int(max(0, v)) for v in low)
    right, bottom = int(min(shape[1], high[0])), int(min(shape[0], high[1]))
    if right <= left or bottom <= top:
        return None, back
    back[:, 2] -= (left, top)
    return (left, top, right, bottom), back


def _back(layer: np.ndarray, matrix: np.ndarray, enlarged: float, size: tuple[int, int]) -> np.ndarray:
    """A layer of the square, moved to the picture. Shrinks it first where the square was much enlarged:
    warpAffine samples four pixels and would skip others."""
    if enlarged > 2:
        times = 2 / enlarged
        layer = cv2.resize(layer, None, fx=times, fy=times, interpolation=cv2.INTER_AREA)
        matrix = np.hstack([matrix[:, :2] / times, matrix[:, 2:]])
    return cv2.warpAffine(layer, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
