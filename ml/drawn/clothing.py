"""Draws clothes, glasses and hats. Clothes are below the head, in head units; glasses and hats turn with
the head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.drawn.solid import A, Canvas, Head, Light, bell, edge, ink, length, ramp, shade, skin_colour
from ml.vocabulary import COLOURS


def body(head: Head, light: Light) -> None:
    """Draws neck, shoulders and clothes, in head units below the head, without its roll."""
    p, s = head.person, head.scene
    c = head.canvas.window(-9, head.centre[1] + 0.3 * head.r, 9, 9)
    x = (c.X - head.centre[0] * 0.8) / head.r
    y = (c.Y - head.centre[1]) / head.r
    x = x - 0.12 * float(np.sin(np.radians(s.yaw)))
    px = head.px
    man = p.gender == "man"
    lit = ink(light.fill) * 0.92 + ink(light.key) * 0.62
    slope = 1 + 0.30 * np.clip(x, -1, 1) * light.direction[0]
    neck_half = (0.41 if man else 0.33) + 0.16 * ramp(y, 1.10, 1.45)
    skin = skin_colour(p)
    neck = edge(np.maximum(np.abs(x) - neck_half, np.maximum(0.3 - y, y - 1.9)), px)
    under_chin = 1 - 0.48 * (1 - ramp(y, 0.95, 1.42))
    round_neck = 1 - 0.25 * np.clip(np.abs(x) / neck_half, 0, 1) ** 3
    wide = 1.72 if man else 1.48
    shoulder = 1.30 + 0.58 * (np.abs(x) / wide) ** 2.6 - 0.10 * bell((x / 0.42) ** 2)
    torso = edge(np.maximum(shoulder - y, np.abs(x) - wide - 0.12 * ramp(y, 1.7, 2.4)), px)
    fold = 1 + 0.07 * np.sin(x * 5 + 1.3 * y) * ramp(y, 1.4, 1.9)
    gloom = (fold * (1 - 0.28 * ramp(np.abs(x), 0.75, wide))) * slope
    if s.clothes == "dress":  # bare shoulders first, then the dress
        c.paint(torso, skin * lit * slope)
        c.paint(neck, skin * lit * under_chin * round_neck * slope)
        strap = edge(np.abs(np.abs(x) - 0.56) - 0.085, px) * ramp(y, 1.30, 1.36)
        top = edge(1.95 - 0.22 * bell((x / 0.5) ** 2) * -1 - y, px)
        c.paint(torso * np.maximum(top, strap), ink(COLOURS[s.colour]) * lit * gloom)
        return
    colour = ink(COLOURS[s.colour])
    cloth = colour
    if s.clothes == "striped shirt":
        band = np.clip(0.5 + 0.5 * np.sin((y - 0.05 * np.cos(x * 2)) * 24) / max(24 * px, 0.3), 0, 1)
        other = ink(COLOURS["white"]) if s.colour != "white" else ink([0.16, 0.22, 0.45])
        cloth = cloth * band + other * (1 - band)
    if s.clothes == "hoodie":
        hood = edge(length(x / 0.86, (y - 1.30) / 0.40) * 0.4 - 0.4, px)
        c.paint(hood, colour * lit * 0.70)
    c.paint(neck, skin * lit * under_chin * round_neck * slope)
    worn = Torso(c, x, y, px, torso, cloth * lit * gloom, colour, s.colour, skin, lit, ink(light.key))
    GARMENTS[s.clothes](worn)


@dataclass(frozen=True)
class Torso:
    """The torso that a garment is painted on. x, y: head units; `shape`: its mask; `cloth` and `lit`:
    colours."""

    c: Canvas
    x: A
    y: A
    px: float
    shape: A
    cloth: A
    colour: A
    named: str  # the colour's name
    skin: A
    lit: A
    key: A

    def neckline(self, opening: float) -> A:
        line = 1.30 + opening * bell((self.x / 0.36) ** 2)
        self.c.paint(self.shape * edge(line - self.y, self.px), self.cloth)
        return line


def tee(t: Torso, opening: float = 0.24) -> None:
    line = t.neckline(opening)
    seam = edge(np.abs(t.y - line - 0.02) - 0.035, t.px) * (np.abs(t.x) < 0.62)
    t.c.paint(t.shape * seam * 0.8, t.colour * 0.74 * t.lit)


def striped(t: Torso) -> None:
    tee(t, 0.18)


def hoodie(t: Torso) -> None:
    line, ax = t.neckline(0.30), np.abs(t.x)
    rim = edge(np.abs(t.y - line) - 0.075, t.px) * edge(ax - 0.62, t.px)
    t.c.paint(rim, t.colour * 0.82 * t.lit)
    cords = edge(np.abs(ax - 0.20) - 0.026, t.px) * ramp(t.y, 1.56, 1.60) * (1 - ramp(t.y, 2.02, 2.06))
    t.c.paint(cords, ink([0.93, 0.92, 0.90]) * t.lit)


def turtleneck(t: Torso) -> None:
    t.c.paint(t.shape, t.cloth)
    ax, half = np.abs(t.x), 0.46 + 0.05 * ramp(t.y, 1.2, 1.5)
    top = 1.02 + 0.05 * bell((t.x / 0.3) ** 2)
    roll = edge(np.maximum(ax - half, np.maximum(top - t.y, t.y - 1.55)), t.px)
    rib = 1 - 0.12 * (0.5 + 0.5 * np.cos(t.x * 34)) - 0.20 * (ax / half) ** 3
    t.c.paint(roll, t.colour * t.lit * rib)
    t.c.paint(roll * 0.5 * edge(np.abs(t.y - 1.27) - 0.015, t.px), t.colour * 0.4 * t.lit)


def suit(t: Torso) -> None:
    t.c.paint(t.shape, t.cloth)
    ax, y, px = np.abs(t.x), t.y, t.px
    depth = np.clip((2.25 - y) / 0.95, 0, 1)
    shirt = edge(ax - 0.46 * depth, px) * t.shape
    t.c.paint(shirt, ink([0.95, 0.95, 0.96]) * t.lit)
    tie = ink([0.10, 0.14, 0.34]) if t.named in ("red", "pink", "orange") else ink([0.55, 0.08, 0.12])
    knot = edge(np.maximum(ax - 0.105 + 0.15 * np.abs(y - 1.46), np.maximum(1.38 - y, y - 1.56)), px)
    blade = edge(np.maximum(ax - 0.055 - 0.09 * (y - 1.5), 1.52 - y), px) * shirt
    t.c.paint(np.maximum(knot, blade), tie * t.lit)
    flaps = edge(np.maximum(np.abs(ax - 0.27 + 0.30 * (y - 1.40)) - 0.13, np.maximum(1.25 - y, y - 1.50)), px)
    t.c.paint(flaps * 0.96, ink([0.99, 0.99, 1.0]) * t.lit)
    lapel = edge(np.abs(ax - 0.52 * depth - 0.05) - 0.085 * ramp(depth, 0.0, 0.35), px) * t.shape
    t.c.paint(0.85 * lapel, t.colour * 0.66 * t.lit)


def jacket(t: Torso) -> None:
    t.c.paint(t.shape, t.cloth)
    ax, y, px = np.abs(t.x), t.y, t.px
    depth = np.clip((2.5 - y) / 1.2, 0, 1)
    bare = edge(ax - 0.34 * depth, px) * t.shape
    t.c.paint(bare, t.skin * t.lit * 0.92)
    shirt = ink([0.15, 0.15, 0.17]) if t.named == "white" else ink([0.92, 0.92, 0.90])
    t.c.paint(bare * edge(1.50 + 0.12 * bell((t.x / 0.3) ** 2) - y, px), shirt * t.lit)
    wing = edge(np.maximum(np.abs(ax - 0.36 * depth - 0.16) - 0.17 * ramp(depth, 0.25, 0.9), 1.24 - y), px)
    t.c.paint(wing, t.colour * 0.60 * t.lit + 0.03)
    t.c.paint(
        0.9 * edge(np.abs(ax - 0.345 * depth) - 0.022, px) * t.shape, ink([0.80, 0.80, 0.82]) * t.lit
    )  # the zip
    sheen = bell(((ax - 0.95) / 0.12) ** 2, ((y - 1.80) / 0.22) ** 2)
    t.c.paint(0.30 * sheen * t.shape, t.key * 0.9)


GARMENTS = {
    "t-shirt": tee,
    "striped shirt": striped,
    "hoodie": hoodie,
    "turtleneck": turtleneck,
    "suit": suit,
    "leather jacket": jacket,
}


def glasses(head: Head) -> None:
    """Draws glasses. The rims are in a plane before the eyes and turn with the head."""
    p, R = head.person, head.R
    square = head.scene.glasses == "square"
    z0 = 0.86 * 0.93
    u, v, _ = head.place(0, 0, z0)
    head = head.around(u, v, 0.95, 0.40)
    c = head.canvas
    # The point where the ray meets the plane z = z0 of the head.
    k = (z0 - head.U * R[0, 2] - head.V * R[1, 2]) / R[2, 2]
    x, y = (
        head.U * R[0, 0] + head.V * R[1, 0] + k * R[2, 0],
        head.U * R[0, 1] + head.V * R[1, 1] + k * R[2, 1],
    )
    ax = np.abs(x) - p.eye_gap
    y = y - 0.02
    if square:
        qx, qy = np.abs(ax) - 0.185, np.abs(y) - 0.125
        d = length(np.maximum(qx, 0), np.maximum(qy, 0)) + np.minimum(np.maximum(qx, qy), 0) - 0.05
    else:
        d = length(ax, y) - 0.215
    rim = edge(np.abs(d) - (0.022 if square else 0.032), head.px)
    bridge = edge(np.maximum(np.abs(y + 0.05 - 0.5 * x * x) - 0.018, np.abs(x) - (p.eye_gap - 0.20)), head.px)
    arm = edge(
        np.maximum(np.abs(y + 0.05) - 0.018, np.maximum(p.eye_gap + 0.21 - np.abs(x), np.abs(x) - p.width)),
        head.px,
    )
    dark = ink([0.13, 0.08, 0.06]) if square else ink([0.20, 0.12, 0.06])
    c.paint(0.10 * edge(d, head.px), ink([0.88, 0.94, 1.0]))
    c.paint(np.maximum(rim, np.maximum(bridge, arm)), dark)


def hat(head: Head, light: Light) -> None:
    head = head.around(0, -0.5, 1.45, 1.0)
    p, s, c = head.person, head.scene, head.canvas
    colour = ink(COLOURS[s.hat_colour])
    wide = p.width * 1.13 + 0.03
    if s.hat == "beanie":
        hit = head.meet(wide, 1.16, 0.99, y0=-0.06)
        d = hit.y + 0.50 + 0.06 * hit.z
        cover = hit.cover * edge(d, head.px)
        knit = 1 + 0.10 * np.sin(hit.x * 30)
        wool = colour * knit * shade(hit.normal, light)
        c.paint(cover, wool)
        band = cover * edge(np.abs(d + 0.13) - 0.13, head.px)
        c.paint(band, wool * 0.74)
        return
    if s.hat == "cap":
        hit = head.meet(wide, 1.13, 0.98, y0=-0.06)
        d = hit.y + 0.52 + 0.05 * hit.z
        c.paint(hit.cover * edge(d, head.px), colour * shade(hit.normal, light))
        u, v, _ = head.place(0.0, -0.53, 0.92)
        turn = head.R[0, 2] * 0.30
        visor = (length((head.U - u - turn * 0.5) / 0.66, (head.V - v - 0.03) / 0.165) - 1) * 0.165
        c.paint(edge(visor, head.px), colour * 0.62 * (ink(light.fill) + ink(light.key) * 0.7))
        return
    hit = head.meet(wide * 0.98, 1.10, 0.95, y0=-0.12)
    d = hit.y + 0.58
    lit = shade(hit.normal, light)
    u, v, _ = head.place(0.0, -0.58, 0.0)
    brim = (length((head.U - u) / 1.30, (head.V - v - 0.05 * np.abs(head.U - u)) / 0.21) - 1) * 0.25
    c.paint(edge(brim, head.px), colour * 0.80 * (ink(light.fill) + ink(light.key) * 0.75))
    c.paint(hit.cover * edge(d + 0.02, head.px), colour * lit)
    ribbon = hit.cover * edge(np.abs(d + 0.12) - 0.075, head.px)
    c.paint(ribbon, colour * 0.35 * lit)
