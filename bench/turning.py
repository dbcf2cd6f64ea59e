"""Films of a real person's head from one photograph: it turns, nods and blinks.

There are no films of the handed people, so their photographs are laid over the drawing program's head: each
pixel gets the depth that this head has there, is turned in space, and is seen from the front again. Light and
what a turn uncovers are not right; parallax, outline and shape are. A closed eye is the skin above it, drawn
down over it, with a line of lashes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ml.drawn.people import Scene, random_person
from ml.drawn.solid import Canvas, Head
from ml.nano.hidden_training import five_points
from ml.nets.alignment import similarity

A = np.ndarray
SIDE = 400  # px of the map of depths, which has the size of a drawing
SCENE = Scene(size=0.6)
TRAITS = {"width": 0.74, "jaw": 2.3, "eye_gap": 0.335, "nose": 0.24, "nose_length": 0.40, "mouth": 0.27}
PERSON = replace(random_person(np.random.default_rng(0)), **TRAITS)
REACH = 0.35  # half frames beyond the face over which the turn fades out


@dataclass(frozen=True)
class Portrait:
    """A photograph from the front, and its five points (5, 2)."""

    picture: A
    points: A


def maps() -> tuple[A, A]:
    """Two (SIDE, SIDE): the head's depth in px, and how much it turns there, 0..1."""
    head = Head(PERSON, SCENE, Canvas.of(np.zeros((3, SIDE, SIDE), np.float32)), 1.0)
    hit = head.meet_face()
    face = hit.cover > 0.5
    depth = np.where(face, np.maximum(hit.z, 0), 0).astype(np.float32) * SCENE.size * SIDE / 2
    away = cv2.distanceTransform((~face).astype(np.uint8), cv2.DIST_L2, 5) * 2 / SIDE
    fade = np.clip(1 - away / REACH, 0, 1)
    return cv2.GaussianBlur(depth, (0, 0), 2.5), (fade * fade * (3 - 2 * fade)).astype(np.float32)


DEPTH, TURNS = maps()


def turned(portrait: Portrait, yaw: float = 0.0, pitch: float = 0.0) -> A:
    """The picture with the head turned: degrees, `yaw` positive to the picture's right, `pitch` upwards."""
    matrix = similarity(portrait.points, five_points(PERSON, SCENE, SIDE))
    size = (portrait.picture.shape[1], portrait.picture.shape[0])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    depth, turns = (cv2.warpAffine(m, matrix, size, flags=flags) for m in (DEPTH, TURNS))
    depth /= np.hypot(*matrix[0, :2])
    cx, cy = cv2.invertAffineTransform(matrix) @ (SIDE / 2, SIDE / 2 * 0.94, 1)
    y, x = np.mgrid[: size[1], : size[0]].astype(np.float32)
    if pitch:
        to = y + turns * moved(y - cy, depth, -pitch)
        return cv2.remap(portrait.picture, x, seen(to.T, pitch < 0).T, cv2.INTER_LINEAR)
    to = x + turns * moved(x - cx, depth, yaw)
    return cv2.remap(portrait.picture, seen(to, yaw > 0), y, cv2.INTER_LINEAR)


def moved(along: A, depth: A, degrees: float) -> A:
    """How far a turn moves each point along one axis."""
    angle = np.radians(degrees)
    return along * (np.cos(angle) - 1) + depth * np.sin(angle)


def seen(to: A, upwards: bool) -> A:
    """Where each pixel of a row comes from, when the row's pixels go to `to`: nearer points cover others."""
    if not upwards:
        return np.ascontiguousarray(to.shape[1] - 1 - seen(to.shape[1] - 1 - to[:, ::-1], True)[:, ::-1])
    places = np.arange(to.shape[1], dtype=np.float32)
    front = np.maximum.accumulate(to, axis=1) + places * 1e-4
    return np.stack([np.interp(places, row, places) for row in front]).astype(np.float32)


def with_closed_eyes(portrait: Portrait, share: float = 1.0) -> A:
    """`share` 1: closed."""
    out = portrait.picture.copy()
    unit = float(np.hypot(*(portrait.points[1] - portrait.points[0])))
    for place in portrait.points[:2]:
        out = closed(out, place, unit, share)
    return out


def closed(picture: A, place: A, unit: float, share: float) -> A:
    """One eye closed: the lid is stretched from the skin above the eye, or below it where brows are near."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    u, v = (x - place[0]) / unit, (y - place[1]) / unit
    bow = np.clip(1 - (u / 0.26) ** 2, 0, 1)
    crease, low = -0.05 - 0.10 * bow, -0.01 + 0.12 * bow
    edge = crease + share * (low - crease)
    inside = (v > crease) & (v < edge) & (bow > 0)
    down = (v - crease) / np.maximum(edge - crease, 1e-3)
    above, below = crease - 0.07 + 0.07 * down, low + 0.13 - 0.07 * down
    lids = [remapped(picture, x, np.where(inside, s, v) * unit + place[1]) for s in (above, below)]
    out = max(lids, key=lambda lid: float(lid[inside].mean()))
    lash = np.clip(1.4 - np.abs(v - edge) / 0.014, 0, 1) * np.clip(bow * 6, 0, 1) * 0.75
    soft = cv2.GaussianBlur((inside | (lash > 0)).astype(np.float32), (0, 0), 0.012 * unit)[..., None]
    mixed = picture + soft * (out * (1 - 0.08 * soft) - picture)
    return np.clip(mixed * (1 - lash[..., None]) + 30 * lash[..., None], 0, 255).astype(np.uint8)


def remapped(picture: A, x: A, y: A) -> A:
    return cv2.remap(picture, x, y.astype(np.float32), cv2.INTER_LINEAR)
