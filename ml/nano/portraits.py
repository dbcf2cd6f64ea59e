"""Draws portraits: a head is a solid met by each pixel's ray, and all that is on it is painted in the head's own coordinates.

So a turn of the head is a turn: features move, shorten and hide as they would. No meshes and no supersampling; edges
are as wide as a pixel, analytically, so one drawing serves any size. Coordinates: X right, Y down, in half frames (half
the short side of the picture is 1); in the head's own frame x right, y down, z to the viewer, half the head's height is 1,
eyes at y = 0, chin at y = 1. State of a picture: (H, W, 3) float32 RGB 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.nano.backdrops import backdrop
from ml.nano.finish import finish
from ml.nano.people import COLOURS, EYE_COLOURS, HAIR_COLOURS, Person, Scene, f32

A = np.ndarray
SKIN = np.array([[0.98, 0.83, 0.74], [0.93, 0.73, 0.60], [0.80, 0.58, 0.43], [0.60, 0.39, 0.27], [0.41, 0.26, 0.185]])
BROW_Y, MOUTH_Y, HAIRLINE = -0.17, 0.60, -0.56


@dataclass(frozen=True)
class Light:
    """`key` from `direction` (view frame, towards the light), `fill` from everywhere, `rim` from behind. RGB."""

    direction: tuple[float, float, float]
    key: tuple[float, float, float]
    fill: tuple[float, float, float]
    rim: tuple[float, float, float] = (0.0, 0.0, 0.0)


def light_of(scene: Scene) -> Light:
    s = scene.side
    noir = scene.style == "noir"
    return {
        "soft": Light((0.25 * s, -0.5, 0.83), (0.66, 0.65, 0.63), (0.44, 0.44, 0.45)),
        "side": Light((0.86 * s, -0.28, 0.42), (0.98, 0.95, 0.90), (0.24, 0.24, 0.26)),
        "warm": Light((0.55 * s, -0.30, 0.78), (0.94, 0.70, 0.46), (0.40, 0.34, 0.28)),
        "cool": Light((0.40 * s, -0.45, 0.80), (0.52, 0.60, 0.76), (0.33, 0.37, 0.47)),
        "back": Light((0.15 * s, -0.50, 0.85), (0.52, 0.51, 0.50), (0.42, 0.42, 0.44), (0.85, 0.79, 0.68)),
    }["side" if noir and scene.light == "soft" else scene.light]


class Canvas:
    """A window of the picture: rows and columns, and where its pixels lie."""

    def __init__(self, rgb: A, X: A, Y: A, px: float):
        self.rgb, self.X, self.Y, self.px = rgb, X, Y, px

    @classmethod
    def of(cls, rgb: A) -> Canvas:
        height, width = rgb.shape[:2]
        half = min(height, width) / 2
        X = np.broadcast_to(((np.arange(width) + 0.5 - width / 2) / half).astype(np.float32), (height, width))
        Y = np.broadcast_to(
            ((np.arange(height) + 0.5 - height / 2) / half).astype(np.float32)[:, None], (height, width)
        )
        return cls(rgb, X, Y, 1 / half)

    def window(self, x1: float, y1: float, x2: float, y2: float) -> Canvas:
        """The part that holds the box; painting on it paints the picture."""
        col = [int(np.clip((v - self.X[0, 0]) / self.px + e, 0, self.X.shape[1])) for v, e in ((x1, 0), (x2, 2))]
        row = [int(np.clip((v - self.Y[0, 0]) / self.px + e, 0, self.X.shape[0])) for v, e in ((y1, 0), (y2, 2))]
        part = (slice(row[0], max(row[1], row[0] + 1)), slice(col[0], max(col[1], col[0] + 1)))
        return Canvas(self.rgb[part], self.X[part], self.Y[part], self.px)

    def paint(self, mask: A, colour: A | tuple[float, ...]) -> None:
        self.rgb += mask[..., None] * (np.asarray(colour, np.float32) - self.rgb)


def edge(distance: A, px: float) -> A:
    """1 inside (distance < 0), 0 outside, over one pixel."""
    return np.clip(0.5 - distance / px, 0, 1)


def ramp(v: A, lo: float, hi: float) -> A:
    t = np.clip((v - lo) / (hi - lo), 0, 1)
    return t * t * (3 - 2 * t)


def bell(*squares: A) -> A:
    total = squares[0]
    for s in squares[1:]:
        total = total + s
    return np.exp(-total)


def rotation(scene: Scene) -> A:
    """(3, 3), head to view."""
    yaw, pitch = np.radians(scene.yaw), np.radians(scene.pitch)
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    turn = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    nod = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    return (nod @ turn).astype(np.float32)


def shade(normal: tuple[A, A, A], light: Light, wrap: float = 0.25) -> A:
    """(H, W, 3): how much light of each colour a matt surface sends back."""
    lx, ly, lz = light.direction
    diffuse = np.clip((normal[0] * lx + normal[1] * ly + normal[2] * lz + wrap) / (1 + wrap), 0, None)[..., None]
    sky = (0.72 - 0.28 * normal[1])[..., None]
    rim = (np.clip(1 - normal[2], 0, 1) ** 4)[..., None]
    return sky * f32(light.fill) + diffuse * f32(light.key) + rim * f32(light.rim)


def halfway(light: Light) -> tuple[float, float, float]:
    """The unit vector between light and viewer (Blinn)."""
    x, y, z = light.direction
    n = (x * x + y * y + (z + 1) ** 2) ** 0.5
    return x / n, y / n, (z + 1) / n


@dataclass
class Hit:
    """Where rays meet a solid: point (x, y, z) in the head's frame, unit normal in the view's, share covered."""

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
        self.centre = (scene.dx, -0.06 + scene.dy)
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

    def part(self, x: float, y: float, half_x: float, half_y: float) -> tuple[slice, slice]:
        """Rows and columns of the window that hold what is painted around the face's point (x, y)."""
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
        lift: A | float = 0.0,
        y0: float = 0.0,
        jaw: float | None = None,
    ) -> Hit:
        """Rays against an ellipsoid of half-axes (a, top, b) around (0, y0, 0); `jaw` squares or points its lower half;
        `lift` moves the surface along the head's z (units of the head)."""
        R = self.R
        d = R[2]
        p0 = [self.U * R[0, i] + self.V * R[1, i] for i in range(3)]
        p0[1] = p0[1] - y0
        p0[2] = p0[2] - lift
        ia, it, ib = 1 / a**2, 1 / top**2, 1 / b**2
        AA = d[0] ** 2 * ia + d[1] ** 2 * it + d[2] ** 2 * ib
        B = p0[0] * (d[0] * ia) + p0[1] * (d[1] * it) + p0[2] * (d[2] * ib)
        C = p0[0] ** 2 * ia + p0[1] ** 2 * it + p0[2] ** 2 * ib - 1
        extra: A | float = 0.0
        disc = B * B - AA * C
        Z = (np.sqrt(np.maximum(disc, 0)) - B) / AA
        if jaw is not None:
            for _ in range(2):
                y = np.clip((p0[1] + Z * d[1]) / top, 0, 1)
                extra = (1 - y**jaw) ** (2 * 0.52) + y * y - 1
                disc = B * B - AA * (C - extra)
                Z = (np.sqrt(np.maximum(disc, 0)) - B) / AA
        x, y, z = p0[0] + Z * d[0], p0[1] + Z * d[1], p0[2] + Z * d[2]
        n = (x * ia, y * it, z * ib)
        if jaw is not None:
            n = (n[0], n[1] + 0.5 * np.clip(y, 0, 1) ** 3 * (jaw - 2), n[2])
        view = [n[0] * R[i, 0] + n[1] * R[i, 1] + n[2] * R[i, 2] for i in range(3)]
        length = np.sqrt(view[0] ** 2 + view[1] ** 2 + view[2] ** 2) + 1e-6
        normal = (view[0] / length, view[1] / length, view[2] / length)
        cover = np.clip(0.5 + disc / AA * (0.5 * a / self.px), 0, 1)
        return Hit(x, y + y0, z + lift, normal, cover)

    def meet_face(self) -> Hit:
        """The face with its relief: the nose moves the surface, the rest bends the normal."""
        p = self.person
        hit = self.meet(p.width, 1.0, 0.86, jaw=p.jaw)
        for _ in range(2):
            hit = self.meet(p.width, 1.0, 0.86, jaw=p.jaw, lift=nose_height(hit.x, hit.y, p))
        height = relief(hit.x, hit.y, self)
        gy, gx = np.gradient(height, self.px)
        strength = 0.85
        nx, ny, nz = hit.normal[0] - strength * gx, hit.normal[1] - strength * gy, hit.normal[2]
        length = np.sqrt(nx * nx + ny * ny + nz * nz) + 1e-6
        hit.normal = (nx / length, ny / length, nz / length)
        return hit


def nose_height(x: A, y: A, p: Person) -> A:
    tip = p.nose_length
    along = ramp(y, -0.22, tip - 0.06) * (1 - ramp(y, tip + 0.015, tip + 0.10))
    wide = p.nose_width * (0.50 + 0.55 * ramp(y, 0.05, tip))
    return p.nose * along * bell((x / wide) ** 2)


def relief(x: A, y: A, head: Head) -> A:
    """Height of the face over its solid, in head units."""
    p, joy = head.person, mood(head.scene.expression)[0]
    ax = np.abs(x)
    tip = p.nose_length
    h = nose_height(x, y, p)
    h = h + 0.06 * bell(((ax - p.nose_width * 0.95) / 0.05) ** 2, ((y - tip + 0.01) / 0.06) ** 2)
    h = h + 0.045 * bell((ax / 0.52) ** 4, ((y - BROW_Y - 0.02) / 0.09) ** 2)
    h = h - 0.075 * bell(((ax - p.eye_gap) / 0.17) ** 2, (y / 0.12) ** 2)
    h = h + (0.045 + 0.05 * joy) * bell(((ax - 0.40) / 0.17) ** 2, ((y - 0.30 + 0.05 * joy) / 0.15) ** 2)
    h = h + 0.045 * bell((x / p.mouth) ** 2, ((y - MOUTH_Y) / (0.5 * p.lips + 0.06)) ** 2)
    return h + 0.06 * bell((x / 0.2) ** 2, ((y - 0.90) / 0.11) ** 2)


def mood(expression: str) -> tuple[float, float, float, float]:
    """(smile -1..1, opening of the mouth in head units, lift of the brows, opening of the eyes)."""
    return {
        "neutral": (-0.08, 0.0, 0.0, 1.0),
        "smiling": (0.85, 0.0, 0.01, 0.88),
        "laughing": (1.0, 0.16, 0.03, 0.66),
        "surprised": (-0.25, 0.20, 0.12, 1.35),
    }[expression]


def skin_colour(p: Person) -> A:
    at = np.interp(p.skin * 4, range(5), range(5))
    i = min(int(at), 3)
    colour = SKIN[i] + (at - i) * (SKIN[i + 1] - SKIN[i])
    return (colour * (1 + 0.05 * p.tint * np.array([-0.6, 0.5, -0.9]))).astype(np.float32)


def hair_colour(p: Person) -> A:
    return np.clip(f32(HAIR_COLOURS[p.hair_colour]) * p.hair_shade, 0, 1)


def draw(person: Person, scene: Scene, height: int, width: int) -> A:
    """(H, W, 3) uint8 RGB of a person in a scene."""
    anime = scene.style == "anime"
    rgb = backdrop(scene, height, width)
    canvas = Canvas.of(rgb)
    light = light_of(scene)
    head = Head(person, scene, canvas, 1.45 if anime else 1.0)
    hair_behind(head, light)
    body(head, light)
    hair_over_shoulders(head, light)
    reach = 1.75 * head.r
    cx, cy = head.centre
    near = Head(person, scene, canvas.window(cx - reach, cy - reach, cx + reach, cy + 1.25 * head.r), head.eye_scale)
    ears(near, light, behind=True)
    face(near, light)
    ears(near, light, behind=False)
    hair_cap(near, light)
    if scene.glasses != "none":
        glasses(near)
    if scene.hat != "none":
        hat(near, light)
    out = finish(rgb, scene, head)
    return (np.clip(out, 0, 1) * 255 + 0.5).astype(np.uint8)


# ---------------------------------------------------------------- the face


def face(head: Head, light: Light) -> None:
    p, c = head.person, head.canvas
    hit = head.meet_face()
    skin = skin_colour(p)
    albedo = np.broadcast_to(skin, (*hit.x.shape, 3)).copy()
    layer = Canvas(albedo, hit.x, hit.y, head.px)
    complexion(layer, p, skin)
    beard(layer, p)
    brows(layer, head)
    lit = shade(hit.normal, light, wrap=0.32)
    # Light that went through the skin comes out redder, most where it just fades.
    glow = np.clip(0.55 - np.abs(lit.mean(-1) - 0.55), 0, 1)[..., None]
    out = albedo * lit + glow * skin * f32([0.10, 0.02, 0.0])
    half = halfway(light)
    shine = np.clip(hit.normal[0] * half[0] + hit.normal[1] * half[1] + hit.normal[2] * half[2], 0, 1) ** 22
    out += (0.10 + 0.10 * p.skin) * shine[..., None] * f32(light.key)

    def front(x: float, y: float, half_x: float, half_y: float) -> tuple[Canvas, A]:
        rows, cols = head.part(x, y, half_x, half_y)
        return Canvas(out[rows, cols], hit.x[rows, cols], hit.y[rows, cols], head.px), lit[rows, cols]

    for side in (-1, 1):
        eye(front(side * p.eye_gap, -0.02, 0.40, 0.30)[0], head, light, side)
    mouth(*front(0, MOUTH_Y + 0.03, 0.58, 0.44), head)
    nostrils(front(0, p.nose_length, 0.42, 0.30)[0], p)
    c.paint(hit.cover, out)


def complexion(c: Canvas, p: Person, skin: A) -> None:
    ax = np.abs(c.X)
    blush = bell(((ax - 0.40) / 0.20) ** 2, ((c.Y - 0.34) / 0.16) ** 2)
    c.paint(0.30 * blush, skin * f32([1.04, 0.80, 0.78]))
    socket = bell(((ax - p.eye_gap) / 0.21) ** 2, ((c.Y + 0.01) / 0.12) ** 2)
    c.paint(0.34 * socket, skin * f32([0.74, 0.66, 0.66]))
    fold = bell(((ax - 0.17 - 0.5 * (c.Y - 0.42)) / 0.035) ** 2) * ramp(c.Y, 0.34, 0.46) * (1 - ramp(c.Y, 0.6, 0.76))
    c.paint((0.10 + 0.45 * max(p.age - 0.35, 0)) * fold, skin * 0.55)
    if p.age > 0.6:
        lines = (0.5 + 0.5 * np.cos((c.Y + 0.05 * c.X**2) * 62)) ** 4
        lines = lines * ramp(-c.Y, 0.30, 0.36) * (1 - ramp(-c.Y, 0.48, 0.56)) * (1 - ramp(ax, 0.3, 0.42))
        c.paint(0.9 * (p.age - 0.55) * lines, skin * 0.62)
        bags = bell(((ax - p.eye_gap) / 0.12) ** 2, ((c.Y - 0.125) / 0.028) ** 2)
        c.paint(0.9 * (p.age - 0.5) * bags, skin * 0.68)
    if p.freckles:
        spots = np.zeros_like(c.X)
        for i, (fx, fy) in enumerate(FRECKLES):
            r = 0.014 + 0.007 * (i % 3)
            spots = np.maximum(spots, edge(np.hypot(c.X - fx, c.Y - fy) - r, max(c.px, 0.012)))
        c.paint(0.62 * p.freckles * spots, skin * f32([0.66, 0.48, 0.38]))
    if p.mole:
        c.paint(edge(np.hypot(c.X - p.mole[0], c.Y - p.mole[1]) - 0.030, c.px), skin * 0.28)


FRECKLES = [
    (sx * (0.13 + 0.085 * i + 0.02 * (j % 2)), 0.22 + 0.075 * j + 0.02 * (i % 2))
    for sx in (-1, 1)
    for j in range(3)
    for i in range(5 - j)
]


def beard(c: Canvas, p: Person) -> None:
    if p.beard == "none":
        return
    ax = np.abs(c.X)
    lips = edge(((c.X / (p.mouth * 1.08)) ** 2 + ((c.Y - MOUTH_Y) / (p.lips + 0.075)) ** 2 - 1) * 0.1, c.px)
    moustache = bell(((c.Y - 0.50 - 0.09 * (ax / p.mouth) ** 2) / 0.045) ** 4) * (1 - ramp(ax, p.mouth, p.mouth + 0.09))
    chin = ramp(c.Y, 0.70, 0.78) * (1 - ramp(ax, 0.20, 0.29))
    goatee = np.maximum(chin, bell(((ax - p.mouth - 0.04) / 0.05) ** 4) * ramp(c.Y, 0.47, 0.54))
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
    c.paint(cover * (1 - lips) * (0.42 if p.beard == "stubble" else 0.93), colour * grain[..., None])


def brows(c: Canvas, head: Head) -> None:
    p = head.person
    smile, _, lift, _ = mood(head.scene.expression)
    half = 0.185 * (1.1 if head.eye_scale > 1 else 1)
    for s in (-1, 1):
        t = (s * c.X - p.eye_gap - 0.01) / half
        y = BROW_Y - lift - p.brow_arch * (1 - t * t) - 0.22 * p.eye_slant * t * half + 0.045 * t * t
        y = y - (0.06 if head.eye_scale > 1 else 0) * np.ones_like(t)
        thick = p.brow * (1.0 - 0.45 * np.clip(t, -1, 1)) * 0.62
        stroke = edge(np.maximum(np.abs(c.Y - y) - thick, (np.abs(t) - 1) * half), max(c.px, 0.02))
        colour = hair_colour(p) * 0.62 if p.hair_colour not in ("blue", "pink", "purple") else hair_colour(p) * 0.5
        c.paint(0.92 * stroke, np.minimum(colour, skin_colour(p) * 0.72))


def eye(c: Canvas, head: Head, light: Light, s: int) -> None:
    p, k = head.person, head.eye_scale
    smile, _, _, wide = mood(head.scene.expression)
    big = p.eye_size * k
    tone = f32(light.fill) * 0.9 + f32(light.key) * 0.75
    lit = 0.45 + 0.5 * float(tone.mean())
    tone = (tone + 0.5) / float((tone + 0.5).mean()) * lit
    dark = f32([0.07, 0.045, 0.04])
    x = s * c.X - p.eye_gap
    y = c.Y + p.eye_slant * x
    half, open_ = 0.165 * big * (0.86 if k > 1 else 1), 0.082 * big * wide * (1.25 if k > 1 else 1)
    t = np.clip(x / half, -1.3, 1.3)
    bow = 1 - t * t
    top = -open_ * bow * (1.05 + 0.25 * t)
    low = open_ * (0.80 - 0.40 * max(smile, 0)) * bow
    ball = edge(np.maximum(top - y, y - low), c.px)
    c.paint(ball, f32([0.96, 0.95, 0.94]) * tone)
    c.paint(ball * 0.35 * (1 - ramp(y - top, 0.0, 0.07)), dark)  # the lid's shadow on the ball
    iris = 0.088 * big
    d = np.hypot(x, y + 0.006)
    c.paint(ball * edge(d - iris, c.px), f32(EYE_COLOURS[p.eyes]) * 0.50)
    c.paint(ball * edge(d - iris * 0.84, c.px * 1.5), f32(EYE_COLOURS[p.eyes]) * (1.25 * lit))
    c.paint(ball * edge(d - iris * 0.42, c.px), dark * 0.4)
    width = 0.024 if p.gender == "woman" else 0.017
    lash = edge(np.maximum(np.abs(y - top + 0.008) - width, np.abs(x) - half * 1.06), c.px)
    c.paint(0.94 * lash, dark)
    c.paint(0.30 * edge(np.abs(y - low - 0.006) - 0.008, c.px) * (np.abs(x) < half), dark)
    crease = bell(((y - top + 0.058) / 0.014) ** 2) * (1 - ramp(np.abs(x), half * 0.8, half * 1.1))
    c.paint(0.35 * crease, skin_colour(p) * 0.45)
    glint = edge(np.hypot(s * x - 0.030 * head.scene.side, y + 0.034) - 0.024 * big, c.px)
    c.paint(ball * glint, (1.0, 1.0, 1.0))


def mouth(c: Canvas, lit: A, head: Head) -> None:
    p, anime = head.person, head.eye_scale > 1
    smile, open_, _, _ = mood(head.scene.expression)
    half = (
        p.mouth
        * (1 + 0.22 * max(smile, 0))
        * (0.62 if head.scene.expression == "surprised" else 1)
        * (0.8 if anime else 1)
    )
    full = p.lips * (0.55 if anime else 1)
    t = np.clip(c.X / half, -1.05, 1.05)
    bow = np.clip(1 - t * t, 0, 1)
    middle = MOUTH_Y + 0.03 * smile - 0.115 * smile * t * t + (0.05 if open_ else 0)
    gap_top, gap_low = middle - 0.30 * open_ * bow**0.6, middle + 0.70 * open_ * bow**0.8
    upper = gap_top - full * 0.62 * bow**0.8 * (1 - 0.30 * bell((c.X / 0.055) ** 2))
    lower = gap_low + full * 0.90 * bow
    wide = (np.abs(c.X) - half) * 0.7
    skin = skin_colour(p)
    rosy = 1.0 if p.gender == "woman" else 0.45
    lip = skin * (f32([0.92, 0.60, 0.60]) * rosy + f32([0.88, 0.70, 0.66]) * (1 - rosy)) + f32([0.05 * rosy, 0, 0.01])
    light = lit * 0.9 + 0.1
    c.paint(
        edge(np.maximum(np.maximum(upper - c.Y, c.Y - lower), wide), c.px),
        lip * light * np.where(middle > c.Y, 0.86, 1.06)[..., None],
    )
    c.paint(0.30 * bell(((c.Y - lower - 0.035) / 0.025) ** 2) * bow, skin * 0.5 * light)
    if open_:
        inside = edge(np.maximum(np.maximum(gap_top - c.Y, c.Y - gap_low), wide), c.px)
        c.paint(inside, f32([0.28, 0.06, 0.06]))
        if head.scene.expression == "laughing":
            teeth = edge(np.maximum(gap_top - c.Y, c.Y - gap_top - 0.095 * bow), c.px)
            c.paint(inside * teeth, f32([0.96, 0.95, 0.92]) * (0.55 + 0.45 * light))
        tongue = edge(np.hypot(c.X / (half * 0.55), (c.Y - gap_low) / (0.35 * open_ + 1e-6)) * 0.2 - 0.2, c.px)
        c.paint(inside * tongue * 0.8, f32([0.72, 0.28, 0.28]))
    else:
        line = edge(np.maximum(np.abs(c.Y - middle) - 0.011, wide), c.px)
        c.paint(0.80 * line, skin * f32([0.30, 0.16, 0.15]))
    corner = bell(((np.abs(c.X) - half * 1.02) / 0.03) ** 2, ((c.Y - MOUTH_Y + 0.085 * smile) / 0.035) ** 2)
    c.paint((0.25 + 0.25 * max(smile, 0)) * corner, skin * 0.42)


def nostrils(c: Canvas, p: Person) -> None:
    ax = np.abs(c.X)
    tip = p.nose_length
    hole = bell(((ax - p.nose_width * 0.55) / (p.nose_width * 0.36)) ** 2, ((c.Y - tip - 0.045) / 0.020) ** 2)
    c.paint(0.75 * hole, skin_colour(p) * f32([0.32, 0.22, 0.20]))
    under = bell((c.X / (p.nose_width * 1.5)) ** 2, ((c.Y - tip - 0.085) / 0.035) ** 2)
    c.paint(0.25 * under, skin_colour(p) * 0.42)
    wing = bell(((ax - p.nose_width * 1.22) / 0.022) ** 2, ((c.Y - tip - 0.005) / 0.055) ** 2)
    c.paint(0.34 * wing, skin_colour(p) * 0.48)


def ears(head: Head, light: Light, *, behind: bool) -> None:
    """Both ears; the one on the near side of a turned head lies over the cheek."""
    p, c = head.person, head.canvas
    if p.hair in ("bob", "long", "wavy", "afro", "curly"):
        return
    for s in (-1, 1):
        u, v, w = head.place(s * p.width * 1.0, 0.10, -0.04)
        if (w < 0.06) != behind:
            continue
        narrow = 0.085 + 0.05 * abs(head.R[0, 2])
        d = np.hypot((head.U - u) / narrow, (head.V - v) / 0.185) - 1
        cover = edge(d * narrow, head.px)
        tone = skin_colour(p) * (f32(light.fill) * 0.9 + f32(light.key) * (0.62 + 0.2 * s * light.direction[0]))
        c.paint(cover, tone)
        inner = edge((np.hypot((head.U - u) / (narrow * 0.5), (head.V - v + 0.01) / 0.11) - 1) * narrow, 2 * head.px)
        c.paint(0.45 * inner, tone * 0.62)


# ---------------------------------------------------------------- hair


VOLUME = {
    "buzz": 1.02, "short": 1.11, "parted": 1.13, "quiff": 1.12, "curly": 1.17, "afro": 1.42, "bob": 1.14,
    "long": 1.11, "wavy": 1.14, "bun": 1.05, "bald": 1.0,
}  # fmt: skip


def strands(x: A, y: A, style: str) -> A:
    """Light and dark along the hair, 0.8..1.2."""
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
    half = halfway(light)
    along = hit.normal[0] * half[0] + hit.normal[1] * half[1] + hit.normal[2] * half[2]
    gleam = np.clip(1 - np.abs(along - 0.80) / 0.16, 0, 1) ** 2 * (0.07 if style in ("afro", "curly", "buzz") else 0.20)
    body_ = base * strands(hit.x, hit.y, style)[..., None] * shade(hit.normal, light, 0.3)
    return body_ + (gleam * (0.4 + 0.6 * float(base.mean())))[..., None] * f32(light.key)


def hair_cap(head: Head, light: Light) -> None:
    """Hair on the skull: a larger solid with the face cut out of it."""
    p, c = head.person, head.canvas
    style = p.hair
    if style == "bald":
        return
    if head.scene.hat != "none" and style in ("quiff", "afro", "curly"):
        volume = 1.10
    else:
        volume = VOLUME[style]
    top = 1.0 + (volume - 1) * (1.25 if style == "quiff" else 0.9)
    wide, deep = p.width * volume + 0.015, 0.86 * volume + 0.01
    hit = head.meet(wide, top, deep, y0=-0.03 if style != "afro" else -0.16)
    x, y, z = hit.x, hit.y, hit.z
    ax = np.abs(x)
    line = HAIRLINE + 0.06 * (p.age if p.gender == "man" else 0)
    if style == "parted":
        front = line + 0.02 + 0.17 * ramp(x, -0.30, 0.55) - 0.10 * bell(((x + 0.30) / 0.07) ** 2)
    elif style in ("bob", "long", "wavy"):
        front = line - 0.02 + 0.62 * ramp(ax, 0.18, 0.56) ** 1.4
    elif style in ("curly", "afro"):
        front = line + 0.06 + 0.14 * ramp(ax, 0.25, 0.6) + 0.035 * np.sin(x * 19)
    else:
        front = line + 0.16 * ramp(ax, 0.30, 0.62)
    low = {"bob": 0.78, "long": 1.1, "wavy": 1.1, "afro": 0.42, "curly": 0.32}.get(style, 0.05)
    full = style in ("bob", "long", "wavy", "afro", "curly")
    side_edge = deep * (1 - (p.width * (0.93 if full else 1.0) / wide) ** 2) ** 0.5
    # Over the brow up to the line; beside the face from the temples back.
    over = y - front
    beside = np.maximum(z - side_edge - 0.30 * np.clip(-y - 0.1, 0, 1), y - low)
    cut = edge(np.minimum(over, beside), max(head.px, 0.02))
    cover = hit.cover * cut
    if style in ("curly", "afro"):
        angle = np.arctan2(hit.normal[1], hit.normal[0])
        lump = 0.5 + 0.5 * np.cos(angle * 16)
        cover = cover * np.clip(1 - (1 - ramp(hit.normal[2], 0.02, 0.30)) * (1 - lump) * 0.85, 0, 1)
    colour = lit_hair(hit, light, p, style)
    # Where the hair leaves the skin it darkens.
    near_skin = np.clip(1 + np.minimum(over, beside) / 0.10, 0, 1)
    colour = colour * (1 - 0.35 * near_skin)[..., None]
    c.paint(cover * (0.80 if style == "buzz" else 1.0), colour)
    if style == "bun" and head.scene.hat == "none":
        ball(head, light, (0.0, -1.10, -0.25), 0.34)
    if style == "quiff" and head.scene.hat == "none":
        ball(head, light, (0.06, -0.86, 0.42), 0.36, wide=1.45)


def ball(head: Head, light: Light, at: tuple[float, float, float], r: float, wide: float = 1.0) -> None:
    u, v, _ = head.place(*at)
    dx, dy = (head.U - u) / (r * wide), (head.V - v) / r
    d2 = dx * dx + dy * dy
    nz = np.sqrt(np.clip(1 - d2, 0, 1))
    hit = Hit(head.U - u, head.V - v, nz, (dx, dy, nz), edge((np.sqrt(d2) - 1) * r, head.px))
    head.canvas.paint(hit.cover, lit_hair(hit, light, head.person, head.person.hair))


def hair_behind(head: Head, light: Light) -> None:
    """What falls behind the neck: for bobs, waves and long hair."""
    p, c = head.person, head.canvas
    if p.hair not in ("bob", "long", "wavy"):
        return
    u, v, _ = head.place(0, 0, -0.25)
    low = {"bob": 0.92, "long": 1.9, "wavy": 1.8}[p.hair]
    half = p.width * (1.10 if p.hair == "long" else 1.20) + (0.03 * np.sin(head.V * 9) if p.hair == "wavy" else 0)
    half = (half + 0.10 * ramp(head.V, 0.0, 1.4)) * (0.80 + 0.20 * ramp(head.V, -0.3, 0.25))
    d = np.maximum(np.abs(head.U - u * 0.8) - half, np.maximum(head.V - low, -head.V - 0.2))
    tone = hair_colour(p) * 0.62 * strands(head.U, head.V, p.hair)[..., None]
    c.paint(edge(d, max(head.px, 0.03)), tone * (f32(light.fill) * 0.8 + f32(light.key) * 0.45))


def hair_over_shoulders(head: Head, light: Light) -> None:
    """Long hair in front of the shoulders, one lock each side."""
    p, c = head.person, head.canvas
    if p.hair not in ("long", "wavy"):
        return
    lit = f32(light.fill) * 0.85 + f32(light.key) * 0.6
    for s in (-1, 1):
        u, _, _ = head.place(s * p.width * 0.95, 0.5, -0.1)
        wave = 0.05 * np.sin(head.V * 8 + s) if p.hair == "wavy" else 0.0
        middle = u * (1 + 0.10 * ramp(head.V, 0.6, 1.8)) + wave
        half = 0.23 * (1 - 0.35 * ramp(head.V, 1.0, 2.0))
        d = np.maximum(np.abs(head.U - middle) - half, np.maximum(0.2 - head.V, head.V - 1.75))
        depth = 1 - 0.30 * ((head.U - middle) / half) ** 2
        tone = hair_colour(p) * (strands(head.U * 1.1 - wave, head.V, p.hair) * depth)[..., None] * lit
        c.paint(edge(d, max(head.px, 0.03)), tone)


# ---------------------------------------------------------------- body and clothes


def body(head: Head, light: Light) -> None:
    """Neck, shoulders and what they wear. Drawn in head units below the head, without its roll."""
    p, s = head.person, head.scene
    c = head.canvas.window(-9, head.centre[1] + 0.3 * head.r, 9, 9)
    x = (c.X - head.centre[0] * 0.8) / head.r
    y = (c.Y - head.centre[1]) / head.r
    x = x - 0.12 * float(np.sin(np.radians(s.yaw)))
    px = head.px
    man = p.gender == "man"
    lit = f32(light.fill) * 0.92 + f32(light.key) * 0.62
    slope = (1 + 0.30 * np.clip(x, -1, 1) * light.direction[0])[..., None]
    neck_half = (0.41 if man else 0.33) + 0.16 * ramp(y, 1.10, 1.45)
    skin = skin_colour(p)
    neck = edge(np.maximum(np.abs(x) - neck_half, np.maximum(0.3 - y, y - 1.9)), px)
    under_chin = (1 - 0.48 * (1 - ramp(y, 0.95, 1.42)))[..., None]
    round_neck = (1 - 0.25 * np.clip(np.abs(x) / neck_half, 0, 1) ** 3)[..., None]
    wide = 1.72 if man else 1.48
    shoulder = 1.30 + 0.58 * (np.abs(x) / wide) ** 2.6 - 0.10 * bell((x / 0.42) ** 2)
    torso = edge(np.maximum(shoulder - y, np.abs(x) - wide - 0.12 * ramp(y, 1.7, 2.4)), px)
    fold = 1 + 0.07 * np.sin(x * 5 + 1.3 * y) * ramp(y, 1.4, 1.9)
    gloom = (fold * (1 - 0.28 * ramp(np.abs(x), 0.75, wide)))[..., None] * slope
    if s.clothes == "dress":  # bare shoulders first, then the dress
        c.paint(torso, skin * lit * slope)
        c.paint(neck, skin * lit * under_chin * round_neck * slope)
        strap = edge(np.abs(np.abs(x) - 0.56) - 0.085, px) * ramp(y, 1.30, 1.36)
        top = edge(1.95 - 0.22 * bell((x / 0.5) ** 2) * -1 - y, px)
        c.paint(torso * np.maximum(top, strap), f32(COLOURS[s.colour]) * lit * gloom)
        return
    colour = f32(COLOURS[s.colour])
    cloth = np.broadcast_to(colour, (*x.shape, 3))
    if s.clothes == "striped shirt":
        band = np.clip(0.5 + 0.5 * np.sin((y - 0.05 * np.cos(x * 2)) * 24) / max(24 * px, 0.3), 0, 1)[..., None]
        other = f32(COLOURS["white"]) if s.colour != "white" else f32([0.16, 0.22, 0.45])
        cloth = cloth * band + other * (1 - band)
    if s.clothes == "hoodie":
        hood = edge(np.hypot(x / 0.86, (y - 1.30) / 0.40) * 0.4 - 0.4, px)
        c.paint(hood, colour * lit * 0.70)
    c.paint(neck, skin * lit * under_chin * round_neck * slope)
    collar(c, head, x, y, px, torso, cloth * lit * gloom, colour, skin, lit, light)


def collar(
    c: Canvas, head: Head, x: A, y: A, px: float, torso: A, cloth: A, colour: A, skin: A, lit: A, light: Light
) -> None:
    kind = head.scene.clothes
    ax = np.abs(x)
    opening = {"t-shirt": 0.24, "striped shirt": 0.18, "hoodie": 0.30}.get(kind, 0.0)
    neckline = 1.30 + opening * bell((x / 0.36) ** 2) if opening else y * 0 - 1
    c.paint(torso * edge(neckline - y, px), cloth)
    if kind in ("t-shirt", "striped shirt"):
        seam = edge(np.abs(y - neckline - 0.02) - 0.035, px) * (ax < 0.62)
        c.paint(torso * seam * 0.8, colour * 0.74 * lit)
    elif kind == "hoodie":
        rim = edge(np.abs(y - neckline) - 0.075, px) * edge(ax - 0.62, px)
        c.paint(rim, colour * 0.82 * lit)
        cords = edge(np.abs(ax - 0.20) - 0.026, px) * ramp(y, 1.56, 1.60) * (1 - ramp(y, 2.02, 2.06))
        c.paint(cords, f32([0.93, 0.92, 0.90]) * lit)
    elif kind == "turtleneck":
        half = 0.46 + 0.05 * ramp(y, 1.2, 1.5)
        roll = edge(np.maximum(ax - half, np.maximum(1.02 - 0.05 * bell((x / 0.3) ** 2) * -1 - y, y - 1.55)), px)
        rib = 1 - 0.12 * (0.5 + 0.5 * np.cos(x * 34)) - 0.20 * (ax / half) ** 3
        c.paint(roll, colour * lit * rib[..., None])
        c.paint(roll * 0.5 * edge(np.abs(y - 1.27) - 0.015, px), colour * 0.4 * lit)
    elif kind == "suit":
        depth = np.clip((2.25 - y) / 0.95, 0, 1)
        shirt = edge(ax - 0.46 * depth, px) * torso
        c.paint(shirt, f32([0.95, 0.95, 0.96]) * lit)
        tie_colour = (
            f32([0.55, 0.08, 0.12]) if head.scene.colour not in ("red", "pink", "orange") else f32([0.10, 0.14, 0.34])
        )
        knot = edge(np.maximum(ax - 0.105 + 0.15 * np.abs(y - 1.46), np.maximum(1.38 - y, y - 1.56)), px)
        blade = edge(np.maximum(ax - 0.055 - 0.09 * (y - 1.5), 1.52 - y), px) * shirt
        c.paint(np.maximum(knot, blade), tie_colour * lit)
        flaps = edge(np.maximum(np.abs(ax - 0.27 + 0.30 * (y - 1.40)) - 0.13, np.maximum(1.25 - y, y - 1.50)), px)
        c.paint(flaps * 0.96, f32([0.99, 0.99, 1.0]) * lit)
        lapel = edge(np.abs(ax - 0.52 * depth - 0.05) - 0.085 * ramp(depth, 0.0, 0.35), px) * torso
        c.paint(0.85 * lapel, colour * 0.66 * lit)
    elif kind == "leather jacket":
        depth = np.clip((2.5 - y) / 1.2, 0, 1)
        inner = edge(ax - 0.34 * depth, px) * torso * edge(1.50 + 0.12 * bell((x / 0.3) ** 2) - y, px)
        bare = edge(ax - 0.34 * depth, px) * torso
        c.paint(bare, skin * lit * 0.92)
        c.paint(
            inner,
            (f32([0.92, 0.92, 0.90]) if head.scene.colour != "white" else f32([0.15, 0.15, 0.17])) * lit,
        )
        wing = edge(np.maximum(np.abs(ax - 0.36 * depth - 0.16) - 0.17 * ramp(depth, 0.25, 0.9), 1.24 - y), px)
        c.paint(wing, colour * 0.60 * lit + 0.03)
        zip_ = edge(np.abs(ax - 0.345 * depth) - 0.022, px) * torso
        c.paint(0.9 * zip_, f32([0.80, 0.80, 0.82]) * lit)
        sheen = bell(((ax - 0.95) / 0.12) ** 2, ((y - 1.80) / 0.22) ** 2)
        c.paint(0.30 * sheen * torso, f32(light.key) * 0.9)


# ---------------------------------------------------------------- glasses and hats


def glasses(head: Head) -> None:
    """Rims lie in a plane before the eyes and turn with the head."""
    p, c = head.person, head.canvas
    R = head.R
    square = head.scene.glasses == "square"
    z0 = 0.86 * 0.93
    # Where the ray meets the plane z = z0 of the head.
    k = (z0 - head.U * R[0, 2] - head.V * R[1, 2]) / R[2, 2]
    x, y = (
        head.U * R[0, 0] + head.V * R[1, 0] + k * R[2, 0],
        head.U * R[0, 1] + head.V * R[1, 1] + k * R[2, 1],
    )
    ax = np.abs(x) - p.eye_gap
    y = y - 0.02
    if square:
        qx, qy = np.abs(ax) - 0.185, np.abs(y) - 0.125
        d = np.hypot(np.maximum(qx, 0), np.maximum(qy, 0)) + np.minimum(np.maximum(qx, qy), 0) - 0.05
    else:
        d = np.hypot(ax, y) - 0.215
    rim = edge(np.abs(d) - 0.020, head.px)
    bridge = edge(np.maximum(np.abs(y + 0.05 - 0.5 * x * x) - 0.018, np.abs(x) - (p.eye_gap - 0.20)), head.px)
    arm = edge(
        np.maximum(np.abs(y + 0.05) - 0.018, np.maximum(p.eye_gap + 0.21 - np.abs(x), np.abs(x) - p.width)),
        head.px,
    )
    ink = f32([0.13, 0.08, 0.06]) if square else f32([0.30, 0.22, 0.12])
    c.paint(0.10 * edge(d, head.px), f32([0.88, 0.94, 1.0]))
    c.paint(np.maximum(rim, np.maximum(bridge, arm)), ink)


def hat(head: Head, light: Light) -> None:
    p, s, c = head.person, head.scene, head.canvas
    colour = f32(COLOURS[s.hat_colour])
    wide = p.width * 1.13 + 0.03
    if s.hat == "beanie":
        hit = head.meet(wide, 1.16, 0.99, y0=-0.06)
        d = hit.y + 0.50 + 0.06 * hit.z
        cover = hit.cover * edge(d, head.px)
        knit = 1 + 0.10 * np.sin(hit.x * 30)
        c.paint(cover, colour * knit[..., None] * shade(hit.normal, light))
        band = cover * edge(np.abs(d + 0.13) - 0.13, head.px)
        c.paint(band, colour * 0.74 * knit[..., None] * shade(hit.normal, light))
        return
    if s.hat == "cap":
        hit = head.meet(wide, 1.13, 0.98, y0=-0.06)
        d = hit.y + 0.52 + 0.05 * hit.z
        c.paint(hit.cover * edge(d, head.px), colour * shade(hit.normal, light))
        u, v, _ = head.place(0.0, -0.53, 0.92)
        turn = head.R[0, 2] * 0.30
        visor = (np.hypot((head.U - u - turn * 0.5) / 0.66, (head.V - v - 0.03) / 0.165) - 1) * 0.165
        c.paint(edge(visor, head.px), colour * 0.62 * (f32(light.fill) + f32(light.key) * 0.7))
        return
    hit = head.meet(wide * 0.98, 1.10, 0.95, y0=-0.12)
    d = hit.y + 0.58
    crown = colour * shade(hit.normal, light)
    u, v, _ = head.place(0.0, -0.58, 0.0)
    brim = (np.hypot((head.U - u) / 1.30, (head.V - v - 0.05 * np.abs(head.U - u)) / 0.21) - 1) * 0.25
    c.paint(edge(brim, head.px), colour * 0.80 * (f32(light.fill) + f32(light.key) * 0.75))
    c.paint(hit.cover * edge(d + 0.02, head.px), crown)
    ribbon = hit.cover * edge(np.abs(d + 0.12) - 0.075, head.px)
    c.paint(ribbon, colour * 0.35 * shade(hit.normal, light))
