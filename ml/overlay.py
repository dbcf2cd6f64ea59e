"""Whether two pictures are one: the second look, by pixels, at what PDQ found. Torch-free.

PDQ compares 64 x 64 samples, so two photos of one sitting can be as near as a picture and its copy. Here both
are laid on one another and their fine detail is compared: of a copy it agrees, also after JPEG at quality 30.
"""

from __future__ import annotations

from itertools import product

import cv2
import numpy as np

from ml import pdq
from ml.copies import levelled

SIDE = 256  # px of the middle that is compared
FINE = 4.0  # px: the neighbourhood within which detail is compared
# JPEG at quality 30 puts a grain into flat areas, of which drawings have many. It must not count as detail.
SOFT, GRAIN = 0.7, 30.0  # px of blur; levels of 255 that are not amplified
# Correlation of fine detail: of half, cropped and mirrored copies and of JPEG at quality 30 at least 0.987,
# of two photos of one sitting at most 0.77, of drawn people in one pose, who are nearly one drawing, at most
# 0.948 (docs/moderation.md). What lies between is for a person to decide.
COPY = 0.965


def agreement(a: np.ndarray, b: np.ndarray) -> float:
    """-1..1 for two pictures (H, W, 3) uint8, as they are or mirrored, whole or cropped around the middle."""
    mirror, middle_a, middle_b = _nearest(a, b)
    if mirror:
        middle_a = middle_a[:, ::-1]
    one, other = (cv2.resize(m, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for m in (middle_a, middle_b))
    matrix = _laid_on(one, other)
    if matrix is None:
        return -1.0
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(other, matrix, (SIDE, SIDE), flags=how, borderMode=cv2.BORDER_REPLICATE)
    rim = SIDE // 16  # where the two may not overlap
    ours, theirs = (_detail(each)[rim:-rim, rim:-rim].ravel() for each in (one, moved))
    return float(np.corrcoef(ours, theirs)[0, 1])


def _detail(luma: np.ndarray) -> np.ndarray:
    return levelled(cv2.GaussianBlur(luma, (0, 0), SOFT), FINE, GRAIN)


def _nearest(a: np.ndarray, b: np.ndarray) -> tuple[bool, np.ndarray, np.ndarray]:
    """Whether to mirror `a`, and the middles of both whose hashes are nearest."""
    pairs = product(pdq.middles(a), (False, True), pdq.middles(b))
    (luma_a, _), mirror, (luma_b, _) = min(pairs, key=lambda pair: _apart(pair[0][1], pair[1], pair[2][1]))
    return mirror, np.ascontiguousarray(luma_a), np.ascontiguousarray(luma_b)


def _apart(a: pdq.Form, mirror: bool, b: pdq.Form) -> int:
    return pdq.apart(a.mirrored if mirror else a.bits, b.bits)


def _laid_on(a: np.ndarray, b: np.ndarray) -> np.ndarray | None:
    """(2, 3): the affine map from a's pixels to b's; None where there is none."""
    until = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-4)
    start, everywhere = np.eye(2, 3, dtype=np.float32), np.ones(a.shape, np.uint8)
    try:
        return np.asarray(cv2.findTransformECC(a, b, start, cv2.MOTION_AFFINE, until, everywhere, 5)[1])
    except cv2.error:  # the search left the picture, or the picture is flat
        return None
