"""How good a face in a picture looks, by measures without a model: sharpness, noise, size.

Pictures are (H, W, 3) uint8 RGB."""

from __future__ import annotations

import cv2
import numpy as np

from ml.measures import face_patch, luma, sharpness, width_of
from ml.types import Face

# The sharpness (measures.sharpness) of a blurred and of a sharp face.
DULL, CRISP = 0.10, 0.28
GRAIN = 2.0  # levels of noise, of 0..255, that nobody sees
ROUGH = 8.0  # further levels at which the cleanness is a half
FULL = 200.0  # px of a face's width from which on its size does no harm

# A face is left alone when it is at least this large, this sharp and this clean: there is nothing to win, and
# something to lose. See is_good.
LARGE, SHARP, CLEAN = 220.0, 0.23, 4.0


def quality(picture: np.ndarray, face: Face) -> float:
    """0..1: sharpness times cleanness times size, each 0..1."""
    return round(clearness(picture, face) * min(1.0, width_of(face) / FULL), 4)


def clearness(picture: np.ndarray, face: Face) -> float:
    """0..1: sharpness times cleanness, at the face's own size."""
    sharp = np.clip((sharpness(face_patch(picture, face)) - DULL) / (CRISP - DULL), 0, 1)
    clean = 1 / (1 + (max(0.0, noise(picture, face) - GRAIN) / ROUGH) ** 2)
    return float(sharp * clean)


def noise(picture: np.ndarray, face: Face) -> float:
    """The deviation of the noise in the face, levels 0..255: Immerkaer's mask ("Fast noise variance
    estimation", 1996) at the face's own size. The quarter of the pixels with the strongest edges, which are
    no noise, is left out."""
    x1, y1, x2, y2 = (int(max(0, v)) for v in face.box)
    part = luma(picture[y1 : max(y2, y1 + 8), x1 : max(x2, x1 + 8)]) * 255
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    found = np.abs(cv2.filter2D(part, -1, mask))[1:-1, 1:-1]
    edges = cv2.GaussianBlur(np.hypot(cv2.Sobel(part, -1, 1, 0), cv2.Sobel(part, -1, 0, 1)), (0, 0), 1)[
        1:-1, 1:-1
    ]
    flat = found[edges <= np.quantile(edges, 0.75)]
    return float(np.sqrt(np.pi / 2) * flat.mean() / 6) if flat.size else 0.0


def is_good(picture: np.ndarray, face: Face) -> bool:
    """Whether a face is large, sharp and clean, and so left alone."""
    large = width_of(face) >= LARGE
    return large and sharpness(face_patch(picture, face)) >= SHARP and noise(picture, face) <= CLEAN
