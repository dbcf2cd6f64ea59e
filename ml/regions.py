"""Parts of a portrait by name, for people who cannot paint over them: masks by the face's box and points."""

from __future__ import annotations

import cv2
import numpy as np

from ml.types import Face


def mask_of(region: str, face: Face, width: int, height: int) -> np.ndarray:
    """(H, W) bool: one of types.REGIONS in a picture of this size. The face is in its pixels."""
    return _MASKS[region](face, width, height)


def _eyes(face: Face, width: int, height: int) -> np.ndarray:
    """Both eyes with the brows."""
    left, right = (np.array(point) for point in face.points[:2])
    apart = float(np.linalg.norm(right - left))
    middle = (left + right) / 2 - (0, 0.08 * apart)
    return _ellipse(width, height, middle, (1.05 * apart, 0.48 * apart), _tilt(left, right))


def _mouth(face: Face, width: int, height: int) -> np.ndarray:
    left, right = (np.array(point) for point in face.points[3:5])
    wide = max(float(np.linalg.norm(right - left)), 0.3 * (face.box[2] - face.box[0]))
    return _ellipse(width, height, (left + right) / 2, (0.8 * wide, 0.5 * wide), _tilt(left, right))


def _face(face: Face, width: int, height: int) -> np.ndarray:
    x1, y1, x2, y2 = face.box
    return _ellipse(width, height, ((x1 + x2) / 2, (y1 + y2) / 2), (0.56 * (x2 - x1), 0.58 * (y2 - y1)))


def _clothes(face: Face, width: int, height: int) -> np.ndarray:
    """From the lower neck on, as wide as shoulders."""
    x1, y1, x2, y2 = face.box
    tall, wide, middle = y2 - y1, x2 - x1, (x1 + x2) / 2
    neck, shoulder = y2 + 0.22 * tall, y2 + 0.75 * tall
    outline = [
        (middle - 0.42 * wide, neck),
        (middle + 0.42 * wide, neck),
        (middle + 1.75 * wide, shoulder),
        (middle + 1.9 * wide, height + 1),
        (middle - 1.9 * wide, height + 1),
        (middle - 1.75 * wide, shoulder),
    ]
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.array(outline).round().astype(np.int32)], 1)
    return mask.astype(bool)


def _background(face: Face, width: int, height: int) -> np.ndarray:
    """What is neither head with hair nor body."""
    x1, y1, x2, y2 = face.box
    middle = (x1 + x2) / 2, (y1 + y2) / 2 - 0.08 * (y2 - y1)
    head = _ellipse(width, height, middle, (0.92 * (x2 - x1), 0.92 * (y2 - y1)))
    around = np.ones((max(3, round(0.12 * (x2 - x1))),) * 2, np.uint8)
    body = cv2.dilate(_clothes(face, width, height).astype(np.uint8), around).astype(bool)
    neck = np.zeros_like(body)
    top, side = max(0, round(y2 - 0.2 * (y2 - y1))), 0.5 * (x2 - x1)
    neck[top : round(y2 + 0.5 * (y2 - y1)), max(0, round(middle[0] - side)) : round(middle[0] + side)] = True
    return ~(head | body | neck)


def _tilt(left: np.ndarray, right: np.ndarray) -> float:
    """Degrees clockwise of the line between two points."""
    return float(np.degrees(np.arctan2(right[1] - left[1], right[0] - left[0])))


def _ellipse(width: int, height: int, middle: object, axes: object, tilt: float = 0.0) -> np.ndarray:
    mask = np.zeros((height, width), np.uint8)
    (x, y), (a, b) = np.asarray(middle, float), np.asarray(axes, float)
    cv2.ellipse(mask, (round(x), round(y)), (max(1, round(a)), max(1, round(b))), tilt, 0, 360, 1, -1)
    return mask.astype(bool)


_MASKS = {"eyes": _eyes, "mouth": _mouth, "face": _face, "clothes": _clothes, "background": _background}
