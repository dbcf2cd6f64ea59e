"""Finds hair and skin in a view's head window by colour and place. Torch-free.

Three classes of pixels (hair, skin, the rest) are each a few colour clusters (CIELAB), begun from the places
where they are nearly always found, and estimated again from what they won."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import cv2
import numpy as np

from ml.avatar.views import HEAD, A, View, to_lab

HAIR, SKIN, REST = 0, 1, 2
CLUSTERS = (2, 2, 5)
ROUNDS = 3
DEPTH = 0.82  # of the face before the skull's middle
LEAST_SPREAD = 4.0  # of a cluster, in CIELAB units: below, grain and JPEG blocks fall out of their cluster


class Segments(NamedTuple):
    """(160, 160) each: probabilities, and the window's colours in CIELAB, smoothed and as they are."""

    hair: A
    skin: A
    lab: A
    sharp: A


@cache
def places(back: float = 0.0) -> A:
    """(3, 160, 160): how likely hair, skin and the rest are at each place, before the colours are seen.
    `back`: the x of the skull's middle, which a turned head has beside its face."""
    x, y = HEAD.grid
    ax, skull_x = np.abs(x), np.abs(x - back)
    face = _soft(1.0 - np.hypot(ax / 0.66, (y - 0.2) / np.where(y < 0.2, 0.72, 0.85)), 0.12)
    neck = _soft(np.minimum(0.42 - ax, np.minimum(y - 0.9, 1.4 - y)), 0.08)
    skull = np.hypot(skull_x / 0.80, (y + 0.05) / np.where(y < -0.05, 1.0, 0.9))
    upper = _soft(0.35 - y, 0.15)
    beside = _soft(np.minimum(np.minimum(skull_x - 0.5, 1.15 - skull_x), np.minimum(y, 1.7 - y)), 0.12)
    rings = [(skull < r) * upper for r in (1.0, 1.2, 1.6)]
    hair = 0.01 + 0.11 * rings[2] + 0.33 * rings[1] + 0.25 * rings[0]
    hair = np.maximum(hair, 0.2 * beside) * (1 - 0.97 * face)
    skin = np.maximum.reduce([0.97 * face, 0.8 * neck, 0.25 * rings[0], 0.03 * rings[1]]) + 0.005
    return np.asarray(np.stack([hair, skin, np.maximum(1 - hair - skin, 0.002)]), np.float32)


def _soft(inside: A, width: float) -> A:
    """0..1: 1 where `inside` is above the width, 0 where it is below minus the width."""
    return np.asarray(np.clip(0.5 + inside / (2 * width), 0, 1))


def back_of(view: View) -> float:
    return round(-DEPTH * float(np.sin(np.radians(view.yaw))), 1)


def segment(view: View) -> Segments:
    lab = to_lab(cv2.bilateralFilter(view.head, 5, 20, 3))
    pixels, prior = lab.reshape(-1, 3), places(back_of(view)).reshape(3, -1).copy()
    prior[:, ~view.inside.ravel()] = np.array([0.001, 0.001, 1])[:, None]
    rest = density(pixels, prior[REST], CLUSTERS[REST], 0.9)
    share, least = prior, 0.6
    for _ in range(ROUNDS):
        own = [density(pixels, share[i], CLUSTERS[i], least) for i in (HAIR, SKIN)]
        share = prior * np.stack([*own, rest])
        share /= share.sum(0) + 1e-12
    hair, skin, _ = (cv2.GaussianBlur(s.reshape(HEAD.side, -1), (0, 0), 1.0) for s in share)
    return Segments(joined(hair), skin, lab, to_lab(view.head))


def density(pixels: A, share: A, clusters: int, least: float) -> A:
    """(n,): how likely each pixel's colour is in a class, of which those pixels are
    examples whose `share` is above `least`."""
    sure = share > least
    sample = pixels[sure] if sure.sum() > 50 else pixels[np.argsort(share)[-50:]]
    sample = sample[:: max(1, len(sample) // 1500)]
    stop = (cv2.TERM_CRITERIA_MAX_ITER, 8, 0.5)
    cv2.setRNGSeed(1)
    first = np.zeros((len(sample), 1), np.int32)
    _, labels, centres = cv2.kmeans(sample, clusters, first, stop, 1, cv2.KMEANS_PP_CENTERS)
    out = np.zeros(len(pixels), np.float32)
    for i, centre in enumerate(centres):
        own = sample[labels.ravel() == i]
        spread = np.maximum(own.std(0), LEAST_SPREAD) if len(own) else np.full(3, LEAST_SPREAD)
        z = ((pixels - centre) / spread) ** 2
        out += len(own) / len(sample) / spread.prod() * np.exp(-0.5 * np.minimum(z.sum(1), 60))
    return out + 1e-9


def joined(hair: A) -> A:
    """The hair without parts that do not touch the crown's."""
    count, labels = cv2.connectedComponents((hair > 0.5).astype(np.uint8))
    rows, columns = HEAD.box(-0.7, -1.3, 0.7, -0.5)
    crown = labels[rows, columns]
    kept = [i for i in range(1, count) if (crown == i).sum() > 40]
    return np.where(np.isin(labels, kept) | (hair <= 0.5), hair, 0)


def half_width(found: Segments, y: float) -> float:
    """Half the width of the face at a height, units."""
    row, middle = (round(v) for v in reversed(HEAD.pixel(0, y)))
    skin = found.skin[row - 1 : row + 2].mean(0) > 0.5
    edges = [int(np.argmin(side)) for side in (skin[middle:], skin[middle::-1])]
    return float(sum(edges)) / 2 / HEAD.scale
