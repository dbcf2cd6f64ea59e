"""Draws hair: a larger solid with the face cut out, and hair behind the neck and over the shoulders."""

from __future__ import annotations

import numpy as np

from ml.drawn.people import Person
from ml.drawn.solid import (
    HAIRLINE,
    A,
    Head,
    Hit,
    Light,
    along,
    bell,
    edge,
    hair_colour,
    halfway,
    ink,
    power,
    ramp,
    shade,
    unit,
)

VOLUME = {
    "buzz": 1.02,
    "short": 1.11,
    "parted": 1.13,
    "quiff": 1.12,
    "curly": 1.17,
    "afro": 1.42,
    "bob": 1.14,
    "long": 1.11,
    "wavy": 1.14,
    "bun": 1.05,
    "bald": 1.0,
    "tied": 1.05,
    "fringe": 1.14,
}


def strands(x: A, y: A, style: str) -> A:
    """The brightness of strands, a factor 0.8..1.2."""
    if style in ("curly", "afro"):
        return 1 + 0.17 * np.sin(x * 17 + 2 * np.sin(y * 9)) * np.sin(y * 16 + 2 * np.sin(x * 8))
    if style == "wavy":
        return 1 + 0.14 * np.sin(x * 20 + 2.0 * np.sin(y * 6.5))
    if style == "buzz":
        return np.ones_like(x)
    flow = x * 11 + 2.2 * np.sin(y * 2.1)
    return 1 + 0.06 * np.sin(flow) + 0.05 * np.sin(flow * 2.6 + 1.0)


def lit_hair(hit: Hit, light: Light, p: Person, style: str) -> A:
    base = hair_colour(p)
    gleam = np.square(unit(1 - np.abs(along(hit.normal, halfway(light)) - 0.80) / 0.16))
    strength = (0.07 if style in ("afro", "curly", "buzz") else 0.20) * (0.4 + 0.6 * float(base.mean()))
    out = shade(hit.normal, light, 0.3)
    out *= base
    out *= strands(hit.x, hit.y, style)
    out += gleam * (strength * ink(light.key))
    return out


LOW = {
    "bob": 0.78,
    "fringe": 0.78,
    "long": 1.1,
    "wavy": 1.1,
    "afro": 0.42,
    "curly": 0.32,
}  # lowest y beside the face
FULL = tuple(LOW)  # styles that cover the ears


def hair_cap(head: Head, light: Light) -> None:
    """Draws the hair on the skull: a larger solid with the face cut out."""
    p, style = head.person, head.person.hair
    if style == "bald":
        return
    volume = volume_of(head)
    top = 1.0 + (volume - 1) * (1.25 if style == "quiff" else 0.9)
    wide, deep = p.width * volume + 0.015, 0.86 * volume + 0.01
    y0 = -0.03 if style != "afro" else -0.16
    reach = max(wide, top, deep) + 0.05
    near = head.around(0, y0, reach, reach)
    hit = near.meet(wide, top, deep, y0=y0)
    inside = distance_inside(hit, p, wide, deep)
    cover = hit.cover * edge(inside, max(near.px, 0.02))
    if style in ("curly", "afro"):
        cover = cover * lumps(hit)
    colour = lit_hair(hit, light, p, style)
    # Hair is darker near the skin.
    near_skin = np.clip(1 + inside / 0.10, 0, 1)
    colour *= 1 - 0.35 * near_skin
    near.canvas.paint(cover * (0.80 if style == "buzz" else 1.0), colour)
    if style == "bun" and head.scene.hat == "none":
        ball(head, light, (0.0, -1.10, -0.25), 0.34)
    if style == "quiff" and head.scene.hat == "none":
        ball(head, light, (0.06, -0.86, 0.42), 0.36, wide=1.45)


BEHIND = {"bob": 0.92, "fringe": 0.88, "long": 1.9, "wavy": 1.8}  # lowest y behind the neck


OVER_SHOULDERS = {"long": (-1, 1), "wavy": (-1, 1), "tied": (1,)}  # on which sides there is a lock


def volume_of(head: Head) -> float:
    """The size of the hair's solid relative to the head; a hat flattens it."""
    style = head.person.hair
    flat = head.scene.hat != "none" and style in ("quiff", "afro", "curly")
    return 1.10 if flat else VOLUME[style]


def distance_inside(hit: Hit, p: Person, wide: float, deep: float) -> A:
    """Negative where there is hair: above the hairline, or beside the face behind the temples."""
    x, y, z = hit.x, hit.y, hit.z
    side_edge = deep * (1 - (p.width * (0.93 if p.hair in FULL else 1.0) / wide) ** 2) ** 0.5
    over = y - hairline(x, p)
    beside = np.maximum(z - side_edge - 0.30 * np.clip(-y - 0.1, 0, 1), y - LOW.get(p.hair, 0.05))
    beside = np.maximum(beside, ramp(y, 0.1, 0.45) * (0.86 * p.width) - np.abs(x))  # none below the chin
    return np.minimum(over, beside)


def hairline(x: A, p: Person) -> A:
    """The y of the hairline over the brow, at each x."""
    ax, style = np.abs(x), p.hair
    if style == "fringe":
        return -0.30 + 0.55 * power(ramp(ax, 0.42, 0.60), 1.4) + 0.012 * np.sin(x * 40)
    line = HAIRLINE + 0.06 * (p.age if p.gender == "man" else 0)
    if style == "tied":
        return line - 0.10 + 0.40 * ramp(ax, 0.22, 0.62)
    if style == "parted":
        return line + 0.02 + 0.17 * ramp(x, -0.30, 0.55) - 0.10 * bell(((x + 0.30) / 0.07) ** 2)
    if style in ("bob", "long", "wavy"):
        return line - 0.02 + 0.62 * power(ramp(ax, 0.18, 0.56), 1.4)
    if style in ("curly", "afro"):
        return line + 0.06 + 0.14 * ramp(ax, 0.25, 0.6) + 0.035 * np.sin(x * 19)
    return line + 0.16 * ramp(ax, 0.30, 0.62)


def lumps(hit: Hit) -> A:
    """The uneven outline of curls, a factor 0..1 on the mask."""
    angle = np.arctan2(hit.normal[1], hit.normal[0])
    lump = 0.5 + 0.5 * np.cos(angle * 16)
    return np.clip(1 - (1 - ramp(hit.normal[2], 0.02, 0.30)) * (1 - lump) * 0.85, 0, 1)


def ball(head: Head, light: Light, at: tuple[float, float, float], r: float, wide: float = 1.0) -> None:
    u, v, _ = head.place(*at)
    head = head.around(u, v, r * wide + 0.05, r + 0.05)
    dx, dy = (head.U - u) / (r * wide), (head.V - v) / r
    d2 = dx * dx + dy * dy
    nz = np.sqrt(np.clip(1 - d2, 0, 1))
    hit = Hit(head.U - u, head.V - v, nz, (dx, dy, nz), edge((np.sqrt(d2) - 1) * r, head.px))
    head.canvas.paint(hit.cover, lit_hair(hit, light, head.person, head.person.hair))


def hair_behind(head: Head, light: Light) -> None:
    """Draws the hair behind the neck: for bob, fringe, wavy and long hair."""
    p, c = head.person, head.canvas
    if p.hair not in BEHIND:
        return
    u, v, _ = head.place(0, 0, -0.25)
    low = BEHIND[p.hair]
    half = p.width * (1.10 if p.hair == "long" else 1.20) + (
        0.03 * np.sin(head.V * 9) if p.hair == "wavy" else 0
    )
    half = (half + 0.10 * ramp(head.V, 0.0, 1.4)) * (0.80 + 0.20 * ramp(head.V, -0.3, 0.25))
    d = np.maximum(
        np.abs(head.U - u * 0.8) - half,
        np.maximum(head.V - low + 0.3 * np.square((head.U / half) ** 2), -head.V - 0.2),
    )
    tone = hair_colour(p) * 0.62 * strands(head.U, head.V, p.hair)
    c.paint(edge(d, max(head.px, 0.03)), tone * (ink(light.fill) * 0.8 + ink(light.key) * 0.45))


def hair_over_shoulders(head: Head, light: Light) -> None:
    """Draws long hair in front of the shoulders, one lock on each side, and a tail."""
    p, c = head.person, head.canvas
    if p.hair not in OVER_SHOULDERS:
        return
    lit = ink(light.fill) * 0.85 + ink(light.key) * 0.6
    for s in OVER_SHOULDERS[p.hair]:
        u, _, _ = head.place(s * p.width * (0.75 if p.hair == "tied" else 0.95), 0.5, -0.1)
        wave = 0.05 * np.sin(head.V * 8 + s) if p.hair == "wavy" else 0.0
        middle = u * (1 + 0.10 * ramp(head.V, 0.6, 1.8)) + wave
        half = 0.23 * (1 - 0.35 * ramp(head.V, 1.0, 2.0)) * (1 - 0.8 * ramp(head.V, 1.35, 1.85))
        d = np.maximum(np.abs(head.U - middle) - half, np.maximum(0.2 - head.V, head.V - 1.75))
        depth = 1 - 0.30 * ((head.U - middle) / half) ** 2
        tone = hair_colour(p) * (strands(head.U * 1.1 - wave, head.V, p.hair) * depth) * lit
        c.paint(edge(d, max(head.px, 0.03)), tone)
