"""Draws things before a face: masks, scarves, sunglasses, hands, hair, bars, phones; and what hides nothing:
glasses, beards, fringes.

All are drawn in the face's own frame, a square in which the five points of ml.nets.hidden.FIVE are fixed.
Lengths are shares of its side. A `Cover` is what to lay over the face: (S, S, 3) float32 colours 0..255 and
(S, S) opacity 0..1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

A = np.ndarray
Generator = np.random.Generator
EYE_Y, NOSE_Y, MOUTH_Y = 0.36, 0.55, 0.73
EYES = (0.32, 0.68)


class Cover(NamedTuple):
    colour: A
    opacity: A

    def on(self, face: A) -> A:
        """(S, S, 3) uint8 with the cover on it."""
        share = self.opacity[..., None]
        return np.clip(face * (1 - share) + self.colour * share + 0.5, 0, 255).astype(np.uint8)


# --- shapes and materials --------------------------------------------------------------------------------


def filled(side: int, points: A) -> A:
    """(S, S) 0..1: the inside of a polygon (n, 2), smoothed at its edge."""
    mask = np.zeros((side, side), np.uint8)
    cv2.fillPoly(mask, [np.round(np.asarray(points) * side * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255


def stroke(side: int, points: A, width: float) -> A:
    """(S, S) 0..1: a thick line through points (n, 2) with round ends."""
    mask = np.zeros((side, side), np.uint8)
    line = np.round(np.asarray(points) * side * 16).astype(np.int32)
    cv2.polylines(mask, [line], False, 255, max(1, round(width * side)), cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255


def oval(side: int, x: float, y: float, half_x: float, half_y: float) -> A:
    """(S, S): below 1 inside the ellipse."""
    v, u = np.mgrid[:side, :side].astype(np.float32) / side
    return np.sqrt(((u - x) / half_x) ** 2 + ((v - y) / half_y) ** 2)


def smooth(side: int, cells: int, rng: Generator) -> A:
    """(S, S) -1..1: smooth noise."""
    small = rng.uniform(-1, 1, (cells, cells)).astype(np.float32)
    return cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)


def colour_of(rng: Generator) -> A:
    """(3,) 0..255: any colour, often grey, black or white."""
    grey = rng.uniform(5, 250)
    return np.clip(grey + rng.normal(0, 45, 3) * (rng.random() < 0.6), 0, 255).astype(np.float32)


def cloth(side: int, rng: Generator) -> A:
    """(S, S, 3): plain, striped, checked or spotted cloth with folds and grain."""
    base = np.broadcast_to(colour_of(rng), (side, side, 3)).copy()
    v, u = np.mgrid[:side, :side].astype(np.float32) / side
    turn, many = rng.uniform(0, np.pi), rng.uniform(20, 110)
    wave = np.sin(many * (u * np.cos(turn) + v * np.sin(turn)))
    cross = np.sin(many * (v * np.cos(turn) - u * np.sin(turn)))
    pattern = [np.zeros_like(u), wave > 0, (wave > 0) ^ (cross > 0), wave * cross > 0.4]
    chosen = pattern[int(rng.choice(4, p=[0.55, 0.15, 0.15, 0.15]))].astype(np.float32)[..., None]
    base += chosen * (colour_of(rng) - base)
    folds = 1 + 0.18 * smooth(side, 5, rng) + 0.10 * np.sin(rng.uniform(8, 30) * v + 3 * smooth(side, 3, rng))
    return base * folds[..., None] + rng.normal(0, rng.uniform(0, 7), (side, side, 1))


def skin(face: A, rng: Generator) -> A:
    """(S, S, 3): skin like that of the face's cheeks, in other light."""
    side = len(face)
    rows, columns = slice(int(0.5 * side), int(0.6 * side)), slice(int(0.25 * side), int(0.35 * side))
    tone = face[rows, columns].reshape(-1, 3).mean(0) * rng.uniform(0.8, 1.15) + rng.normal(0, 6, 3)
    return (tone * (1 + 0.10 * smooth(side, 4, rng))[..., None]).astype(np.float32)


# --- covers ----------------------------------------------------------------------------------------------


def mask(face: A, rng: Generator) -> Cover:
    """A face mask from the bridge of the nose to the chin; sometimes worn below the nose."""
    side, low = len(face), rng.random() < 0.2
    top = rng.uniform(0.62, 0.66) if low else rng.uniform(0.43, 0.50)
    cheek, wide = top + rng.uniform(0.02, 0.10), rng.uniform(0.36, 0.46)
    shape = [
        (0.5, top),
        (0.5 + wide * 0.5, cheek - 0.02),
        (0.5 + wide, cheek + 0.04),
        (0.5 + wide * 0.9, 0.85),
    ]
    shape += [(0.62, 1.05), (0.38, 1.05)]
    shape += [(1 - x, y) for x, y in reversed(shape[1:4])]
    opacity = filled(side, np.array(shape))
    for sign in (-1, 1):
        ends = np.array([(0.5 + sign * wide, cheek + 0.05), (0.5 + sign * 0.62, rng.uniform(0.35, 0.55))])
        opacity = np.maximum(opacity, stroke(side, ends, 0.012))
    pleats = np.add.reduce(
        [np.exp(-(((oval(side, 0.5, 0, 9, 1) - y) / 0.008) ** 2)) for y in (0.68, 0.76, 0.84)]
    )
    return Cover(cloth(side, rng) * (1 - 0.15 * pleats * (rng.random() < 0.6))[..., None], opacity)


def scarf(face: A, rng: Generator) -> Cover:
    side = len(face)
    x = np.linspace(-0.1, 1.1, 13)
    top = rng.uniform(0.46, 0.66) + 0.06 * np.sin(rng.uniform(2, 7) * x + rng.uniform(0, 6))
    edge = np.stack([x, top + rng.uniform(-0.15, 0.15) * (x - 0.5)], 1)
    return Cover(cloth(side, rng), filled(side, np.vstack([edge, [(1.1, 1.2), (-0.1, 1.2)]])))


def lenses(side: int, rng: Generator, scale: float) -> A:
    """(S, S) 0..1: two lenses, round, square or drop-shaped."""
    power, half_x = rng.choice([2.0, 2.0, 3.0, 5.0]), scale * rng.uniform(0.13, 0.165)
    half_y, y = half_x * rng.uniform(0.7, 1.0), EYE_Y + rng.uniform(0, 0.03)
    v, u = np.mgrid[:side, :side].astype(np.float32) / side
    tilt = rng.uniform(-0.15, 0.15)
    both = []
    for x, sign in zip(EYES, (-1, 1)):
        a, b = (u - x), (v - y + sign * tilt * (u - x))
        both.append((np.abs(a / half_x) ** power + np.abs(b / half_y) ** power) ** (1 / power))
    return np.clip((1 - np.minimum(*both)) * side * half_x + 0.5, 0, 1)


def sunglasses(face: A, rng: Generator) -> Cover:
    """Dark, tinted or mirrored lenses, with rims, a bridge and highlights."""
    side, glass = len(face), lenses(len(face), rng, rng.uniform(0.95, 1.25))
    dark = colour_of(rng) * rng.uniform(0.05, 0.35)
    shine = (0.5 + 0.5 * smooth(side, int(rng.integers(2, 6)), rng)) * rng.choice([0.15, 0.3, 1.0])
    v = np.mgrid[:side, :side][0].astype(np.float32) / side
    shine = shine + rng.uniform(0, 0.5) * np.clip(1 - np.abs(v - 0.3) * 8, 0, 1)
    colour = dark + shine[..., None] * (colour_of(rng) * 0.5 + 90)
    frame = bridge_and_arms(side, rng)
    opacity = np.maximum(glass * rng.uniform(0.86, 1.0), frame)
    return Cover(np.where((frame > glass)[..., None], dark, colour), opacity)


def bridge_and_arms(side: int, rng: Generator) -> A:
    y, width = EYE_Y + rng.uniform(-0.04, 0.0), rng.uniform(0.012, 0.03)
    lines = ([(0.44, y + 0.02), (0.5, y), (0.56, y + 0.02)], [(0.17, y), (-0.05, y)], [(0.83, y), (1.05, y)])
    return np.maximum.reduce([stroke(side, np.array(line), width) for line in lines])


def hand(face: A, rng: Generator) -> Cover:
    """Three to five fingers and a palm, over any part of the face."""
    side, spots = len(face), [*[(x, EYE_Y) for x in EYES], (0.5, NOSE_Y), (0.5, MOUTH_Y), (0.5, MOUTH_Y)]
    at = np.array(spots[int(rng.integers(len(spots)))]) + rng.normal(0, 0.03, 2)
    turn = rng.uniform(-1, 1) + rng.choice([0.0, np.pi / 2, -np.pi / 2])
    ahead, across = np.array([np.sin(turn), -np.cos(turn)]), np.array([np.cos(turn), np.sin(turn)])
    colour, opacity = skin(face, rng), np.zeros((side, side), np.float32)
    thick, fingers = rng.uniform(0.075, 0.11), int(rng.integers(3, 6))
    for i in range(fingers):
        off = (i - (fingers - 1) / 2) * thick * rng.uniform(0.95, 1.1)
        tip = at + across * off + ahead * rng.uniform(0.10, 0.24)
        root = at + across * off * 0.9 - ahead * rng.uniform(0.5, 0.8)
        finger = stroke(side, np.array([root, tip]), thick)
        inner = stroke(side, np.array([root, tip]), thick * 0.62)
        shadow = 1 - rng.uniform(0.2, 0.5) * np.clip(
            finger - cv2.GaussianBlur(inner, (0, 0), side * 0.012), 0, 1
        )
        nail = oval(side, tip[0], tip[1], thick * 0.3, thick * 0.35) < 1
        colour = np.where(finger[..., None] > 0.5, colour * shadow[..., None], colour)
        colour = np.where(nail[..., None], colour * 0.92 + 20, colour)
        opacity = np.maximum(opacity, finger)
    return Cover(colour, opacity)


def hair(face: A, rng: Generator) -> Cover:
    """Strands that fall over one eye, over both, or over half of the face."""
    side, dark = len(face), colour_of(rng) * rng.uniform(0.15, 0.8)
    sign, reach = rng.choice([-1, 1]), rng.choice([0.45, 0.62, 1.05])
    inner, colour = rng.uniform(0.0, 0.16), np.zeros((side, side, 3), np.float32)
    opacity = np.zeros((side, side), np.float32)
    for _ in range(int(rng.integers(35, 70))):
        x = 0.5 - sign * rng.uniform(-inner, 0.45)
        bend, down = rng.normal(0, 0.05), reach + rng.normal(0, 0.04)
        t = np.linspace(0, 1, 8)
        path = np.stack([x - sign * 0.10 * t + bend * np.sin(3 * t), -0.1 + t * (down + 0.1)], 1)
        strand = stroke(side, path, rng.uniform(0.012, 0.035))
        colour += strand[..., None] * (dark * rng.uniform(0.7, 1.35) - colour)
        opacity = np.maximum(opacity, strand * rng.uniform(0.85, 1))
    return Cover(colour, opacity)


def bar(face: A, rng: Generator) -> Cover:
    """A plain bar over the eyes, the nose or the mouth, or upright over one eye."""
    side, wide = len(face), rng.uniform(0.10, 0.2)
    x, y = rng.choice([*EYES, 0.5]), rng.choice([EYE_Y, EYE_Y, NOSE_Y, MOUTH_Y]) + rng.normal(0, 0.02)
    half_x, half_y = (0.8, wide / 2 + 0.03) if rng.random() < 0.7 else (wide / 2 + 0.05, 0.8)
    turn = rng.normal(0, 0.08)
    corners = np.array([(-half_x, -half_y), (half_x, -half_y), (half_x, half_y), (-half_x, half_y)])
    turned = corners @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    plain = np.broadcast_to(colour_of(rng), (side, side, 3)).astype(np.float32)
    return Cover(plain, filled(side, turned + (x if half_x < 0.5 else 0.5, y if half_y < 0.5 else 0.5)))


def phone(face: A, rng: Generator) -> Cover:
    """A phone held before a part of the face, with its camera's lenses and two fingers."""
    side, half_x, half_y = len(face), rng.uniform(0.16, 0.24), rng.uniform(0.3, 0.45)
    x, y = rng.uniform(0.25, 0.75), rng.uniform(0.35, 0.95)
    v, u = np.mgrid[:side, :side].astype(np.float32) / side
    inside = ((np.abs(u - x) / half_x) ** 8 + (np.abs(v - y) / half_y) ** 8) < 1
    colour = colour_of(rng) * rng.uniform(0.2, 1) * (1 + 0.15 * smooth(side, 3, rng))[..., None]
    for i in range(3):
        lens = oval(side, x - half_x * 0.5, y - half_y * 0.75 + i * 0.08, 0.028, 0.028) < 1
        colour = np.where(lens[..., None], 15.0, colour)
    opacity, sign = inside.astype(np.float32), rng.choice([-1, 1])
    for i in range(2):
        line = np.array([(x + sign * 0.45, y + 0.05 + 0.12 * i), (x + sign * half_x * 0.5, y + 0.12 * i)])
        finger = stroke(side, line, 0.09)
        colour = np.where(finger[..., None] > 0.5, skin(face, rng), colour)
        opacity = np.maximum(opacity, finger)
    return Cover(colour.astype(np.float32), opacity)


COVERS: dict[str, Callable[[A, Generator], Cover]] = {
    "mask": mask,
    "scarf": scarf,
    "sunglasses": sunglasses,
    "hand": hand,
    "hair": hair,
    "bar": bar,
    "phone": phone,
}


# --- what hides nothing ----------------------------------------------------------------------------------


def glasses(face: A, rng: Generator) -> Cover:
    """Ordinary glasses: rims, hardly tinted lenses, a reflection."""
    side = len(face)
    seed = int(rng.integers(1 << 30))
    outer, inner = (
        lenses(side, np.random.default_rng(seed), scale) for scale in (1.08, rng.uniform(0.9, 1.0))
    )
    rim = np.maximum(np.clip(outer - inner, 0, 1), bridge_and_arms(side, rng))
    streak = (smooth(side, 6, rng) > rng.uniform(0.35, 0.9)) * inner * rng.uniform(0, 0.5)
    tint = inner * rng.uniform(0, 0.22)
    dark = colour_of(rng) * rng.uniform(0.1, 0.9)
    colour = np.where(rim[..., None] > 0.3, dark, np.where(streak[..., None] > 0, 240.0, dark * 0.5 + 60))
    return Cover(colour.astype(np.float32), np.maximum.reduce([rim * rng.uniform(0.6, 1), streak, tint]))


def beard(face: A, rng: Generator) -> Cover:
    """A beard or a moustache of short hairs around the mouth, which stays visible."""
    side, dark = len(face), colour_of(rng) * rng.uniform(0.1, 0.9)
    v = np.mgrid[:side, :side][0].astype(np.float32) / side
    lower = np.clip((v - rng.uniform(0.52, 0.66)) * 12, 0, 1) * np.clip(
        (1.25 - oval(side, 0.5, 0.6, 0.36, 0.45)) * 5, 0, 1
    )
    moustache = np.clip((1.2 - oval(side, 0.5, 0.66, 0.16, 0.035)) * 4, 0, 1)
    lips = np.clip(
        (oval(side, 0.5, MOUTH_Y + 0.005, rng.uniform(0.13, 0.17), rng.uniform(0.025, 0.045)) - 0.9) * 6, 0, 1
    )
    where = np.maximum(lower * (rng.random() < 0.7), moustache) * lips
    grain = np.clip(0.75 + rng.normal(0, 0.35, (side, side)), 0, 1)
    colour = dark * (1 + 0.3 * rng.normal(0, 1, (side, side, 1)))
    return Cover(colour.astype(np.float32), (where * grain * rng.uniform(0.3, 1)).astype(np.float32))


def fringe(face: A, rng: Generator) -> Cover:
    """Hair on the forehead that ends above the eyes."""
    side, dark = len(face), colour_of(rng) * rng.uniform(0.1, 0.9)
    colour, opacity = np.zeros((side, side, 3), np.float32), np.zeros((side, side), np.float32)
    end = rng.uniform(0.10, 0.25)
    for x in rng.uniform(0.05, 0.95, int(rng.integers(30, 60))):
        path = np.array([(x, -0.1), (x + rng.normal(0, 0.04), end + rng.normal(0, 0.025))])
        strand = stroke(side, path, rng.uniform(0.015, 0.04))
        colour += strand[..., None] * (dark * rng.uniform(0.7, 1.35) - colour)
        opacity = np.maximum(opacity, strand)
    return Cover(colour, opacity)


HARMLESS: dict[str, Callable[[A, Generator], Cover]] = {"glasses": glasses, "beard": beard, "fringe": fringe}
