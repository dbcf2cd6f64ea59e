"""Measures the details of a face in one view in neutral light: eyes, brows, lips, beard, glasses, freckles.

Places are in the frame's units (views.py), lightness and colours in CIELAB. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ml.avatar.views import FACE, A, View, to_lab

CHEEKS = ((-0.52, 0.18, -0.22, 0.44), (0.22, 0.18, 0.52, 0.44))
MOUSTACHE = ((-0.19, 0.46, -0.07, 0.53), (0.07, 0.46, 0.19, 0.53))
CHIN = ((-0.12, 0.85, 0.12, 0.97),)
JAW = ((-0.44, 0.66, -0.28, 0.86), (0.28, 0.66, 0.44, 0.86))
FOREHEAD = ((-0.24, -0.44, 0.24, -0.30),)
LINE = 0.045  # units: a dark line is compared with what lies so far above and below it
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Details:
    cheek: A
    eyes: A  # the irises
    lips: A
    fullness: float  # of the lips, units
    brow: float  # thickness of a brow, units
    brow_y: float
    arch: float  # how much higher its middle is than its ends
    brow_dark: float  # lightness below the skin's
    moustache: A  # what is above the mouth, against the cheeks
    chin: A
    jaw: A
    forehead: A
    bristle: float  # grain of the chin and above the mouth
    grain: float  # grain of the cheeks
    bridge: float  # the darkest line across the bridge of the nose
    rims: float  # the darkest line below the eyes
    spots: float  # share of the cheeks in small dark spots


def details_of(view: View) -> Details:
    lab = to_lab(view.face)
    light = lab[..., 0]
    fine = light - cv2.GaussianBlur(light, (0, 0), 3.0)
    cheek = middle(lab, *CHEEKS)
    eye_x = float(np.clip((view.landmarks[1, 0] - view.landmarks[0, 0]) / 2, 0.2, 0.45))
    brow, brow_y, arch, brow_dark = brows(light, eye_x)
    fullness, lips = lips_of(lab, cheek)
    return Details(
        cheek=cheek,
        eyes=irises(lab, view),
        lips=lips,
        fullness=fullness,
        brow=brow,
        brow_y=brow_y,
        arch=arch,
        brow_dark=brow_dark,
        moustache=middle(lab, *MOUSTACHE) - cheek,
        chin=middle(lab, *CHIN) - cheek,
        jaw=middle(lab, *JAW) - cheek,
        forehead=middle(lab, *FOREHEAD) - cheek,
        bristle=float(max(deviation(fine, *CHIN), deviation(fine, *MOUSTACHE))),
        grain=float(deviation(fine, *CHEEKS)),
        bridge=dark_line(light, -0.05, 0.05, -0.15, 0.12),
        rims=min(dark_line(light, s * eye_x - 0.07, s * eye_x + 0.07, 0.13, 0.36) for s in (-1, 1)),
        spots=spots(light),
    )


def middle(lab: A, *boxes: Box) -> A:
    """(3,): the median colour of the boxes."""
    return np.asarray(np.median([np.median(lab[FACE.box(*b)].reshape(-1, 3), 0) for b in boxes], 0))


def deviation(fine: A, *boxes: Box) -> float:
    return float(np.mean([fine[FACE.box(*b)].std() for b in boxes]))


def dark_line(light: A, x1: float, x2: float, y1: float, y2: float) -> float:
    """By how much the darkest line across a strip is darker than what lies above and below it."""
    step = round(LINE * FACE.scale)
    rows = light[FACE.box(x1, y1 - LINE, x2, y2 + LINE)].mean(1)
    around = np.minimum(rows[: -2 * step], rows[2 * step :])
    return float((around - rows[step:-step]).max())


def spots(light: A) -> float:
    dark = cv2.GaussianBlur(light, (0, 0), 6.0) - cv2.GaussianBlur(light, (0, 0), 1.5)
    return float(np.mean([(dark[FACE.box(*b)] > 2.5).mean() for b in CHEEKS]))


def irises(lab: A, view: View) -> A:
    """The colour of the irises: a ring around each eye's point, without lids, lashes and glints."""
    x, y = FACE.grid
    found = []
    for eye_x, eye_y in view.landmarks[:2]:
        away = np.hypot((x - eye_x), y - eye_y)
        near = lab[(away < 0.085) & (away > 0.025) & (np.abs(y - eye_y) < 0.05)]
        order = np.argsort(near[:, 0])
        found.append(np.median(near[order[len(order) // 5 : len(order) // 2]], 0))
    return np.asarray(np.mean(found, 0))


def brows(light: A, eye_x: float) -> tuple[float, float, float, float]:
    """Thickness, height and arch of the brows, and how much darker than the forehead they are."""
    heights, thick, dark = [], [], []
    for sign in (-1, 1):
        for off in (-0.11, 0.0, 0.11):
            x = sign * (eye_x + off)
            rows = light[FACE.box(x - 0.03, -0.42, x + 0.03, -0.10)].mean(1)
            low = int(rows.argmin())
            depth = float(np.percentile(rows, 85) - rows[low])
            heights.append(low / FACE.scale - 0.42)
            thick.append(float((rows < rows[low] + 0.5 * depth).sum()) / FACE.scale)
            dark.append(depth)
    left, right = heights[1] - (heights[0] + heights[2]) / 2, heights[4] - (heights[3] + heights[5]) / 2
    return (
        float(np.median(thick)),
        float(np.median(heights)),
        -float(left + right) / 2,
        float(np.median(dark)),
    )


def lips_of(lab: A, cheek: A) -> tuple[float, A]:
    """How high the red of the lips is in the middle of the mouth, and its colour."""
    strip = lab[FACE.box(-0.10, 0.48, 0.10, 0.82)].mean(1)
    red = (strip[:, 1] - cheek[1]) - 0.35 * (strip[:, 0] - cheek[0])
    peak = float(np.percentile(red, 90))
    inside = red > 0.5 * peak
    return float(inside.sum()) / FACE.scale, np.asarray(np.median(strip[inside], 0))
