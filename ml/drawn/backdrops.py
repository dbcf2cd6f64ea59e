"""Draws backgrounds: small and then enlarged, so that they are as soft as behind a portrait lens."""

from __future__ import annotations

import cv2
import numpy as np

from ml.drawn.people import Scene
from ml.drawn.solid import f32
from ml.vocabulary import COLOURS

A = np.ndarray


def backdrop(scene: Scene, height: int, width: int) -> A:
    """(H, W, 3) float32 RGB 0..1."""
    short = 40
    h, w = round(short * height / min(height, width)), round(short * width / min(height, width))
    y = ((np.arange(h, dtype=np.float32) + 0.5) / h)[:, None]
    x = ((np.arange(w, dtype=np.float32) + 0.5) / short)[None, :]
    rng = np.random.default_rng(scene.arrangement)
    small = PLACES[scene.background](
        scene, np.broadcast_to(x, (h, w)), np.broadcast_to(y, (h, w)), w / short, rng
    )
    small = cv2.GaussianBlur(small.astype(np.float32), (0, 0), 0.9)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def _mix(t: A, a: object, b: object) -> A:
    return f32(a) + np.clip(t, 0, 1)[..., None] * (f32(b) - f32(a))


def _over(rgb: A, mask: A, colour: object) -> A:
    return rgb + np.clip(mask, 0, 1)[..., None] * (f32(colour) - rgb)


def _soft(d: A, width: float = 0.03) -> A:
    return np.clip(0.5 - d / width, 0, 1)


def _box(x: A, y: A, cx: float, cy: float, hw: float, hh: float, width: float = 0.03) -> A:
    return _soft(np.maximum(np.abs(x - cx) - hw, np.abs(y - cy) - hh), width)


def _studio(scene: Scene, x: A, y: A, wide: float, rng: np.random.Generator) -> A:
    base = f32(COLOURS[scene.backdrop])
    glow = np.exp(-(((x / wide - 0.5 + 0.15 * scene.side) / 0.55) ** 2 + ((y - 0.42) / 0.60) ** 2))
    return base * (0.62 + 0.50 * glow)[..., None] + 0.05 * glow[..., None]


def _office(scene: Scene, x: A, y: A, wide: float, rng: np.random.Generator) -> A:
    rgb = _mix(y, (0.86, 0.85, 0.82), (0.72, 0.70, 0.67))
    left = rng.random() < 0.5
    cx = wide * (0.17 if left else 0.83) + rng.uniform(-0.03, 0.03)
    rgb = _over(rgb, _box(x, y, cx, 0.30, 0.20, 0.25), (0.80, 0.92, 1.0))
    rgb = _over(rgb, _box(x, y, cx, 0.30, 0.012, 0.25), (0.97, 0.97, 0.97))
    rgb = _over(rgb, _box(x, y, cx, 0.30, 0.20, 0.012), (0.97, 0.97, 0.97))
    ox = wide - cx
    rgb = _over(rgb, _box(x, y, ox, 0.32, 0.15, 0.12), (0.32, 0.36, 0.42))  # a screen
    rgb = _over(rgb, _box(x, y, ox, 0.31, 0.13, 0.095), (0.50, 0.66, 0.80))
    rgb = _over(rgb, _soft(0.70 - y), (0.55, 0.43, 0.33))  # the desk
    plant = np.hypot((x - cx) / 0.10, (y - 0.62) / 0.13) - 1
    return _over(rgb, _soft(plant, 0.3), (0.22, 0.45, 0.25))


def _library(scene: Scene, x: A, y: A, wide: float, rng: np.random.Generator) -> A:
    rgb = _mix(y, (0.36, 0.22, 0.13), (0.25, 0.15, 0.09))
    tones = f32(
        [
            (0.55, 0.16, 0.13),
            (0.16, 0.30, 0.42),
            (0.62, 0.47, 0.20),
            (0.20, 0.36, 0.24),
            (0.72, 0.65, 0.52),
            (0.34, 0.18, 0.30),
        ]
    )
    shelf = np.floor(y / 0.25)
    book = np.floor(x / 0.085 + shelf * 0.37).astype(int)
    pick = rng.integers(0, len(tones), 64)
    colour = tones[pick[(book + 7 * shelf.astype(int)) % 64]]
    within = (y / 0.25) % 1
    return rgb + (_soft(np.abs(within - 0.56) - 0.36, 0.2) * 0.92)[..., None] * (colour - rgb)


def _park(scene: Scene, x: A, y: A, wide: float, rng: np.random.Generator) -> A:
    rgb = _mix(y * 1.3, (0.62, 0.78, 0.48), (0.20, 0.42, 0.16))
    for _ in range(3):
        cx = rng.uniform(0, wide)
        rgb = _over(rgb, 0.8 * _soft(np.abs(x - cx) - 0.035, 0.04) * _soft(y - 0.80, 0.1), (0.27, 0.20, 0.13))
    for i in range(9):
        cx, cy, r = rng.uniform(0, wide), rng.uniform(0, 0.55), rng.uniform(0.07, 0.16)
        tone = ((0.36, 0.60, 0.22), (0.16, 0.38, 0.15), (0.62, 0.80, 0.38))[i % 3]
        rgb = _over(rgb, 0.62 * _soft(np.hypot(x - cx, y - cy) - r, 0.07), tone)
    return _over(rgb, _soft(0.78 - y, 0.06), (0.36, 0.58, 0.22))


def _beach(scene: Scene, x: A, y: A, wide: float, rng: np.random.Generator) -> A:
    horizon = 0.46 + rng.uniform(-0.03, 0.03)
    rgb = _mix(y / horizon, (0.36, 0.66, 0.95), (0.80, 0.92, 0.99))
    cx = rng.uniform(0, wide)
    rgb = _over(rgb, 0.8 * _soft(np.hypot((x - cx) / 0.20, (y - 0.16) / 0.05) - 1, 0.5), (0.98, 0.99, 1.0))
    rgb = _over(rgb, _soft(horizon - y), (0.10, 0.52, 0.66))
    shore = horizon + 0.20 + 0.03 * np.sin(x * 5 + cx * 9)
    rgb = _over(rgb, _soft(shore - 0.025 - y), (0.92, 0.96, 0.96))
    return _over(rgb, _soft(shore + 0.015 - y), (0.93, 0.83, 0.62))


def _city(scene: Scene, x: A, y: A, wide: float, rng: np.random.Generator) -> A:
    rgb = _mix(y, (0.05, 0.06, 0.17), (0.16, 0.11, 0.24))
    for i in range(6):
        cx, top = wide * (i + 0.5) / 6 + rng.uniform(-0.04, 0.04), rng.uniform(0.10, 0.42)
        rgb = _over(rgb, _soft(np.maximum(np.abs(x - cx) - 0.09, top - y)), (0.09, 0.10, 0.21))
    for i in range(16):
        cx, cy, r = rng.uniform(0, wide), rng.uniform(0.18, 0.85), rng.uniform(0.022, 0.05)
        tone = ((1.0, 0.80, 0.36), (1.0, 0.55, 0.25), (0.55, 0.80, 1.0), (1.0, 0.35, 0.48))[i % 4]
        rgb = _over(rgb, 0.80 * _soft(np.hypot(x - cx, y - cy) - r), tone)
    return rgb


def _sunset(scene: Scene, x: A, y: A, wide: float, rng: np.random.Generator) -> A:
    rgb = np.where(
        y[..., None] < 0.38,
        _mix(y / 0.38, (0.30, 0.20, 0.46), (0.86, 0.38, 0.40)),
        _mix((y - 0.38) / 0.28, (0.86, 0.38, 0.40), (1.0, 0.68, 0.28)),
    )
    cx = wide * (0.20 if rng.random() < 0.5 else 0.80) + rng.uniform(-0.05, 0.05)
    rgb = _over(rgb, _soft(np.hypot(x - cx, y - 0.50) - 0.085), (1.0, 0.93, 0.62))
    hill = 0.66 + 0.035 * np.sin(x * 7 + cx * 5)
    return _over(rgb, _soft(hill - y), (0.26, 0.13, 0.24))


def _mountains(scene: Scene, x: A, y: A, wide: float, rng: np.random.Generator) -> A:
    rgb = _mix(y / 0.55, (0.42, 0.62, 0.86), (0.84, 0.91, 0.97))
    for i in range(4):
        cx, top = wide * (i + 0.35) / 3.6 + rng.uniform(-0.06, 0.06), rng.uniform(0.14, 0.34)
        slope = top + 1.05 * np.abs(x - cx)
        rgb = _over(rgb, _soft(slope - y), (0.40, 0.46, 0.56))
        snow = top + 0.17 + 0.03 * np.sin(x * 34)
        rgb = _over(rgb, _soft(np.maximum(slope - y, y - snow)), (0.97, 0.98, 1.0))
    return _over(rgb, _soft(0.72 + 0.02 * np.sin(x * 4) - y), (0.93, 0.95, 0.98))


PLACES = {
    "studio": _studio,
    "office": _office,
    "library": _library,
    "park": _park,
    "beach": _beach,
    "city": _city,
    "sunset": _sunset,
    "mountains": _mountains,
}
