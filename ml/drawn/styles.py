"""Applies one of eight styles to a finished drawing. The styles must be easy to distinguish."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from ml.drawn.people import Scene
from ml.drawn.solid import A, bell, ink, length, power, unit

LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def finish(rgb: A, scene: Scene, head: Any) -> A:
    """Applies the scene's style to (3, H, W) float32. May change its argument."""
    height, width = rgb.shape[1:]
    y = ((np.arange(height, dtype=np.float32) + 0.5) / height)[:, None]
    x = ((np.arange(width, dtype=np.float32) + 0.5) / width)[None, :]
    return STYLE[scene.style](unit(rgb), x, y, scene)


def _gray(rgb: A) -> A:
    """(H, W)"""
    return np.tensordot(LUMA, rgb, 1)


def _blur(rgb: A, sigma: float) -> A:
    return np.stack([cv2.GaussianBlur(plane, (0, 0), sigma) for plane in rgb])


def _steps(v: A, slope: float) -> A:
    """Rounds to whole numbers with soft steps between them."""
    whole = np.floor(v)
    return whole + unit((v - whole - 0.5) * slope + 0.5)


def _vignette(x: A, y: A, reach: float = 0.75) -> A:
    return unit(1 - ((x - 0.5) ** 2 + (y - 0.5) ** 2) / reach**2)


def _strokes(rgb: A, share: float) -> A:
    """A median filter, its size a share of the short side: flat strokes with sharp edges."""
    size = max(3, round(min(rgb.shape[1:]) * share) | 1)
    planes = (rgb * 255).astype(np.uint8)
    return np.stack([cv2.medianBlur(plane, size) for plane in planes]).astype(np.float32) / 255


def _photorealistic(rgb: A, x: A, y: A, scene: Scene) -> A:
    return rgb * (0.88 + 0.12 * _vignette(x, y))


def _cinematic(rgb: A, x: A, y: A, scene: Scene) -> A:
    g = _gray(rgb)
    shadows, lights = ink([0.02, 0.16, 0.22]), ink([1.06, 0.86, 0.62])
    graded = 0.55 * rgb + 0.45 * (shadows + g * (lights - shadows))
    graded = np.clip((graded - 0.06) * 1.12, 0, 1) * (0.45 + 0.55 * _vignette(x, y, 0.8))
    bars = np.clip((np.abs(y - 0.5) - 0.415) / 0.008, 0, 1)
    return graded * (1 - bars)


def _artistic(rgb: A, x: A, y: A, scene: Scene) -> A:
    height, width = rgb.shape[1:]
    short = min(height, width)
    u, v = x * (width / short), y * (height / short)
    painted = 0.75 * _strokes(rgb, 0.022) + 0.25 * rgb
    g = _gray(painted)
    vivid = np.clip(g + 1.6 * (painted - g), 0, 1)
    level = vivid * 6
    vivid = 0.35 * vivid + 0.65 / 6 * _steps(level, 4)
    stroke = 0.045 * np.sin((u + v) * 46 + 3 * np.sin(u * 9) + 3 * np.sin(v * 7))
    return np.clip((vivid + stroke) * ink([1.06, 1.0, 0.88]), 0, 1)


def _anime(rgb: A, x: A, y: A, scene: Scene) -> A:
    short = min(rgb.shape[1:])
    smooth = _blur(rgb, short * 0.006)
    g = _gray(smooth)
    steps = np.clip(g * 4.0, 0, 3.999)
    soft = _steps(steps, 6) / 4
    flat = np.clip(smooth * (0.28 + soft) / (g + 0.10), 0, 1)
    mean = _gray(flat)
    flat = np.clip(mean + 1.45 * (flat - mean) + 0.06, 0, 1)
    fine = cv2.GaussianBlur(g, (0, 0), short * 0.006)
    wide = cv2.GaussianBlur(g, (0, 0), short * 0.016)
    lines = np.clip((wide - fine - 0.022) * 16, 0, 1)
    return flat * (1 - 0.85 * lines)


def _vintage(rgb: A, x: A, y: A, scene: Scene) -> A:
    g = _gray(rgb)
    sepia = ink([0.20, 0.14, 0.09]) + g * ink([0.72, 0.62, 0.46])
    faded = 0.14 * rgb * ink([1, 0.9, 0.7]) + 0.86 * sepia
    faded = faded * (0.72 + 0.28 * _vignette(x, y, 0.7))
    ratio = rgb.shape[2] / rgb.shape[1]
    inside = np.minimum(np.minimum(x, 1 - x) * max(ratio, 1), np.minimum(y, 1 - y) / min(ratio, 1))
    frame = np.clip((0.055 - inside) / 0.012 + 0.5, 0, 1)
    return faded + frame * (ink([0.93, 0.88, 0.76]) - faded)


def _noir(rgb: A, x: A, y: A, scene: Scene) -> A:
    g = _gray(rgb)
    hard = power(unit((g - 0.06) * 1.45), 0.82)
    slats = 0.5 + 0.5 * np.tanh(5 * np.sin((y + 0.18 * x * scene.side) * 34))
    away = np.clip((length((x - 0.5) * 1.0, (y - 0.45) * 0.9) - 0.30) / 0.12, 0, 1)
    hard = hard * (1 - 0.55 * away * (1 - slats)) * (0.45 + 0.55 * _vignette(x, y, 0.72))
    return np.repeat(hard[None], 3, axis=0)


def _watercolour(rgb: A, x: A, y: A, scene: Scene) -> A:
    short = min(rgb.shape[1:])
    wash = 0.6 * _strokes(rgb, 0.022) + 0.4 * rgb
    g = _gray(wash)
    wash = power(unit(g + 1.25 * (wash - g)), 0.62) * 0.86 + 0.14
    wet = cv2.GaussianBlur(g, (0, 0), short * 0.012)
    pigment = np.clip(np.abs(wet - g) * 2.2, 0, 0.35)
    wash = wash * (1 - pigment)
    ragged = 0.022 * np.sin(x * 23 + 2 * np.sin(y * 17)) + 0.022 * np.sin(y * 21 + 2 * np.sin(x * 13))
    inside = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y)) + ragged
    paper = np.clip((0.10 - inside) / 0.07, 0, 1)
    return wash + paper * (ink([0.98, 0.97, 0.94]) - wash)


def _fantasy(rgb: A, x: A, y: A, scene: Scene) -> A:
    g = _gray(rgb)
    low, high = ink([0.16, 0.05, 0.34]), ink([0.80, 1.0, 1.05])
    graded = 0.52 * rgb + 0.48 * (low + g * (high - low))
    short = min(rgb.shape[1:])
    bloom = _blur(unit(graded - 0.45), short * 0.04)
    out = graded + 0.7 * bloom
    ratio = rgb.shape[2] / rgb.shape[1]
    rng = np.random.default_rng(scene.arrangement + 1)
    for i in range(7):
        cx, cy, r = rng.uniform(0, 1), rng.uniform(0, 1), rng.uniform(0.015, 0.03)
        cx = cx * 0.3 if i % 2 else 1 - cx * 0.3
        d2 = ((x - cx) * ratio) ** 2 + (y - cy) ** 2
        out += (0.75 * bell(d2 / (r * r)) + 0.25 * bell(d2 / (9 * r * r))) * ink([0.75, 1.0, 0.85])
    return unit(out)


STYLE = {
    "photorealistic": _photorealistic,
    "cinematic": _cinematic,
    "artistic": _artistic,
    "anime": _anime,
    "vintage": _vintage,
    "noir": _noir,
    "watercolour": _watercolour,
    "fantasy": _fantasy,
}
