"""Canvas, light, and the head as a solid that rays meet. Other modules of this package paint on
it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from ml.drawn.people import HAIR_COLOURS, Person, Scene

A = np.ndarray
SKIN = np.array(
    [[0.98, 0.83, 0.74], [0.93, 0.73, 0.60], [0.80, 0.58, 0.43], [0.60, 0.39, 0.27], [0.41, 0.26, 0.185]]
)
BROW_Y, MOUTH_Y, HAIRLINE = -0.17, 0.60, -0.56


@dataclass(frozen=True)
class Light:
    """RGB of three lights: `key` from `direction` (view frame, towards the light), ambient `fill`, `rim`
    from behind."""

    direction: tuple[float, float, float]
    key: tuple[float, float, float]
    fill: tuple[float, float, float]
    rim: tuple[float, float, float] = (0.0, 0.0, 0.0)


def light_of(scene: Scene) -> Light:
    s = scene.side
    noir = scene.style == "noir"
    light = {
        "soft": Light((0.25 * s, -0.5, 0.83), (0.66, 0.65, 0.63), (0.44, 0.44, 0.45)),
        "side": Light((0.86 * s, -0.28, 0.42), (0.90, 0.87, 0.83), (0.34, 0.34, 0.36)),
        "warm": Light((0.55 * s, -0.30, 0.78), (0.86, 0.73, 0.58), (0.42, 0.37, 0.32)),
        "cool": Light((0.40 * s, -0.45, 0.80), (0.58, 0.61, 0.70), (0.39, 0.405, 0.455)),
        "back": Light((0.15 * s, -0.50, 0.85), (0.52, 0.51, 0.50), (0.42, 0.42, 0.44), (0.85, 0.79, 0.68)),
    }["side" if noir and scene.light == "soft" else scene.light]
    return replace(light, direction=gone_round(light.direction, scene.sun)) if scene.sun else light


def gone_round(direction: tuple[float, float, float], degrees: float) -> tuple[float, float, float]:
    """A direction, turned around the vertical."""
    x, y, z = direction
    c, s = float(np.cos(np.radians(degrees))), float(np.sin(np.radians(degrees)))
    return x * c + z * s, y, z * c - x * s


def f32(values: Any) -> A:
    """Values as float32: numpy's default float64 would double the memory of all arrays computed from
    them."""
    return np.asarray(values, np.float32)


def ink(values: Any) -> A:
    """A colour as (3, 1, 1) float32, to broadcast over the picture's planes."""
    return f32(values).reshape(3, 1, 1)


@lru_cache(32)
def grid(height: int, width: int) -> tuple[A, A]:
    """X and Y of every pixel, (H, W) each."""
    half = min(height, width) / 2
    X, Y = (((np.arange(n) + 0.5 - n / 2) / half).astype(np.float32) for n in (width, height))
    return np.broadcast_to(X, (height, width)), np.broadcast_to(Y[:, None], (height, width))


class Canvas:
    """A window of the picture (3, H, W), with the coordinates of its pixels."""

    def __init__(self, rgb: A, X: A, Y: A, px: float):
        self.rgb, self.X, self.Y, self.px = rgb, X, Y, px

    @classmethod
    def of(cls, rgb: A) -> Canvas:
        height, width = rgb.shape[1:]
        return cls(rgb, *grid(height, width), 2 / min(height, width))

    def window(self, x1: float, y1: float, x2: float, y2: float) -> Canvas:
        """The part that contains the box; a view, so painting on it paints the picture."""
        height, width = self.X.shape
        left, right = ((v - float(self.X[0, 0])) / self.px for v in (x1, x2))
        top, bottom = ((v - float(self.Y[0, 0])) / self.px for v in (y1, y2))
        col, row = min(max(int(left), 0), width - 1), min(max(int(top), 0), height - 1)
        part = (slice(row, max(int(bottom + 2), row + 1)), slice(col, max(int(right + 2), col + 1)))
        return Canvas(self.rgb[:, *part], self.X[part], self.Y[part], self.px)

    def paint(self, mask: A, colour: A) -> None:
        """Blends in a colour (3, 1, 1) or a picture of the window's size, by the mask (H, W)."""
        x, y, w, h = cv2.boundingRect((mask > 0.002).view(np.uint8))
        part = (slice(y, y + h), slice(x, x + w))
        rgb = self.rgb[:, *part]
        change = (colour if colour.shape[1:] == (1, 1) else colour[:, *part]) - rgb
        change *= mask[part]
        rgb += change


def unit(v: A) -> A:
    """Clips to 0..1, in place."""
    return np.clip(v, 0, 1, out=v)


def length(x: A, y: A) -> A:
    """Like np.hypot, which is ten times slower because it guards against overflow."""
    return np.sqrt(x * x + y * y)


def edge(distance: A, px: float) -> A:
    """1 inside (distance < 0), 0 outside, over one pixel."""
    return unit(0.5 - distance * (1 / px))


def ramp(v: A, lo: float, hi: float) -> A:
    t = unit((v - lo) * (1 / (hi - lo)))
    rest = 3 - 2 * t
    t *= t
    t *= rest
    return t


def bell(*squares: A) -> A:
    # Values below e^-30 are invisible, and subnormal float32 numbers are ten times slower.
    total = np.maximum(-sum(squares[1:], squares[0]), -30)
    return np.exp(total, out=total)


def power(v: A, exponent: float) -> A:
    """v ** exponent for v >= 0. Avoids 0 itself, for which numpy is ten times slower."""
    return np.maximum(v, 1e-6) ** exponent


def rotation(scene: Scene) -> A:
    """(3, 3), head to view."""
    yaw, pitch = np.radians(scene.yaw), np.radians(scene.pitch)
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    turn = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    nod = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    return (nod @ turn).astype(np.float32)


def centre_of(scene: Scene) -> tuple[float, float]:
    """Where the origin of the head's frame is seen: X, Y in half frames."""
    return scene.dx, scene.dy - 0.06


def seen_at(scene: Scene, points: Any) -> A:
    """(n, 3) points of the head's frame -> (n, 2): where they are seen, X, Y in half frames."""
    u, v, _ = rotation(scene) @ np.asarray(points, float).T
    c, s = np.cos(np.radians(scene.roll)), np.sin(np.radians(scene.roll))
    return np.asarray(centre_of(scene) + scene.size * np.stack([u * c - v * s, u * s + v * c], 1))


def shade(normal: tuple[A, A, A], light: Light, wrap: float = 0.25) -> A:
    """(3, H, W): the light of each colour that a matt surface reflects."""
    diffuse = (along(normal, light.direction) + wrap) * (1 / (1 + wrap))
    np.maximum(diffuse, 0, out=diffuse)
    out = (0.72 - 0.28 * normal[1]) * ink(light.fill)
    out += diffuse * ink(light.key)
    if any(light.rim):
        rim = np.square(unit(1 - normal[2]))
        out += rim * rim * ink(light.rim)
    return out


def along(normal: tuple[A, A, A], direction: tuple[float, float, float]) -> A:
    """(H, W): the cosine between normal and direction."""
    return normal[0] * direction[0] + normal[1] * direction[1] + normal[2] * direction[2]


def unit_vector(x: A, y: A, z: A) -> tuple[A, A, A]:
    scale = 1 / (np.sqrt(x * x + y * y + z * z) + 1e-6)
    return x * scale, y * scale, z * scale


def halfway(light: Light) -> tuple[float, float, float]:
    """The unit vector between light and viewer (Blinn)."""
    x, y, z = light.direction
    n = (x * x + y * y + (z + 1) ** 2) ** 0.5
    return x / n, y / n, (z + 1) / n


@dataclass
class Hit:
    """Where rays meet a solid: point (x, y, z) in the head's frame, unit normal in the view's frame, mask
    0..1."""

    x: A
    y: A
    z: A
    normal: tuple[A, A, A]
    cover: A


class Head:
    """The solid of one person's head in one scene, and its rays."""

    def __init__(self, person: Person, scene: Scene, canvas: Canvas, eye_scale: float):
        self.person, self.scene, self.canvas = person, scene, canvas
        self.R = rotation(scene)
        self.r = scene.size
        self.eye_scale = eye_scale
        self.centre = centre_of(scene)
        roll = float(np.radians(scene.roll))
        self.cos, self.sin = float(np.cos(roll)), float(np.sin(roll))
        u, v = (canvas.X - self.centre[0]) / self.r, (canvas.Y - self.centre[1]) / self.r
        self.U = u * self.cos + v * self.sin
        self.V = v * self.cos - u * self.sin
        self.px = canvas.px / self.r

    def place(self, x: float, y: float, z: float) -> tuple[float, float, float]:
        """A point of the head's frame as (U, V, depth)."""
        u, v, w = self.R @ np.array([x, y, z], np.float32)
        return float(u), float(v), float(w)

    def around(self, u: float, v: float, half_u: float, half_v: float) -> Head:
        """The same head on the part of its canvas that contains the box around (u, v) in head units, plus one
        pixel."""
        x, y = (
            (u * self.cos - v * self.sin) * self.r + self.centre[0],
            (u * self.sin + v * self.cos) * self.r + self.centre[1],
        )
        c, s = abs(self.cos) * self.r, abs(self.sin) * self.r
        half_x, half_y = half_u * c + half_v * s + self.canvas.px, half_u * s + half_v * c + self.canvas.px
        near = self.canvas.window(x - half_x, y - half_y, x + half_x, y + half_y)
        return Head(self.person, self.scene, near, self.eye_scale)

    def part(self, x: float, y: float, half_x: float, half_y: float) -> tuple[slice, slice]:
        """The rows and columns of the window for painting around the face's point (x, y)."""
        u, v, _ = self.place(x, y, 0.82)
        X, Y = u * self.cos - v * self.sin, u * self.sin + v * self.cos
        X, Y = X * self.r + self.centre[0], Y * self.r + self.centre[1]
        col = [int((X + e * half_x * self.r - self.canvas.X[0, 0]) / self.canvas.px + 0.5) for e in (-1, 1)]
        row = [int((Y + e * half_y * self.r - self.canvas.Y[0, 0]) / self.canvas.px + 0.5) for e in (-1, 1)]
        return slice(max(row[0], 0), max(row[1], 1)), slice(max(col[0], 0), max(col[1], 1))

    def meet(
        self,
        a: float,
        top: float,
        b: float,
        *,
        y0: float = 0.0,
        jaw: float | None = None,
        lift: Callable[[A, A], A] | None = None,
    ) -> Hit:
        """Intersects the rays with an ellipsoid of half-axes (a, top, b) around (0, y0, 0).
        `jaw` makes its lower half square or pointed. `lift` maps a point's x and y to a displacement of the
        surface along the head's z, in head units."""
        R, d = self.R, self.R[2]
        px, py, pz = (self.U * R[0, i] + self.V * R[1, i] for i in range(3))
        py -= y0
        ia, it, ib = 1 / a**2, 1 / top**2, 1 / b**2
        AA = d[0] ** 2 * ia + d[1] ** 2 * it + d[2] ** 2 * ib
        flat_B = px * (d[0] * ia) + py * (d[1] * it)
        flat_C = px * px * ia + py * py * it - 1
        height: A | float = 0.0
        Z = np.zeros_like(px)
        for again in range(3 if lift else 1):
            if lift and again:
                height = lift(px + Z * d[0], py + Z * d[1])
            z0 = pz - height
            B = flat_B + z0 * (d[2] * ib)
            C = flat_C + z0 * z0 * ib
            disc = B * B - AA * C
            Z = (np.sqrt(np.maximum(disc, 0)) - B) / AA
            if jaw is not None:
                oval = disc
                for _ in range(2):
                    disc = oval + AA * jaw_change(py + Z * d[1], top, jaw)
                    Z = (np.sqrt(np.maximum(disc, 0)) - B) / AA
        x, y, z = px + Z * d[0], py + Z * d[1], z0 + Z * d[2]
        slope = y * it if jaw is None else y * it + jaw_slope(y, jaw)
        normal = self.in_view(x * ia, slope, z * ib)
        cover = unit(0.5 + disc * (0.5 * a / self.px / AA))
        return Hit(x, y + y0, z + height, normal, cover)

    def in_view(self, x: A, y: A, z: A) -> tuple[A, A, A]:
        """A vector of the head's frame as a unit vector of the view's frame."""
        R = self.R
        return unit_vector(*(x * R[i, 0] + y * R[i, 1] + z * R[i, 2] for i in range(3)))

    def meet_face(self) -> Hit:
        """The face with its relief: the nose displaces the surface, other features change the normal."""
        p = self.person
        hit = self.meet(p.width, 1.0, 0.86, jaw=p.jaw, lift=lambda x, y: nose_height(x, y, p))
        height = relief(hit.x, hit.y, self)
        gy, gx = np.gradient(height, self.px)
        strength = 0.85
        nx, ny, nz = hit.normal[0] - strength * gx, hit.normal[1] - strength * gy, hit.normal[2]
        hit.normal = unit_vector(nx, ny, nz)
        return hit


def jaw_change(y: A, top: float, jaw: float) -> A:
    """The term that the jaw adds to the ellipse's equation at each y."""
    y = unit(y * (1 / top))
    return power(1 - power(y, jaw), 1.04) + y * y - 1


def jaw_slope(y: A, jaw: float) -> A:
    """The term that the jaw adds to the normal's y."""
    low = unit(y.copy())
    return low * low * low * (0.5 * (jaw - 2))


def nose_height(x: A, y: A, p: Person) -> A:
    tip = p.nose_length
    along = ramp(y, -0.22, tip - 0.06) * (1 - ramp(y, tip + 0.015, tip + 0.10))
    wide = p.nose_width * (0.50 + 0.55 * ramp(y, 0.05, tip))
    return p.nose * along * bell((x / wide) ** 2)


def relief(x: A, y: A, head: Head) -> A:
    """Height of the face over its solid, in head units."""
    p, joy = head.person, mood(head.scene)[0]
    ax = np.abs(x)
    tip = p.nose_length
    h = nose_height(x, y, p)
    h = h + 0.06 * bell(((ax - p.nose_width * 0.95) / 0.05) ** 2, ((y - tip + 0.01) / 0.06) ** 2)
    h = h + 0.045 * bell(np.square((ax / 0.52) ** 2), ((y - BROW_Y - 0.02) / 0.09) ** 2)
    h = h - 0.075 * bell(((ax - p.eye_gap) / 0.17) ** 2, (y / 0.12) ** 2)
    h = h + (0.045 + 0.05 * joy) * bell(((ax - 0.40) / 0.17) ** 2, ((y - 0.30 + 0.05 * joy) / 0.15) ** 2)
    h = h + 0.045 * bell((x / p.mouth) ** 2, ((y - MOUTH_Y) / (0.5 * p.lips + 0.06)) ** 2)
    return h + 0.06 * bell((x / 0.2) ** 2, ((y - 0.90) / 0.11) ** 2)


MOODS = {
    "neutral": (0.06, 0.0, 0.0, 1.0),
    "smiling": (0.9, 0.085, 0.01, 0.84),
    "laughing": (1.0, 0.24, 0.04, 0.60),
    "surprised": (-0.25, 0.20, 0.12, 1.35),
}
HAPPIER = {"neutral": "smiling", "smiling": "laughing", "laughing": "laughing", "surprised": "smiling"}


def mood(scene: Scene) -> tuple[float, float, float, float]:
    """(smile -1..1, opening of the mouth in head units, lift of the brows, opening of the eyes)."""
    a, b = np.array(MOODS[scene.expression]), np.array(MOODS[HAPPIER[scene.expression]])
    smile, open_, lift, wide = (float(v) for v in a + scene.joy * (b - a))
    return smile, open_, lift, wide


def skin_colour(p: Person) -> A:
    at = p.skin * 4
    i = min(int(at), 3)
    colour = SKIN[i] + (at - i) * (SKIN[i + 1] - SKIN[i])
    if p.chroma != 1:
        colour = colour.mean() + p.chroma * (colour - colour.mean())
    return ink(colour * (1 + 0.05 * p.tint * np.array([-0.6, 0.5, -0.9])))


def hair_colour(p: Person) -> A:
    return np.clip(ink(HAIR_COLOURS[p.hair_colour]) * p.hair_shade, 0, 1)
