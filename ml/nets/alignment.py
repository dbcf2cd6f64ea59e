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
    return warp(picture, matrix, SIZE, border=cv2.BORDER_REPLICATE)


def similarity(points: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """(2, 3): the rotation, scale and shift that bring `points` (n, 2) nearest to `goal` (Umeyama, 1991). In
    two dimensions it is a complex number times the centred points."""
    a, b = points @ (1, 1j), goal @ (1, 1j)
    turn = np.vdot(a - a.mean(), b - b.mean()) / max(np.vdot(a - a.mean(), a - a.mean()).real, 1e-9)
    shift = b.mean() - turn * a.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def scale_of(matrix: np.ndarray) -> float:
    """By how much a similarity enlarges."""
    return float(np.hypot(matrix[0, 0], matrix[1, 0]))


def warp(picture: np.ndarray, matrix: np.ndarray, side: int, border: int = cv2.BORDER_CONSTANT) -> np.ndarray:
    """(side, side, ...): the picture moved by a similarity (2, 3). Shrinks first where needed: warpAffine
    samples four pixels and would skip others."""
    scale = scale_of(matrix)
    if scale < 0.5:
        picture = cv2.resize(picture, None, fx=2 * scale, fy=2 * scale, interpolation=cv2.INTER_AREA)
        matrix = np.hstack([matrix[:, :2] / (2 * scale), matrix[:, 2:]])
    return cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=border)
