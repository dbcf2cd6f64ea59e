"""How pictures get worse: blur, shrinking, noise, JPEG. For training and measuring restorers."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

A = np.ndarray


@dataclass(frozen=True)
class Wear:
    """`blur`: Gaussian sigma, px; `stretch`: its other axis, as a share; `angle`: degrees. `shrink`: the side
    is divided by it. `noise`: deviation of levels 0..255 in the small picture; `jpeg`: its quality, 0 for
    none. The picture is then enlarged to its size again."""

    blur: float = 0.0
    stretch: float = 1.0
    angle: float = 0.0
    shrink: float = 1.0
    noise: float = 0.0
    jpeg: int = 0


def random_wear(rng: np.random.Generator) -> Wear:
    """From nothing at all to what leaves little of a face of 512 px."""
    if rng.random() < 0.1:
        return Wear()
    return Wear(
        blur=float(np.exp(rng.uniform(np.log(0.3), np.log(4.5)))) if rng.random() < 0.8 else 0.0,
        stretch=float(rng.uniform(0.3, 1)) if rng.random() < 0.4 else 1.0,
        angle=float(rng.uniform(0, 180)),
        shrink=float(np.exp(rng.uniform(0, np.log(6)))) if rng.random() < 0.8 else 1.0,
        noise=float(16 * rng.random() ** 1.5) if rng.random() < 0.7 else 0.0,
        jpeg=int(rng.integers(30, 96)) if rng.random() < 0.8 else 0,
    )


def wear(picture: A, how: Wear, rng: np.random.Generator, *, back: bool = True) -> A:
    """(H, W, 3) uint8 -> the same size, worn; with `back` False the small picture."""
    height, width = picture.shape[:2]
    small = blurred(picture, how)
    if how.shrink > 1:
        size = (max(8, round(width / how.shrink)), max(8, round(height / how.shrink)))
        small = cv2.resize(small, size, interpolation=cv2.INTER_AREA)
    if how.noise:
        noisy = small + how.noise * rng.standard_normal(small.shape, np.float32)
        small = np.clip(noisy, 0, 255).astype(np.uint8)
    small = compressed(small, how.jpeg)
    if not back or small.shape == picture.shape:
        return small
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def blurred(picture: A, how: Wear) -> A:
    if how.blur <= 0:
        return picture
    if how.stretch == 1:
        return cv2.GaussianBlur(picture, (0, 0), how.blur)
    return cv2.filter2D(picture, -1, kernel(how), borderType=cv2.BORDER_REFLECT)


def kernel(how: Wear) -> A:
    """A Gaussian whose axes differ: a camera that was moved."""
    reach = int(np.ceil(3 * how.blur))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    c, s = np.cos(np.radians(how.angle)), np.sin(np.radians(how.angle))
    u, v = (x * c + y * s) / how.blur, (y * c - x * s) / max(how.blur * how.stretch, 0.2)
    weights = np.exp(-(u**2 + v**2) / 2)
    return weights / weights.sum()


def compressed(picture: A, quality: int) -> A:
    if not quality:
        return picture
    coded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    assert decoded is not None
    return decoded[..., ::-1]
