"""Pictures made by code for the restorer: dead leaves, strands and grain.

Dead leaves (shapes that cover each other, their sizes by a power law) have the edges, textures and contrasts
of photographs in general; nets that restore pictures learn from them nearly as well as from photographs
(Achddou, Gousseau and Ladjal, "Synthetic images as a regularity prior for image restoration neural networks",
2021). Strands stand for hair, brows and lashes, grain for skin and cloth.
"""

from __future__ import annotations

import cv2
import numpy as np

A = np.ndarray
FINE = 2  # px drawn for each pixel, for soft edges
SMALLEST, LARGEST = 3.0, 120.0  # px: radii of leaves
LEAVES, STRANDS = 1000, 140  # at most


def leaves(rng: np.random.Generator, side: int) -> A:
    """(side, side, 3) uint8 RGB."""
    big = side * FINE
    canvas = np.empty((big, big, 3), np.uint8)
    canvas[:] = colour(rng)
    palette = [colour(rng) for _ in range(int(rng.integers(3, 16)))]
    for radius in power_law(rng, int(rng.integers(80, LEAVES))):
        leaf(rng, canvas, float(radius) * FINE, palette[int(rng.integers(len(palette)))])
    if rng.random() < 0.6:
        strands(rng, canvas)
    small = cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA)
    return grain(rng, shade(rng, out_of_focus(rng, small)))


def colour(rng: np.random.Generator) -> tuple[int, int, int]:
    """Mostly pale or dull, as photographs are; skin and hair of every tone are among them."""
    grey, chroma = rng.beta(1.1, 1.1), rng.normal(0, 0.09, 3)
    warm = rng.uniform(0, 0.16) * np.array([1, 0.1, -0.7])
    r, g, b = np.clip((grey + chroma + warm) * 255, 0, 255).astype(int)
    return int(r), int(g), int(b)


def power_law(rng: np.random.Generator, count: int) -> A:
    """Radii whose density falls with a power: with the third, pictures look alike at every scale."""
    power = rng.uniform(1.8, 3.0)
    low, high = SMALLEST ** (1 - power), LARGEST ** (1 - power)
    return (low + rng.random(count) * (high - low)) ** (1 / (1 - power))


def leaf(rng: np.random.Generator, canvas: A, radius: float, tone: tuple[int, int, int]) -> None:
    """A disc, an ellipse or a polygon; a third of them shaded from one edge to the other."""
    x, y = rng.uniform(-0.1, 1.1, 2) * canvas.shape[0]
    near = tuple(int(np.clip(v + rng.normal(0, 12), 0, 255)) for v in tone)
    kind, at = rng.random(), (int(x), int(y))
    if kind < 0.7:
        axes = (max(1, int(radius)), max(1, int(radius * rng.uniform(0.25, 1))))
        cv2.ellipse(canvas, at, axes, float(rng.uniform(0, 180)), 0, 360, near, -1, cv2.LINE_AA)
        return
    corners = int(rng.integers(3, 8))
    turns = np.sort(rng.uniform(0, 2 * np.pi, corners))
    points = np.stack([x + radius * np.cos(turns), y + radius * np.sin(turns)], 1).astype(np.int32)
    cv2.fillPoly(canvas, [points], near, cv2.LINE_AA)


def strands(rng: np.random.Generator, canvas: A) -> None:
    """Curved lines in locks: of one direction and nearly one colour."""
    big = canvas.shape[0]
    for _ in range(int(rng.integers(1, 4))):
        start, way, bend = rng.uniform(0, big, 2), rng.uniform(0, 2 * np.pi), rng.normal(0, 1.2)
        tone, spread = np.array(colour(rng)), rng.uniform(0.05, 0.4) * big
        length = rng.uniform(0.1, 0.9) * big
        for _ in range(int(rng.integers(8, STRANDS))):
            t = np.linspace(0, 1, 12)
            turn = way + rng.normal(0, 0.12) + bend * t
            step = length / len(t) * np.stack([np.cos(turn), np.sin(turn)], 1)
            line = (start + rng.normal(0, spread, 2) + step.cumsum(0)).astype(np.int32)
            near = tuple(int(v) for v in np.clip(tone + rng.normal(0, 22), 0, 255))
            cv2.polylines(canvas, [line], False, near, int(rng.integers(1, 5)), cv2.LINE_AA)


def out_of_focus(rng: np.random.Generator, picture: A) -> A:
    """Softer in some places than in others, as behind a lens: what is soft there shall stay soft."""
    side = picture.shape[0]
    near, far = (cv2.GaussianBlur(picture, (0, 0), rng.uniform(*sigma)) for sigma in ((0.3, 0.8), (0.6, 4)))
    where = np.clip(field(rng, side, side / 4), 0, 1)[..., None] if rng.random() < 0.5 else 0.0
    return (near + where * (far.astype(np.float32) - near)).astype(np.uint8)


def shade(rng: np.random.Generator, picture: A) -> A:
    """Light that changes slowly over the picture."""
    side = picture.shape[0]
    light = 1 + rng.uniform(0, 0.35) * field(rng, side, side / 3)[..., None]
    return np.clip(picture * light, 0, 255).astype(np.uint8)


def grain(rng: np.random.Generator, picture: A, most: float = 14.0) -> A:
    """Texture of skin, cloth or walls: soft noise of several scales, the coarser the stronger, and stronger
    in some places than in others. Without it a net takes all texture for noise, and skin for wax."""
    side, rough = picture.shape[0], 0.0
    for scale in (0.7, 1.2, 2.2, 4.0, 8.0):
        rough = rough + rng.uniform(0.2, 1) * scale**0.5 * field(rng, side, scale)
    where = np.clip(0.5 + 0.7 * field(rng, side, side / 5), 0, 1)
    made = picture + (rng.uniform(0.1, most) / np.std(rough) * rough * where)[..., None]
    return np.clip(made, 0, 255).astype(np.uint8)


def field(rng: np.random.Generator, side: int, scale: float) -> A:
    """(side, side) float32: noise of deviation 1 without detail finer than `scale` px."""
    times = max(1, int(scale / 2))
    rough = rng.standard_normal((side // times + 2,) * 2).astype(np.float32)
    soft = cv2.GaussianBlur(rough, (0, 0), max(0.4, scale / times))
    soft = cv2.resize(soft, (side, side), interpolation=cv2.INTER_CUBIC)
    return (soft - soft.mean()) / max(float(soft.std()), 1e-6)
