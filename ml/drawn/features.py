"""Paints the face in the head's coordinates: skin, beard, brows, eyes, mouth, nostrils and ears."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.drawn.people import EYE_COLOURS, Person
from ml.drawn.solid import (
    BROW_Y,
    MOUTH_Y,
    A,
    Canvas,
    Head,
    Light,
    along,
    bell,
    edge,
    f32,
    hair_colour,
    halfway,
    ink,
    length,
    mood,
    power,
    ramp,
    shade,
    skin_colour,
    unit,
)


def face(head: Head, light: Light) -> None:
    head = head.around(0, 0, 1.2, 1.2)
    p, c = head.person, head.canvas
    hit = head.meet_face()
    skin = skin_colour(p)
    albedo = np.broadcast_to(skin, (3, *hit.x.shape)).copy()
    layer = Canvas(albedo, hit.x, hit.y, head.px)
    complexion(layer, p, skin)
    beard(layer, p)
    brows(layer, head)
    lit = shade(hit.normal, light, wrap=0.5)  # soft: skin has no hard edge between light and shadow
    # Subsurface scattering: light leaves the skin redder, most at the edge of the shadow.
    glow = unit(0.55 - np.abs(lit.mean(0) - 0.55))
    out = albedo * lit
    out[:2] += glow * (skin * ink([0.10, 0.02, 0.0]))[:2]
    shine = power(unit(along(hit.normal, halfway(light))), 22)
    out += shine * ((0.10 + 0.10 * p.skin) * ink(light.key))

    def front(x: float, y: float, half_x: float, half_y: float) -> tuple[Canvas, A]:
        rows, cols = head.part(x, y, half_x, half_y)
        return Canvas(out[:, rows, cols], hit.x[rows, cols], hit.y[rows, cols], head.px), lit[:, rows, cols]

    for side in (-1, 1):
        eye(*front(side * p.eye_gap, -0.02, 0.40, 0.30), head, light, side)
    mouth(*front(0, MOUTH_Y + 0.03, 0.58, 0.44), head)
    nostrils(front(0, p.nose_length, 0.42, 0.30)[0], p)
    c.paint(hit.cover, out)


def complexion(c: Canvas, p: Person, skin: A) -> None:
    ax = np.abs(c.X)
    blush = bell(((ax - 0.40) / 0.20) ** 2, ((c.Y - 0.34) / 0.16) ** 2)
    c.paint(0.30 * blush, skin * ink([1.04, 0.80, 0.78]))
    socket = bell(((ax - p.eye_gap) / 0.21) ** 2, ((c.Y + 0.01) / 0.12) ** 2)
    c.paint(0.34 * socket, skin * ink([0.74, 0.66, 0.66]))
    fold = (
        bell(((ax - 0.17 - 0.5 * (c.Y - 0.42)) / 0.035) ** 2)
        * ramp(c.Y, 0.34, 0.46)
        * (1 - ramp(c.Y, 0.6, 0.76))
    )
    c.paint((0.10 + 0.45 * max(p.age - 0.35, 0)) * fold, skin * 0.55)
    if p.age > 0.6:
        lines = np.square((0.5 + 0.5 * np.cos((c.Y + 0.05 * c.X**2) * 62)) ** 2)
        lines = lines * ramp(-c.Y, 0.30, 0.36) * (1 - ramp(-c.Y, 0.48, 0.56)) * (1 - ramp(ax, 0.3, 0.42))
        c.paint(0.9 * (p.age - 0.55) * lines, skin * 0.62)
        bags = bell(((ax - p.eye_gap) / 0.12) ** 2, ((c.Y - 0.125) / 0.028) ** 2)
        c.paint(0.9 * (p.age - 0.5) * bags, skin * 0.68)
    if p.freckles:
        near = np.nonzero((ax < 0.62) & (np.abs(c.Y - 0.305) < 0.13))
        away = length(ax[near] - FRECKLES[0], c.Y[near] - FRECKLES[1]) - FRECKLES[2]
        spots = np.zeros_like(c.X)
        spots[near] = edge(away.min(0), max(c.px, 0.012))
        c.paint(0.5 * p.freckles * spots, skin * ink([0.70, 0.52, 0.42]))
    if p.mole:
        c.paint(edge(length(c.X - p.mole[0], c.Y - p.mole[1]) - 0.024, c.px), skin * 0.34)


# x, y and radius of the freckles on one cheek, (3, 12, 1); the other cheek mirrors them.
FRECKLES = f32(
    [
        (0.13 + 0.085 * i + 0.02 * (j % 2), 0.22 + 0.075 * j + 0.02 * (i % 2), 0.014 + 0.007 * (n % 3))
        for n, (j, i) in enumerate((j, i) for j in range(3) for i in range(5 - j))
    ]
).T[..., None]


def beard(c: Canvas, p: Person) -> None:
    if p.beard == "none":
        return
    ax = np.abs(c.X)
    lips = edge(((c.X / (p.mouth * 1.08)) ** 2 + ((c.Y - MOUTH_Y) / (p.lips + 0.075)) ** 2 - 1) * 0.1, c.px)
    moustache = bell(np.square(((c.Y - 0.50 - 0.09 * (ax / p.mouth) ** 2) / 0.045) ** 2)) * (
        1 - ramp(ax, p.mouth, p.mouth + 0.09)
    )
    chin = ramp(c.Y, 0.70, 0.78) * (1 - ramp(ax, 0.20, 0.29))
    goatee = np.maximum(chin, bell(np.square(((ax - p.mouth - 0.04) / 0.05) ** 2)) * ramp(c.Y, 0.47, 0.54))
    line = 0.36 + 0.34 * np.clip(1 - (ax / 0.62) ** 2, 0, 1)
    full = np.maximum(ramp(c.Y - line, -0.05, 0.06), moustache)
    cover = {
        "moustache": moustache,
        "goatee": np.maximum(goatee, moustache * 0.9),
        "beard": full,
        "stubble": full,
    }[p.beard]
    colour = hair_colour(p) * 0.85 + 0.02
    grain = 0.92 + 0.08 * np.sin(c.X * 70) * np.sin(c.Y * 55 + c.X * 20)
    c.paint(cover * (1 - lips) * (0.42 if p.beard == "stubble" else 0.93), colour * grain)


def brows(c: Canvas, head: Head) -> None:
    p = head.person
    smile, _, lift, _ = mood(head.scene)
    half = 0.185 * (1.1 if head.eye_scale > 1 else 1)
    for s in (-1, 1):
        t = (s * c.X - p.eye_gap - 0.01) / half
        y = BROW_Y - lift - p.brow_arch * (1 - t * t) - 0.22 * p.eye_slant * t * half + 0.045 * t * t
        y = y - (0.06 if head.eye_scale > 1 else 0)
        thick = p.brow * (1.0 - 0.45 * np.clip(t, -1, 1)) * 0.62
        stroke = edge(np.maximum(np.abs(c.Y - y) - thick, (np.abs(t) - 1) * half), max(c.px, 0.02))
        colour = (
            hair_colour(p) * 0.62 if p.hair_colour not in ("blue", "pink", "purple") else hair_colour(p) * 0.5
        )
        c.paint(0.92 * stroke, np.minimum(colour, skin_colour(p) * 0.72))


def eye(c: Canvas, around: A, head: Head, light: Light, s: int) -> None:
    """`around` is the light on the skin there: an eye in the shadow does not glow."""
    p, k = head.person, head.eye_scale
    smile, _, _, wide = mood(head.scene)
    big = p.eye_size * k
    tone = ink(light.fill) * 0.9 + ink(light.key) * 0.75
    lit = (0.45 + 0.5 * float(tone.mean())) * float(np.clip(0.6 + 0.5 * around.mean(), 0.65, 1))
    tone = (tone + 0.5) / float((tone + 0.5).mean()) * lit
    dark = ink([0.07, 0.045, 0.04])
    x = s * c.X - p.eye_gap
    y = c.Y + p.eye_slant * x
    half, open_ = 0.165 * big * (0.86 if k > 1 else 1), 0.082 * big * wide * (1.25 if k > 1 else 1)
    t = np.clip(x / half, -1.3, 1.3)
    bow = 1 - t * t
    top = -open_ * bow * (1.05 + 0.25 * t)
    low = open_ * (0.80 - 0.40 * max(smile, 0)) * bow
    crease = bell(((y - top + 0.058) / 0.014) ** 2) * (1 - ramp(np.abs(x), half * 0.8, half * 1.1))
    if head.scene.blink:  # the upper lid comes down; a closed eye is the line of its lashes
        top = top + head.scene.blink * (low + 0.02 * big - top)
    ball = edge(np.maximum(top - y, y - low), c.px)
    c.paint(ball, ink([0.96, 0.95, 0.94]) * tone)
    c.paint(ball * 0.35 * (1 - ramp(y - top, 0.0, 0.07)), dark)  # the lid's shadow on the ball
    iris = 0.088 * big
    d = length(x, y + 0.006)
    c.paint(ball * edge(d - iris, c.px), ink(EYE_COLOURS[p.eyes]) * 0.50)
    c.paint(ball * edge(d - iris * 0.84, c.px * 1.5), ink(EYE_COLOURS[p.eyes]) * (1.25 * lit))
    c.paint(ball * edge(d - iris * 0.42, c.px), dark * 0.4)
    width = 0.024 if p.gender == "woman" else 0.017
    lash = edge(np.maximum(np.abs(y - top + 0.008) - width, np.abs(x) - half * 1.06), c.px)
    c.paint(0.94 * lash, dark)
    c.paint(0.30 * edge(np.abs(y - low - 0.006) - 0.008, c.px) * (np.abs(x) < half), dark)
    c.paint(0.35 * crease, skin_colour(p) * 0.45)
    glint = edge(length(s * x - 0.030 * head.scene.side, y + 0.034) - 0.024 * big, c.px)
    c.paint(ball * glint, ink([1, 1, 1]))


@dataclass(frozen=True)
class Mouth:
    """The mouth's outline at each pixel: y of the lips' edges and of the gap between them, in head units."""

    half: float  # its width
    bow: A  # 1 in the middle, 0 at the corners
    middle: A
    gap_top: A
    gap_low: A
    upper: A
    lower: A
    wide: A  # above 0 beyond the corners


def mouth_shape(c: Canvas, head: Head) -> Mouth:
    p, anime = head.person, head.eye_scale > 1
    smile, open_, _, _ = mood(head.scene)
    half = (
        p.mouth
        * (1 + 0.22 * max(smile, 0))
        * (1 - 0.38 * (1 - head.scene.joy) * (head.scene.expression == "surprised"))
        * (0.8 if anime else 1)
    )
    full = p.lips * (0.55 if anime else 1)
    t = np.clip(c.X / half, -1.05, 1.05)
    bow = np.clip(1 - t * t, 0, 1)
    middle = MOUTH_Y + 0.03 * smile - 0.115 * smile * t * t + min(0.05, 0.35 * open_)
    flat = power(bow, 0.8)
    gap_top, gap_low = middle - 0.30 * open_ * power(bow, 0.6), middle + 0.70 * open_ * flat
    upper = gap_top - full * 0.62 * flat * (1 - 0.30 * bell((c.X / 0.055) ** 2))
    lower = gap_low + full * 0.90 * bow
    return Mouth(half, bow, middle, gap_top, gap_low, upper, lower, (np.abs(c.X) - half) * 0.7)


def mouth(c: Canvas, lit: A, head: Head) -> None:
    p, m = head.person, mouth_shape(c, head)
    smile, open_, _, _ = mood(head.scene)
    skin, light = skin_colour(p), lit * 0.9 + 0.1
    c.paint(
        edge(np.maximum(np.maximum(m.upper - c.Y, c.Y - m.lower), m.wide), c.px),
        lip_colour(p, skin) * light * np.where(m.middle > c.Y, 0.86, 1.06),
    )
    c.paint(0.30 * bell(((c.Y - m.lower - 0.035) / 0.025) ** 2) * m.bow, skin * 0.5 * light)
    if open_:
        open_mouth(c, m, light, smile, open_)
    else:
        line = edge(np.maximum(np.abs(c.Y - m.middle) - 0.011, m.wide), c.px)
        c.paint(0.80 * line, skin * ink([0.30, 0.16, 0.15]))
    corner = bell(((np.abs(c.X) - m.half * 1.02) / 0.03) ** 2, ((c.Y - MOUTH_Y + 0.085 * smile) / 0.035) ** 2)
    c.paint((0.25 + 0.25 * max(smile, 0)) * corner, skin * 0.42)


def lip_colour(p: Person, skin: A) -> A:
    rosy = 1.0 if p.gender == "woman" else 0.45
    return skin * (ink([0.92, 0.60, 0.60]) * rosy + ink([0.88, 0.70, 0.66]) * (1 - rosy)) + ink(
        [0.05 * rosy, 0, 0.01]
    )


def open_mouth(c: Canvas, m: Mouth, light: A, smile: float, open_: float) -> None:
    """Paints the dark inside of the mouth, teeth and tongue."""
    inside = edge(np.maximum(np.maximum(m.gap_top - c.Y, c.Y - m.gap_low), m.wide), c.px)
    c.paint(inside, ink([0.28, 0.06, 0.06]))
    if smile > 0:
        teeth = edge(np.maximum(m.gap_top - c.Y, c.Y - m.gap_top - 0.095 * m.bow), c.px)
        c.paint(inside * teeth, ink([0.96, 0.95, 0.92]) * (0.55 + 0.45 * light))
    # The tongue is hidden behind closed teeth.
    tongue = (open_ > 0.1) * edge(
        length(c.X / (m.half * 0.55), (c.Y - m.gap_low) / (0.35 * open_ + 1e-6)) * 0.2 - 0.2, c.px
    )
    c.paint(inside * tongue * 0.8, ink([0.72, 0.28, 0.28]))


def nostrils(c: Canvas, p: Person) -> None:
    ax = np.abs(c.X)
    tip = p.nose_length
    hole = bell(((ax - p.nose_width * 0.55) / (p.nose_width * 0.36)) ** 2, ((c.Y - tip - 0.045) / 0.020) ** 2)
    c.paint(0.75 * hole, skin_colour(p) * ink([0.32, 0.22, 0.20]))
    under = bell((c.X / (p.nose_width * 1.5)) ** 2, ((c.Y - tip - 0.085) / 0.035) ** 2)
    c.paint(0.25 * under, skin_colour(p) * 0.42)
    wing = bell(((ax - p.nose_width * 1.22) / 0.022) ** 2, ((c.Y - tip - 0.005) / 0.055) ** 2)
    c.paint(0.34 * wing, skin_colour(p) * 0.48)


def ears(head: Head, light: Light, *, behind: bool) -> None:
    """Paints the ears behind the cheek, or those before it (a turned head's near ear)."""
    p = head.person
    if p.hair in ("bob", "fringe", "long", "wavy", "afro", "curly"):
        return
    for s in (-1, 1):
        u, v, w = head.place(s * p.width * 1.0, 0.10, -0.04)
        if (w < 0.06) != behind:
            continue
        narrow = 0.085 + 0.05 * float(abs(head.R[0, 2]))
        near = head.around(u, v, 0.18, 0.25)
        c, U, V = near.canvas, near.U - u, near.V - v
        d = length(U / narrow, V / 0.185) - 1
        cover = edge(d * narrow, head.px)
        tone = skin_colour(p) * (
            ink(light.fill) * 0.9 + ink(light.key) * (0.62 + 0.2 * s * light.direction[0])
        )
        c.paint(cover, tone)
        inner = edge((length(U / (narrow * 0.5), (V + 0.01) / 0.11) - 1) * narrow, 2 * head.px)
        c.paint(0.45 * inner, tone * 0.62)
