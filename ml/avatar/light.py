"""Corrects the light of a view, so that its colours can be compared with other views'. Torch-free."""

from __future__ import annotations

import cv2
import numpy as np

from ml.avatar.views import A, View

WHITE = 95.0  # L of white in a well exposed photo
DRAWN_WHITE = 75.0  # L of white in a drawing with soft light
BRIGHTER = 1.5  # the most that a dim photo is brightened: a dark skin must not turn fair
CAST = 0.5  # share of the estimated colour of the light that is taken out; the rest may be the scene's own
FACE_FULL = 66.0  # L of a face above which its photo is not brightened
Y = np.array([0.2126, 0.7152, 0.0722], np.float32)  # of linear RGB


def balanced(view: View) -> View:
    """The same view in neutral light: its picture with the colour of the light taken out, and as bright as a
    well exposed photo. In a drawing, coloured clothes and walls say more than the light, so it is left."""
    gains = (1.0 if view.drawn else cast_of(view)) * gain_of(view)
    return View(to_srgb(from_srgb(view.picture) * np.float32(gains)), view.points, view.drawn)


def cast_of(view: View) -> A:
    """(3,): gains on linear RGB that make the light's colour neutral. Shades of grey (Finlayson and Trezzi,
    2004): a norm between the mean and the brightest pixel."""
    small = cv2.resize(view.picture, (96, 96), interpolation=cv2.INTER_AREA)
    norm = np.power(np.power(from_srgb(small).reshape(-1, 3), 6).mean(0), 1 / 6) + 1e-4
    return np.asarray(np.clip(norm.mean() / norm, 0.6, 1.7) ** CAST)


def gain_of(view: View) -> float:
    """By how much linear RGB is too dark."""
    if view.drawn:
        return luminance(WHITE) / luminance(DRAWN_WHITE)
    face = float(np.median(from_srgb(view.face[64:192, 64:192]) @ Y))
    most = min(BRIGHTER, luminance(FACE_FULL) / max(face, 1e-3))
    return max(1.0, min(missing_light(view) ** 0.5, most))


def missing_light(view: View) -> float:
    """How much brighter white would be in a well exposed photo: 1 in such a one."""
    small = cv2.resize(view.picture, (96, 96), interpolation=cv2.INTER_AREA)
    return luminance(WHITE) / (float(np.percentile(from_srgb(small) @ Y, 98)) + 1e-3)


def trust_in(view: View) -> float:
    """0.15..1: how far the colours of the view can be believed."""
    return 1.0 if view.drawn else float(np.clip(2.5 - missing_light(view), 0.15, 1.0))


def luminance(lightness: float) -> float:
    """Y 0..1 of CIELAB's L."""
    return float(((lightness + 16) / 116) ** 3)


def from_srgb(rgb: A) -> A:
    v = rgb.astype(np.float32) / 255
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def to_srgb(linear: A) -> A:
    v = np.clip(linear, 0, 1)
    v = np.where(v <= 0.0031308, v * 12.92, 1.055 * v ** (1 / 2.4) - 0.055)
    return (v * 255 + 0.5).astype(np.uint8)
