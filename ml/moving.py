"""Moves the face in a picture by geometry: the clips of the built-in engine. Torch-free.

Five points of a face (eyes, nose, corners of the mouth) lay a head's solid over it, the one that the drawing
program draws. A turned or nodding head is the same solid at another pose: each pixel's ray meets it, and the
point that it meets was elsewhere in the picture. A closing eye is covered by the skin below it, and its
lashes come down; the corners of the mouth go up and outwards; a light that goes round brightens what faces
it and darkens where it came from. Pixels are taken from the picture at its full size, and only a drawn mouth
that was closed gets painted teeth: at rest a frame is the picture itself, a moving one is as sharp as it, and
the person cannot drift.

Head units, as in ml/drawn/solid.py: x right, y down, z to the viewer, half the head's height is 1, the eyes
are at y = 0. Levels say how far each movement has gone; a clip's leave zero and come back to it, so that it
begins and ends with the picture itself and loops without a jump."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.animation import FPS, AnimateSpec
from ml.drawn.drawing import NOD, TURN, Drawing, moved
from ml.drawn.portraits import draw
from ml.measures import eyes_and_mouth, luma, yaw_of
from ml.motions import named_in
from ml.types import Face

Floats = NDArray[np.float32]
Levels = NDArray[np.float32]  # (frames, L)
OnFrame = Callable[[float], None]

# blink, smile: 0..1. turn, nod: -1..1 of TURN and NOD degrees, to the picture's right and down. light: -1..1,
# to the picture's right.
LEVELS = ("blink", "smile", "turn", "nod", "light")
NAME = "nano-motion"
CALMER = 0.6  # of the movement at the second try
BEAT = 8  # frames between two reports

HEAD = (0.76, 1.05, 0.90)  # half axes of the solid, with hair
EYES_DEEP, MOUTH_LOW = 0.80, 0.62  # z of the eyes; y of the mouth below them
EDGE = 0.10  # of the discriminant: over this the movement fades at the solid's edge
NOSE = (0.22, 0.13, 0.30, 0.20)  # height, width, y, length
EYE = (0.20, 0.085)  # half the width of an eye; its lower lid below the middle
LID = np.linspace(-0.105, -0.05, 9)  # where the upper lid's edge is looked for
SKIN, SKIN_STEP = 0.035, 0.25  # below the lower lid the skin is taken from here, so densely
LASHES = 0.016  # half their height
CORNER, CORNER_WIDE = (0.045, -0.055), 0.12  # how far a corner of the mouth goes at a full smile; its reach
# How far the middle of the mouth goes down, and the lower lip below it; half the line between closed lips.
SAG, LIP, LINE = 0.03, 0.06, 0.014
TEETH, SOFT_LIP = (238, 235, 226), 0.025  # their colour in full light; over this they pass into the lips
PALE = 0.5  # of the cheek's saturation: teeth have less
NARROW = 0.18  # how far a full smile closes the eyes
# Light that has gone round, read from the drawing program's: what faces it gets LIT more, and OTHER of the
# one-sidedness on top if the light came from the other side; a head loses LEFT of the one-sidedness if it
# came from there, and LOST in any case. SOFT: its edge on the solid.
LIT, OTHER, LEFT, LOST, SOFT = 0.55, 0.60, 0.70, 0.06, 0.30
ONE_SIDED = 0.4  # most of the light that is taken to come from one side
# px of a head unit at which movements are worked out: they are smooth, and enlarged to the picture.
UNIT = 64.0


# ---------------------------------------------------------------- when


def bump(u: NDArray[np.float64], at: float, wide: float) -> NDArray[np.float64]:
    """0 .. 1 .. 0 around `at`, smooth; `wide`: half its width."""
    near = np.clip(np.abs(u - at) / wide, 0, 1)
    return np.asarray(0.5 + 0.5 * np.cos(np.pi * near))


def plateau(u: NDArray[np.float64]) -> NDArray[np.float64]:
    """Comes within the first third, stays, and goes within the last fifth."""
    t = np.minimum(np.clip((u - 0.08) / 0.25, 0, 1), np.clip((0.97 - u) / 0.2, 0, 1))
    return np.asarray(t * t * (3 - 2 * t))


def eyelids(t: NDArray[np.float64], at: tuple[float, ...]) -> NDArray[np.float64]:
    """Blinks at these seconds, 0.4 s each."""
    return np.asarray(np.max([np.clip(1.25 * bump(t, when, 0.2), 0, 1) for when in at], axis=0))


def levels_of(spec: AnimateSpec, seed: int, strength: float = 1.0) -> Levels:
    """How far each movement has gone in each frame. The seed says to which side; in every clip the head sways
    a little and the eyes blink, as people's do."""
    n, side, long = spec.frames, 1.0 if seed % 2 else -1.0, float(spec.seconds)
    t, u = np.arange(n) / FPS, np.arange(n) / (n - 1)
    wave, calm = np.sin(2 * np.pi * u), np.sin(np.pi * u)
    made = dict.fromkeys(LEVELS, np.zeros(n)) | {
        "turn": 0.10 * side * wave,
        "nod": 0.08 * np.sin(4 * np.pi * u) * calm**2,
        "blink": eyelids(t, (0.62 * long,)),
    }
    of_motion = {
        "blink": {"blink": eyelids(t, (0.5, 0.45 * long, 0.45 * long + 0.5, long - 0.6))},
        "smile": {"smile": strength * plateau(u)},
        "turn": {"turn": strength * side * wave},
        "nod": {"nod": strength * np.sin(4 * np.pi * u) * calm},
        "walk_the_light": {"light": strength * side * wave},
    }
    for motion in (spec.motion,) if spec.motion else named_in(spec.action):
        made |= of_motion.get(motion, {})
    levels = np.stack([made[name] for name in LEVELS], axis=1).astype(np.float32)
    levels[0] = levels[-1] = 0
    return levels


# ---------------------------------------------------------------- where


def smooth(v: Floats) -> Floats:
    v = np.clip(v, 0, 1)
    return np.asarray(v * v * (3 - 2 * v), np.float32)


def bell(x: Floats, y: Floats, wide: float, high: float) -> Floats:
    return np.asarray(np.exp(-np.minimum((x / wide) ** 2 + (y / high) ** 2, 30)), np.float32)


def saturation(picture: np.ndarray) -> Floats:
    most = picture.max(2).astype(np.float32)
    return np.asarray((most - picture.min(2)) / np.maximum(most, 1), np.float32)


def rotation(yaw: float, pitch: float) -> Floats:
    """(3, 3), head to view; degrees."""
    cy, sy = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
    cp, sp = np.cos(np.radians(pitch)), np.sin(np.radians(pitch))
    turn = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    return np.asarray(np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]]) @ turn, np.float32)


@dataclass(frozen=True)
class Layer:
    """What covers a part of the moved picture, seen in the picture's plane in head units: by how much, and
    from where (u, v) it is taken (`source`); or a colour, RGB."""

    mask: Floats
    source: tuple[Floats, Floats] | None = None
    colour: tuple[float, ...] = ()


class Head:
    """A head's solid over a face in a picture. `unit`: px of a head unit; `across`: the unit vector of its x
    in the picture; `origin`: its middle, px."""

    def __init__(self, picture: np.ndarray, face: Face, is_drawn: bool):
        left, right, _nose, *corners = (np.asarray(p, np.float64) for p in face.points)
        eyes, mouth = eyes_and_mouth(face)
        self.across = (right - left) / max(float(np.hypot(*(right - left))), 1e-3)
        self.down = np.array([-self.across[1], self.across[0]])
        self.unit = max(float((mouth - eyes) @ self.down), 4.0) / MOUTH_LOW
        self.yaw = float(np.clip(yaw_of(face), -40, 40))
        # A head that is turned already shows less of what a further turn needs.
        self.range = float(np.clip((45 - abs(self.yaw)) / 30, 0.3, 1))
        self.origin = eyes - self.across * (np.sin(np.radians(self.yaw)) * EYES_DEEP * self.unit)
        self.corners = [self.of_point(corner) for corner in corners]
        self.eyes = [self.of_point(eye) for eye in (left, right)]
        self.lids = [self._lid(picture, eye) for eye in self.eyes]
        self.teeth = self._teeth(picture) if is_drawn else ()
        self.side = self._side(picture)

    def of_point(self, point: np.ndarray) -> tuple[float, float]:
        d = (point - self.origin) / self.unit
        return float(d @ self.across), float(d @ self.down)

    def of_pixels(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Pixels as head units in the picture's plane."""
        x, y = (x - self.origin[0]) / self.unit, (y - self.origin[1]) / self.unit
        u, v = x * self.across[0] + y * self.across[1], x * self.down[0] + y * self.down[1]
        return u.astype(np.float32), v.astype(np.float32)

    def to_pixels(self, u: Floats, v: Floats) -> tuple[Floats, Floats]:
        x, y = (u * self.across[i] + v * self.down[i] for i in (0, 1))
        x, y = (self.origin[i] + self.unit * at for i, at in ((0, x), (1, y)))
        return x.astype(np.float32), y.astype(np.float32)

    def _seen(self, picture: np.ndarray, u: Floats, v: Floats) -> np.ndarray:
        x, y = self.to_pixels(u, v)
        return cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def _lid(self, picture: np.ndarray, eye: tuple[float, float]) -> float:
        """The edge of the upper lid, below the eye's middle: where it is darkest, above the iris."""
        u, v = np.meshgrid(np.linspace(-0.09, 0.09, 9, dtype=np.float32), LID.astype(np.float32))
        rows = luma(self._seen(picture, u + eye[0], v + eye[1])).mean(1)
        return float(LID[int(rows.argmin())])

    def _teeth(self, picture: np.ndarray) -> tuple[float, ...]:
        """The colour of teeth in this light; () where the mouth is open and has its own."""
        (x1, y1), (x2, y2) = self.corners
        share, down = np.meshgrid(np.linspace(0.25, 0.75, 9), np.linspace(-0.04, 0.22, 14))
        u, v = x1 + share * (x2 - x1), y1 + share * (y2 - y1) + down
        mouth = self._seen(picture, u.astype(np.float32), v.astype(np.float32))
        cheeks = np.array([[x1 - 0.08, x2 + 0.08], [y1 - 0.24, y2 - 0.24]], np.float32)
        skin = self._seen(picture, cheeks[:1], cheeks[1:])
        cheek = luma(skin)
        white = (saturation(mouth) < PALE * saturation(skin).mean()) & (luma(mouth) > 0.8 * cheek.mean())
        if white.any(0).mean() > 0.5:
            return ()
        lit = float(np.clip(0.45 + cheek.max() / 1.4, 0.5, 1))
        return tuple(lit * level for level in TEETH)

    # ------------------------------------------------------------ from where a pixel comes

    def solid(self, u: Floats, v: Floats, pose: Floats) -> tuple[list[Floats], Floats]:
        """Where rays meet the solid at a pose: the point (x, y, z), and how far inside of its edge, below 0
        outside."""
        weights = 1 / np.square(np.array(HEAD, np.float32))
        q = [u * pose[0, i] + v * pose[1, i] for i in range(3)]
        a = float((pose[2] ** 2 * weights).sum())
        b = sum(pose[2, i] * weights[i] * q[i] for i in range(3))
        c = sum(weights[i] * q[i] * q[i] for i in range(3)) - 1
        inside = b * b - a * c
        w = (-b + np.sqrt(np.maximum(inside, 0))) / a
        x, y = q[0] + w * pose[2, 0], q[1] + w * pose[2, 1]
        w = w + NOSE[0] * bell(x, y - NOSE[2], NOSE[1], NOSE[3])
        return [q[i] + w * pose[2, i] for i in range(3)], inside / a

    def posed(self, u: Floats, v: Floats, turn: float, nod: float) -> tuple[Floats, Floats]:
        """Where a pixel of the head in its new pose is in the picture; head units in the picture's plane."""
        old = rotation(self.yaw, 0)
        new = rotation(self.yaw + self.range * TURN * turn, self.range * NOD * nod)
        point, inside = self.solid(u, v, new)
        inside = smooth(inside / EDGE)
        was = [sum(old[i, j] * point[j] for j in range(3)) for i in (0, 1)]
        return u + inside * (was[0] - u), v + inside * (was[1] - v)

    def lids_down(self, u: Floats, v: Floats, level: float) -> list[Layer]:
        """The skin that covers the eyes, and the lashes at its edge."""
        made = []
        for eye, lid in zip(self.eyes, self.lids):
            x, y = u - eye[0], v - eye[1]
            bow = np.maximum(1 - np.square(x / EYE[0]), 0) ** 0.7
            edge, low = lid * bow, EYE[1] * bow
            now = edge + level * (low - edge)
            within = smooth(bow / 0.25) * min(1.0, 4 * level)
            top = edge - LASHES - 0.012
            skin = within * smooth((y - top) / 0.02) * smooth((now - y) / 0.02 + 0.5)
            made.append(Layer(skin, (u, eye[1] + low + SKIN + SKIN_STEP * (low - y))))
            lashes = within * smooth(1.5 - np.abs(y - now) / LASHES)
            made.append(Layer(lashes, (u, v + edge - now)))
        return made

    def smiled(self, u: Floats, v: Floats, level: float) -> tuple[Floats, Floats]:
        du, dv = np.zeros_like(u), np.zeros_like(v)
        for side, (x, y) in zip((-1, 1), self.corners):
            near = bell(u - x, v - y, CORNER_WIDE, CORNER_WIDE)
            du -= side * CORNER[0] * near
            dv -= CORNER[1] * near
        t, middle = self._along_mouth(u)
        inner = np.maximum(1 - t * t, 0)
        dv -= SAG * inner * bell(t, v - middle, 1.2, 0.12)
        lip = LIP if self.teeth else 0.0
        dv -= lip * smooth((v - middle - SAG) / 0.03) * inner * smooth((0.42 - v + middle) / 0.3)
        return u + level * du, v + level * dv

    def _along_mouth(self, u: Floats) -> tuple[Floats, Floats]:
        """(-1..1 between the corners of a smiling mouth, v of the line between its lips)."""
        (x1, y1), (x2, y2) = self.corners
        t = (u - (x1 + x2) / 2) / ((x2 - x1) / 2 * 1.12)
        return t, np.asarray((y1 + y2) / 2 + CORNER[1] * np.minimum(t * t, 1), np.float32)

    def teeth_shown(self, u: Floats, v: Floats, level: float) -> list[Layer]:
        """Between the lips of a mouth that was closed, as far as the lower one has gone down."""
        if not self.teeth:
            return []
        t, middle = self._along_mouth(u)
        inner = np.maximum(1 - t * t, 0)
        top = middle + level * SAG * inner - LINE
        gap = level * (LIP + 0.015) * inner**0.8 + LINE
        mask = smooth((v - top) / SOFT_LIP + 0.5) * smooth((top + gap - v) / SOFT_LIP + 0.5)
        return [Layer(0.9 * mask * smooth(inner / 0.3), colour=self.teeth)]

    def facing(self, u: Floats, v: Floats) -> tuple[Floats, Floats, Floats]:
        """Of the solid where rays meet it: how far it faces the picture's right, and us (-1..1), and how far
        inside of its edge that is."""
        pose = rotation(self.yaw, 0)
        point, inside = self.solid(u, v, pose)
        normal = np.stack([point[i] / HEAD[i] ** 2 for i in range(3)])
        normal /= np.linalg.norm(normal, axis=0) + 1e-6
        across, front = (sum(pose[i, j] * normal[j] for j in range(3)) for i in (0, 2))
        return across, front, inside

    def _side(self, picture: np.ndarray) -> float:
        """From which side the light comes: the share of the mean light by which what faces the picture's
        right is lighter."""
        columns, rows = np.linspace(-0.8, 0.8, 33), np.linspace(-1.0, 1.0, 41)
        u, v = np.meshgrid(columns.astype(np.float32), rows.astype(np.float32))
        light, (across, front, inside) = luma(self._seen(picture, u, v)), self.facing(u, v)
        on = inside > 0.15
        facts = np.stack([across[on], front[on], np.ones(int(on.sum()))], axis=1)
        found = np.linalg.lstsq(facts, light[on] / max(float(light[on].mean()), 1e-3), rcond=None)[0]
        return float(np.clip(found[0], -ONE_SIDED, ONE_SIDED))

    def gain(self, u: Floats, v: Floats, light: float) -> Floats:
        """(H, W): how much lighter a pixel is when the light has gone round."""
        across, _front, inside = self.facing(u, v)
        was = float(np.sign(light)) * self.side  # above 0: from where the light goes to
        change = light * ((LIT - OTHER * was) * across) - abs(light) * (LEFT * was + LOST)
        return np.asarray(1 + smooth(inside / SOFT) * change, np.float32)


# ---------------------------------------------------------------- frames


def frames(
    picture: np.ndarray,
    face: Face,
    levels: Levels,
    on_frame: OnFrame = lambda share: None,
    *,
    is_drawn: bool = True,
) -> list[np.ndarray]:
    """The picture (H, W, 3) uint8 at each of the levels (N, L). A frame at level zero is the picture. A
    person who is not drawn smiles with closed lips: painted teeth are seen."""
    work, made = Work(picture, face, is_drawn), []
    for i, level in enumerate(levels):
        if i % BEAT == 0:
            on_frame(i / len(levels))
        made.append(work.moved(*(float(v) for v in level)) if level.any() else picture)
    return made


def drawn(
    drawing: Drawing, size: tuple[int, int], levels: Levels, on_frame: OnFrame = lambda share: None
) -> list[np.ndarray]:
    """The same of a picture (height, width) that is a drawing: each frame is drawn. Hair and hats turn with
    the head, teeth appear, and the light reaches everything."""
    (person, scene), made = drawing, []
    for i, level in enumerate(levels):
        if i % BEAT == 0:
            on_frame(i / len(levels))
        made.append(draw(person, moved(scene, dict(zip(LEVELS, level.tolist()))), *size))
    return made


class Work:
    """One picture's movements."""

    def __init__(self, picture: np.ndarray, face: Face, is_drawn: bool):
        self.picture, self.head = picture, Head(picture, face, is_drawn)
        self.height, self.width = picture.shape[:2]
        k = min(1.0, UNIT / self.head.unit)
        small = max(2, round(self.width * k)), max(2, round(self.height * k))
        self.steps = self.width / small[0], self.height / small[1]
        across, down = np.arange(small[0]) + 0.5, np.arange(small[1]) + 0.5
        x, y = np.meshgrid(across * self.steps[0] - 0.5, down * self.steps[1] - 0.5)
        self.x, self.y = x.astype(np.float32), y.astype(np.float32)
        self.plane = self.head.of_pixels(self.x, self.y)
        rows, columns = np.mgrid[0 : self.height, 0 : self.width].astype(np.float32)
        self.rows, self.columns = rows, columns

    def moved(self, blink: float, smile: float, turn: float, nod: float, light: float) -> np.ndarray:
        head = self.head
        plane = head.posed(*self.plane, turn, nod)
        u, v = head.smiled(*plane, smile) if smile else plane
        came = self._taken(u, v)
        layers = head.teeth_shown(*plane, smile) if smile else []
        if closed := max(blink, NARROW * smile):
            layers += head.lids_down(u, v, closed)
        for layer in layers:
            mask = self._large(layer.mask)[..., None]
            colour = np.array(layer.colour, np.float32)
            over = self._taken(*layer.source) if layer.source else colour
            came = came + mask * (over - came)
        if light:
            came = came * self._large(head.gain(*self.plane, light))[..., None]
        return np.asarray(np.clip(came + 0.5, 0, 255), np.uint8)

    def _taken(self, u: Floats, v: Floats) -> Floats:
        """The picture's pixels from places in its plane."""
        x, y = self.head.to_pixels(u, v)
        flow = self._large(np.dstack([x - self.x, y - self.y]))
        x, y = self.columns + flow[..., 0], self.rows + flow[..., 1]
        made = cv2.remap(self.picture, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return made.astype(np.float32)

    def _large(self, field: Floats) -> Floats:
        made = cv2.resize(field, (self.width, self.height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(made, np.float32)
