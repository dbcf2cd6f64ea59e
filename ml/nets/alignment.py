"""Crops a head from a picture, upright and at a fixed size: the face embedder's input. Torch-free."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

SIZE = 96
EYES, MOUTH = (0.50, 0.46), (0.50, 0.66)  # the middle of the eyes and of the mouth in the crop, as shares
WEIGHTS = Path(__file__).resolve().parent / "weights" / "faces.safetensors"  # the embedder's


def align(picture: np.ndarray, eyes: np.ndarray, mouth: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 and two points (x, y) in pixels -> (SIZE, SIZE, 3): rotated upright, and scaled so that
    the eye-to-mouth distance is the same in all crops."""
    down = np.asarray(mouth, np.float64) - np.asarray(eyes, np.float64)
    length = max(float(np.hypot(*down)), 1e-3)
    scale = (MOUTH[1] - EYES[1]) * SIZE / length
    c, s = down[1] / length * scale, down[0] / length * scale
    matrix = np.array([[c, -s, 0], [s, c, 0]])
    matrix[:, 2] = np.array(EYES) * SIZE - matrix[:, :2] @ np.asarray(eyes, np.float64)
    if scale < 0.5:  # shrink first: warpAffine samples single pixels and would skip most of them
        k = 2 * scale
        small = cv2.resize(picture, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
        matrix[:, :2] /= k
        return cv2.warpAffine(
            small, matrix, (SIZE, SIZE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
    return cv2.warpAffine(
        picture, matrix, (SIZE, SIZE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
