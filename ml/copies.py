"""Finds copies of a photo: mirrored, cropped, with the bars of a screenshot, brightened, saved again.

Both heads are laid on one another by their five points, then by the pixels themselves. Of a copy the inner
face then agrees in its finest detail; of two photos, even of one sitting, it does not. Torch-free.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ml import media
from ml.nets.alignment import scale_of, similarity, warp
from ml.nets.scales import SCALES
from ml.types import Inspection

SIDE = 128  # px of a head
# Eyes, nose and corners of the mouth in a head, as shares of its side.
FIVE = np.array([(0.37, 0.47), (0.63, 0.47), (0.5, 0.617), (0.39, 0.75), (0.61, 0.75)])
WHOLE, INNER = 0.45, 0.33  # radius of what is laid on one another, and of what is compared
# Correlation of the inner face, `python -m bench.duplicates`: copies have at least 0.983, different photos of
# one person at most 0.950 (a neutral face and one that hardly smiles, of one sitting).
COPY = 0.968
NO_COPY = 0.80  # the coarse heads' correlation, below which they are not looked at further
TURNED = 12.0  # degrees of yaw by which two copies may differ: the error of its estimate


def has_copy(said: Inspection, others: Sequence[Inspection]) -> bool:
    """Whether one of the others is the same photo, by their pixels. Only photos that are nearly alike by
    their measures are read, one at a time."""
    near = [other for other in others if may_be_copy(said, other)]
    ours = head_of(said) if near else None
    if ours is None:
        return False
    heads = (head_of(other) for other in near)
    return any(head is not None and agreement(ours, head) >= COPY for head in heads)


def may_be_copy(said: Inspection, other: Inspection) -> bool:
    known = all(photo.embedding and photo.points and photo.width for photo in (said, other))
    if not known or said.embedder != other.embedder or said.embedder not in SCALES:
        return False
    apart = np.linalg.norm(np.subtract(said.embedding, other.embedding))
    turned = abs(abs(said.yaw) - abs(other.yaw))
    return bool(apart < SCALES[said.embedder].copy and turned < TURNED)


def head_of(said: Inspection) -> np.ndarray | None:
    """(SIDE, SIDE) float32 luma 0..255, upright; None when the photo's bytes are not at hand any more."""
    data = said.pixels()
    if not data:
        return None
    five, goal = np.asarray(said.points, np.float64), FIVE * SIDE
    luma = media.to_luma(data, round(said.width * scale_of(similarity(five, goal))))
    matrix = similarity(five * (luma.shape[1] / said.width), goal)
    return warp(luma, matrix, SIDE, border=cv2.BORDER_REPLICATE).astype(np.float32)


def agreement(a: np.ndarray, b: np.ndarray) -> float:
    """The correlation of two heads' inner faces, -1..1: of b as it is or mirrored, whichever is higher."""
    return max(_agreement(a, b), _agreement(a, np.ascontiguousarray(b[:, ::-1])))


def _agreement(a: np.ndarray, b: np.ndarray) -> float:
    matrix = _laid_on(a, b)
    if matrix is None:
        return -1.0
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(b, matrix, (SIDE, SIDE), flags=how, borderMode=cv2.BORDER_REPLICATE)
    inner = _circle(SIDE, INNER)
    both = [levelled(cv2.GaussianBlur(head, (0, 0), 0.8), 2.5)[inner] for head in (a, moved)]
    return float(np.corrcoef(*both)[0, 1])


def _laid_on(a: np.ndarray, b: np.ndarray) -> np.ndarray | None:
    """(2, 3): the affine map from a's pixels to b's, found first at half the size; None where there is
    none."""
    half = [cv2.resize(head, (SIDE // 2, SIDE // 2), interpolation=cv2.INTER_AREA) for head in (a, b)]
    try:
        found, matrix = _aligned(levelled(half[0], 4), levelled(half[1], 4), np.eye(2, 3), steps=40)
        if found < NO_COPY:
            return None
        return _aligned(levelled(a, 5), levelled(b, 5), matrix * (1, 1, 2), steps=15)[1]
    except cv2.error:  # the search left the picture, or the picture is flat
        return None


def _aligned(a: np.ndarray, b: np.ndarray, start: np.ndarray, steps: int) -> tuple[float, np.ndarray]:
    """(the correlation, the map): the enhanced correlation coefficient of Evangelidis and Psarakis (2008).
    Raises cv2.error."""
    until = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, steps, 1e-4)
    where, first = _circle(len(a), WHOLE).astype(np.uint8), start.astype(np.float32)
    return cv2.findTransformECC(a, b, first, cv2.MOTION_AFFINE, until, where, 3)


def levelled(grey: np.ndarray, sigma: float, grain: float = 6.0) -> np.ndarray:
    """(H, W) float32 without local brightness and contrast (Gaussian neighbourhood of `sigma` px), so that
    light does not count. A grain of `grain` of 255 levels is not amplified."""
    mean = cv2.GaussianBlur(grey, (0, 0), sigma)
    variance = cv2.GaussianBlur((grey - mean) ** 2, (0, 0), sigma)
    return (grey - mean) / np.sqrt(variance + grain**2)


def _circle(side: int, radius: float) -> np.ndarray:
    y, x = np.ogrid[:side, :side]
    return (x - (side - 1) / 2) ** 2 + (y - (side - 1) / 2) ** 2 < (radius * side) ** 2
