"""Parts of a portrait by name, for people who cannot paint over them: masks by the face and its points. Head
and body are told from the background by their colours (GrabCut, Rother et al. 2004)."""

from __future__ import annotations

import cv2
import numpy as np

from ml.types import Box, Face

SIDE = 256  # px of the longer side at which the person is told from the background
ROUNDS = 4  # of GrabCut


def mask_of(region: str, face: Face, picture: np.ndarray) -> np.ndarray:
    """(H, W) bool: one of types.REGIONS in a picture (H, W, 3) uint8, in whose pixels the face is."""
    return _MASKS[region](face, picture)


def _eyes(face: Face, picture: np.ndarray) -> np.ndarray:
    """Both eyes with the brows."""
    left, right = (np.array(point) for point in face.points[:2])
    apart = float(np.linalg.norm(right - left))
    middle = (left + right) / 2 - (0, 0.08 * apart)
    return _ellipse(picture, middle, (1.05 * apart, 0.48 * apart), _tilt(left, right))


def _mouth(face: Face, picture: np.ndarray) -> np.ndarray:
    left, right = (np.array(point) for point in face.points[3:5])
    wide = max(float(np.linalg.norm(right - left)), 0.3 * (face.box[2] - face.box[0]))
    return _ellipse(picture, (left + right) / 2, (0.8 * wide, 0.5 * wide), _tilt(left, right))


def _face(face: Face, picture: np.ndarray) -> np.ndarray:
    return _head(picture, face.box, 0.56, 0.58)


def _clothes(face: Face, picture: np.ndarray) -> np.ndarray:
    """The person below the chin, and a little beyond: other clothes are wider."""
    below = np.zeros(picture.shape[:2], bool)
    below[round(face.box[3] + 0.1 * (face.box[3] - face.box[1])) :] = True
    return below & _wider(_person(face, picture), face)


def _background(face: Face, picture: np.ndarray) -> np.ndarray:
    return ~_wider(_person(face, picture), face, 0.02)


def _person(face: Face, picture: np.ndarray) -> np.ndarray:
    """(H, W) bool: head with hair, and body."""
    height, width = picture.shape[:2]
    k = min(1.0, SIDE / max(height, width))
    small = cv2.resize(picture, (round(width * k), round(height * k)), interpolation=cv2.INTER_AREA)
    guess = _guess(small, tuple(v * k for v in face.box))  # type: ignore[arg-type]
    cv2.setRNGSeed(0)
    around, own = np.zeros((1, 65)), np.zeros((1, 65))  # GrabCut's models of colours
    cv2.grabCut(small, guess, (0, 0, 0, 0), around, own, ROUNDS, cv2.GC_INIT_WITH_MASK)
    found = np.isin(guess, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    closed = cv2.morphologyEx(found, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    return np.asarray(cv2.resize(closed, (width, height), interpolation=cv2.INTER_LINEAR)) > 0


def _guess(picture: np.ndarray, box: Box) -> np.ndarray:
    """What surely and what maybe is the person, for GrabCut."""
    guess = np.full(picture.shape[:2], cv2.GC_PR_BGD, np.uint8)
    edge = max(1, round(0.02 * max(guess.shape)))
    guess[:edge] = cv2.GC_BGD
    guess[: max(edge, round(box[3])), :edge] = guess[: max(edge, round(box[3])), -edge:] = cv2.GC_BGD
    guess[_head(picture, box, 0.8, 0.85) | _torso(picture, box, 1.7)] = cv2.GC_PR_FGD
    guess[_head(picture, box, 0.42, 0.5) | _torso(picture, box, 0.8)] = cv2.GC_FGD
    return guess


def _head(picture: np.ndarray, box: Box, wide: float, tall: float) -> np.ndarray:
    """An ellipse about the face's box, with half axes in shares of its sides; taller ones reach upwards."""
    x1, y1, x2, y2 = box
    up = max(0.0, tall - 0.6) * (y2 - y1) / 2
    middle = (x1 + x2) / 2, (y1 + y2) / 2 - up
    return _ellipse(picture, middle, (wide * (x2 - x1), tall * (y2 - y1)))


def _torso(picture: np.ndarray, box: Box, wide: float) -> np.ndarray:
    """From the chin on: half as wide as the face, and `wide` faces to each side of the middle at the
    shoulders."""
    x1, y1, x2, y2 = box
    face, middle, tall = x2 - x1, (x1 + x2) / 2, y2 - y1
    sides = [(0.25 * face, y2), (wide * face, y2 + 0.7 * tall), (wide * face, picture.shape[0] + 1)]
    outline = [(middle + x, y) for x, y in sides] + [(middle - x, y) for x, y in reversed(sides)]
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.array(outline).round().astype(np.int32)], 1)
    return mask.astype(bool)


def _wider(mask: np.ndarray, face: Face, share: float = 0.08) -> np.ndarray:
    """Grown by a share of the face's width on each side."""
    side = 2 * max(1, round(share * (face.box[2] - face.box[0]))) + 1
    return cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)).astype(bool)


def _tilt(left: np.ndarray, right: np.ndarray) -> float:
    """Degrees clockwise of the line between two points."""
    return float(np.degrees(np.arctan2(right[1] - left[1], right[0] - left[0])))


def _ellipse(picture: np.ndarray, middle: object, axes: object, tilt: float = 0.0) -> np.ndarray:
    mask = np.zeros(picture.shape[:2], np.uint8)
    (x, y), (a, b) = np.asarray(middle, float), np.asarray(axes, float)
    cv2.ellipse(mask, (round(x), round(y)), (max(1, round(a)), max(1, round(b))), tilt, 0, 360, 1, -1)
    return mask.astype(bool)


_MASKS = {"eyes": _eyes, "mouth": _mouth, "face": _face, "clothes": _clothes, "background": _background}
